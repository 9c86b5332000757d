#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh FOLDER: builds the peers whose library is installed; says what to
# install for the others. CC and FLAGS come from the Makefile.
set -eu
folder=$1
here=$(dirname "$0")
mkdir -p "$folder"

# build NAME PACKAGE WHAT
build()
{
    if pkg-config --exists "$2" 2>/dev/null; then
        # shellcheck disable=SC2046,SC2086
        ${CC:-cc} ${FLAGS:--O2} $(pkg-config --cflags "$2") "$here/$1.c" \
            $(pkg-config --libs "$2") -o "$folder/$1"
    else
        echo "peers: $1 is left out: apt install $3 pkg-config"
    fi
}

build uv_echo libuv libuv1-dev
build bufferevent_echo libevent libevent-dev
if command -v python3 >/dev/null; then
    install -m 755 "$here/selectors_echo.py" "$folder/selectors_echo"
else
    echo "peers: selectors_echo is left out: apt install python3"
fi

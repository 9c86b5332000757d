#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what only the tests need: Check, pkg-config and strace. Does nothing
# when all three are there.
set -eu

missing=
pkg-config --version >/dev/null 2>&1 || missing="$missing pkg-config"
pkg-config --exists check 2>/dev/null || missing="$missing check"
command -v strace >/dev/null 2>&1 || missing="$missing strace"
if [ -z "$missing" ]; then
    echo "deps: Check, pkg-config and strace are there: nothing to do"
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "deps: missing:$missing; installing needs root, and there is no" \
            "sudo: run make deps as root" >&2
        exit 1
    fi
    as_root=sudo
fi

# Says a command, then runs it.
run() {
    echo "deps: missing:$missing; running: $*"
    "$@"
}

if command -v apt-get >/dev/null 2>&1; then
    run $as_root apt-get update -qq
    run $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends check pkg-config strace
elif command -v dnf >/dev/null 2>&1; then
    run $as_root dnf install -y check-devel pkgconf-pkg-config strace
elif command -v apk >/dev/null 2>&1; then
    run $as_root apk add check-dev pkgconf strace
elif command -v pacman >/dev/null 2>&1; then
    run $as_root pacman -S --needed --noconfirm check pkgconf strace
else
    echo "deps: missing:$missing; no apt, dnf, apk or pacman here: install" \
        "them in your system's way" >&2
    exit 1
fi

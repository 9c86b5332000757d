#!/bin/sh
# SPDX-License-Identifier: MIT
# book.sh FOLDER NOTE.md ...: weaves the notes into pages in FOLDER.
set -eu
folder=$1
shift
if ! command -v cmark >/dev/null; then
    echo "The book needs cmark, and it is not there: apt install cmark" >&2
    exit 1
fi
if [ $# -eq 0 ]; then
    echo "There are no notes in notes/ to weave" >&2
    exit 1
fi
mkdir -p "$folder"
rm -f "$folder"/*.html
"$WEAVE" --into "$folder" "$@"
echo "$(ls "$folder" | wc -l) pages: open $folder/index.html"

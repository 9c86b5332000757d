#!/bin/sh
# SPDX-License-Identifier: MIT
# handout.sh FOLDER ROOM ...: the sources of the rooms, and of common/ those that
# the notes name, numbered, on one page to print; as PDF, too, where Chromium is
# there. Run from the root of the project.
set -eu
folder=$1
shift
mkdir -p "$folder"
# The names have no blanks.
# shellcheck disable=SC2046
"$WEAVE" --handout "$folder/index.html" \
    $(grep -oh 'common/[a-z_]*\.c' notes/*.md | sort -u) \
    $(for room in "$@"; do ls "$room"/*.[ch]; done)
if ! command -v "$CHROMIUM" >/dev/null; then
    echo "Print $folder/index.html from a browser (no Chromium here for a PDF)"
    exit 0
fi
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$CHROMIUM" --headless --no-sandbox --disable-gpu --disable-quic \
    --no-first-run --disable-background-networking --disable-sync \
    --disable-component-update --user-data-dir="$profile" \
    --no-pdf-header-footer --print-to-pdf="$folder/sources.pdf" \
    "file://$(cd "$folder" && pwd)/index.html" >"$profile/log" 2>&1 ||
    { cat "$profile/log" >&2; exit 1; }
echo "Print $folder/index.html or $folder/sources.pdf"

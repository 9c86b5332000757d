#!/bin/sh
# SPDX-License-Identifier: MIT
# What grade says of commands whose grade is known: its exit status, its words,
# its JSON. `make test-grade` runs it and passes BUILD.
set -u

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
json=$folder/grade.json
bad=0
good=0

# expect STATUS WORDS JSON-WORDS [OPTION ...] -- COMMAND ...
expect() {
    status=$1 words=$2 in_json=$3
    shift 3
    rm -f "$json"
    "$BUILD/tests/grade" --patience 2 --json "$json" "$@" >"$folder/said" 2>&1
    got=$?
    if [ "$got" -eq "$status" ] && grep -q -- "$words" "$folder/said" &&
        grep -q -- "$in_json" "$json"; then
        good=$((good + 1))
        return
    fi
    echo "FAIL: $*: status $got, not $status, or not '$words', '$in_json':"
    cat "$folder/said"
    bad=$((bad + 1))
}

select="$BUILD/multiplexing/select_server --listen 127.0.0.1:{port}"
serial="$BUILD/blocking/serial_server --listen 127.0.0.1:{port}"

# shellcheck disable=SC2086
{
    expect 0 '1 held, 0 fell' '"fell": 0' --fault any_value -- $select
    expect 1 'hint:   do not wait for one client' '"result": "fell"' \
        --fault silent -- $serial
    expect 0 '1 held' '"held": 1' --fault any_value --one-at-a-time -- $serial
    expect 3 'ENOENT' '"started": false' -- /nonexistent '{port}'
    expect 3 'had ended (status 1)' '"started": false' -- false '{port}'
    expect 3 'nobody listens on port' '"started": false' -- sleep 9 '{port}'
    expect 3 'SERVICE=upper' '"started": false' --service echo -- $select
    expect 3 'had ended (status 2) and said: .* is not an option' \
        '"started": false' -- $select --nope
}
echo "grade: $good of $((good + bad)) commands graded as they deserve"
[ "$bad" -eq 0 ]

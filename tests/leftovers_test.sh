#!/bin/bash
# SPDX-License-Identifier: MIT
# Ctrl-C during a demo leaves nothing behind: no process, and so no port that is
# taken. Each runs in a process group of its own, as a terminal would have it;
# the group gets SIGINT when a server is there. Whoever belongs to it is known by
# a mark in its environment, whatever group or parent it has by then. First
# comes a command that does leave something.
# usage: tests/leftovers_test.sh [TARGET ...]       (make's; or the usual ones)
set -mu # -m: a group for each command, and SIGINT is not ignored in it

usual="demo demo-blocking demo-pool demo-fork demo-uring demo-udp
    demo-heartbeat demo-chat watch-select watch-fork"
bad=0

# The processes that carry the mark $1.
marked() {
    grep -lzsx "LEFTOVERS=$1" /proc/[0-9]*/environ | cut -d / -f 3
}

# Waits up to $1 tenths of a second until `$2 $3` succeeds.
within() {
    for ((i = 0; i < $1; i++)); do
        "$2" "$3" && return
        sleep 0.1
    done
    return 1
}

serves() {
    for pid in $(marked "$1"); do
        tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" |
            grep -q '_server\|^sleep' && return
    done
    return 1
}

gone() { [ -z "$(marked "$1")" ]; }

# Runs the command, sends Ctrl-C to its group. Says what stays, ends it, and
# returns 1; 2 when it never served.
interrupt() {
    mark=$$-$RANDOM
    LEFTOVERS=$mark "$@" </dev/null >/dev/null 2>&1 &
    group=$!
    disown "$group" # bash need not tell how it ends
    within 200 serves "$mark" || { kill -TERM -- "-$group"; return 2; }
    sleep 0.3 # into the scene
    kill -INT -- "-$group"
    within 100 gone "$mark" && return
    for pid in $(marked "$mark"); do
        echo "    left behind: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
        kill -KILL "$pid"
    done
    return 1
}

interrupt sh -c 'setsid sleep 30' >/dev/null
if [ $? -ne 1 ]; then
    echo "FAIL: what is left behind is not seen"
    bad=1
fi
for target in ${*:-$usual}; do
    interrupt make -s "$target" LISTEN=127.0.0.1:0
    case $? in
    0) printf '%-16s leaves nothing behind\n' "$target" ;;
    1) echo "FAIL: $target"; bad=1 ;;
    2) echo "FAIL: $target did not start a server"; bad=1 ;;
    esac
done
exit $bad

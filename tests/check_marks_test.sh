#!/bin/sh
# SPDX-License-Identifier: MIT
# check_marks on made-up sources: a good one passes, and each fault is caught
# with its line and its words. usage: tests/check_marks_test.sh
check=$(dirname "$0")/check_marks
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# expect NAME WORDS < source: WORDS (empty: nothing) is what check_marks says.
expect() {
    cat >"$work/$1.c"
    said=$("$check" "$work/$1.c" 2>&1)
    status=$?
    said=$(printf '%s\n' "$said" | sed "s|^$work/$1.c:||")
    if [ "$said" != "$2" ] || { [ -z "$2" ] && [ "$status" -ne 0 ]; } ||
        { [ -n "$2" ] && [ "$status" -ne 1 ]; }; then
        printf '%s: expected "%s" and got "%s", status %d\n' \
            "$1" "$2" "$said" "$status"
        : >"$work/failed" # a pipe runs this in a shell of its own
    fi
}

# A program around the lines that it is given.
program() {
    cat <<'END'
int main(void)
{
    /* [wait:select] Sleep. */
    select(n, &set, NULL, NULL, NULL);
    /* [copy:recv] Copy,
     * in two lines. */
    n = recv(fd, bytes, size, 0);
END
    cat
    echo "    return 0;"
    echo "}"
}

program <<'END' | expect good ""
    /* [wait+copy:recv] A statement may be long. */
    ssize_t got =
        recv(fd, "recv(", sizeof "recv(", 0);
    puts("select("); /* recv( in a comment, */
    s->ops.accept(s), ops->send(s); /* and a call through a pointer */
    /* [start..end) and */
    /* [0] are no marks, */
    c = '"';
    d = '\''; // send(
    /* [copy:F_SETSIG] and slugs may have capitals. */
    while ((n = send(fd, bytes, n, 0)) < 0) {
        n = 0;
    }
END

program <<'END' | expect unknown_phase "8: [waiting:x]: unknown phase waiting"
    /* [waiting:x] */
END

program <<'END' | expect duplicate "8: [copy:recv] stands in line 5 already"
    /* [copy:recv] */
END

program <<'END' | expect malformed "8: [wait] is no mark: it reads phase:slug"
    /* [wait] Sleep. */
END

program <<'END' | expect unclosed "8: a mark without its closing bracket"
    /* [wait:accept Sleep. */
END

program <<'END' | expect behind \
    "8: [end:close]: a mark stands above its statement, on a line of its own"
    close(fd); /* [end:close] */
END

program <<'END' | expect unmarked \
    "8: send() has no mark right above its statement"
    send(fd, bytes, n, 0);
END

program <<'END' | expect one_mark_two_calls \
    "10: aio_read() has no mark right above its statement"
    /* [arm:aio_read] One. */
    aio_read(&one);
    aio_read(&two);
END

program <<'END' | expect far_mark \
    "11: accept4() has no mark right above its statement"
    /* [copy:accept] */
    if (ready)
        n = 0;
    fd = accept4(listen_fd, NULL, NULL, 0);
END

program <<'END' | expect a_block_ends_it \
    "10: recv() has no mark right above its statement"
    /* [copy:again] */
    if (ready) {
        recv(fd, bytes, size, 0);
    }
END

program <<'END' | expect in_a_condition \
    "8: epoll_wait() has no mark right above its statement"
    if (epoll_wait(fd, events, 8, -1) < 0)
        return 1;
END

expect no_wait "5: a program needs a mark of wait and one of copy, or one of \
wait+copy" <<'END'
int main(void)
{
    /* [copy:recv] */
    recv(fd, bytes, size, 0);
}
END

expect no_copy "5: a program needs a mark of wait and one of copy, or one of \
wait+copy" <<'END'
int main(void)
{
    /* [wait:poll] */
    poll(set, 1, -1);
}
END

expect both_in_one "" <<'END'
int main(void)
{
    /* [wait+copy:recv] */
    recv(fd, bytes, size, 0);
}
END

expect library "" <<'END'
int ring_open(void)
{
    /* [setup:ring] */
    return io_uring_setup(8, &params);
}
END

mkdir "$work/common"
expect common/no_lesson "6: [waiting:x]: unknown phase waiting" <<'END'
int helper(void)
{
    n = recv(fd, bytes, size, 0);
    /* [end:close] */
    close(fd);
    /* [waiting:x] */
}
END

[ -e "$work/failed" ] && exit 1
echo "check_marks: every made-up fault was caught"

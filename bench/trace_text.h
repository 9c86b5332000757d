/* SPDX-License-Identifier: MIT */
/* A line of text that grows up to a limit; private to the tracer. */
#ifndef BENCH_TRACE_TEXT_H
#define BENCH_TRACE_TEXT_H

#include "bench/trace_private.h"

enum { TEXT_MAX = 360 };

struct text {
    size_t length;
    char bytes[TEXT_MAX];
};

/* Appends; what is beyond the limit is dropped. */
void text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A letter for each argument:
 *   f descriptor    l length or number    x hexadecimal      - not shown
 *   w bytes that go out, as many as the next argument says
 *   i the same, but their number is the result (they came in)
 *   m flags of send and recv              s a path           a a socket address
 *   t a time to sleep                     u what futex is to do
 *   c command of epoll_ctl, and the event  . "...": not known
 * and what it returns:
 *   n a number      f a new descriptor    a a new connection   b bytes
 */
struct shape {
    long number;
    const char *arguments;
    char result;
};

/* Never NULL: a call that is not in the table shows "...". */
const struct shape *trace_shape(long number);

/* The sets of select, poll and epoll_wait, in trace_sets.c. */
bool sets_is_wait(long number);
/* What it is asked to watch: `read {3,5} write {6}, 200 ms`. */
void sets_asked(struct trace_task *task, struct text *text);
/* What is ready: `fd 5 has bytes`; several are joined by commas. */
void sets_ready(struct trace *t, struct trace_task *task, struct text *text);

/* "412 ms", "3.2 ms", "1.50 s". */
void text_add_time(struct text *text, int64_t ns);

/* The first bytes of what goes over the line, made fit to be shown; after a
 * space, if they are not the first. */
void text_add_bytes(struct text *text, pid_t tid, uint64_t address,
                    size_t length);

#endif

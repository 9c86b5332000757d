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

/* The sets of select, poll and epoll_wait, in trace_sets.c. */
bool sets_is_wait(long number);
/* What it is asked to watch: `read {3,5} write {6}, 200 ms`. */
void sets_asked(struct trace_task *task, struct text *text);
/* What is ready: `fd 5 has bytes`; several are joined by commas. */
void sets_ready(struct trace *t, struct trace_task *task, struct text *text);

/* "412 ms", "3.2 ms", "1.50 s". */
void text_add_time(struct text *text, int64_t ns);

#endif

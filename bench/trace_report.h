/* SPDX-License-Identifier: MIT */
/* Two ways to tell what a trace saw: line by line, and in counts. */
#ifndef BENCH_TRACE_REPORT_H
#define BENCH_TRACE_REPORT_H

#include "bench/trace.h"

#include <stdio.h>

/*
 * Narration: a line a call, in the order of time. A call that sleeps, or that
 * another thread overtakes, is told twice: with three dots when it began, and
 * when it returns.
 */
struct narrator {
    FILE *out;   /* borrowed */
    int columns; /* of a line, at least 80 */
    bool colour;
    pid_t first_tid; /* the thread column appears with the second thread */
    bool many;
    int told_count; /* calls told with dots that have not returned */
    pid_t told[64];
};

void narrate_event(struct narrator *n, const struct trace_event *event);
void narrate_pending(struct narrator *n, const struct trace_event *event);

/* Counts: add each event once, print after trace_resolve. */
struct trace_counts;
struct trace_counts *counts_new(void); /* NULL with ENOMEM; *caller frees* */
void counts_add(struct trace_counts *c, const struct trace_event *event);
/* Everything by name, by anchor and by phase; `messages` > 0 adds a column
 * with the calls for each message. */
void counts_print(const struct trace_counts *c, FILE *out, long messages);
void counts_free(struct trace_counts *c);

/* The sums that other instruments need. Calls that did not return (exit) are
 * not in them, as they are not in those of strace. */
struct count_sum {
    const char *name; /* of the call, of the anchor or of the phase */
    const char *file; /* of an anchor */
    unsigned long calls, again, errors; /* `again`: EAGAIN, not in errors */
    int64_t sleep_ns;
};
enum count_by { COUNT_BY_NAME, COUNT_BY_ANCHOR, COUNT_BY_PHASE };

/* Returns the sums, most calls first, and how many in `*count`. *Caller frees
 * the array.* NULL when memory ran out or there is none. */
struct count_sum *counts_sums(const struct trace_counts *c, enum count_by by,
                              size_t *count);

#endif

/* SPDX-License-Identifier: MIT */
/* Counting the calls of a cell, one way or the other. */
#ifndef BENCH_BENCH_COUNT_H
#define BENCH_BENCH_COUNT_H

#include "bench/bench_cell.h"

/* Adds `calls` (of which `again` said EAGAIN) of `call` in `phase` to a row;
 * not yet per request. `phase` is borrowed for good. */
void tally_add(struct counts *counts, const char *call, const char *phase,
               double calls, double again);

/* Divides by the requests, sums up, and sorts by phase. */
void tally_finish(struct counts *counts, unsigned long requests);

/* How many requests of `most` to count: in an open loop not more than two
 * seconds of it, for it is counted at its own rate. */
long counted_requests(const struct bench *bench, long most);

/*
 * Exactly, with the tracer's library: every system call of every thread, with
 * the phase of the source line that made it. For one connection only: a traced
 * server is so slow that with more it would find them all ready at once.
 * Returns 0, or -1 and cell->traced.gap says why.
 */
int count_by_trace(const struct bench *bench, struct cell *cell);

/* In life, by interposition. Results as above. Phases are those that
 * count_by_trace found for this subject's calls, else the usual ones. */
int count_by_preload(const struct bench *bench, struct cell *cell);

/* Which phase a call usually is; "other" for an unknown one. */
const char *usual_phase(const char *call);

#endif

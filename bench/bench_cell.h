/* SPDX-License-Identifier: MIT */
/* One measurement of one cell: a server and a load, from start to end. */
#ifndef BENCH_BENCH_CELL_H
#define BENCH_BENCH_CELL_H

#include "bench/bench.h"
#include "bench/bench_server.h"

/* What happened between 'ready' and 'done'. Borrowed until trial_end. */
struct trial {
    struct bench_server server;
    struct load_process load;
    struct proc_sample fresh;  /* before anybody connected */
    struct proc_sample before; /* connected and warm, and quiet */
    struct proc_sample after;  /* quiet again */
};

/*
 * Starts server and load and waits until both are quiet and ready to measure.
 * Returns 0, or -1: the cell's `gap` (it cannot be) or `fault` (it went wrong)
 * then says why, and everything has been ended.
 */
int trial_begin(struct trial *trial, const struct bench *bench,
                struct cell *cell, const struct load_plan *plan, bool counted);

/* Lets the load measure and waits until it is done. Results as above. */
int trial_measure(struct trial *trial, struct cell *cell,
                  const struct load_plan *plan);

void trial_end(struct trial *trial);

/* The load of `cell` in this bench; the address comes from the server. */
struct load_plan cell_plan(const struct bench *bench, const struct cell *cell);

/* One bare measurement of `cell`, into `round`: a cell of its own, so that the
 * caller can still throw it away. */
int cell_measure(const struct bench *bench, const struct cell *cell,
                 struct cell *round);

/* Adds what `round` holds to `cell`, and empties it. */
void cell_take(struct cell *cell, struct cell *round);

/* Frees the histograms. */
void cell_free(struct cell *cell);

#endif

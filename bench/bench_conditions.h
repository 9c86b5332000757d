/* SPDX-License-Identifier: MIT */
/* Under which conditions a result was measured: without them it says little. */
#ifndef BENCH_BENCH_CONDITIONS_H
#define BENCH_BENCH_CONDITIONS_H

#include "bench/bench.h"

enum { CONDITIONS = 16, CONDITION_SIZE = 256 };

struct condition {
    const char *key; /* "kernel"; in JSON and in the tables */
    char text[CONDITION_SIZE];
};

/* Fills `list` and returns how many there are. */
int conditions_read(const struct bench *bench,
                    struct condition list[CONDITIONS]);

/* The CPUs this process may use, in order. Returns how many. */
int conditions_cpus(int *cpus, int most);

#endif

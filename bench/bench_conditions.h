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

/* Only those of the machine, and the date. */
int conditions_machine(struct condition list[CONDITIONS]);

/* The loop and how long or how often it asked. */
void conditions_load(const struct bench *bench, char text[CONDITION_SIZE]);

/* "split", "same" or "free": where server and load really were. */
const char *conditions_place(const struct bench *bench);

/* As comments of a .hgrm file: "# kernel: Linux ...". */
void conditions_comment(const struct condition *list, int count, FILE *out);

/* The CPUs this process may use, in order. Returns how many. */
int conditions_cpus(int *cpus, int most);

#endif

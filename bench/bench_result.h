/* SPDX-License-Identifier: MIT */
/* A result that was written as JSON, read back; and two of them compared. */
#ifndef BENCH_BENCH_RESULT_H
#define BENCH_BENCH_RESULT_H

#include "bench/bench.h"
#include "bench/bench_conditions.h"

struct result_cell {
    char model[64];
    long connections, idle, bytes, noisy, rounds;
    struct summary measures[MEASURES];
    double calls; /* per request; counted once, so they have no spread */
    bool counted, exact;
};

struct result {
    int cell_count, condition_count;
    struct result_cell *cells; /* *owned* */
    struct {
        char key[32], text[CONDITION_SIZE];
    } conditions[CONDITIONS];
};

/*
 * Reads JSON text and calls `on_value` for each string, number and word in it,
 * with its path: `cells[3].measures.p50_us.median`. Returns NULL, or a sentence
 * that says what is wrong and where.
 */
const char *json_walk(const char *text,
                      void (*on_value)(const char *path, const char *value,
                                       void *data),
                      void *data);

/* Reads a file that `iobench run --json` wrote. Returns NULL, or what is wrong
 * with it, good until the next call. *Caller frees* with result_free. */
const char *result_read(const char *path, struct result *result);
void result_free(struct result *result);

enum verdict {
    SAME,         /* the ranges overlap: no measurable difference */
    BETTER,       /* they do not, and the new one is on the good side */
    WORSE,        /* ... on the bad side */
    NO_SPREAD,    /* one of them has a single round: nothing can be said */
    NOT_COMPARED, /* not measured in both, or 0 */
};

/* How `after` compares with `before`: new / old. */
struct ratio {
    double median, min, max;
    enum verdict verdict;
};

/* `more_is_better` as in measure_kinds; `rounds` is the smaller number. */
struct ratio ratio_of(const struct summary *before, const struct summary *after,
                      int more_is_better, long rounds);

#endif

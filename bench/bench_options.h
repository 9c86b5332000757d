/* SPDX-License-Identifier: MIT */
/* Words on iobench's command line that common/options.h has no kind for. Each
 * ends the program with status 2 and a line that names the fault. */
#ifndef BENCH_BENCH_OPTIONS_H
#define BENCH_BENCH_OPTIONS_H

#include "common/options.h"

#include <stdint.h>

/* "2s", "200ms", "0.5" (seconds): microseconds, from 1 ms to an hour; with
 * `or_none` 0 too. */
int64_t option_duration_us(const char *name, const char *text, int or_none);

/* "1,10,100": `list` gets the numbers, each from `min` to `max`; "4k" is 4096
 * where `binary`, else 4000. Returns how many. */
int option_list(const char *name, const char *text, long *list, int most,
                long min, long max, int binary);

/* "1000", "2.5k": a number a second. */
double option_rate(const char *name, const char *text);

/*
 * Reads options and operands in any order, up to `--`. Operands are gathered
 * in `operands` (room for argc). Returns how many. `*rest` gets what stands
 * behind `--`, or NULL without it.
 */
int option_words(int argc, char **argv, const struct usage *usage,
                 char **operands, char ***rest);

#endif

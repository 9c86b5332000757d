/* SPDX-License-Identifier: MIT */
/*
 * The matrix fault x server: its cells, run by a few workers, each in a
 * process of its own, and what came of them.
 */
#ifndef TESTS_MATRIX_H
#define TESTS_MATRIX_H

#include "tests/faults.h"

enum { MATRIX_CELLS = 4096, MATRIX_TARGETS = 32 };

struct cell {
    const struct target *target;
    const struct fault *fault;
    struct verdict *verdict; /* shared with the workers */
};

/* All tables of faults; NULL ends them. */
extern const struct fault *const fault_tables[];

/* So many of a hundred cells are added, chosen by the seed (100: all). */
extern long matrix_share;

/* Adds the cells of one server: all faults, or the one called `only`. Those
 * that do not apply, and all when there is a `reason`, count as skipped. */
void matrix_add(const struct target *target, const char *only,
                const char *reason);

/* Runs them, `workers` at a time, and shows each fall as it happens; or, when
 * it is set, calls `matrix_report` with each cell as it ends, in the process of
 * its worker. */
extern void (*matrix_report)(const struct cell *cell);
void matrix_run(long workers);

/* Runs this fault alone, before the others, and leaves it out of their table.
 * Returns NULL when it held, or what fell. */
const char *matrix_try(const struct target *target, const struct fault *fault);

/* How long a cell may take, in seconds; 0: as long as the torture allows. */
extern unsigned matrix_timeout_s;

/* The cells; `*count` is how many. */
const struct cell *matrix_cells(int *count);

/* How many cells are in `state`. */
int matrix_count(int state);

#endif

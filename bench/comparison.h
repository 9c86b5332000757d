/* SPDX-License-Identifier: MIT */
/*
 * The comparison: the same message, waited for in every way there is. One
 * column a model, time downwards; and the same as a figure for slides.
 */
#ifndef BENCH_COMPARISON_H
#define BENCH_COMPARISON_H

#include "bench/message_scene.h"
#include "bench/performance.h"

/* One model's part: scene 1 traced, scene 2 bare. */
struct comparison_column {
    struct message_run run;
    struct performance bare;
};

/* Prints the columns, at most as many as the screen is wide enough for side by
 * side, the rest below. Columns whose run is missing are left out. */
void comparison_print(struct comparison_column *columns, int count,
                      const struct screen *screen, FILE *out);

/* The same numbers as a figure with a lane a model. *Caller frees*. */
void comparison_figure(struct comparison_column *columns, int count,
                       struct figure *figure);

#endif

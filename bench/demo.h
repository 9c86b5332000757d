/* SPDX-License-Identifier: MIT */
/* What the parts of iodemo share. */
#ifndef BENCH_DEMO_H
#define BENCH_DEMO_H

#include "bench/figure.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* From this wait on a client was held up, in milliseconds: a sleeping
     * server needs far less to wake up, and ana's silence is far longer. */
    HELD_UP_MS = 30
};

struct demo {
    struct screen screen;
    double pace;
    bool step;
    bool all;     /* every model, not one for each family */
    bool crowded; /* several models on one screen: no line to spare */
    struct figure_legend legend; /* of all figures on the screen */
    const char *svg_folder;      /* or NULL */
    const char *events_folder;   /* or NULL */
};

/* With STEP=1: says what to look at, and waits for Enter. */
void demo_step(const struct demo *demo, const char *look);

/* Writes FOLDER/MODEL-SCENE.svg if SVGs were asked for; ends the program with
 * a message when it cannot. */
void demo_save_svg(const struct demo *demo, const struct figure *figure,
                   const char *model, const char *scene);

/* "0.3 ms", "341 ms"; "for ever" for -1. Returns `text`. */
const char *demo_wait_text(int64_t us, char text[16]);

/* All models side by side, and the comparison. */
void demo_all(const struct demo *demo);

#endif

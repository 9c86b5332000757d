/* SPDX-License-Identifier: MIT */
/*
 * A figure: time from left to right, a lane for each client, thread or the
 * kernel, segments and points on it, a few lines of text below. It knows
 * nothing of traces: story.h makes figures out of events; here they are drawn,
 * as text (figure_text.c) or as SVG (figure_svg.c), from the same numbers.
 * Times are nanoseconds on the figure's own axis, which begins at 0.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include "bench/screen.h"

#include <stdint.h>
#include <stdio.h>

/* What somebody does for a while; each has a shape and a colour of its own. */
enum figure_kind {
    FIGURE_NONE,   /* not there */
    FIGURE_SILENT, /* there, and nothing to be seen */
    FIGURE_ASLEEP, /* in a call, not running */
    FIGURE_ASKING, /* one call after the other answers EAGAIN */
    FIGURE_WORK,   /* runs its own code */
    FIGURE_CALL,   /* in a call that neither waits nor copies */
    FIGURE_COPY,   /* in a call that copies */
    FIGURE_HELD,   /* asked, and has no answer yet */
    FIGURE_KINDS
};

/* A moment. */
enum figure_point_kind {
    FIGURE_DATA,    /* data arrives */
    FIGURE_SIGNAL,  /* a signal arrives */
    FIGURE_CONNECT, /* a client connects */
    FIGURE_ASK,     /* a client asks */
    FIGURE_ANSWER,  /* its answer is there */
    FIGURE_SAY,     /* a client says something that needs no answer */
    FIGURE_HEAR,    /* it hears something that is none */
    FIGURE_EXPIRED, /* somebody's sleep ends because its time is over */
    FIGURE_POINT_KINDS
};

enum { FIGURE_TEXT_MAX = 96, FIGURE_LANES_MAX = 10, FIGURE_NOTES_MAX = 16 };

struct figure_segment {
    int64_t from_ns, to_ns;
    enum figure_kind kind;
    char label[FIGURE_TEXT_MAX]; /* shown where there is room; may be "" */
};

struct figure_point {
    int64_t at_ns;
    enum figure_point_kind kind;
    bool before; /* the label stands before the point, where there is room */
    char label[FIGURE_TEXT_MAX];
};

struct figure_lane {
    char name[24];
    char tail[16]; /* at the right end of the lane */
    size_t segment_count, point_count;
    struct figure_segment *segments; /* owned */
    struct figure_point *points;     /* owned */
};

struct figure {
    char title[FIGURE_TEXT_MAX];
    char subtitle[FIGURE_TEXT_MAX]; /* at the right of the title */
    int64_t length_ns;
    char tail_title[16]; /* what the lanes' tails are, below them */
    bool without_axis;   /* in text: where another figure's axis stands below */
    int lane_count;
    struct figure_lane lanes[FIGURE_LANES_MAX];
    int note_count;
    char notes[FIGURE_NOTES_MAX][FIGURE_TEXT_MAX];
};

/* A new lane, or the last one when there are FIGURE_LANES_MAX already. */
struct figure_lane *figure_add_lane(struct figure *figure, const char *name);

/* Adds what goes on from `from_ns` to `to_ns`. A segment that touches the last
 * one, of the same kind and label, lengthens it. Ends the program when memory
 * is exhausted. */
void figure_add(struct figure_lane *lane, int64_t from_ns, int64_t to_ns,
                enum figure_kind kind, const char *label);

/* Adds a moment; they are kept in the order of their times. */
void figure_mark(struct figure_lane *lane, int64_t at_ns,
                 enum figure_point_kind kind, const char *label);

/* The same with its label before it. */
void figure_mark_before(struct figure_lane *lane, int64_t at_ns,
                        enum figure_point_kind kind, const char *label);

/* A line of text below the lanes, in the order of the calls. */
void figure_note(struct figure *figure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees what the lanes hold. */
void figure_free(struct figure *figure);

/* Draws into a text of `screen->width` columns. */
void figure_print(const struct figure *figure, const struct screen *screen,
                  FILE *out);

/* Which shapes a screen of figures uses. */
struct figure_legend {
    bool kinds[FIGURE_KINDS];
    bool points[FIGURE_POINT_KINDS];
};

/* Adds the shapes of one more figure. */
void figure_legend_add(struct figure_legend *legend,
                       const struct figure *figure);

/* The line that explains the shapes. */
void figure_legend_print(const struct figure_legend *legend,
                         const struct screen *screen, FILE *out);

/* Writes one SVG document: for light and dark backgrounds, text kept as text.
 * 0, or -1 with errno. */
int figure_write_svg(const struct figure *figure, const char *path);

/* The shape of `kind` in text, and its name in legends ("asleep"). */
const char *figure_glyph(const struct screen *screen, enum figure_kind kind);
enum screen_ink figure_ink(enum figure_kind kind);
const char *figure_kind_name(enum figure_kind kind);
const char *figure_point_name(enum figure_point_kind kind);

#endif

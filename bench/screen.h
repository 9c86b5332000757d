/* SPDX-License-Identifier: MIT */
/*
 * What the screen can show: its width, colours or none, block characters or
 * plain ASCII. Colours go to a terminal only, and not when NO_COLOR is set.
 */
#ifndef BENCH_SCREEN_H
#define BENCH_SCREEN_H

#include <stdbool.h>

struct screen {
    int width; /* columns; 80 when it is no terminal */
    bool terminal;
    bool colour;
    bool utf8; /* false with --ascii, or where the locale has no UTF-8 */
};

/* Looks at standard output, the locale and the environment. */
struct screen screen_look(bool ascii);

/* `blocks` where the screen shows UTF-8, else `ascii`. */
const char *screen_glyph(const struct screen *screen, const char *blocks,
                         const char *ascii);

enum screen_ink {
    INK_PLAIN,
    INK_TITLE,
    INK_FAINT,
    INK_ASLEEP,
    INK_ASKING,
    INK_COPY,
    INK_WORK,
    INK_ALARM
};

/* The escape sequence that switches to `ink`, or "" without colours.
 * INK_PLAIN switches everything off. */
const char *screen_ink(const struct screen *screen, enum screen_ink ink);

#endif

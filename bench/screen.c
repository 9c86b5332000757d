/* SPDX-License-Identifier: MIT */
#include "bench/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USUAL_WIDTH = 80 };

struct screen screen_look(bool ascii)
{
    struct screen screen = {.width = USUAL_WIDTH};
    struct winsize size;
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    setlocale(LC_CTYPE, "");
    screen.terminal = isatty(STDOUT_FILENO);
    if (screen.terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 0)
        screen.width = size.ws_col;
    screen.colour = screen.terminal && !(no_colour && *no_colour) && term &&
                    strcmp(term, "dumb") != 0;
    screen.utf8 = !ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return screen;
}

const char *screen_glyph(const struct screen *screen, const char *blocks,
                         const char *ascii)
{
    return screen->utf8 ? blocks : ascii;
}

const char *screen_ink(const struct screen *screen, enum screen_ink ink)
{
    static const char *const inks[] = {
        [INK_PLAIN] = "\033[0m",   [INK_TITLE] = "\033[1m",
        [INK_FAINT] = "\033[2m",   [INK_ASLEEP] = "\033[34m",
        [INK_ASKING] = "\033[33m", [INK_COPY] = "\033[32m",
        [INK_WORK] = "\033[36m",   [INK_ALARM] = "\033[1;31m"};
    return screen->colour ? inks[ink] : "";
}

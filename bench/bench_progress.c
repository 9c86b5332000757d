/* SPDX-License-Identifier: MIT */
#include "bench/bench.h"

#include <stdarg.h>
#include <string.h>

enum { LINE = 78 };

void progress_say(const struct bench *bench, const char *format, ...)
{
    char line[LINE + 1];
    va_list arguments;
    if (!bench->progress)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\r%-*s", LINE, line);
    fflush(stderr);
}

void progress_clear(const struct bench *bench)
{
    if (bench->progress)
        fprintf(stderr, "\r%*s\r", LINE, "");
}

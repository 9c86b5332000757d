/* SPDX-License-Identifier: MIT */
#include "bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

char *text_whole(long value, char text[NUMBER_SIZE])
{
    char digits[NUMBER_SIZE];
    int length = snprintf(digits, sizeof digits, "%ld", labs(value)), n = 0;
    if (value < 0)
        text[n++] = '-';
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[n++] = ',';
        text[n++] = digits[i];
    }
    text[n] = '\0';
    return text;
}

char *text_number(double value, char text[NUMBER_SIZE])
{
    double size = fabs(value);
    if (size >= 99.95)
        return text_whole(lround(value), text);
    if (size >= 9.995)
        snprintf(text, NUMBER_SIZE, "%.1f", value);
    else
        snprintf(text, NUMBER_SIZE, "%.2f", size < 0.005 ? 0.0 : value);
    return text;
}

char *text_plural(long count, const char *what, char text[64])
{
    char number[NUMBER_SIZE];
    snprintf(text, 64, "%s %s%s", text_whole(count, number), what,
             count == 1 ? "" : "s");
    return text;
}

static bool is_whole(enum measure_id id)
{
    return id == MEASURE_THREADS || id == MEASURE_PEAK || id == MEASURE_OWN ||
           id == MEASURE_STACK;
}

static char *text_value(enum measure_id id, double value,
                        char text[NUMBER_SIZE])
{
    return is_whole(id) ? text_whole(lround(value), text)
                        : text_number(value, text);
}

char *text_figure(enum measure_id id, const struct summary *s,
                  char text[NUMBER_SIZE])
{
    if (!s->known)
        return strcpy(text, "-");
    text_value(id, s->median, text);
    /* A spread about nothing is nothing. */
    if (summary_is_wide(s) && strcmp(text, "0.00") != 0)
        strcat(text, "~");
    return text;
}

char *text_range(enum measure_id id, const struct summary *s,
                 char text[2 * NUMBER_SIZE])
{
    char min[NUMBER_SIZE], max[NUMBER_SIZE];
    if (!s->known)
        return strcpy(text, "-");
    snprintf(text, 2 * NUMBER_SIZE, "%s-%s", text_value(id, s->min, min),
             text_value(id, s->max, max));
    return text;
}

char *text_thousands(const struct summary *s, char text[NUMBER_SIZE])
{
    int digits = s->max >= 1000 ? 1 : s->max >= 100 ? 2 : 3;
    if (!s->known)
        return strcpy(text, "-");
    snprintf(text, NUMBER_SIZE, "%.*f-%.*f", digits, s->min / 1000, digits,
             s->max / 1000);
    return text;
}

char *text_cell(long active, long idle, long bytes, char text[LOAD_SIZE])
{
    char connections[64], beside[64] = "", size[64];
    char number[NUMBER_SIZE];
    if (idle > 0)
        snprintf(beside, sizeof beside, " beside %s idle one%s",
                 text_whole(idle, number), idle == 1 ? "" : "s");
    snprintf(text, LOAD_SIZE, "%s%s, %s",
             text_plural(active, "connection", connections), beside,
             text_plural(bytes, "byte", size));
    return text;
}

char *text_load(const struct bench *b, const struct cell *cell,
                char text[LOAD_SIZE])
{
    char number[NUMBER_SIZE];
    text_cell(cell->active, cell->idle, cell->bytes, text);
    size_t length = strlen(text);
    if (b->rate > 0)
        snprintf(text + length, LOAD_SIZE - length,
                 ", open loop at %s requests/s", text_number(b->rate, number));
    else
        snprintf(text + length, LOAD_SIZE - length, ", closed loop");
    return text;
}

void text_wrap(const char *line, int indent, FILE *out)
{
    int room = 80, left = (int)strlen(line);
    while (left > room) {
        int cut = room;
        while (cut > 0 && line[cut] != ' ')
            cut--;
        cut = cut > 0 ? cut : room;
        fprintf(out, "%.*s\n%*s", cut, line, indent, "");
        line += cut + (line[cut] == ' ');
        left = (int)strlen(line);
        room = 80 - indent;
    }
    fprintf(out, "%s\n", line);
}

const char *cell_reason(const struct cell *cell)
{
    if (cell->gap[0] != '\0')
        return cell->gap;
    return cell->measures[MEASURE_RATE].count == 0 ? cell->fault : "";
}

char cell_mark(const struct cell *cell)
{
    return cell->faults > 0 ? 'E' : cell->noisy > 0 ? '!' : ' ';
}

bool cell_has_same_load(const struct cell *a, const struct cell *b)
{
    return a->active == b->active && a->idle == b->idle && a->bytes == b->bytes;
}

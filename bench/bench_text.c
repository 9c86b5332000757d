/* SPDX-License-Identifier: MIT */
#include "bench/bench.h"

#include <math.h>
#include <string.h>

char *text_number(double value, char text[NUMBER_SIZE])
{
    double size = fabs(value);
    if (size >= 999999.5)
        snprintf(text, NUMBER_SIZE, "%.0f,%03.0f,%03.0f", floor(value / 1e6),
                 floor(fmod(value, 1e6) / 1e3), floor(fmod(value, 1e3)));
    else if (size >= 999.5)
        snprintf(text, NUMBER_SIZE, "%.0f,%03.0f", floor(round(value) / 1e3),
                 fmod(round(value), 1e3));
    else if (size >= 99.95)
        snprintf(text, NUMBER_SIZE, "%.0f", value);
    else if (size >= 9.995)
        snprintf(text, NUMBER_SIZE, "%.1f", value);
    else
        snprintf(text, NUMBER_SIZE, "%.2f", size < 0.005 ? 0.0 : value);
    return text;
}

char *text_figure(enum measure_id id, const struct summary *s,
                  char text[NUMBER_SIZE])
{
    if (!s->known)
        return strcpy(text, "-");
    if (id == MEASURE_THREADS || id == MEASURE_OWN || id == MEASURE_STACK)
        snprintf(text, NUMBER_SIZE, "%.0f", s->median);
    else
        text_number(s->median, text);
    if (summary_is_wide(s))
        strcat(text, "~");
    return text;
}

char *text_range(const struct summary *s, char text[NUMBER_SIZE])
{
    if (!s->known)
        return strcpy(text, "-");
    if (s->max >= 1000)
        snprintf(text, NUMBER_SIZE, "%.1f-%.1fk", s->min / 1000, s->max / 1000);
    else
        snprintf(text, NUMBER_SIZE, "%.*f-%.*f", s->max < 100 ? 1 : 0, s->min,
                 s->max < 100 ? 1 : 0, s->max);
    return text;
}

char *text_load(const struct bench *b, const struct cell *cell, char text[160])
{
    char idle[64] = "", rate[64] = "closed loop";
    if (cell->idle > 0)
        snprintf(idle, sizeof idle, " beside %ld idle ones", cell->idle);
    if (b->rate > 0)
        snprintf(rate, sizeof rate, "open loop at %g requests/s", b->rate);
    snprintf(text, 160, "%ld connection%s%s, %ld byte%s, %s", cell->active,
             cell->active == 1 ? "" : "s", idle, cell->bytes,
             cell->bytes == 1 ? "" : "s", rate);
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

bool cell_has_same_load(const struct cell *a, const struct cell *b)
{
    return a->active == b->active && a->idle == b->idle && a->bytes == b->bytes;
}

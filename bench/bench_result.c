/* SPDX-License-Identifier: MIT */
#include "bench/bench_result.h"

#include "common/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CELLS = 100000 };
static const long MOST_BYTES = 64 << 20;

struct reading {
    struct result *result;
    bool known_format, no_memory;
};

static struct result_cell *cell_at(struct reading *r, int i)
{
    struct result *result = r->result;
    if (i >= result->cell_count) {
        struct result_cell *more =
            realloc(result->cells, ((size_t)i + 1) * sizeof *more);
        if (more == NULL) {
            r->no_memory = true;
            return NULL;
        }
        result->cells = more;
        memset(more + result->cell_count, 0,
               (size_t)(i + 1 - result->cell_count) * sizeof *more);
        result->cell_count = i + 1;
    }
    return &result->cells[i];
}

static void take_figure(struct result_cell *cell, const char *rest,
                        const char *value)
{
    char key[64], part[16];
    if (sscanf(rest, "measures.%63[^.].%15s", key, part) != 2)
        return;
    for (int i = 0; i < MEASURES; i++) {
        struct summary *s = &cell->measures[i];
        if (strcmp(key, measure_kinds[i].key) != 0)
            continue;
        s->known = true;
        if (strcmp(part, "median") == 0)
            s->median = strtod(value, NULL);
        else if (strcmp(part, "min") == 0)
            s->min = strtod(value, NULL);
        else if (strcmp(part, "max") == 0)
            s->max = strtod(value, NULL);
    }
}

static void take_cell_value(struct result_cell *cell, const char *rest,
                            const char *value)
{
    const struct {
        const char *key;
        long *number;
    } numbers[] = {{"connections", &cell->connections},
                   {"idle", &cell->idle},
                   {"bytes", &cell->bytes},
                   {"noisy_rounds", &cell->noisy},
                   {"rounds", &cell->rounds}};
    if (strcmp(rest, "model") == 0)
        snprintf(cell->model, sizeof cell->model, "%s", value);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(rest, numbers[i].key) == 0)
            *numbers[i].number = strtol(value, NULL, 10);
    if (strcmp(rest, "calls.calls_per_request") == 0)
        cell->calls = strtod(value, NULL);
    if (strcmp(rest, "calls.counted") == 0) {
        cell->counted = strcmp(value, count_method_names[NOT_COUNTED]) != 0;
        cell->exact = strcmp(value, count_method_names[COUNTED_BY_TRACE]) == 0;
    }
    take_figure(cell, rest, value);
}

static void take_value(const char *path, const char *value, void *data)
{
    struct reading *r = data;
    struct result *result = r->result;
    int i, length = 0;
    if (strcmp(path, "format") == 0)
        r->known_format = strcmp(value, "iobench 1") == 0;
    if (strncmp(path, "conditions.", 11) == 0 &&
        result->condition_count < CONDITIONS) {
        int n = result->condition_count++;
        snprintf(result->conditions[n].key, sizeof result->conditions[n].key,
                 "%s", path + 11);
        snprintf(result->conditions[n].text, CONDITION_SIZE, "%.*s",
                 CONDITION_SIZE - 1, value);
    }
    if (sscanf(path, "cells[%d].%n", &i, &length) == 1 && length > 0 &&
        i >= 0 && i < MOST_CELLS) {
        struct result_cell *cell = cell_at(r, i);
        if (cell != NULL)
            take_cell_value(cell, path + length, value);
    }
}

/* The whole file as text, *caller frees*, or NULL with errno. */
static char *read_text(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    long size = -1;
    if (in == NULL)
        return NULL;
    if (fseek(in, 0, SEEK_END) == 0)
        size = ftell(in);
    if (size < 0 || size > MOST_BYTES)
        errno = EFBIG;
    else if (fseek(in, 0, SEEK_SET) == 0)
        text = calloc(1, (size_t)size + 1);
    if (text != NULL && fread(text, 1, (size_t)size, in) != (size_t)size) {
        free(text);
        text = NULL;
        errno = EIO;
    }
    (void)fclose(in); /* nothing was written */
    return text;
}

const char *result_read(const char *path, struct result *result)
{
    static char why[128];
    struct reading r = {.result = result};
    memset(result, 0, sizeof *result);
    char *text = read_text(path);
    if (text == NULL) {
        snprintf(why, sizeof why, "%s (%s)", errno_name(errno),
                 strerror(errno));
        return why;
    }
    const char *fault = json_walk(text, take_value, &r);
    free(text);
    if (fault == NULL && r.no_memory)
        fault = "no memory for its cells";
    if (!r.known_format)
        fault = "it is no result of `iobench run --json`";
    if (fault != NULL)
        result_free(result);
    return fault;
}

void result_free(struct result *result)
{
    free(result->cells);
    memset(result, 0, sizeof *result);
}

struct ratio ratio_of(const struct summary *before, const struct summary *after,
                      int more_is_better, long rounds)
{
    struct ratio ratio = {.verdict = NOT_COMPARED};
    if (!before->known || !after->known || before->min <= 0 || after->min <= 0)
        return ratio;
    ratio.median = after->median / before->median;
    ratio.min = after->min / before->max;
    ratio.max = after->max / before->min;
    if (rounds < 2)
        ratio.verdict = NO_SPREAD;
    else if (after->min <= before->max && after->max >= before->min)
        ratio.verdict = SAME;
    else
        ratio.verdict =
            (ratio.median > 1) == (more_is_better > 0) ? BETTER : WORSE;
    return ratio;
}

/* SPDX-License-Identifier: MIT */
#include "bench/trace_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Calls of one name from one place. Places are attributed later, so the sums
 * are made at the end. */
struct cell {
    const struct trace_site *site;
    const char *name;
    unsigned long calls, again, errors, unfinished;
    int64_t sleep_ns;
};

struct trace_counts {
    size_t used, room; /* room: a power of two */
    struct cell *cells;
    unsigned long signals;
    unsigned long unfinished;
};

enum { FIRST_ROOM = 256 };

struct trace_counts *counts_new(void)
{
    struct trace_counts *c = calloc(1, sizeof *c);
    if (c && (c->cells = calloc(FIRST_ROOM, sizeof *c->cells)) == NULL) {
        free(c);
        return NULL;
    }
    if (c)
        c->room = FIRST_ROOM;
    return c;
}

void counts_free(struct trace_counts *c)
{
    if (c)
        free(c->cells);
    free(c);
}

static struct cell *find(struct cell *cells, size_t room,
                         const struct trace_site *site, const char *name)
{
    size_t i = ((uintptr_t)site / 64 * 31 + (uintptr_t)name) % room;
    while (cells[i].name &&
           (cells[i].site != site || strcmp(cells[i].name, name) != 0))
        i = (i + 1) % room;
    return &cells[i];
}

static bool grow(struct trace_counts *c)
{
    struct cell *cells = calloc(2 * c->room, sizeof *cells);
    if (cells == NULL)
        return false;
    for (size_t i = 0; i < c->room; i++)
        if (c->cells[i].name)
            *find(cells, 2 * c->room, c->cells[i].site, c->cells[i].name) =
                c->cells[i];
    free(c->cells);
    c->cells = cells;
    c->room *= 2;
    return true;
}

void counts_add(struct trace_counts *c, const struct trace_event *event)
{
    if (event->kind == TRACE_SIGNAL)
        c->signals++;
    if (event->kind != TRACE_CALL)
        return;
    if (event->end_ns < 0) {
        c->unfinished++;
        return;
    }
    if (2 * c->used >= c->room && !grow(c))
        return;
    struct cell *cell = find(c->cells, c->room, event->site, event->name);
    if (cell->name == NULL) {
        cell->name = event->name;
        cell->site = event->site;
        c->used++;
    }
    cell->calls++;
    cell->again += event->error == EAGAIN;
    cell->errors += event->error != 0 && event->error != EAGAIN;
    cell->sleep_ns += event->sleep_ns;
}

/* Where a cell belongs, under each heading. */
static const char *key_of(const struct cell *cell, enum count_by by)
{
    const struct trace_site *site = cell->site;
    if (by == COUNT_BY_NAME)
        return cell->name;
    if (by == COUNT_BY_PHASE)
        return site && site->phase ? site->phase : "(no mark)";
    if (site == NULL)
        return "(no caller: exec, return from a signal)";
    if (site->anchor)
        return site->anchor;
    if (site->origin)
        return site->origin;
    return site->file ? site->file : "(no line known)";
}

static int most_first(const void *a, const void *b)
{
    const struct count_sum *one = a, *two = b;
    if (one->calls != two->calls)
        return one->calls > two->calls ? -1 : 1;
    return strcmp(one->name, two->name);
}

struct count_sum *counts_sums(const struct trace_counts *c, enum count_by by,
                              size_t *count)
{
    struct count_sum *sums = calloc(c->used + 1, sizeof *sums);
    size_t used = 0;
    for (size_t i = 0; sums && i < c->room; i++) {
        const struct cell *cell = &c->cells[i];
        if (cell->name == NULL)
            continue;
        const char *key = key_of(cell, by);
        size_t j = 0;
        while (j < used && strcmp(sums[j].name, key) != 0)
            j++;
        if (j == used) {
            sums[used++].name = key;
            sums[j].file = cell->site ? cell->site->file : NULL;
        }
        sums[j].calls += cell->calls;
        sums[j].again += cell->again;
        sums[j].errors += cell->errors;
        sums[j].sleep_ns += cell->sleep_ns;
    }
    if (sums)
        qsort(sums, used, sizeof *sums, most_first);
    *count = sums ? used : 0;
    return sums;
}

static void print_row(FILE *out, const struct count_sum *sum, long messages)
{
    fprintf(out, "%9lu", sum->calls);
    if (messages > 0)
        fprintf(out, " %9.3f", (double)sum->calls / (double)messages);
    fprintf(out, " %8lu %7lu %11.1f  %s\n", sum->again, sum->errors,
            (double)sum->sleep_ns / 1e6, sum->name);
}

static void print_table(const struct trace_counts *c, FILE *out, long messages,
                        enum count_by by, const char *title)
{
    struct count_sum total = {.name = "total"};
    size_t count;
    struct count_sum *sums = counts_sums(c, by, &count);
    fprintf(out, "%9s%s %8s %7s %11s  %s\n", "calls",
            messages > 0 ? " a message" : "", "EAGAIN", "errors", "asleep ms",
            title);
    for (size_t i = 0; i < count; i++) {
        print_row(out, &sums[i], messages);
        total.calls += sums[i].calls;
        total.again += sums[i].again;
        total.errors += sums[i].errors;
        total.sleep_ns += sums[i].sleep_ns;
    }
    if (by == COUNT_BY_NAME)
        print_row(out, &total, messages);
    fprintf(out, "\n");
    free(sums);
}

void counts_print(const struct trace_counts *c, FILE *out, long messages)
{
    print_table(c, out, messages, COUNT_BY_NAME, "call");
    print_table(c, out, messages, COUNT_BY_ANCHOR, "anchor");
    print_table(c, out, messages, COUNT_BY_PHASE, "phase");
    fprintf(out,
            "%lu signals; %lu calls did not return (exit). The clock is read "
            "in user\nspace (vDSO) and is no system call.\n",
            c->signals, c->unfinished);
}

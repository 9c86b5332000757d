/* SPDX-License-Identifier: MIT */
/* The tables on standard output: 80 columns, or --wide. */
#include "bench/bench.h"
#include "bench/bench_conditions.h"

#include <string.h>

enum { WIDTH = 80, NAME = 16 };

/* A call that would be printed as 0.00. */
static const double SELDOM = 0.005;

/* The columns of the narrow table, with the room that each has. */
static const struct {
    enum measure_id id;
    int width;
} columns[] = {{MEASURE_RATE, 7}, {MEASURE_P50, 7},       {MEASURE_P99, 7},
               {MEASURE_CPU, 6},  {MEASURE_VOLUNTARY, 6}, {MEASURE_THREADS, 6}};

enum { COLUMNS = sizeof columns / sizeof columns[0], RANGE = 12, CALLS = 7 };

/* A number stands in line with the others whether it has a ~ or not. */
static void print_figure(FILE *out, const struct cell *cell, enum measure_id id,
                         int width)
{
    char text[NUMBER_SIZE];
    struct summary s = cell_summary(cell, id);
    text_figure(id, &s, text);
    bool marked = strchr(text, '~') != NULL;
    fprintf(out, "%*s%s", width + marked, text,
            marked || id == MEASURE_THREADS ? "" : " ");
}

static void print_heading(FILE *out, bool units)
{
    fprintf(out, "%-*s", NAME, units ? "" : "model");
    for (int i = 0; i < COLUMNS; i++) {
        const struct measure_kind *kind = &measure_kinds[columns[i].id];
        fprintf(out, "%*s%s", columns[i].width,
                units ? kind->unit : kind->heading,
                columns[i].id == MEASURE_THREADS ? "" : " ");
        if (columns[i].id == MEASURE_RATE)
            fprintf(out, "%*s", RANGE, units ? "/s" : "min-max");
        if (columns[i].id == MEASURE_VOLUNTARY)
            fprintf(out, "%*s", CALLS, units ? "/req" : "calls");
    }
    fprintf(out, "\n");
}

static void print_calls(FILE *out, const struct counts *counts)
{
    char text[NUMBER_SIZE];
    if (counts->method == NOT_COUNTED)
        fprintf(out, "%*s", CALLS, "-");
    else
        fprintf(out, "%*s%s", CALLS - (counts->hidden > 0),
                text_number(counts->total, text),
                counts->hidden > 0 ? "+" : "");
}

static void print_row(FILE *out, const struct cell *cell)
{
    char text[NUMBER_SIZE];
    fprintf(out, "%-*s", NAME, cell->subject->name);
    if (cell->gap[0] != '\0') {
        fprintf(out, "%.*s\n", WIDTH - NAME, cell->gap);
        return;
    }
    for (int i = 0; i < COLUMNS; i++) {
        struct summary s = cell_summary(cell, columns[i].id);
        print_figure(out, cell, columns[i].id, columns[i].width);
        if (columns[i].id == MEASURE_RATE)
            fprintf(out, "%*s", RANGE, text_range(&s, text));
        if (columns[i].id == MEASURE_VOLUNTARY)
            print_calls(out, &cell->counts);
    }
    fprintf(out, "%s\n", cell->faults > 0 ? "E" : cell->noisy > 0 ? "!" : "");
}

/* All measures with their ranges, however long the line becomes. */
static void print_wide_heading(FILE *out)
{
    fprintf(out, "%-*s", NAME, "model");
    for (int i = 0; i < MEASURES; i++)
        fprintf(out, "%12s %-6s%17s", measure_kinds[i].heading,
                measure_kinds[i].unit, "(min-max)");
    fprintf(out, "\n");
}

static void print_wide_row(FILE *out, const struct cell *cell)
{
    char text[NUMBER_SIZE], range[NUMBER_SIZE];
    fprintf(out, "%-*s", NAME, cell->subject->name);
    for (int i = 0; i < MEASURES && cell->gap[0] == '\0'; i++) {
        struct summary s = cell_summary(cell, (enum measure_id)i);
        fprintf(out, "%12s %-6s%17s", text_figure((enum measure_id)i, &s, text),
                s.known ? measure_kinds[i].unit : "", text_range(&s, range));
    }
    fprintf(out, "%s%s\n", cell->gap, cell->faults > 0 ? " ERRORS" : "");
}

static void print_cells(const struct bench *b, FILE *out)
{
    char text[160];
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        if (i == 0 || !cell_has_same_load(cell, cell - 1)) {
            fprintf(out, "\n%s\n", text_load(b, cell, text));
            if (b->wide) {
                print_wide_heading(out);
            } else {
                print_heading(out, false);
                print_heading(out, true);
            }
        }
        if (b->wide)
            print_wide_row(out, cell);
        else
            print_row(out, cell);
    }
}

/* One cell's calls, broken at column 80: "wait: select 1.00". */
static void print_count_row(FILE *out, const struct cell *cell)
{
    const struct counts *counts = &cell->counts;
    char total[NUMBER_SIZE], again[NUMBER_SIZE];
    const char *phase = "";
    int column = fprintf(out, "%-*s%8s %7s ", NAME, cell->subject->name,
                         text_number(counts->total, total),
                         text_number(counts->again, again));
    int indent = column;
    for (int i = 0; i < counts->row_count; i++) {
        const struct count_row *row = &counts->rows[i];
        char item[96], number[NUMBER_SIZE];
        if (row->calls < SELDOM)
            continue;
        bool same = strcmp(row->phase, phase) == 0;
        snprintf(item, sizeof item, " %s%s%s %s", same ? "" : row->phase,
                 same ? "" : ": ", row->call, text_number(row->calls, number));
        if (column + (int)strlen(item) > WIDTH)
            column = fprintf(out, "\n%*s", indent, "") - 1;
        column += fprintf(out, "%s", item);
        phase = row->phase;
    }
    fprintf(out, "\n");
}

static void print_counts(const struct bench *b, FILE *out)
{
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        char text[160];
        enum count_method method = cell->counts.method;
        if (i == 0 || !cell_has_same_load(cell, cell - 1))
            fprintf(out, "\nCalls per request, %s\n%-*s%8s %7s  phase: call\n",
                    text_load(b, cell, text), NAME, "model", "calls", "EAGAIN");
        if (method != NOT_COUNTED)
            print_count_row(out, cell);
        else
            fprintf(out, "%-*s%8s %7s  %.*s\n", NAME, cell->subject->name, "-",
                    "-", WIDTH - NAME - 18,
                    cell->gap[0] ? cell->gap : cell->counts.gap);
    }
}

static void print_waiting(const struct bench *b, FILE *out)
{
    char cpu[NUMBER_SIZE], wakeups[NUMBER_SIZE], calls[NUMBER_SIZE];
    fprintf(out,
            "\nThe cost of waiting: 10 idle clients for 2 s\n"
            "%-*s%11s %12s %12s %9s %9s\n%-*s%11s %12s %12s %9s %9s\n",
            NAME, "model", "CPU", "wake-ups", "calls", "threads", "memory",
            NAME, "", "ms/s", "/s", "/s", "", "KiB");
    for (int i = 0; i < b->cost_count; i++) {
        const struct waiting_cost *c = &b->costs[i];
        if (c->gap[0] != '\0') {
            fprintf(out, "%-*s%.*s\n", NAME, c->subject->name, WIDTH - NAME,
                    c->gap);
            continue;
        }
        fprintf(out, "%-*s%11s %12s %12s %9d %9ld\n", NAME, c->subject->name,
                text_number(c->cpu_ms_per_s, cpu),
                text_number(c->wakeups_per_s, wakeups),
                c->calls_known ? text_number(c->calls_per_s, calls) : "-",
                c->threads, c->own_kib);
    }
}

static void print_conditions(const struct bench *b, FILE *out)
{
    struct condition list[CONDITIONS];
    int count = conditions_read(b, list);
    fprintf(out, "\nConditions\n");
    for (int i = 0; i < count; i++) {
        char line[CONDITION_SIZE + 32];
        snprintf(line, sizeof line, "  %-12s %s", list[i].key, list[i].text);
        text_wrap(line, 15, out);
    }
}

void bench_print_table(const struct bench *b, FILE *out)
{
    print_cells(b, out);
    if (b->count)
        print_counts(b, out);
    if (b->wait)
        print_waiting(b, out);
    fprintf(out, "\n");
    bench_print_remarks(b, out, "");
    print_conditions(b, out);
}

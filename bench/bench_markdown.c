/* SPDX-License-Identifier: MIT */
/* The tables as Markdown, for a report or a README. */
#include "bench/bench.h"
#include "bench/bench_conditions.h"

#include <string.h>

static const enum measure_id columns[] = {
    MEASURE_RATE, MEASURE_P50,       MEASURE_P99,     MEASURE_P999,
    MEASURE_CPU,  MEASURE_VOLUNTARY, MEASURE_THREADS, MEASURE_OWN};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void print_row(const struct cell *cell, FILE *out)
{
    char text[NUMBER_SIZE];
    char mark = cell_mark(cell);
    fprintf(out, "| `%s`%s%.1s |", cell->subject->name, mark == ' ' ? "" : " ",
            mark == ' ' ? "" : &mark);
    if (cell_reason(cell)[0] != '\0') {
        fprintf(out, " %s |", cell_reason(cell));
        for (int i = 1; i < COLUMNS + 2; i++)
            fprintf(out, " |");
        fprintf(out, "\n");
        return;
    }
    for (int i = 0; i < COLUMNS; i++) {
        struct summary s = cell_summary(cell, columns[i]);
        fprintf(out, " %s |", text_figure(columns[i], &s, text));
        if (columns[i] == MEASURE_RATE)
            fprintf(out, " %s |", text_thousands(&s, text));
    }
    fprintf(out, " %s |\n",
            cell->counts.method == NOT_COUNTED
                ? "-"
                : text_number(cell->counts.total, text));
}

static void print_heading(FILE *out)
{
    fprintf(out, "| model |");
    for (int i = 0; i < COLUMNS; i++) {
        const struct measure_kind *kind = &measure_kinds[columns[i]];
        fprintf(out, " %s%s%s |", kind->heading, kind->unit[0] ? " " : "",
                kind->unit);
        if (columns[i] == MEASURE_RATE)
            fprintf(out, " min-max k/s |");
    }
    fprintf(out, " calls /req |\n| --- |");
    for (int i = 0; i < COLUMNS + 2; i++)
        fprintf(out, " ---: |");
    fprintf(out, "\n");
}

static void print_counts(const struct bench *b, FILE *out)
{
    char number[NUMBER_SIZE], load[LOAD_SIZE];
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        const struct counts *c = &cell->counts;
        if (i == 0 || !cell_has_same_load(cell, cell - 1))
            fprintf(out,
                    "\n#### Calls per request: %s\n\n"
                    "| model | calls | EAGAIN | by phase and name | counted "
                    "|\n| --- | ---: | ---: | --- | --- |\n",
                    text_load(b, cell, load));
        if (c->method == NOT_COUNTED)
            continue;
        fprintf(out, "| `%s` | %s |", cell->subject->name,
                text_number(c->total, number));
        fprintf(out, " %s |", text_number(c->again, number));
        const char *phase = "";
        for (int k = 0; k < c->row_count; k++) {
            const struct count_row *row = &c->rows[k];
            bool same = strcmp(row->phase, phase) == 0;
            fprintf(out, " %s%s%s %s", same ? "" : row->phase, same ? "" : ": ",
                    row->call, text_number(row->calls, number));
            phase = row->phase;
        }
        fprintf(out, " | %s |\n",
                c->method == COUNTED_BY_TRACE ? "exact" : "in life");
    }
}

static void print_waiting(const struct bench *b, FILE *out)
{
    char text[NUMBER_SIZE];
    fprintf(out,
            "\n### The cost of waiting: 10 idle clients for 2 s\n\n"
            "| model | CPU ms/s | wake-ups /s | calls /s | threads | memory "
            "KiB |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (int i = 0; i < b->cost_count; i++) {
        const struct waiting_cost *c = &b->costs[i];
        fprintf(out, "| `%s` |", c->subject->name);
        if (c->gap[0] != '\0') {
            fprintf(out, " %s | | | | |\n", c->gap);
            continue;
        }
        fprintf(out, " %s |", text_number(c->cpu_ms_per_s, text));
        fprintf(out, " %s |", text_number(c->wakeups_per_s, text));
        fprintf(out, " %s |",
                c->calls_known ? text_number(c->calls_per_s, text) : "-");
        fprintf(out, " %s |", text_whole(c->threads, text));
        fprintf(out, " %s |\n", text_whole(c->own_kib, text));
    }
}

void bench_print_markdown(const struct bench *b, FILE *out)
{
    struct condition list[CONDITIONS];
    char load[LOAD_SIZE];
    int count = conditions_read(b, list);
    fprintf(out, "### Conditions\n\n| | |\n| --- | --- |\n");
    for (int i = 0; i < count; i++)
        fprintf(out, "| %s | %s |\n", list[i].key, list[i].text);
    fprintf(out, "\n### Results\n");
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        if (i == 0 || !cell_has_same_load(cell, cell - 1)) {
            fprintf(out, "\n#### %s\n\n", text_load(b, cell, load));
            print_heading(out);
        }
        print_row(cell, out);
    }
    if (b->count)
        print_counts(b, out);
    if (b->wait)
        print_waiting(b, out);
    fprintf(out, "\n");
    bench_print_remarks(b, out, "- ");
}

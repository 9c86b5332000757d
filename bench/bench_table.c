/* SPDX-License-Identifier: MIT */
/*
 * The screen: conditions first, for without them a number says little; then
 * what to know beside the numbers, the cost of waiting, the calls; and the
 * times last, where the eye is when the prompt comes back. 80 columns, or
 * --wide.
 */
#include "bench/bench.h"
#include "bench/bench_conditions.h"

#include <string.h>

enum { WIDTH = 80, SHORT_NAME = 15, NAME = SHORT_NAME + 3 };

/* A call that would be printed as 0.00. */
static const double SELDOM = 0.005;

/* The columns of the narrow table, and where the digits of each end: behind
 * them stands a ~, or nothing. */
enum { RATE, RANGE, P50, P99, CPU, SLEEPS, CALLS, THREADS, COLUMNS };
static const struct {
    const char *heading, *unit;
    int end;
    enum measure_id id; /* MEASURES: it is none */
} columns[COLUMNS] = {{"requests", "/s", 25, MEASURE_RATE},
                      {"min-max", "k/s", 36, MEASURES},
                      {"p50", "us", 44, MEASURE_P50},
                      {"p99", "us", 53, MEASURE_P99},
                      {"CPU", "us/req", 60, MEASURE_CPU},
                      {"sleeps", "/req", 66, MEASURE_VOLUNTARY},
                      {"calls", "/req", 72, MEASURES},
                      {"thr", "", 80, MEASURES}};

/* Right-aligned at column `end`, but never closer than a blank to what stands
 * before: where a long number has pushed, the next column gives way. */
static void put(FILE *out, int *column, int end, const char *text)
{
    int blanks = end - *column - (int)strlen(text);
    if (*text == '\0')
        return;
    *column += fprintf(out, "%*s%s", blanks > 0 ? blanks : 1, "", text);
}

/* The name, and apart from it the mark that holds for the whole row. */
static int print_name(FILE *out, const struct cell *cell)
{
    return fprintf(out, "%-*.*s %c", SHORT_NAME, SHORT_NAME,
                   cell->subject->name, cell_mark(cell));
}

/* A row that has a reason instead of figures. */
static void print_reason(FILE *out, const struct cell *cell)
{
    char line[2 * REASON_SIZE];
    snprintf(line, sizeof line, "%-*.*s %c %s", SHORT_NAME, SHORT_NAME,
             cell->subject->name, cell_mark(cell), cell_reason(cell));
    text_wrap(line, NAME, out);
}

/* A number stands in line with the others whether it has a ~ or not. */
static void put_figure(FILE *out, int *column, int i, const struct cell *cell)
{
    char text[NUMBER_SIZE];
    struct summary s = cell_summary(cell, columns[i].id);
    text_figure(columns[i].id, &s, text);
    bool marked = strchr(text, '~') != NULL;
    put(out, column, columns[i].end + marked, text);
}

static const char *text_calls(const struct counts *counts,
                              char text[NUMBER_SIZE])
{
    if (counts->method == NOT_COUNTED)
        return "-";
    text_number(counts->total, text);
    return counts->hidden > 0 ? strcat(text, "+") : text;
}

static void print_heading(FILE *out, bool units)
{
    int column = fprintf(out, "%-*s", NAME - 1, units ? "" : "model");
    for (int i = 0; i < COLUMNS; i++)
        put(out, &column, columns[i].end,
            units ? columns[i].unit : columns[i].heading);
    fprintf(out, "\n");
}

static void print_row(FILE *out, const struct cell *cell)
{
    char text[NUMBER_SIZE];
    struct summary rate = cell_summary(cell, MEASURE_RATE);
    struct summary threads = cell_summary(cell, MEASURE_THREADS);
    bool hidden = cell->counts.hidden > 0;
    int column = print_name(out, cell);
    put_figure(out, &column, RATE, cell);
    put(out, &column, columns[RANGE].end, text_thousands(&rate, text));
    put_figure(out, &column, P50, cell);
    put_figure(out, &column, P99, cell);
    put_figure(out, &column, CPU, cell);
    put_figure(out, &column, SLEEPS, cell);
    put(out, &column, columns[CALLS].end + hidden,
        text_calls(&cell->counts, text));
    put(out, &column, columns[THREADS].end,
        threads.known ? text_whole((long)threads.median, text) : "-");
    fprintf(out, "\n");
}

enum { WIDE_FIGURE = 11, WIDE_RANGE = 18, WIDE_CALLS = 9 };

/* All measures with their ranges, however long the line becomes. */
static void print_wide_heading(FILE *out, bool units)
{
    fprintf(out, "%-*s", NAME - 1, units ? "" : "model");
    for (int i = 0; i < MEASURES; i++)
        fprintf(out, "%*s%*s", WIDE_FIGURE,
                units ? measure_kinds[i].unit : measure_kinds[i].heading,
                WIDE_RANGE, units ? "" : "min-max");
    fprintf(out, "%*s%*s\n", WIDE_CALLS, units ? "/req" : "calls", WIDE_CALLS,
            units ? "/req" : "EAGAIN");
}

static void print_wide_row(FILE *out, const struct cell *cell)
{
    char text[NUMBER_SIZE], range[2 * NUMBER_SIZE];
    (void)print_name(out, cell);
    for (int i = 0; i < MEASURES; i++) {
        enum measure_id id = (enum measure_id)i;
        struct summary s = cell_summary(cell, id);
        fprintf(out, "%*s%*s", WIDE_FIGURE, text_figure(id, &s, text),
                WIDE_RANGE, text_range(id, &s, range));
    }
    fprintf(out, "%*s", WIDE_CALLS, text_calls(&cell->counts, text));
    fprintf(out, "%*s\n", WIDE_CALLS,
            cell->counts.method == NOT_COUNTED
                ? "-"
                : text_number(cell->counts.again, text));
}

static void print_cells(const struct bench *b, FILE *out)
{
    char text[LOAD_SIZE];
    void (*heading)(FILE *, bool) =
        b->wide ? print_wide_heading : print_heading;
    void (*row)(FILE *, const struct cell *) =
        b->wide ? print_wide_row : print_row;
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        if (i == 0 || !cell_has_same_load(cell, cell - 1)) {
            fprintf(out, "\n%s\n", text_load(b, cell, text));
            heading(out, false);
            heading(out, true);
        }
        if (cell_reason(cell)[0] != '\0')
            print_reason(out, cell);
        else
            row(out, cell);
    }
}

/* One cell's calls, broken at column 80: "wait: select 1.00". */
static void print_count_row(FILE *out, const struct cell *cell)
{
    const struct counts *counts = &cell->counts;
    char total[NUMBER_SIZE], again[NUMBER_SIZE];
    const char *phase = "";
    int column = fprintf(out, "%-*.*s%10s %7s ", SHORT_NAME, SHORT_NAME,
                         cell->subject->name, text_number(counts->total, total),
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

/* Why a cell has no figures is told in the table of times. */
static void print_uncounted(FILE *out, const struct cell *cell)
{
    char line[2 * REASON_SIZE];
    bool told = cell_reason(cell)[0] != '\0';
    int indent = snprintf(line, sizeof line, "%-*.*s%10s %7s  ", SHORT_NAME,
                          SHORT_NAME, cell->subject->name, "-", "-");
    snprintf(line + indent, sizeof line - (size_t)indent, "%s",
             told ? "-" : cell->counts.gap);
    text_wrap(line, indent, out);
}

static void print_counts(const struct bench *b, FILE *out)
{
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        char text[LOAD_SIZE];
        if (i == 0 || !cell_has_same_load(cell, cell - 1))
            fprintf(out, "\nCalls per request, %s\n%-*s%10s %7s  phase: call\n",
                    text_load(b, cell, text), SHORT_NAME, "model", "calls",
                    "EAGAIN");
        if (cell->counts.method == NOT_COUNTED)
            print_uncounted(out, cell);
        else
            print_count_row(out, cell);
    }
}

static void print_waiting(const struct bench *b, FILE *out)
{
    char cpu[NUMBER_SIZE], wakeups[NUMBER_SIZE], calls[NUMBER_SIZE];
    char threads[NUMBER_SIZE], memory[NUMBER_SIZE], line[2 * REASON_SIZE];
    fprintf(out,
            "\nThe cost of waiting: 10 idle clients for 2 s\n"
            "%-*s%11s %12s %12s %9s %9s\n%-*s%11s %12s %12s %9s %9s\n",
            SHORT_NAME, "model", "CPU", "wake-ups", "calls", "threads",
            "memory", SHORT_NAME, "", "ms/s", "/s", "/s", "", "KiB");
    for (int i = 0; i < b->cost_count; i++) {
        const struct waiting_cost *c = &b->costs[i];
        int indent = snprintf(line, sizeof line, "%-*.*s", SHORT_NAME,
                              SHORT_NAME, c->subject->name);
        if (c->gap[0] != '\0')
            snprintf(line + indent, sizeof line - (size_t)indent, "   %s",
                     c->gap);
        else
            snprintf(line + indent, sizeof line - (size_t)indent,
                     "%11s %12s %12s %9s %9s",
                     text_number(c->cpu_ms_per_s, cpu),
                     text_number(c->wakeups_per_s, wakeups),
                     c->calls_known ? text_number(c->calls_per_s, calls) : "-",
                     text_whole(c->threads, threads),
                     text_whole(c->own_kib, memory));
        text_wrap(line, NAME, out);
    }
}

static void print_conditions(const struct bench *b, FILE *out)
{
    struct condition list[CONDITIONS];
    int count = conditions_read(b, list);
    fprintf(out, "Conditions\n");
    for (int i = 0; i < count; i++) {
        char line[CONDITION_SIZE + 32];
        snprintf(line, sizeof line, "  %-12s %s", list[i].key, list[i].text);
        text_wrap(line, 15, out);
    }
    fprintf(out, "\n");
}

enum { WIDE, NOISY, HIDDEN, ENDED, WRONG, MARKS };
static const char *const mark_words[MARKS] = {
    "~ spread over 20 %", "! noisy: do not compare", "+ and libc's own calls",
    "- of sleeps: threads ended, and their count with them",
    "E wrong answers, see ERRORS above"};

static void find_marks(const struct bench *b, const struct cell *cell,
                       bool used[MARKS])
{
    struct summary cpu = cell_summary(cell, MEASURE_CPU);
    struct summary sleeps = cell_summary(cell, MEASURE_VOLUNTARY);
    for (int i = 0; i < (b->wide ? (int)MEASURES : (int)COLUMNS); i++) {
        enum measure_id id = b->wide ? (enum measure_id)i : columns[i].id;
        char text[NUMBER_SIZE] = "";
        struct summary s = {.known = false};
        if (id < MEASURES)
            s = cell_summary(cell, id);
        used[WIDE] |= strchr(text_figure(id, &s, text), '~') != NULL;
    }
    used[NOISY] |= cell_mark(cell) == '!';
    used[HIDDEN] |= cell->counts.hidden > 0;
    used[ENDED] |= cpu.known && !sleeps.known;
    used[WRONG] |= cell_mark(cell) == 'E';
}

/* What the marks mean, of those that occur. */
static void print_legend(const struct bench *b, FILE *out)
{
    bool used[MARKS] = {false};
    char line[512] = "";
    for (int i = 0; i < b->cell_count; i++)
        find_marks(b, &b->cells[i], used);
    for (int i = 0; i < MARKS; i++)
        if (used[i]) {
            size_t length = strlen(line);
            snprintf(line + length, sizeof line - length, "%s%s",
                     length > 0 ? "; " : "", mark_words[i]);
        }
    if (line[0] != '\0')
        text_wrap(line, 0, out);
    if (b->interrupted)
        fprintf(out, "INTERRUPTED after %d of %ld rounds.\n", b->rounds_done,
                b->rounds);
}

void bench_print_table(const struct bench *b, FILE *out)
{
    print_conditions(b, out);
    bench_print_remarks(b, out, "");
    if (b->wait)
        print_waiting(b, out);
    if (b->count)
        print_counts(b, out);
    print_cells(b, out);
    print_legend(b, out);
}

/* SPDX-License-Identifier: MIT */
/*
 * The result as CSV: one line a cell, its conditions, each measure as its
 * median, smallest and largest value, its calls by name, and what its server
 * costs while it waits for ten silent clients. An empty field was not measured.
 * Fields are quoted as RFC 4180 has it.
 */
#include "bench/bench.h"
#include "bench/bench_conditions.h"

#include <string.h>

enum { CALLS_MAX = 100 };

static void print_text(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    putc('"', out);
}

/* Under which load and where: the same in each line, for each stands alone. */
static void print_conditions(const struct bench *b, const struct cell *cell,
                             FILE *out)
{
    fprintf(out, ",%s,", b->rate > 0 ? "open" : "closed");
    if (b->rate > 0)
        fprintf(out, "%.6g", b->rate);
    if (b->requests > 0)
        fprintf(out, ",,%ld", b->requests);
    else
        fprintf(out, ",%.6g,", (double)b->measure_us / 1000);
    fprintf(out, ",%s,%d,%d", conditions_place(b),
            cell->measures[MEASURE_RATE].count, b->interrupted);
}

static void print_measures(const struct cell *cell, FILE *out)
{
    for (int k = 0; k < MEASURES; k++) {
        struct summary s = cell_summary(cell, (enum measure_id)k);
        if (s.known)
            fprintf(out, ",%.6g,%.6g,%.6g", s.median, s.min, s.max);
        else
            fprintf(out, ",,,");
    }
}

/* The names of all calls that occur; returns how many. */
static int find_calls(const struct bench *b, const char *names[CALLS_MAX])
{
    int count = 0;
    for (int i = 0; i < b->cell_count; i++)
        for (int k = 0; k < b->cells[i].counts.row_count; k++) {
            const char *call = b->cells[i].counts.rows[k].call;
            int n = 0;
            while (n < count && strcmp(names[n], call) != 0)
                n++;
            if (n == count && count < CALLS_MAX)
                names[count++] = call;
        }
    return count;
}

static void print_calls(const struct counts *c, const char *const *names,
                        int count, FILE *out)
{
    if (c->method == NOT_COUNTED) {
        for (int i = 0; i < count + 3; i++)
            putc(',', out);
        return;
    }
    fprintf(out, ",%s,%.4f,%.4f",
            c->method == COUNTED_BY_TRACE ? "exact" : "in life", c->total,
            c->again);
    for (int i = 0; i < count; i++) {
        double calls = 0;
        for (int k = 0; k < c->row_count; k++)
            if (strcmp(c->rows[k].call, names[i]) == 0)
                calls += c->rows[k].calls;
        fprintf(out, ",%.4f", calls);
    }
}

/* Of the subject: the same in each line of it. */
static void print_waiting(const struct bench *b, const struct cell *cell,
                          FILE *out)
{
    long i = cell->subject - b->subjects;
    const struct waiting_cost *cost = i < b->cost_count ? &b->costs[i] : NULL;
    if (cost == NULL || cost->gap[0] != '\0') {
        fprintf(out, ",,,,,");
        return;
    }
    fprintf(out, ",%.4f,%.2f,", cost->cpu_ms_per_s, cost->wakeups_per_s);
    if (cost->calls_known)
        fprintf(out, "%.2f", cost->calls_per_s);
    fprintf(out, ",%d,%ld", cost->threads, cost->own_kib);
}

static void print_heading(const char *const *names, int count, FILE *out)
{
    fprintf(out, "model,connections,idle,bytes,loop,rate_per_s,duration_ms,"
                 "requests,place,rounds,interrupted,errors,noisy_rounds,gap");
    for (int i = 0; i < MEASURES; i++)
        fprintf(out, ",%s,%s_min,%s_max", measure_kinds[i].key,
                measure_kinds[i].key, measure_kinds[i].key);
    fprintf(out, ",counted,calls_per_request,eagain_per_request");
    for (int i = 0; i < count; i++)
        fprintf(out, ",%s_per_request", names[i]);
    fprintf(out, ",waiting_cpu_ms_per_s,waiting_wakeups_per_s,"
                 "waiting_calls_per_s,waiting_threads,waiting_memory_kib\n");
}

void bench_print_csv(const struct bench *b, FILE *out)
{
    const char *names[CALLS_MAX];
    int count = find_calls(b, names);
    print_heading(names, count, out);
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        print_text(out, cell->subject->name);
        fprintf(out, ",%ld,%ld,%ld", cell->active, cell->idle, cell->bytes);
        print_conditions(b, cell, out);
        fprintf(out, ",%lu,%d,", cell->faults, cell->noisy);
        print_text(out, cell_reason(cell));
        print_measures(cell, out);
        print_calls(&cell->counts, names, count, out);
        print_waiting(b, cell, out);
        fprintf(out, "\n");
    }
}

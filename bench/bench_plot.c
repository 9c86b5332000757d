/* SPDX-License-Identifier: MIT */
/*
 * Data for bench/plot.gp. A file holds a block for each model, with its name
 * in the first line and two blank lines behind it: gnuplot's `index`. Comments
 * `#place N`, one for each block in order, say which model of the run it is, so
 * that a model has one colour in all plots.
 */
#include "bench/bench.h"

#include "common/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CALLS_MAX = 40, WHICH_ACTIVE = 10 };

static FILE *open_data(const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    if (out == NULL)
        die_errno("write %s", path);
    return out;
}

static void print_summary(const struct cell *cell, enum measure_id id,
                          FILE *out)
{
    struct summary s = cell_summary(cell, id);
    if (s.known)
        fprintf(out, " %.6g %.6g %.6g", s.median, s.min, s.max);
    else
        fprintf(out, " ? ? ?");
}

static void begin_block(const struct bench *b, const struct cell *cell,
                        FILE *out)
{
    fprintf(out, "#place %d\n\"%s\"\n", (int)(cell->subject - b->subjects),
            cell->subject->name);
}

static bool is_shown(const struct cell *cell)
{
    return cell->gap[0] == '\0' && cell->measures[MEASURE_RATE].count > 0;
}

/* By connections (idle 0) or by idle clients: x, rate, CPU per request, memory
 * for a connection; each with min and max. Only the first size. */
static void write_curves(const struct bench *b, const char *folder, bool idle)
{
    FILE *out = open_data(folder, idle ? "idle.dat" : "connections.dat");
    long active = b->idle_with ? b->idle_with : b->active[0];
    if (idle)
        fprintf(out, "#load %ld active, %ld bytes\n", active, b->bytes[0]);
    for (int s = 0; s < b->subject_count; s++) {
        bool begun = false;
        for (int i = 0; i < b->cell_count; i++) {
            const struct cell *cell = &b->cells[i];
            bool wanted = idle ? cell->active == active : cell->idle == 0;
            if (cell->subject != &b->subjects[s] || !wanted ||
                cell->bytes != b->bytes[0] || !is_shown(cell))
                continue;
            if (!begun)
                begin_block(b, cell, out);
            begun = true;
            fprintf(out, "%ld", idle ? cell->idle : cell->active);
            print_summary(cell, MEASURE_RATE, out);
            print_summary(cell, MEASURE_CPU, out);
            print_summary(cell, MEASURE_OWN, out);
            fprintf(out, "\n");
        }
        if (begun)
            fprintf(out, "\n\n");
    }
    if (fclose(out) != 0)
        die_errno("write into %s", folder);
}

/* 1/(1-p) and the latency there, five points for each halving, as far as ten
 * samples lie beyond. */
static void write_curve(const struct bench *b, const struct cell *cell,
                        FILE *out)
{
    const struct histogram *h = cell->latency;
    begin_block(b, cell, out);
    for (int i = 0; i < 200; i++) {
        double inverse = pow(2, i / 5.0);
        if ((double)h->count / inverse < 10)
            break;
        fprintf(out, "%.6g %.3f\n", inverse,
                (double)histogram_percentile(h, 100 * (1 - 1 / inverse)) /
                    1000);
    }
    fprintf(out, "\n\n");
}

static long latency_active(const struct bench *b)
{
    for (int i = 0; i < b->active_count; i++)
        if (b->active[i] == WHICH_ACTIVE)
            return WHICH_ACTIVE;
    return b->active[0];
}

static void write_latency(const struct bench *b, const char *folder)
{
    FILE *out = open_data(folder, "latency.dat");
    fprintf(out, "#load %ld active, %ld bytes\n", latency_active(b),
            b->bytes[0]);
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        if (is_shown(cell) && cell->latency != NULL && cell->idle == 0 &&
            cell->active == latency_active(b) && cell->bytes == b->bytes[0])
            write_curve(b, cell, out);
    }
    if (fclose(out) != 0)
        die_errno("write into %s", folder);
}

/* All names of calls that occur. */
static int collect_calls(const struct bench *b, const char *calls[CALLS_MAX])
{
    int count = 0;
    for (int i = 0; i < b->cell_count; i++) {
        const struct counts *c = &b->cells[i].counts;
        for (int k = 0; k < c->row_count; k++) {
            int n = 0;
            while (n < count && strcmp(calls[n], c->rows[k].call) != 0)
                n++;
            if (n == count && count < CALLS_MAX && c->rows[k].calls >= 0.005)
                calls[count++] = c->rows[k].call;
        }
    }
    return count;
}

/* A row for each model, a column for each call. */
static void write_calls(const struct bench *b, const char *folder, long active,
                        const char *name)
{
    const char *calls[CALLS_MAX];
    int count = collect_calls(b, calls);
    FILE *out = open_data(folder, name);
    fprintf(out, "\"%ld connection%s\"", active, active == 1 ? "" : "s");
    for (int n = 0; n < count; n++)
        fprintf(out, " \"%s\"", calls[n]);
    fprintf(out, "\n");
    for (int i = 0; i < b->cell_count && count > 0; i++) {
        const struct cell *cell = &b->cells[i];
        if (cell->active != active || cell->idle != 0 ||
            cell->bytes != b->bytes[0] || cell->counts.method == NOT_COUNTED)
            continue;
        fprintf(out, "\"%s\"", cell->subject->name);
        for (int n = 0; n < count; n++) {
            double sum = 0;
            for (int k = 0; k < cell->counts.row_count; k++)
                if (strcmp(cell->counts.rows[k].call, calls[n]) == 0)
                    sum += cell->counts.rows[k].calls;
            fprintf(out, " %.4f", sum);
        }
        fprintf(out, "\n");
    }
    if (fclose(out) != 0)
        die_errno("write into %s", folder);
}

void bench_write_plots(const struct bench *b)
{
    if (b->plot == NULL)
        return;
    if (mkdir(b->plot, 0777) < 0 && errno != EEXIST)
        die_errno("make folder %s", b->plot);
    write_curves(b, b->plot, false);
    write_curves(b, b->plot, true);
    write_latency(b, b->plot);
    write_calls(b, b->plot, b->active[0], "calls-few.dat");
    /* Not the largest number: 100 is what the table is read at. */
    long many = b->active[b->active_count - 1];
    for (int i = 0; i < b->active_count; i++)
        if (b->active[i] == 100)
            many = 100;
    write_calls(b, b->plot, many, "calls-many.dat");
}

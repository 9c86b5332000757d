/* SPDX-License-Identifier: MIT */
/*
 * The result as JSON, for `iobench compare` and for other programs. Every key
 * carries its unit; a measure is an object of median, min and max, or null.
 */
#include "bench/bench.h"
#include "bench/bench_conditions.h"

#include <string.h>

static void print_text(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ' || c == 127)
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static void print_member(FILE *out, const char *key, const char *text)
{
    fprintf(out, "\"%s\": ", key);
    print_text(out, text);
}

static void print_figures(const struct cell *cell, FILE *out)
{
    fprintf(out, "      \"measures\": {");
    for (int i = 0; i < MEASURES; i++) {
        struct summary s = cell_summary(cell, (enum measure_id)i);
        fprintf(out, "%s\n        \"%s\": ", i > 0 ? "," : "",
                measure_kinds[i].key);
        if (s.known)
            fprintf(out, "{\"median\": %.6g, \"min\": %.6g, \"max\": %.6g}",
                    s.median, s.min, s.max);
        else
            fprintf(out, "null");
    }
    fprintf(out, "\n      }");
}

static void print_counts(const struct counts *c, FILE *out)
{
    fprintf(out, ",\n      \"calls\": {");
    print_member(out, "counted", count_method_names[c->method]);
    if (c->gap[0] != '\0') {
        fprintf(out, ", ");
        print_member(out, "gap", c->gap);
    }
    if (c->method != NOT_COUNTED) {
        fprintf(out,
                ", \"requests\": %lu, \"calls_per_request\": %.4f, "
                "\"eagain_per_request\": %.4f",
                c->requests, c->total, c->again);
        if (c->slowdown > 0)
            fprintf(out, ", \"cpu_ratio_counted_to_bare\": %.3f", c->slowdown);
        fprintf(out, ",\n        \"by_name\": [");
        for (int i = 0; i < c->row_count; i++) {
            fprintf(out, "%s\n          {", i > 0 ? "," : "");
            print_member(out, "call", c->rows[i].call);
            fprintf(out, ", ");
            print_member(out, "phase", c->rows[i].phase);
            fprintf(out,
                    ", \"calls_per_request\": %.4f, "
                    "\"eagain_per_request\": %.4f}",
                    c->rows[i].calls, c->rows[i].again);
        }
        fprintf(out, "]");
    }
    fprintf(out, "}");
}

static void print_cell(const struct cell *cell, FILE *out)
{
    fprintf(out, "    {");
    print_member(out, "model", cell->subject->name);
    fprintf(out,
            ", \"connections\": %ld, \"idle\": %ld, \"bytes\": %ld,\n"
            "      \"errors\": %lu, \"syn_retries\": %lu, "
            "\"rounds\": %d, \"repeats\": %d, \"noisy_rounds\": %d,\n",
            cell->active, cell->idle, cell->bytes, cell->faults,
            cell->syn_retries, cell->measures[MEASURE_RATE].count,
            cell->repeats, cell->noisy);
    if (cell->gap[0] != '\0') {
        fprintf(out, "      ");
        print_member(out, "gap", cell->gap);
        fprintf(out, ",\n");
    }
    if (cell->fault[0] != '\0') {
        fprintf(out, "      ");
        print_member(out, "first_error", cell->fault);
        fprintf(out, ",\n");
    }
    print_figures(cell, out);
    print_counts(&cell->counts, out);
    fprintf(out, "}");
}

static void print_cost(const struct waiting_cost *c, FILE *out)
{
    fprintf(out, "    {");
    print_member(out, "model", c->subject->name);
    if (c->gap[0] != '\0') {
        fprintf(out, ", ");
        print_member(out, "gap", c->gap);
    } else {
        fprintf(out,
                ", \"cpu_ms_per_s\": %.4f, \"wakeups_per_s\": %.2f, "
                "\"threads\": %d, \"memory_kib\": %ld, \"calls_per_s\": ",
                c->cpu_ms_per_s, c->wakeups_per_s, c->threads, c->own_kib);
        if (c->calls_known)
            fprintf(out, "%.2f", c->calls_per_s);
        else
            fprintf(out, "null");
    }
    fprintf(out, "}");
}

/* What a program wants to know of the conditions, beside the prose. */
static void print_settings(const struct bench *b, FILE *out)
{
    fprintf(out, "  \"loop\": \"%s\", \"rate_per_s\": ",
            b->rate > 0 ? "open" : "closed");
    if (b->rate > 0)
        fprintf(out, "%.6g", b->rate);
    else
        fprintf(out, "null");
    if (b->requests > 0)
        fprintf(out, ", \"duration_ms\": null, \"requests\": %ld", b->requests);
    else
        fprintf(out, ", \"duration_ms\": %.6g, \"requests\": null",
                (double)b->measure_us / 1000);
    fprintf(out,
            ",\n  \"place\": \"%s\", \"rounds\": %d, "
            "\"interrupted\": %s,\n",
            conditions_place(b), b->rounds_done,
            b->interrupted ? "true" : "false");
}

void bench_print_json(const struct bench *b, FILE *out)
{
    struct condition list[CONDITIONS];
    int count = conditions_read(b, list);
    fprintf(out, "{\n  \"format\": \"iobench 1\",\n");
    print_settings(b, out);
    fprintf(out, "  \"conditions\": {");
    for (int i = 0; i < count; i++) {
        fprintf(out, "%s\n    ", i > 0 ? "," : "");
        print_member(out, list[i].key, list[i].text);
    }
    fprintf(out, "\n  },\n  \"cells\": [\n");
    for (int i = 0; i < b->cell_count; i++) {
        print_cell(&b->cells[i], out);
        fprintf(out, "%s\n", i + 1 < b->cell_count ? "," : "");
    }
    fprintf(out, "  ],\n  \"cost_of_waiting_10_idle_clients\": [\n");
    for (int i = 0; i < b->cost_count; i++) {
        print_cost(&b->costs[i], out);
        fprintf(out, "%s\n", i + 1 < b->cost_count ? "," : "");
    }
    fprintf(out, "  ]\n}\n");
}

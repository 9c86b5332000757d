/* SPDX-License-Identifier: MIT */
/*
 * The result as CSV: one line a cell, each measure as its median, smallest and
 * largest value. An empty field was not measured. Fields are quoted as RFC
 * 4180 has it.
 */
#include "bench/bench.h"

#include <string.h>

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

void bench_print_csv(const struct bench *b, FILE *out)
{
    fprintf(out, "model,connections,idle,bytes,errors,noisy_rounds,gap");
    for (int i = 0; i < MEASURES; i++)
        fprintf(out, ",%s,%s_min,%s_max", measure_kinds[i].key,
                measure_kinds[i].key, measure_kinds[i].key);
    fprintf(out, ",calls_per_request,eagain_per_request,counted\n");
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        print_text(out, cell->subject->name);
        fprintf(out, ",%ld,%ld,%ld,%lu,%d,", cell->active, cell->idle,
                cell->bytes, cell->faults, cell->noisy);
        print_text(out, cell->gap);
        for (int k = 0; k < MEASURES; k++) {
            struct summary s = cell_summary(cell, (enum measure_id)k);
            if (s.known)
                fprintf(out, ",%.6g,%.6g,%.6g", s.median, s.min, s.max);
            else
                fprintf(out, ",,,");
        }
        if (cell->counts.method == NOT_COUNTED)
            fprintf(out, ",,,");
        else
            fprintf(out, ",%.4f,%.4f,", cell->counts.total, cell->counts.again);
        if (cell->counts.method != NOT_COUNTED)
            print_text(out, cell->counts.method == COUNTED_BY_TRACE
                                ? "exact"
                                : "in life");
        fprintf(out, "\n");
    }
}

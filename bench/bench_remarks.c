/* SPDX-License-Identifier: MIT */
/* What a reader must know beside the numbers. */
#include "bench/bench.h"

#include <stdarg.h>
#include <string.h>

enum { BUSY_PERCENT = 80 }; /* of a CPU; the rest is sleep between answers */

/* In a terminal broken at 80 columns; as an item of a Markdown list, not. */
static void remark(FILE *out, const char *prefix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void remark(FILE *out, const char *prefix, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (prefix[0] == '\0')
        text_wrap(line, 2, out);
    else
        fprintf(out, "%s%s\n", prefix, line);
}

static void describe(const struct cell *cell, char text[LOAD_SIZE])
{
    char load[LOAD_SIZE];
    snprintf(text, LOAD_SIZE, "%.40s, %.110s", cell->subject->name,
             text_cell(cell->active, cell->idle, cell->bytes, load));
}

static void print_faults(const struct bench *b, FILE *out, const char *prefix)
{
    char text[LOAD_SIZE], number[64];
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        describe(cell, text);
        if (cell->faults > 0)
            remark(out, prefix, "ERRORS: %s: %s; the first: %s", text,
                   text_whole((long)cell->faults, number), cell->fault);
        if (cell->syn_retries > 0)
            remark(out, prefix,
                   "SYN retry: %s: %s took 1 s or more, because the server's "
                   "backlog was full",
                   text,
                   text_plural((long)cell->syn_retries, "connect", number));
    }
}

/* Each reason once; the tables have it in each row. */
static void print_gaps(const struct bench *b, FILE *out, const char *prefix)
{
    for (int i = 0; i < b->cell_count; i++) {
        const char *gap = b->cells[i].gap;
        bool told = gap[0] == '\0';
        for (int k = 0; k < i && !told; k++)
            told = strcmp(b->cells[k].gap, gap) == 0;
        if (!told)
            remark(out, prefix, "not measured: %s: %s",
                   b->cells[i].subject->name, gap);
    }
}

static void print_noise(const struct bench *b, FILE *out, const char *prefix)
{
    int repeats = 0, noisy = 0;
    char number[64];
    for (int i = 0; i < b->cell_count; i++) {
        repeats += b->cells[i].repeats;
        noisy += b->cells[i].noisy;
    }
    if (repeats > 0)
        remark(out, prefix,
               "noise: repeated %s, because the machine was more than a third "
               "slower than at its best",
               text_plural(repeats, "measurement", number));
    if (noisy > 0)
        remark(out, prefix, "noise: %s stayed noisy (marked !): do not compare",
               text_plural(noisy, "measurement", number));
}

/* An open loop that fell behind: its latencies are those of its queue. */
static void print_rates(const struct bench *b, FILE *out, const char *prefix)
{
    for (int i = 0; i < b->cell_count && b->rate > 0; i++) {
        const struct cell *cell = &b->cells[i];
        struct summary s = cell_summary(cell, MEASURE_RATE);
        char text[LOAD_SIZE], is[NUMBER_SIZE], must_be[NUMBER_SIZE];
        char unsent[NUMBER_SIZE];
        if (!s.known || cell->faults > 0 ||
            load_kept(b->rate, s.median, cell->unsent))
            continue;
        describe(cell, text);
        remark(out, prefix,
               "the rate was not held: %s: %s of %s/s; %s requests were "
               "never sent",
               text, text_number(s.median, is), text_number(b->rate, must_be),
               text_number((double)cell->unsent, unsent));
    }
}

/* A load on its limit measures itself: one that has its CPU nearly to itself
 * and would ask more if it could. */
static void print_busy_load(const struct bench *b, FILE *out,
                            const char *prefix)
{
    int busier = 0, known = 0, limits = 0;
    const struct cell *worst = NULL;
    double most = 0;
    for (int i = 0; i < b->cell_count; i++) {
        struct summary server = cell_summary(&b->cells[i], MEASURE_BUSY);
        struct summary load = cell_summary(&b->cells[i], MEASURE_LOAD_BUSY);
        if (!server.known || !load.known)
            continue;
        known++;
        if (load.median <= server.median)
            continue;
        busier++;
        limits += b->rate <= 0 && load.median > BUSY_PERCENT;
        if (load.median - server.median > most) {
            most = load.median - server.median;
            worst = &b->cells[i];
        }
    }
    if (busier == 0)
        return;
    struct summary server = cell_summary(worst, MEASURE_BUSY);
    struct summary load = cell_summary(worst, MEASURE_LOAD_BUSY);
    char text[LOAD_SIZE];
    char number[64];
    describe(worst, text);
    remark(out, prefix,
           "the load was busier than the server in %d of %s (most so: "
           "%s: load %.0f %%, server %.0f %% of a CPU)",
           busier, text_plural(known, "cell", number), text, load.median,
           server.median);
    if (limits > 0)
        remark(out, prefix,
               "the load used most of its CPU in %d of them: there requests/s "
               "say more about the load, CPU us/req still holds",
               limits);
}

static void print_hidden(const struct bench *b, FILE *out, const char *prefix)
{
    for (int i = 0; i < b->cell_count; i++) {
        const struct counts *counts = &b->cells[i].counts;
        if (counts->hidden <= 0)
            continue;
        remark(out, prefix,
               "+: libc's own calls are not seen in life; %s makes %.1f of "
               "them a request at one connection",
               b->cells[i].subject->name, counts->hidden);
        return;
    }
}

/* Counted, but not as it should be. */
static void print_differing(const struct bench *b, FILE *out,
                            const char *prefix)
{
    for (int i = 0; i < b->cell_count; i++) {
        const struct counts *counts = &b->cells[i].counts;
        if (counts->method != NOT_COUNTED && counts->gap[0] != '\0')
            remark(out, prefix, "counted: %s: %s", b->cells[i].subject->name,
                   counts->gap);
    }
}

/* A slow-down within the spread of the bare rounds is none. */
static void print_slowdown(const struct bench *b, FILE *out, const char *prefix)
{
    const struct cell *worst = NULL;
    int known = 0;
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        double slowdown = cell->counts.slowdown;
        struct summary bare = cell_summary(cell, MEASURE_CPU);
        if (cell->counts.method != COUNTED_BY_PRELOAD || slowdown <= 0)
            continue;
        known++;
        if (slowdown * bare.median > bare.max &&
            (worst == NULL || slowdown > worst->counts.slowdown))
            worst = cell;
    }
    if (known > 0 && worst == NULL) {
        remark(out, prefix,
               "counting in life had no measurable cost: the CPU a request "
               "stayed within the range of the bare rounds");
    } else if (known > 0) {
        char text[LOAD_SIZE];
        describe(worst, text);
        remark(out, prefix,
               "counting in life cost at most %+.0f %% CPU a request (%s); no "
               "time above was taken while counting",
               (worst->counts.slowdown - 1) * 100, text);
    }
}

static void print_counting(const struct bench *b, FILE *out, const char *prefix)
{
    bool used[3] = {false, false, false};
    for (int i = 0; i < b->cell_count; i++)
        used[b->cells[i].counts.method] = true;
    for (int i = COUNTED_BY_TRACE; i <= COUNTED_BY_PRELOAD; i++)
        if (used[i])
            remark(out, prefix, "counted %s", count_method_names[i]);
    print_hidden(b, out, prefix);
    print_differing(b, out, prefix);
    print_slowdown(b, out, prefix);
}

void bench_print_remarks(const struct bench *b, FILE *out, const char *prefix)
{
    print_faults(b, out, prefix);
    print_gaps(b, out, prefix);
    print_noise(b, out, prefix);
    print_rates(b, out, prefix);
    print_busy_load(b, out, prefix);
    if (b->count)
        print_counting(b, out, prefix);
}

/* SPDX-License-Identifier: MIT */
/*
 * The bare pass. One measurement of each cell makes a round, and the rounds
 * are interleaved: A B C, A B C, not A A, B B. A cell stands between two
 * probes of the machine; when one of them is bad, the measurement is thrown
 * away and made again, up to REPEATS times. After that it is kept, and marked.
 */
#include "bench/bench_cell.h"
#include "common/clock.h"
#include "common/stop.h"

#include <string.h>

enum { REPEATS = 5, FIRST_PROBES = 4 };

/* What a cell cannot do by its nature is known before it is tried. */
static void find_gap(struct cell *cell)
{
    const struct model *model = cell->subject->model;
    long connections = cell->active + cell->idle;
    long fits = load_fits(connections);
    if (cell->gap[0] != '\0')
        return;
    if (model != NULL && model->most_clients > 0 &&
        connections > model->most_clients)
        snprintf(cell->gap, sizeof cell->gap,
                 "serves at most %d client%s at a time", model->most_clients,
                 model->most_clients == 1 ? "" : "s");
    else if (fits > 0)
        snprintf(cell->gap, sizeof cell->gap,
                 "the descriptor limit (ulimit -Hn) lets %ld connections "
                 "through",
                 fits);
}

/* True when a repetition leaves time for what is still to be measured. */
static bool can_repeat(const struct bench *b, int left)
{
    int64_t spent = now_ms() - b->began_ms;
    return b->budget_ms == 0 ||
           spent + spent / b->measurements * (left + 1) < b->budget_ms;
}

static bool probe_again(struct bench *b)
{
    struct probe probe;
    probe_run(&probe, b->server_cpu, b->load_cpu);
    probe_keep_best(&b->best, &probe);
    return probe_is_noisy(&b->best, &probe);
}

/* ", 40 s left", or in minutes; nothing while there is nothing to go by. */
static void describe_left(const struct bench *b, int done, char text[32])
{
    int64_t spent = now_ms() - b->began_ms;
    int64_t all = b->cell_count * b->rounds;
    int64_t ms = done > 0 ? spent * (all - done) / done : 0;
    if (b->budget_ms > 0 && ms > b->budget_ms - spent)
        ms = b->budget_ms > spent ? b->budget_ms - spent : 0;
    text[0] = '\0';
    if (done > 0)
        snprintf(text, 32, ", %lld %s left",
                 (long long)(ms < 120000 ? ms / 1000 : ms / 60000),
                 ms < 120000 ? "s" : "min");
}

static void say_where(const struct bench *b, const struct cell *cell, int done,
                      int attempt)
{
    static const char *const again[REPEATS + 1] = {"",
                                                   " (again, 2nd)",
                                                   " (again, 3rd)",
                                                   " (again, 4th)",
                                                   " (again, 5th)",
                                                   " (again, 6th)"};
    char load[LOAD_SIZE], left[32];
    describe_left(b, done, left);
    progress_say(b, "round %d of %ld%s%s: %s, %s", done / b->cell_count + 1,
                 b->rounds, left, again[attempt], cell->subject->name,
                 text_cell(cell->active, cell->idle, cell->bytes, load));
}

/* Measures `cell` once, after `done` measurements. `*noisy` says how the probe
 * before it was, and then how the one after it was: the next cell's probe
 * before. */
static void measure_once(struct bench *b, struct cell *cell, int done,
                         bool *noisy)
{
    struct cell round;
    int left = b->cell_count * (int)b->rounds - done - 1;
    for (int attempt = 0;; attempt++) {
        bool before = *noisy;
        say_where(b, cell, done, attempt);
        int status = cell_measure(b, cell, &round);
        *noisy = probe_again(b);
        b->measurements++;
        if (status < 0 && stop_requested()) {
            cell_free(&round);
            return;
        }
        if (status < 0 || (!before && !*noisy))
            break;
        if (attempt == REPEATS || stop_requested() || !can_repeat(b, left)) {
            cell->noisy++;
            break;
        }
        cell->repeats++;
        /* Wrong answers are never thrown away with the times. */
        cell->faults += round.faults;
        if (cell->fault[0] == '\0')
            memcpy(cell->fault, round.fault, sizeof cell->fault);
        cell_free(&round);
    }
    cell_take(cell, &round);
}

/* Who never got ready for one cell will not for the others. */
static void give_up_on(struct bench *b, const struct cell *silent)
{
    for (int i = 0; i < b->cell_count; i++) {
        struct cell *cell = &b->cells[i];
        if (cell->subject != silent->subject || cell->gap[0] != '\0' ||
            cell->measures[MEASURE_RATE].count > 0)
            continue;
        memcpy(cell->gap, silent->gap, sizeof cell->gap);
        cell->gap_kind = GAP_SILENT;
    }
}

/* True when one more round fits into the budget. */
static bool has_time_for(const struct bench *b, int rounds_done)
{
    int64_t spent = now_ms() - b->began_ms;
    return b->budget_ms == 0 || rounds_done == 0 || b->measurements == 0 ||
           spent + spent / b->measurements * b->cell_count <= b->budget_ms;
}

/* What an interrupt left without any figure. */
static void mark_unmeasured(struct cell *cell)
{
    if (cell_reason(cell)[0] == '\0' && cell->measures[MEASURE_RATE].count == 0)
        snprintf(cell->gap, sizeof cell->gap, "interrupted before its turn");
}

void bench_measure(struct bench *b)
{
    int done = 0;
    bool noisy = false;
    b->began_ms = now_ms();
    for (int i = 0; i < FIRST_PROBES; i++)
        noisy = probe_again(b); /* the first ones only find the best */
    for (int round = 0; round < b->rounds && has_time_for(b, round); round++) {
        for (int i = 0; i < b->cell_count && !stop_requested(); i++, done++) {
            struct cell *cell = &b->cells[i];
            find_gap(cell);
            if (cell->gap[0] == '\0')
                measure_once(b, cell, done, &noisy);
            if (cell->gap_kind == GAP_SILENT)
                give_up_on(b, cell);
        }
        if (stop_requested())
            break;
        b->rounds_done = round + 1;
    }
    for (int i = 0; i < b->cell_count && stop_requested(); i++)
        mark_unmeasured(&b->cells[i]);
    progress_clear(b);
}

/* SPDX-License-Identifier: MIT */
/*
 * The counted pass.
 *
 * The observer changes the count. A server that a tracer stops at each call is
 * slow; when it wakes up it finds many clients ready, serves them all, and
 * seems to need fewer waits a request than in life. With one connection there
 * is nothing to gather, so the tracer counts exactly there. With more, a small
 * library in the server's own process counts: that costs nanoseconds.
 * A server that never sleeps asks as often as it has time to, so how often it
 * asks in vain is a matter of speed: it is counted in life always.
 */
#include "bench/bench_count.h"

#include "common/clock.h"
#include "common/stop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNTED_LEAST = 4000,
    COUNTED_MS = 250,
    COUNTED_S = 2,
    COUNTED_TRIES = 3,
    SETTLE_US = 20000,
    DRY_RUN_US = 50000
};

static const struct {
    const char *call, *phase;
} usual[] = {
    {"accept", "copy"},      {"recv", "copy"},       {"recvmsg", "copy"},
    {"read", "copy"},        {"readv", "copy"},      {"send", "copy"},
    {"sendmsg", "copy"},     {"write", "copy"},      {"writev", "copy"},
    {"select", "wait"},      {"poll", "wait"},       {"epoll_wait", "wait"},
    {"sigwaitinfo", "wait"}, {"sigsuspend", "wait"}, {"io_uring_enter", "wait"},
    {"nanosleep", "wait"},   {"epoll_ctl", "arm"},   {"fcntl", "arm"},
    {"close", "end"},        {"shutdown", "end"}};

static const char *const phases[] = {"setup", "arm",  "wait", "wait+copy",
                                     "copy",  "reap", "work", "end",
                                     "libc",  "other"};

const char *usual_phase(const char *call)
{
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (strcmp(usual[i].call, call) == 0)
            return usual[i].phase;
    return "other";
}

void tally_add(struct counts *c, const char *call, const char *phase,
               double calls, double again)
{
    int i = 0;
    while (i < c->row_count && (strcmp(c->rows[i].call, call) != 0 ||
                                strcmp(c->rows[i].phase, phase) != 0))
        i++;
    if (i == COUNT_ROWS)
        i = COUNT_ROWS - 1; /* more kinds of calls than any server here has */
    if (i == c->row_count) {
        c->row_count++;
        snprintf(c->rows[i].call, sizeof c->rows[i].call, "%s", call);
        c->rows[i].phase = phase;
    }
    c->rows[i].calls += calls;
    c->rows[i].again += again;
}

static int phase_place(const char *phase)
{
    int count = sizeof phases / sizeof phases[0];
    for (int i = 0; i < count; i++)
        if (strcmp(phases[i], phase) == 0)
            return i;
    return count;
}

static int by_phase(const void *a, const void *b)
{
    const struct count_row *x = a, *y = b;
    int difference = phase_place(x->phase) - phase_place(y->phase);
    if (difference != 0)
        return difference;
    return (x->calls < y->calls) - (x->calls > y->calls);
}

void tally_finish(struct counts *c, unsigned long requests)
{
    c->requests = requests;
    c->total = c->again = 0;
    for (int i = 0; i < c->row_count && requests > 0; i++) {
        c->rows[i].calls /= (double)requests;
        c->rows[i].again /= (double)requests;
        c->total += c->rows[i].calls;
        c->again += c->rows[i].again;
    }
    qsort(c->rows, (size_t)c->row_count, sizeof c->rows[0], by_phase);
}

/* The tracer knows the phase of a call from the source. */
static const char *traced_phase(const struct bench *b, const struct cell *cell,
                                const char *call)
{
    const struct count_row *most = NULL;
    for (int i = 0; i < b->cell_count; i++) {
        const struct counts *c = &b->cells[i].traced;
        if (b->cells[i].subject != cell->subject ||
            c->method != COUNTED_BY_TRACE)
            continue;
        for (int k = 0; k < c->row_count; k++)
            if (strcmp(c->rows[k].call, call) == 0 &&
                (most == NULL || c->rows[k].calls > most->calls))
                most = &c->rows[k];
    }
    return most ? most->phase : usual_phase(call);
}

static double own_of_libc(const struct counts *c)
{
    double sum = 0;
    for (int k = 0; k < c->row_count; k++)
        if (strcmp(c->rows[k].phase, "libc") == 0)
            sum += c->rows[k].calls;
    return sum;
}

/* What both ways of counting see must be as much: even with one connection a
 * tracer changes a server that signals interrupt, because they gather. Only
 * calls that the library counts are compared. */
static bool agrees(const struct cell *cell)
{
    const struct counts *t = &cell->traced, *c = &cell->counts;
    double traced = 0, in_life = 0;
    for (int k = 0; k < t->row_count; k++)
        if (strcmp(t->rows[k].phase, "libc") != 0 &&
            strcmp(t->rows[k].call, "futex") != 0)
            traced += t->rows[k].calls;
    for (int k = 0; k < c->row_count; k++)
        if (strcmp(c->rows[k].call, "futex") != 0)
            in_life += c->rows[k].calls;
    return fabs(traced - in_life) <= 0.05 * traced + 0.05;
}

/* libc's own calls per request, where the tracer saw them. */
static double hidden_calls(const struct bench *b, const struct cell *cell)
{
    double sum = 0;
    for (int i = 0; i < b->cell_count && sum <= 0; i++) {
        const struct counts *c = &b->cells[i].traced;
        if (b->cells[i].subject == cell->subject &&
            c->method == COUNTED_BY_TRACE)
            sum = own_of_libc(c);
    }
    return sum;
}

static void add_counters(const struct bench *b, struct cell *cell,
                         const uint64_t before[2][COUNTERS],
                         const uint64_t after[2][COUNTERS])
{
#define COUNTER_NAME(name) #name,
    static const char *const names[] = {COUNTED_CALLS(COUNTER_NAME)};
#undef COUNTER_NAME
    for (int i = 0; i < COUNTERS; i++)
        if (after[0][i] > before[0][i])
            tally_add(&cell->counts, names[i], traced_phase(b, cell, names[i]),
                      (double)(after[0][i] - before[0][i]),
                      (double)(after[1][i] - before[1][i]));
}

/* The server goes back to its wait after the last answer. One that spins is
 * not waited for: it would go on counting. */
static void settle(const struct cell *cell)
{
    const struct model *model = cell->subject->model;
    if (model == NULL || !(model->traits & MODEL_SPINS))
        nap_us(SETTLE_US);
}

long counted_requests(const struct bench *b, long most)
{
    double due = b->rate * COUNTED_S;
    if (b->rate <= 0 || due >= (double)most)
        return most;
    return due > 1 ? (long)due : 1;
}

/* So many that counting takes COUNTED_MS at the pace of the bare rounds. How
 * many requests gather for one wait sways for some milliseconds, until the pace
 * of the server and that of its clients have met: a short count would tell of
 * one such moment. */
static long enough_requests(const struct cell *cell)
{
    struct summary rate = cell_summary(cell, MEASURE_RATE);
    double enough = rate.known ? rate.median * COUNTED_MS / 1000 : 0;
    return enough > COUNTED_LEAST ? (long)enough : COUNTED_LEAST;
}

static int count_once(const struct bench *b, struct cell *cell)
{
    struct trial t;
    uint64_t before[2][COUNTERS], after[2][COUNTERS];
    struct load_plan plan = cell_plan(b, cell);
    plan.requests = counted_requests(b, enough_requests(cell));
    plan.warm_us = DRY_RUN_US;
    struct cell scratch = {.subject = cell->subject};
    if (trial_begin(&t, b, &scratch, &plan, true) < 0) {
        snprintf(cell->counts.gap, REASON_SIZE, "%.199s",
                 scratch.gap[0] ? scratch.gap : scratch.fault);
        return -1;
    }
    settle(cell);
    bool loaded = atomic_load(&t.server.counters->loaded) > 0;
    bench_server_counts(&t.server, before[0], before[1]);
    if (!loaded) {
        snprintf(cell->counts.gap, REASON_SIZE,
                 "the server did not load libiocount.so: static, or setuid");
        trial_end(&t);
        return -1;
    }
    if (trial_measure(&t, &scratch, &plan) < 0) {
        snprintf(cell->counts.gap, REASON_SIZE, "%s", scratch.fault);
        return -1;
    }
    settle(cell);
    bench_server_counts(&t.server, after[0], after[1]);
    unsigned long requests = t.load.result->requests;
    add_counters(b, cell, (const uint64_t(*)[COUNTERS])before,
                 (const uint64_t(*)[COUNTERS])after);
    tally_finish(&cell->counts, requests);
    cell->counts.method = COUNTED_BY_PRELOAD;
    cell->counts.hidden = hidden_calls(b, cell);
    cell->counts.rate =
        (double)requests * 1e9 / (double)t.load.result->elapsed_ns;
    struct summary bare = cell_summary(cell, MEASURE_CPU);
    if (bare.known && bare.median > 0 && requests > 0)
        cell->counts.slowdown = (double)(t.after.cpu_ns - t.before.cpu_ns) /
                                1000 / (double)requests / bare.median;
    trial_end(&t);
    return 0;
}

/* What was spent on counting again, by all cells. */
static int64_t recounting_ms(const struct bench *b)
{
    int64_t sum = 0;
    for (int i = 0; i < b->cell_count; i++)
        sum += b->cells[i].recounting_ms;
    return sum;
}

/* When the machine is slow just now, server and clients meet less often: the
 * count is of the pass whose pace was the best, and that of the bare rounds, or
 * nearly, is good enough. Of a budget a quarter may go into this. */
int count_by_preload(const struct bench *b, struct cell *cell)
{
    struct summary bare = cell_summary(cell, MEASURE_RATE);
    int status = count_once(b, cell);
    struct counts best = cell->counts;
    for (int i = 1; i < COUNTED_TRIES && status == 0 && bare.known &&
                    best.rate < 0.9 * bare.median && !stop_requested() &&
                    (b->budget_ms == 0 || recounting_ms(b) < b->budget_ms / 4);
         i++) {
        int64_t began_ms = now_ms();
        cell->counts = (struct counts){.rate = 0};
        if (count_once(b, cell) == 0 && cell->counts.rate > best.rate)
            best = cell->counts;
        cell->recounting_ms += now_ms() - began_ms;
    }
    cell->counts = best;
    return status;
}

static void count_cell(const struct bench *b, struct cell *cell)
{
    const struct model *model = cell->subject->model;
    bool spins = model != NULL && (model->traits & MODEL_SPINS);
    bool alone = cell->active + cell->idle == 1;
    if (cell->gap[0] != '\0' || cell->faults > 0)
        return;
    if (cell->subject->connect != NULL) {
        snprintf(cell->counts.gap, REASON_SIZE,
                 "a running server is not counted: start it with -- COMMAND");
        return;
    }
    bool traced = alone && count_by_trace(b, cell) == 0;
    bool counted = count_by_preload(b, cell) == 0;
    if (traced && !spins && (!counted || agrees(cell)))
        cell->counts = cell->traced;
    else if (traced && !spins)
        snprintf(cell->counts.gap, REASON_SIZE,
                 "%.2f calls a request when traced, %.2f in life: its calls "
                 "depend on how fast it is",
                 cell->traced.total - own_of_libc(&cell->traced),
                 cell->counts.total);
    else if (alone && !spins && counted)
        snprintf(cell->counts.gap, REASON_SIZE, "not exact: %.180s",
                 cell->traced.gap);
}

void bench_count(struct bench *b)
{
    char connections[64];
    /* Those with one connection first: they tell the phases to the others. */
    for (int alone = 1; alone >= 0; alone--)
        for (int i = 0; i < b->cell_count && !stop_requested(); i++) {
            struct cell *cell = &b->cells[i];
            if ((cell->active + cell->idle == 1) != alone)
                continue;
            progress_say(b, "counting calls: %s, %s", cell->subject->name,
                         text_plural(cell->active + cell->idle, "connection",
                                     connections));
            count_cell(b, cell);
        }
    progress_clear(b);
}

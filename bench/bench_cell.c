/* SPDX-License-Identifier: MIT */
#include "bench/bench_cell.h"

#include "common/stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 5000,
    CONNECT_MS = 120000, /* 15,000 connections on a slow machine */
    SPARE_MS = 20000,    /* beyond the planned time */
    SLICE_MS = 200       /* between two looks for a stop */
};

struct load_plan cell_plan(const struct bench *bench, const struct cell *cell)
{
    return (struct load_plan){.service = bench->service,
                              .active = cell->active,
                              .idle = cell->idle,
                              .bytes = cell->bytes,
                              .warm_us = bench->warm_us,
                              .measure_us = bench->measure_us,
                              .requests = bench->requests,
                              .rate = bench->rate,
                              .patience = PATIENCE_MS,
                              .cpu = bench->load_cpu};
}

/* The load ended early: because the server is gone, or refused, or is wrong. */
static int explain(struct trial *t, struct cell *cell)
{
    const struct load_result *r = t->load.result;
    if (stop_requested()) {
        snprintf(cell->gap, sizeof cell->gap, "interrupted");
    } else if (!bench_server_is_alive(&t->server, cell->fault)) {
        cell->faults++;
    } else if (r->refused) {
        snprintf(cell->gap, sizeof cell->gap, "%s", r->first_fault);
    } else {
        snprintf(cell->fault, sizeof cell->fault, "%s",
                 r->first_fault[0] ? r->first_fault : "the load ended early");
        cell->faults += load_fault_count(r) ? load_fault_count(r) : 1;
    }
    trial_end(t);
    return -1;
}

/* Waits until the load is ready or done. -1 when it ended early, needs more
 * than `ms`, or the bench is to stop. */
static int await_load(struct trial *t, int64_t ms)
{
    for (; ms > 0 && !stop_requested(); ms -= SLICE_MS) {
        if (load_wait(&t->load, SLICE_MS) == 0)
            return 0;
        if (errno != ETIMEDOUT)
            return -1;
        bench_server_hear(&t->server);
    }
    return -1;
}

int trial_begin(struct trial *t, const struct bench *bench, struct cell *cell,
                const struct load_plan *plan, bool counted)
{
    struct load_plan here = *plan;
    memset(t, 0, sizeof *t);
    if (bench_server_start(&t->server, bench, cell->subject,
                           plan->active + plan->idle, counted, cell->gap) < 0) {
        cell->gap_kind = t->server.gap_kind;
        return -1;
    }
    proc_sample(t->server.pid, &t->fresh);
    here.address = t->server.address;
    if (load_start(&t->load, &here) < 0) {
        snprintf(cell->fault, sizeof cell->fault, "the load: %s",
                 strerror(errno));
        cell->faults++;
        bench_server_stop(&t->server);
        return -1;
    }
    if (await_load(t, CONNECT_MS) < 0)
        return explain(t, cell);
    bench_server_hear(&t->server);
    proc_sample(t->server.pid, &t->before);
    return 0;
}

int trial_measure(struct trial *t, struct cell *cell,
                  const struct load_plan *plan)
{
    int64_t ms = plan->measure_us / 1000 + SPARE_MS;
    if (load_go(&t->load) < 0 ||
        await_load(t, plan->requests > 0 ? INT64_MAX : ms) < 0)
        return explain(t, cell);
    proc_sample(t->server.pid, &t->after);
    if (!bench_server_is_alive(&t->server, cell->fault)) {
        cell->faults++;
        trial_end(t);
        return -1;
    }
    return 0;
}

void trial_end(struct trial *t)
{
    load_end(&t->load);
    bench_server_stop(&t->server);
}

/* Adds what one request cost. */
static void add_per_request(struct cell *cell, enum measure_id id, double sum,
                            unsigned long requests)
{
    if (requests > 0)
        measure_add(&cell->measures[id], sum / (double)requests);
}

static void add_latency(struct cell *cell, const struct load_result *r)
{
    static const struct {
        enum measure_id id;
        double percent;
    } wanted[] = {{MEASURE_P50, 50},
                  {MEASURE_P90, 90},
                  {MEASURE_P99, 99},
                  {MEASURE_P999, 99.9},
                  {MEASURE_MAX, 100}};
    const struct histogram *h = &r->latency;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        double percent = wanted[i].percent;
        if (histogram_knows(h, percent))
            measure_add(&cell->measures[wanted[i].id],
                        (double)histogram_percentile(h, percent) / 1000);
    }
}

static void add_server(struct cell *cell, const struct trial *t)
{
    const struct load_result *r = t->load.result;
    const struct proc_sample *a = &t->before, *b = &t->after, *f = &t->fresh;
    struct measure *measures = cell->measures;
    long connections = cell->active + cell->idle;
    double cpu_us = (double)(b->cpu_ns - a->cpu_ns) / 1000;
    int64_t user = b->user_ticks - a->user_ticks;
    int64_t ticks = user + b->system_ticks - a->system_ticks;
    if (a->processes == 0 || b->processes == 0)
        return; /* somebody else's server, seen from outside only */
    add_per_request(cell, MEASURE_CPU, cpu_us, r->requests);
    if (ticks > 0) {
        double share = (double)user / (double)ticks;
        add_per_request(cell, MEASURE_USER, cpu_us * share, r->requests);
        add_per_request(cell, MEASURE_SYSTEM, cpu_us * (1 - share),
                        r->requests);
    }
    /* A thread that ends takes its switches along, and the sum may shrink. */
    if (b->voluntary >= a->voluntary && b->involuntary >= a->involuntary) {
        add_per_request(cell, MEASURE_VOLUNTARY,
                        (double)(b->voluntary - a->voluntary), r->requests);
        add_per_request(cell, MEASURE_INVOLUNTARY,
                        (double)(b->involuntary - a->involuntary), r->requests);
    }
    measure_add(&measures[MEASURE_THREADS],
                a->threads > b->threads ? a->threads : b->threads);
    measure_add(&measures[MEASURE_PEAK], (double)b->peak_kib);
    if (connections >= CONNECTIONS_FOR_MEMORY && f->processes > 0) {
        measure_add(&measures[MEASURE_OWN], (double)(a->own_kib - f->own_kib) *
                                                1024 / (double)connections);
        measure_add(&measures[MEASURE_STACK],
                    (double)(a->kernel_stack_kib - f->kernel_stack_kib) * 1024 /
                        (double)connections);
    }
    measure_add(&measures[MEASURE_BUSY],
                cpu_us * 1000 / (double)r->elapsed_ns * 100);
}

static void keep_histogram(struct histogram **kept, const struct histogram *h)
{
    if (*kept == NULL)
        *kept = calloc(1, sizeof **kept);
    if (*kept != NULL)
        histogram_merge(*kept, h);
}

static void add_trial(const struct bench *bench, struct cell *cell,
                      const struct trial *t)
{
    const struct load_result *r = t->load.result;
    cell->faults += load_fault_count(r);
    cell->syn_retries += r->syn_retries;
    cell->unsent += r->unsent;
    if (r->first_fault[0] != '\0' && cell->fault[0] == '\0')
        snprintf(cell->fault, sizeof cell->fault, "%s", r->first_fault);
    measure_add(&cell->measures[MEASURE_RATE],
                (double)r->requests * 1e9 / (double)r->elapsed_ns);
    add_latency(cell, r);
    add_server(cell, t);
    measure_add(&cell->measures[MEASURE_LOAD_BUSY],
                (double)(r->user_ns + r->system_ns) / (double)r->elapsed_ns *
                    100);
    keep_histogram(&cell->latency, &r->latency);
    if (bench->rate > 0)
        keep_histogram(&cell->since_sent, &r->since_sent);
}

int cell_measure(const struct bench *bench, const struct cell *cell,
                 struct cell *round)
{
    struct trial t;
    struct load_plan plan = cell_plan(bench, cell);
    *round = (struct cell){.subject = cell->subject,
                           .active = cell->active,
                           .idle = cell->idle,
                           .bytes = cell->bytes};
    if (trial_begin(&t, bench, round, &plan, false) < 0 ||
        trial_measure(&t, round, &plan) < 0)
        return -1;
    add_trial(bench, round, &t);
    trial_end(&t);
    return 0;
}

void cell_take(struct cell *cell, struct cell *round)
{
    for (int i = 0; i < MEASURES; i++)
        for (int k = 0; k < round->measures[i].count; k++)
            measure_add(&cell->measures[i], round->measures[i].values[k]);
    if (round->latency != NULL)
        keep_histogram(&cell->latency, round->latency);
    if (round->since_sent != NULL)
        keep_histogram(&cell->since_sent, round->since_sent);
    cell->faults += round->faults;
    cell->syn_retries += round->syn_retries;
    cell->unsent += round->unsent;
    if (cell->gap[0] == '\0') {
        memcpy(cell->gap, round->gap, sizeof cell->gap);
        cell->gap_kind = round->gap_kind;
    }
    if (cell->fault[0] == '\0')
        memcpy(cell->fault, round->fault, sizeof cell->fault);
    cell_free(round);
}

void cell_free(struct cell *cell)
{
    free(cell->latency), free(cell->since_sent);
    cell->latency = cell->since_sent = NULL;
}

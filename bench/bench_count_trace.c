/* SPDX-License-Identifier: MIT */
/*
 * Counting with the tracer's library.
 *
 * The tracer is attached to a server that is warm and quiet, and lets go of it
 * before it is ended. ptrace binds a tracee to one thread, so a thread of its
 * own attaches, traces and reads the events; the other one plays the load.
 */
#include "bench/bench_count.h"

#include "bench/trace.h"
#include "common/clock.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRACED_REQUESTS = 300,
    FAMILY_MAX = 1024,
    SETTLE_US = 20000,
    DRY_RUN_US = 20000
};

struct watch {
    pid_t pid;
    struct trace *trace;
    sem_t attached;
    int status;
    char fault[REASON_SIZE];
    /* Set before trace_let_go, so that the thread sees them when it is over. */
    int64_t begin_ns, end_ns;
    struct counts *counts;
    bool is_model;
};

/* The tracer's strings end with the trace; the phases of the vocabulary do
 * not. */
static const char *lasting_phase(const char *phase)
{
    for (int i = 0; trace_phases[i] != NULL; i++)
        if (strcmp(trace_phases[i], phase) == 0)
            return trace_phases[i];
    return "other";
}

static const char *phase_of(const struct trace_event *event, const char *name,
                            bool is_model)
{
    const struct trace_site *site = event->site;
    if (site != NULL && site->phase != NULL)
        return lasting_phase(site->phase);
    /* A model's own calls come from its own text. What a foreign program's
     * libraries call, it calls itself. */
    if (site != NULL && site->origin != NULL && is_model)
        return "libc";
    return usual_phase(name);
}

/* A call belongs to the load if it began while it ran: the wait in which the
 * server slept before is not counted, the one in which it sleeps after is. */
static void add_events(struct watch *w)
{
    size_t count;
    const struct trace_event *events = trace_events(w->trace, &count);
    int64_t epoch = trace_epoch_ns(w->trace);
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        int64_t began = e->begin_ns + epoch;
        if (e->kind != TRACE_CALL || began < w->begin_ns || began > w->end_ns)
            continue;
        const char *name = trace_plain_name(e->name);
        tally_add(w->counts, name, phase_of(e, name, w->is_model), 1,
                  e->error == EAGAIN);
    }
}

/* The server, and the processes that it has already made: for a client, or as
 * a shell before it. Those that come later are followed. */
static int attach_family(struct watch *w)
{
    pid_t family[FAMILY_MAX];
    int count = proc_family(w->pid, family, FAMILY_MAX);
    if (count == 0)
        return trace_attach(w->trace, w->pid); /* it says why not */
    for (int i = 0; i < count; i++)
        if (trace_attach(w->trace, family[i]) < 0)
            return -1;
    return 0;
}

static void *watch_thread(void *data)
{
    struct watch *w = data;
    w->status = attach_family(w);
    if (w->status < 0)
        snprintf(w->fault, sizeof w->fault, "%.199s", trace_fault(w->trace));
    sem_post(&w->attached);
    if (w->status < 0)
        return NULL;
    w->status = trace_run(w->trace);
    if (w->status < 0) {
        snprintf(w->fault, sizeof w->fault, "%.199s", trace_fault(w->trace));
        return NULL;
    }
    trace_resolve(w->trace);
    add_events(w);
    return NULL;
}

/* Returns what trial_measure does, with the tracer around it. */
static int measure_watched(struct watch *w, struct trial *t, struct cell *cell,
                           const struct load_plan *plan)
{
    pthread_t thread;
    int status = -1;
    if (sem_init(&w->attached, 0, 0) < 0 ||
        pthread_create(&thread, NULL, watch_thread, w) != 0) {
        snprintf(w->fault, sizeof w->fault, "no thread for the tracer");
        trial_end(t);
        return -1;
    }
    while (sem_wait(&w->attached) < 0)
        ; /* EINTR */
    if (w->status == 0) {
        nap_us(SETTLE_US);
        w->begin_ns = now_ns();
        status = trial_measure(t, cell, plan);
        if (status == 0)
            nap_us(SETTLE_US);
        w->end_ns = now_ns();
        trace_let_go(w->trace);
    } else {
        trial_end(t);
    }
    (void)pthread_join(thread, NULL);
    (void)sem_destroy(&w->attached);
    return status;
}

int count_by_trace(const struct bench *b, struct cell *cell)
{
    const struct trace_options options = {.attribute = true, .collect = true};
    struct trial t;
    struct load_plan plan = cell_plan(b, cell);
    struct cell scratch = {.subject = cell->subject};
    plan.requests = counted_requests(b, TRACED_REQUESTS);
    plan.warm_us = DRY_RUN_US;
    struct watch w = {.counts = &cell->traced,
                      .is_model = cell->subject->model != NULL,
                      .trace = trace_new(&options)};
    if (w.trace == NULL)
        return -1;
    int status = trial_begin(&t, b, &scratch, &plan, false);
    w.pid = t.server.pid;
    if (status == 0)
        status = measure_watched(&w, &t, &scratch, &plan);
    if (status == 0) {
        tally_finish(&cell->traced, t.load.result->requests);
        cell->traced.method = COUNTED_BY_TRACE;
        cell->traced.rate = (double)t.load.result->requests * 1e9 /
                            (double)t.load.result->elapsed_ns;
        trial_end(&t);
    }
    const char *why = w.fault[0]         ? w.fault
                      : scratch.gap[0]   ? scratch.gap
                      : scratch.fault[0] ? scratch.fault
                                         : "";
    if (status < 0 || w.status < 0) {
        cell->traced = (struct counts){.method = NOT_COUNTED};
        snprintf(cell->traced.gap, REASON_SIZE, "%.199s", why);
        status = -1;
    }
    trace_free(w.trace);
    return status;
}

/* SPDX-License-Identifier: MIT */
/*
 * The cost of waiting: each server has ten clients that stay silent, and is
 * looked at for two seconds. Most servers sleep, so all of them are looked at
 * in the same two seconds; one that spins is alone on its CPU.
 */
#include "bench/bench_server.h"
#include "common/clock.h"
#include "common/sockets.h"
#include "common/stop.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIENTS = 10, WATCH_MS = 2000, SETTLE_US = 100000, ANSWER_MS = 2000 };

struct watched {
    struct waiting_cost *cost;
    struct bench_server server;
    int clients[CLIENTS];
    struct proc_sample before, after;
    uint64_t calls_before[COUNTERS], calls_after[COUNTERS];
    bool watched;
};

/* One byte to and fro: then the server has taken the client. */
static bool greet(int fd)
{
    char byte = '.';
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
           poll(&answer, 1, ANSWER_MS) == 1 && recv(fd, &byte, 1, 0) == 1 &&
           byte == '.';
}

static int connect_clients(struct watched *w)
{
    const struct model *model = w->cost->subject->model;
    for (int i = 0; i < CLIENTS; i++) {
        w->clients[i] = socket_connect(&w->server.address, 0);
        /* Past its limit the others wait in the backlog: not served, not
         * refused, and nothing to wait for here. */
        if (w->clients[i] >= 0 && model && model->most_clients > 0 &&
            i >= model->most_clients)
            continue;
        bool taken = w->clients[i] >= 0 && greet(w->clients[i]);
        if (!taken) {
            snprintf(w->cost->gap, sizeof w->cost->gap,
                     "client %d of %d got no answer", i + 1, CLIENTS);
            return -1;
        }
    }
    return 0;
}

static void end(struct watched *w)
{
    for (int i = 0; i < CLIENTS; i++)
        if (w->clients[i] >= 0)
            (void)close(w->clients[i]);
    bench_server_stop(&w->server);
}

/* True when the subject never got ready before; the gap then says so. */
static bool is_silent(const struct bench *b, struct waiting_cost *cost)
{
    for (int i = 0; i < b->cell_count; i++) {
        const struct cell *cell = &b->cells[i];
        if (cell->subject != cost->subject || cell->gap_kind != GAP_SILENT)
            continue;
        memcpy(cost->gap, cell->gap, sizeof cost->gap);
        return true;
    }
    return false;
}

static void begin(const struct bench *b, struct watched *w)
{
    /* With the counters; the rest is the same with and without them, as long
     * as the server sleeps. */
    for (int i = 0; i < CLIENTS; i++)
        w->clients[i] = -1;
    if (is_silent(b, w->cost))
        return;
    /* One that cannot be counted (static, with a sanitizer) is watched all the
     * same. */
    bool counted = w->cost->subject->connect == NULL;
    if (bench_server_start(&w->server, b, w->cost->subject, CLIENTS, counted,
                           w->cost->gap) < 0) {
        if (!counted)
            return;
        w->cost->gap[0] = '\0';
        if (bench_server_start(&w->server, b, w->cost->subject, CLIENTS, false,
                               w->cost->gap) < 0)
            return;
    }
    w->watched = w->server.pid > 0 && connect_clients(w) == 0;
    if (!w->watched) {
        if (w->cost->gap[0] == '\0')
            snprintf(w->cost->gap, sizeof w->cost->gap,
                     "its process is not known (--pid)");
        end(w);
    }
}

static void take_before(struct watched *w)
{
    uint64_t again[COUNTERS];
    if (!w->watched)
        return;
    bench_server_counts(&w->server, w->calls_before, again);
    proc_sample(w->server.pid, &w->before);
}

static void take_after(struct watched *w)
{
    uint64_t again[COUNTERS];
    if (!w->watched)
        return;
    bench_server_counts(&w->server, w->calls_after, again);
    proc_sample(w->server.pid, &w->after);
}

static void finish(struct watched *w, double seconds)
{
    struct waiting_cost *c = w->cost;
    double calls = 0;
    if (!w->watched)
        return;
    for (int i = 0; i < COUNTERS; i++)
        calls += (double)(w->calls_after[i] - w->calls_before[i]);
    c->cpu_ms_per_s =
        (double)(w->after.cpu_ns - w->before.cpu_ns) / 1e6 / seconds;
    c->wakeups_per_s =
        (double)(w->after.voluntary - w->before.voluntary) / seconds;
    c->calls_per_s = calls / seconds;
    c->calls_known =
        w->server.counters != NULL && atomic_load(&w->server.counters->loaded);
    c->threads = w->after.threads;
    c->own_kib = w->after.own_kib;
    end(w);
}

static bool spins(const struct watched *w)
{
    const struct model *model = w->cost->subject->model;
    return model != NULL && (model->traits & MODEL_SPINS);
}

/* Watches `count` servers at the same time. */
static void watch(const struct bench *b, struct watched *first, int count)
{
    for (int i = 0; i < count; i++)
        begin(b, first + i);
    nap_us(SETTLE_US);
    int64_t began = now_ns();
    for (int i = 0; i < count; i++)
        take_before(first + i);
    nap_us(WATCH_MS * INT64_C(1000));
    double seconds = (double)(now_ns() - began) / 1e9;
    for (int i = 0; i < count; i++)
        take_after(first + i);
    for (int i = 0; i < count; i++)
        finish(first + i, seconds);
}

void bench_wait(struct bench *b)
{
    struct watched *all = calloc((size_t)b->subject_count, sizeof *all);
    struct watched *next = all;
    if (all == NULL)
        return;
    progress_say(b, "the cost of waiting: 10 idle clients for 2 s");
    b->cost_count = b->subject_count;
    for (int i = 0; i < b->subject_count; i++)
        b->costs[i].subject = &b->subjects[i];
    for (int spinning = 0; spinning < 2; spinning++)
        for (int i = 0; i < b->subject_count; i++) {
            struct watched w = {.cost = &b->costs[i]};
            if (spins(&w) == spinning)
                *next++ = w;
        }
    int sleeping = 0;
    while (sleeping < b->subject_count && !spins(&all[sleeping]))
        sleeping++;
    if (sleeping > 0)
        watch(b, all, sleeping);
    for (int i = sleeping; i < b->subject_count && !stop_requested(); i++)
        watch(b, all + i, 1);
    free(all);
    progress_clear(b);
}

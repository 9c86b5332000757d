/* SPDX-License-Identifier: MIT */
#include "bench/load_internal.h"

#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors beside the connections: standard streams, epoll, control. */
enum { OTHER_DESCRIPTORS = 24 };

enum {
    TURN_NS = 100000000, /* the longest sleep between two looks at the clock */
    LATE_NS = 1000000000 /* how long an open loop may go on after its end */
};

const char *const load_fault_names[LOAD_FAULTS] = {
    "wrong answers", "connections closed", "connections reset",
    "answers missing", "connects failed"};

unsigned long load_fault_count(const struct load_result *result)
{
    unsigned long sum = 0;
    for (int i = 0; i < LOAD_FAULTS; i++)
        sum += result->faults[i];
    return sum;
}

bool load_kept(double rate, double achieved, unsigned long unsent)
{
    return unsent == 0 && achieved >= 0.95 * rate;
}

long load_fits(long connections)
{
    long limit = socket_raise_descriptor_limit(connections + OTHER_DESCRIPTORS);
    return limit >= connections + OTHER_DESCRIPTORS ? 0
                                                    : limit - OTHER_DESCRIPTORS;
}

/* A shuffled run of all byte values, again and again but never the same: a
 * small generator (xorshift) with a fixed seed, so that runs are alike. */
static int make_pattern(struct load *l)
{
    size_t size = PATTERN_SPAN + (size_t)l->plan->bytes;
    uint32_t x = 2463534242u;
    l->pattern = malloc(size);
    l->expected = malloc(size);
    if (l->pattern == NULL || l->expected == NULL)
        return -1;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        /* Half of it letters, so that upper-casing has something to do. */
        l->pattern[i] = (char)(x & 0x100 ? 'a' + (x >> 12) % 26 : x >> 24);
    }
    memcpy(l->expected, l->pattern, size);
    l->plan->service->apply(l->expected, size);
    return 0;
}

/* Open loop: connection i has requests i, i + active, i + 2 active ... */
static int64_t due_of(const struct load *l, unsigned long number)
{
    return l->start_ns + (int64_t)((double)number * 1e9 / l->plan->rate);
}

/* Sends what is due by now; what a busy connection cannot send waits there,
 * and its time runs. */
static void send_due(struct load *l, int64_t now)
{
    while (l->sending && l->left > 0 && due_of(l, l->next) <= now) {
        struct connection *c =
            &l->connections[l->next % (unsigned long)l->plan->active];
        int64_t due = due_of(l, l->next);
        if (l->end_ns > 0 && due >= l->end_ns) {
            l->sending = false;
            return;
        }
        l->next++;
        l->left--;
        if (c->state == QUIET)
            connection_ask(l, c, due);
        else if (c->state == ASKING)
            c->overdue++;
        else
            l->result->faults[LOAD_MISSING]++;
    }
}

/* The overdue request that is now the connection's oldest. */
static int64_t oldest_overdue(const struct load *l, const struct connection *c)
{
    unsigned long active = (unsigned long)l->plan->active;
    unsigned long i = (unsigned long)(c - l->connections);
    /* The last number below `next` that is this connection's. */
    unsigned long last = l->next - 1 - (l->next - 1 + active - i) % active;
    return due_of(l, last - (c->overdue - 1) * active);
}

void load_answered(struct load *l, struct connection *c)
{
    int64_t now = now_ns();
    bool active = c - l->connections < l->plan->active;
    l->greeted += l->greeted < l->count;
    l->answers++;
    if (l->recording && !c->wrong) {
        l->result->requests++;
        histogram_record(&l->result->latency, now - c->due_ns);
        if (l->plan->rate > 0)
            histogram_record(&l->result->since_sent, now - c->sent_ns);
    }
    if (l->plan->rate > 0 && c->overdue > 0) {
        int64_t due = oldest_overdue(l, c);
        c->overdue--;
        connection_ask(l, c, due);
    } else if (l->plan->rate <= 0 && active && l->sending) {
        l->again[l->again_count++] = c;
    }
}

/* Closed loop: whoever was answered in this turn asks again when all answers of
 * the turn were taken, as other load generators do. So requests come in bursts,
 * and the time from an answer to the next request is in no latency. */
static void ask_again(struct load *l)
{
    if (l->again_count > 0 && l->end_ns > 0 && now_ns() >= l->end_ns)
        l->sending = false;
    for (int i = 0; i < l->again_count; i++)
        if (l->sending && l->left > 0 && l->again[i]->state == QUIET) {
            l->left--;
            connection_ask(l, l->again[i], 0);
        }
    l->again_count = 0;
}

void load_turn(struct load *l, int64_t until_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t left = until_ns - now_ns();
    struct timespec t = {0, 0};
    if (left > 0)
        t = (struct timespec){left / 1000000000, left % 1000000000};
    int n = epoll_pwait2(l->epoll_fd, events, EVENTS_AT_ONCE, &t, NULL);
    if (n < 0 && errno == ENOSYS) /* before Linux 5.11: whole milliseconds */
        n = epoll_wait(l->epoll_fd, events, EVENTS_AT_ONCE,
                       left > 0 ? (int)((left + 999999) / 1000000) : 0);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->state != GONE)
            connection_event(l, c, events[i].events);
    }
    ask_again(l);
}

/* Server or load cannot keep up: what is due waits no longer. */
static void give_up(struct load *l)
{
    for (long i = 0; i < l->plan->active; i++) {
        if (l->recording)
            l->result->unsent += l->connections[i].overdue;
        l->connections[i].overdue = 0;
    }
    l->sending = false;
}

/* Open loop: sends what is due. True while some request may still be sent. */
static bool keep_sending(struct load *l, int64_t now)
{
    if (l->plan->rate > 0 && l->gone < l->plan->active)
        send_due(l, now);
    if (l->plan->rate > 0 && now > l->give_up_ns)
        give_up(l);
    if (l->left == 0 || l->gone == l->plan->active)
        l->sending = false;
    /* In an open loop a request that is due before the end is sent, late as it
     * may be: send_due() says when the last one has been. */
    if (l->plan->rate <= 0 && l->end_ns > 0 && now >= l->end_ns)
        l->sending = false;
    return l->sending;
}

/* One part: asks for `us` microseconds or `requests` times, then goes quiet. */
static void run_part(struct load *l, int64_t us, long requests)
{
    int64_t now = now_ns();
    int64_t silent_since = now;
    unsigned long seen = l->answers;
    l->start_ns = now;
    l->end_ns = requests > 0 ? 0 : now + us * 1000;
    if (l->plan->rate > 0)
        l->give_up_ns =
            LATE_NS +
            (requests > 0 ? due_of(l, (unsigned long)requests) : l->end_ns);
    l->left = requests > 0 ? (unsigned long)requests : ~0ul;
    l->next = 0;
    l->sending = true;
    for (long i = 0; l->plan->rate <= 0 && i < l->plan->active; i++)
        if (l->left > 0 && l->connections[i].state == QUIET) {
            l->left--;
            connection_ask(l, &l->connections[i], 0);
        }
    while (keep_sending(l, now) || l->asking > 0) {
        int64_t until = now + TURN_NS;
        if (l->plan->rate > 0 && l->sending && due_of(l, l->next) < until)
            until = due_of(l, l->next);
        load_turn(l, until);
        now = now_ns();
        if (l->answers > seen || l->asking == 0)
            silent_since = now;
        seen = l->answers;
        if (now - silent_since > l->plan->patience * 1000000)
            break;
    }
}

/* Whoever still owes an answer at the end of a part. */
static void count_missing(struct load *l)
{
    for (long i = 0; i < l->count; i++) {
        struct connection *c = &l->connections[i];
        l->result->faults[LOAD_MISSING] += c->overdue;
        c->overdue = 0;
        if (c->state == ASKING)
            connection_fail(l, c, LOAD_MISSING, "no answer in time");
    }
}

static void run_measured(struct load *l)
{
    struct rusage before, after;
    struct load_result *r = l->result;
    (void)getrusage(RUSAGE_SELF, &before);
    int64_t began = now_ns();
    l->recording = true;
    run_part(l, l->plan->measure_us, l->plan->requests);
    l->recording = false;
    r->elapsed_ns = now_ns() - began;
    (void)getrusage(RUSAGE_SELF, &after);
    count_missing(l);
    r->user_ns = ((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
                  after.ru_utime.tv_usec - before.ru_utime.tv_usec) *
                 1000;
    r->system_ns = ((after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
                    after.ru_stime.tv_usec - before.ru_stime.tv_usec) *
                   1000;
}

static int prepare(struct load *l)
{
    if (l->plan->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(l->plan->cpu, &set);
        (void)sched_setaffinity(0, sizeof set, &set); /* the caller asked */
    }
    /* Timers may come 50 us late by default, to save power. */
    (void)prctl(PR_SET_TIMERSLACK, 1000);
    l->count = l->plan->active + l->plan->idle;
    l->connections = calloc((size_t)l->count, sizeof *l->connections);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->connections == NULL || l->epoll_fd < 0 || make_pattern(l) < 0) {
        load_first_fault(l, "the load cannot start: %s", strerror(errno));
        return -1;
    }
    return 0;
}

int load_run(const struct load_plan *plan, struct load_result *result,
             const struct load_hooks *hooks)
{
    struct load *l = calloc(1, sizeof *l);
    if (l == NULL)
        return -1;
    l->plan = plan;
    l->result = result;
    l->epoll_fd = -1;
    int status = prepare(l);
    if (status == 0)
        status = load_connect_all(l);
    if (status == 0) {
        if (plan->warm_us > 0)
            run_part(l, plan->warm_us, 0);
        count_missing(l);
        hooks->ready(hooks->data);
        run_measured(l);
        hooks->done(hooks->data);
    }
    for (long i = 0; i < l->made; i++)
        if (l->connections[i].fd >= 0)
            (void)close(l->connections[i].fd);
    if (l->epoll_fd >= 0)
        (void)close(l->epoll_fd);
    free(l->connections), free(l->pattern), free(l->expected), free(l);
    return status;
}

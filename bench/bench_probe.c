/* SPDX-License-Identifier: MIT */
#include "bench/bench_probe.h"

#include "common/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    BATCH = 2000,           /* steps of arithmetic between looks at the clock */
    ROUND_TRIPS = 25,       /* timed together; the clock is read between them */
    ROUND_TRIP_BATCHES = 60 /* the median of so many counts */
};
#define ROUND_TRIP_LIMIT_NS INT64_C(5000000)

struct table_tennis {
    _Alignas(64) atomic_int ball; /* even: with the server */
    _Alignas(64) atomic_int over;
    int cpu[2];
    double loops_per_us;  /* of the second CPU */
    double round_trip_ns; /* 0: it never got anywhere */
};

static void go_to(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set); /* else it probes elsewhere */
}

static double count_loops(void)
{
    int64_t began = now_ns(), now;
    volatile uint32_t state = 2463534242u;
    long batches = 0;
    do {
        uint32_t x = state;
        for (int i = 0; i < BATCH; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
        }
        state = x;
        batches++;
        now = now_ns();
    } while (now - began < PROBE_MS * 1000000);
    return (double)batches * BATCH * 1000 / (double)(now - began);
}

static void *return_balls(void *argument)
{
    struct table_tennis *t = argument;
    go_to(t->cpu[1]);
    t->loops_per_us = count_loops();
    int next = 1;
    while (!atomic_load_explicit(&t->over, memory_order_relaxed)) {
        if (atomic_load_explicit(&t->ball, memory_order_acquire) != next)
            continue;
        atomic_store_explicit(&t->ball, next + 1, memory_order_release);
        next += 2;
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* Serves the ball; gives up when it does not come back in time, because the
 * other side was not given its CPU. */
static void serve_balls(struct table_tennis *t)
{
    double times[ROUND_TRIP_BATCHES];
    int64_t limit = now_ns() + ROUND_TRIP_LIMIT_NS + PROBE_MS * 1000000;
    int ball = 0, done = 0;
    while (done < ROUND_TRIP_BATCHES) {
        int64_t began = now_ns();
        for (int i = 0; i < ROUND_TRIPS; i++, ball += 2) {
            atomic_store_explicit(&t->ball, ball + 1, memory_order_release);
            while (atomic_load_explicit(&t->ball, memory_order_acquire) !=
                   ball + 2)
                if (now_ns() > limit)
                    goto out;
        }
        times[done++] = (double)(now_ns() - began) / ROUND_TRIPS;
    }
out:
    atomic_store(&t->over, 1);
    qsort(times, (size_t)done, sizeof times[0], by_size);
    t->round_trip_ns = done > 0 ? times[done / 2] : 0;
}

/* The probe runs in threads of its own: the bench itself stays where it is. */
static void *probe_thread(void *argument)
{
    struct table_tennis *t = argument;
    struct probe *probe = calloc(1, sizeof *probe);
    pthread_t other;
    if (probe == NULL)
        return NULL;
    go_to(t->cpu[0]);
    int two = t->cpu[1] != t->cpu[0] &&
              pthread_create(&other, NULL, return_balls, t) == 0;
    probe->loops_per_us[0] = count_loops();
    probe->loops_per_us[1] = probe->loops_per_us[0];
    if (two) {
        serve_balls(t);
        (void)pthread_join(other, NULL);
        probe->loops_per_us[1] = t->loops_per_us;
        probe->round_trip_ns = t->round_trip_ns;
    }
    return probe;
}

void probe_run(struct probe *probe, int first, int second)
{
    struct table_tennis t = {.cpu = {first, second}};
    pthread_t thread;
    void *result = NULL;
    *probe = (struct probe){.loops_per_us = {0, 0}};
    if (pthread_create(&thread, NULL, probe_thread, &t) == 0)
        (void)pthread_join(thread, &result);
    if (result != NULL)
        *probe = *(struct probe *)result;
    free(result);
}

void probe_keep_best(struct probe *best, const struct probe *probe)
{
    for (int i = 0; i < 2; i++)
        if (probe->loops_per_us[i] > best->loops_per_us[i])
            best->loops_per_us[i] = probe->loops_per_us[i];
    if (probe->round_trip_ns > 0 &&
        (best->round_trip_ns <= 0 ||
         probe->round_trip_ns < best->round_trip_ns))
        best->round_trip_ns = probe->round_trip_ns;
}

int probe_is_noisy(const struct probe *best, const struct probe *probe)
{
    for (int i = 0; i < 2; i++)
        if (probe->loops_per_us[i] * 4 / 3 < best->loops_per_us[i])
            return 1;
    /* No round trip where there was one: a CPU was not given in time. */
    return best->round_trip_ns > 0 &&
           (probe->round_trip_ns <= 0 ||
            probe->round_trip_ns > best->round_trip_ns * 4 / 3);
}

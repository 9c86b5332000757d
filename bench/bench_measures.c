/* SPDX-License-Identifier: MIT */
#include "bench/bench.h"

#include <stdlib.h>

const struct measure_kind measure_kinds[MEASURES] = {
    [MEASURE_RATE] = {"requests_per_s", "requests", "/s", 1},
    [MEASURE_P50] = {"p50_us", "p50", "us", -1},
    [MEASURE_P90] = {"p90_us", "p90", "us", -1},
    [MEASURE_P99] = {"p99_us", "p99", "us", -1},
    [MEASURE_P999] = {"p999_us", "p99.9", "us", -1},
    [MEASURE_MAX] = {"max_us", "max", "us", -1},
    [MEASURE_CPU] = {"server_cpu_us_per_request", "CPU", "us/req", -1},
    [MEASURE_USER] = {"server_user_us_per_request", "user", "us/req", -1},
    [MEASURE_SYSTEM] = {"server_system_us_per_request", "system", "us/req", -1},
    [MEASURE_VOLUNTARY] = {"voluntary_switches_per_request", "sleeps", "/req",
                           -1},
    [MEASURE_INVOLUNTARY] = {"involuntary_switches_per_request", "preempted",
                             "/req", -1},
    [MEASURE_THREADS] = {"threads", "thr", "", 0},
    [MEASURE_PEAK] = {"peak_resident_kib", "peak", "KiB", -1},
    [MEASURE_OWN] = {"memory_bytes_per_connection", "memory", "B/conn", -1},
    [MEASURE_STACK] = {"kernel_stack_bytes_per_connection", "k-stack", "B/conn",
                       -1},
    [MEASURE_BUSY] = {"server_busy_percent", "server", "% CPU", 0},
    [MEASURE_LOAD_BUSY] = {"load_busy_percent", "load", "% CPU", 0}};

const char *const place_names[] = {"split", "same", "free"};

const char *const count_method_names[] = {
    "not counted", "exact: every system call, by ptrace",
    "in life: calls through libc, by interposition"};

void measure_add(struct measure *measure, double value)
{
    if (measure->count < ROUNDS_MAX)
        measure->values[measure->count++] = value;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct summary cell_summary(const struct cell *cell, enum measure_id id)
{
    double sorted[ROUNDS_MAX];
    const struct measure *measure = &cell->measures[id];
    int n = measure->count;
    if (n == 0 || n < cell->measures[MEASURE_RATE].count)
        return (struct summary){.known = false};
    for (int i = 0; i < n; i++)
        sorted[i] = measure->values[i];
    qsort(sorted, (size_t)n, sizeof sorted[0], by_size);
    return (struct summary){.known = true,
                            .median =
                                n % 2 ? sorted[n / 2]
                                      : (sorted[n / 2 - 1] + sorted[n / 2]) / 2,
                            .min = sorted[0],
                            .max = sorted[n - 1]};
}

bool summary_is_wide(const struct summary *summary)
{
    return summary->known &&
           summary->max - summary->min > 0.2 * summary->median;
}

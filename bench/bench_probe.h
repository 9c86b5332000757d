/* SPDX-License-Identifier: MIT */
/*
 * Is the machine as fast now as a moment ago? On a shared or virtual machine
 * it often is not, and no average tells. So each cell stands between two
 * probes: arithmetic on each CPU that is used (another program or the host
 * takes it away), and a cache line sent to and fro between the two CPUs (they
 * may have been moved to other cores).
 */
#ifndef BENCH_BENCH_PROBE_H
#define BENCH_BENCH_PROBE_H

enum { PROBE_MS = 20 };

struct probe {
    double loops_per_us[2]; /* of the slower moments too: count over 20 ms */
    double round_trip_ns;   /* 0: one CPU only */
};

/* Probes CPUs `first` and `second`, both at the same time; they may be the
 * same, and -1 is 'any'. Takes about 25 ms. */
void probe_run(struct probe *probe, int first, int second);

/* Keeps in `best` the best of both. A zeroed one is the worst. */
void probe_keep_best(struct probe *best, const struct probe *probe);

/* True when `probe` differs from `best` by more than a third. */
int probe_is_noisy(const struct probe *best, const struct probe *probe);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A latency histogram with three significant digits and fixed memory, as the
 * High Dynamic Range histogram has it (hdrhistogram.org).
 *
 * Values are nanoseconds. Up to 2047 each value has a slot of its own; after
 * that each doubling of the value is cut into 1024 equal slots, so a slot is
 * never wider than 1/1024 of its value: from 1 us to 60 s an answer is right
 * to three digits, and the memory does not depend on how many are recorded.
 * Averages hide the slow requests; the slots keep them all.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    HISTOGRAM_HALF = 1024,    /* slots for one doubling */
    HISTOGRAM_DOUBLINGS = 26, /* 2048 << 25 is more than 60 s */
    HISTOGRAM_SLOTS = (HISTOGRAM_DOUBLINGS + 1) * HISTOGRAM_HALF
};

/* What is longer than this is recorded as this, and counted in `over`. */
#define HISTOGRAM_MOST_NS INT64_C(60000000000)

struct histogram {
    uint64_t count;
    uint64_t over;  /* values cut to HISTOGRAM_MOST_NS */
    int64_t min_ns; /* exact; 0 while count is 0 */
    int64_t max_ns; /* exact, up to the cut */
    uint64_t slots[HISTOGRAM_SLOTS];
};

/* A zeroed histogram is an empty one. */
void histogram_clear(struct histogram *h);

/* Records one value. A negative one, which only a broken clock makes, is 0. */
void histogram_record(struct histogram *h, int64_t ns);

/* Adds everything that `more` holds to `sum`. No digit is lost. */
void histogram_merge(struct histogram *sum, const struct histogram *more);

/*
 * The smallest recorded value that at least `percent` percent of all values do
 * not exceed (nearest rank), at the upper edge of its slot, but not above the
 * exact maximum. 0 when nothing was recorded. `percent` is 0 to 100.
 */
int64_t histogram_percentile(const struct histogram *h, double percent);

/* True when ten values or more lie beyond the percentile: what fewer say is an
 * anecdote. So p99 needs 1,000 values; the maximum (100) needs one. */
bool histogram_knows(const struct histogram *h, double percent);

/* From the middle of each slot: right to three digits like the rest. */
double histogram_mean(const struct histogram *h);
double histogram_deviation(const struct histogram *h);

/* Where a value goes, and what a slot holds: ns from `first` to `last`. */
int histogram_slot(int64_t ns);
int64_t histogram_slot_first(int slot);
int64_t histogram_slot_last(int slot);

/*
 * Writes the percentile distribution in the text form (.hgrm) that the
 * HdrHistogram plotters read, in microseconds. Comment lines at the end hold
 * the slots themselves, so that histogram_read() gets back all of it.
 * Returns 0, or -1 with errno.
 */
int histogram_write(const struct histogram *h, FILE *out);

/*
 * Adds what histogram_write() wrote to `sum`. Returns 0, or -1 with EINVAL
 * when there are no slots in the file or they do not add up to its total.
 */
int histogram_read(struct histogram *sum, FILE *in);

#endif

/* SPDX-License-Identifier: MIT */
#include "bench/histogram.h"

#include <math.h>
#include <string.h>

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

int histogram_slot(int64_t ns)
{
    if (ns < 2 * HISTOGRAM_HALF)
        return (int)ns;
    /* How far the value must be halved to lie in 1024..2047. */
    int halvings = 63 - __builtin_clzll((uint64_t)ns) - 10;
    return halvings * HISTOGRAM_HALF + (int)(ns >> halvings);
}

/* How many times the values of `slot` were halved to find it. */
static int halvings_of(int slot)
{
    int halvings = slot / HISTOGRAM_HALF - 1;
    return halvings > 0 ? halvings : 0;
}

int64_t histogram_slot_first(int slot)
{
    int halvings = halvings_of(slot);
    return ((int64_t)slot - (int64_t)halvings * HISTOGRAM_HALF) << halvings;
}

int64_t histogram_slot_last(int slot)
{
    return histogram_slot_first(slot) + (INT64_C(1) << halvings_of(slot)) - 1;
}

void histogram_record(struct histogram *h, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    if (ns > HISTOGRAM_MOST_NS) {
        ns = HISTOGRAM_MOST_NS;
        h->over++;
    }
    if (h->count == 0 || ns < h->min_ns)
        h->min_ns = ns;
    if (ns > h->max_ns)
        h->max_ns = ns;
    h->slots[histogram_slot(ns)]++;
    h->count++;
}

void histogram_merge(struct histogram *sum, const struct histogram *more)
{
    if (more->count == 0)
        return;
    if (sum->count == 0 || more->min_ns < sum->min_ns)
        sum->min_ns = more->min_ns;
    if (more->max_ns > sum->max_ns)
        sum->max_ns = more->max_ns;
    sum->count += more->count;
    sum->over += more->over;
    for (int i = 0; i < HISTOGRAM_SLOTS; i++)
        sum->slots[i] += more->slots[i];
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
    if (h->count == 0)
        return 0;
    /* A hair is taken off, so that 99.9 % of 10,000 is the 9,990th value and
     * not the 9,991st by a rounding of the product. */
    double exact = percent / 100 * (double)h->count;
    uint64_t rank = (uint64_t)ceil(exact - exact * 1e-12);
    uint64_t seen = 0;
    if (rank == 0)
        rank = 1;
    for (int i = 0; i < HISTOGRAM_SLOTS; i++) {
        seen += h->slots[i];
        if (seen >= rank) {
            int64_t last = histogram_slot_last(i);
            return last < h->max_ns ? last : h->max_ns;
        }
    }
    return h->max_ns;
}

bool histogram_knows(const struct histogram *h, double percent)
{
    if (percent >= 100)
        return h->count > 0;
    /* The hair again: 0.1 % of 10,000 is ten. */
    return (double)h->count * (100 - percent) / 100 > 10 - 1e-6;
}

static double middle(int slot)
{
    return ((double)histogram_slot_first(slot) +
            (double)histogram_slot_last(slot)) /
           2;
}

double histogram_mean(const struct histogram *h)
{
    double sum = 0;
    for (int i = 0; i < HISTOGRAM_SLOTS; i++)
        sum += (double)h->slots[i] * middle(i);
    return h->count > 0 ? sum / (double)h->count : 0;
}

double histogram_deviation(const struct histogram *h)
{
    double mean = histogram_mean(h), sum = 0;
    for (int i = 0; i < HISTOGRAM_SLOTS; i++)
        sum += (double)h->slots[i] * (middle(i) - mean) * (middle(i) - mean);
    return h->count > 0 ? sqrt(sum / (double)h->count) : 0;
}

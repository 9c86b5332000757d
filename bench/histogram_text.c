/* SPDX-License-Identifier: MIT */
/*
 * The .hgrm text of a histogram. The distribution is written as the
 * HdrHistogram plotters expect it: five steps for each halving of the distance
 * to 100 %, so that the far tail is drawn as finely as the middle.
 */
#include "bench/histogram.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { STEPS_PER_HALVING = 5, SLOTS_PER_LINE = 6 };

/* The percentile that is reported after `percent`. */
static double next_percentile(double percent)
{
    double halvings = floor(log2(100 / (100 - percent))) + 1;
    return percent + 100 / (STEPS_PER_HALVING * pow(2, halvings));
}

static void write_distribution(const struct histogram *h, FILE *out)
{
    double percent = 0;
    uint64_t seen = 0;
    for (int i = 0; i < HISTOGRAM_SLOTS; i++) {
        if (h->slots[i] == 0)
            continue;
        seen += h->slots[i];
        double reached = (double)seen / (double)h->count;
        if (reached * 100 < percent && seen < h->count)
            continue;
        int64_t ns = histogram_slot_last(i);
        fprintf(out, "%12.3f %.12f %10" PRIu64,
                (double)(ns < h->max_ns ? ns : h->max_ns) / 1000, reached,
                seen);
        if (seen == h->count)
            break; /* 1/(1-1) has no value, and the plotters know that */
        fprintf(out, " %14.2f\n", 1 / (1 - reached));
        while (percent <= reached * 100)
            percent = next_percentile(percent);
    }
    if (h->count > 0)
        fprintf(out, "\n");
}

static void write_slots(const struct histogram *h, FILE *out)
{
    int on_line = 0;
    fprintf(out,
            "#slots count=%" PRIu64 " over=%" PRIu64 " min_ns=%" PRId64
            " max_ns=%" PRId64 "\n",
            h->count, h->over, h->min_ns, h->max_ns);
    for (int i = 0; i < HISTOGRAM_SLOTS; i++) {
        if (h->slots[i] == 0)
            continue;
        fprintf(out, "%s%d:%" PRIu64, on_line == 0 ? "#" : " ", i, h->slots[i]);
        if (++on_line == SLOTS_PER_LINE) {
            fprintf(out, "\n");
            on_line = 0;
        }
    }
    if (on_line > 0)
        fprintf(out, "\n");
}

int histogram_write(const struct histogram *h, FILE *out)
{
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    write_distribution(h, out);
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
            histogram_mean(h) / 1000, histogram_deviation(h) / 1000);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
            (double)h->max_ns / 1000, h->count);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
            HISTOGRAM_DOUBLINGS, 2 * HISTOGRAM_HALF);
    write_slots(h, out);
    return ferror(out) ? -1 : 0;
}

/* Reads `#slot:count slot:count ...` and adds to `added`. */
static bool read_slots(struct histogram *h, const char *line, uint64_t *added)
{
    int slot, length;
    uint64_t count;
    for (line++; sscanf(line, " %d:%" SCNu64 "%n", &slot, &count, &length) == 2;
         line += length) {
        if (slot < 0 || slot >= HISTOGRAM_SLOTS)
            return false;
        h->slots[slot] += count;
        *added += count;
    }
    return line[strspn(line, " \r\n")] == '\0';
}

int histogram_read(struct histogram *sum, FILE *in)
{
    static struct histogram one; /* too large for a stack */
    char line[512];
    uint64_t added = 0;
    bool begun = false, well = true;
    histogram_clear(&one);
    while (well && fgets(line, sizeof line, in) != NULL) {
        if (begun && line[0] == '#')
            well = read_slots(&one, line, &added);
        else
            begun |=
                sscanf(line,
                       "#slots count=%" SCNu64 " over=%" SCNu64
                       " min_ns=%" SCNd64 " max_ns=%" SCNd64,
                       &one.count, &one.over, &one.min_ns, &one.max_ns) == 4;
    }
    if (!begun || !well || added != one.count || ferror(in)) {
        errno = EINVAL;
        return -1;
    }
    histogram_merge(sum, &one);
    return 0;
}

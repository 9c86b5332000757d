/* SPDX-License-Identifier: MIT */
/* The histogram against percentiles that are found by sorting. */
#include "tests/unit.h"

#include "bench/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 20000 };

static struct histogram *h, *other;

static void set_up(void)
{
    h = calloc(1, sizeof *h);
    other = calloc(1, sizeof *other);
    ck_assert_ptr_nonnull(h);
    ck_assert_ptr_nonnull(other);
}

static void tear_down(void)
{
    free(h), free(other);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Latencies as they come: from 1 us to 60 s, each magnitude as often. */
static int64_t random_latency(uint64_t *state)
{
    double share = (double)(next_random(state) >> 11) / 9007199254740992.0;
    return (int64_t)(1000 * pow(6e7, share));
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(percentiles_agree_with_sorted_values_to_three_digits)
{
    static int64_t values[SAMPLES];
    static const double wanted[] = {0, 1, 25, 50, 90, 99, 99.9, 99.99, 100};
    uint64_t state = 88172645463325252u + (uint64_t)_i;
    for (int i = 0; i < SAMPLES; i++) {
        values[i] = random_latency(&state);
        histogram_record(h, values[i]);
    }
    qsort(values, SAMPLES, sizeof values[0], by_size);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int rank = (int)ceil(wanted[i] / 100 * SAMPLES - 1e-6);
        int64_t exact = values[rank > 0 ? rank - 1 : 0];
        int64_t found = histogram_percentile(h, wanted[i]);
        ck_assert_msg(found >= exact && (found - exact) * 1000 <= exact,
                      "p%g is %lld, the histogram says %lld", wanted[i],
                      (long long)exact, (long long)found);
    }
    ck_assert_int_eq(h->count, SAMPLES);
    ck_assert_int_eq(h->min_ns, values[0]);
    ck_assert_int_eq(h->max_ns, values[SAMPLES - 1]);
}
END_TEST

START_TEST(percentile_is_the_nearest_rank)
{
    for (int ns = 1; ns <= 1000; ns++)
        histogram_record(h, ns);
    ck_assert_int_eq(histogram_percentile(h, 50), 500);
    ck_assert_int_eq(histogram_percentile(h, 50.01), 501);
    ck_assert_int_eq(histogram_percentile(h, 99.9), 999);
    ck_assert_int_eq(histogram_percentile(h, 99.91), 1000);
    ck_assert_int_eq(histogram_percentile(h, 0), 1);
}
END_TEST

START_TEST(an_empty_histogram_has_zero_everywhere)
{
    ck_assert_int_eq(histogram_percentile(h, 99), 0);
    ck_assert(histogram_mean(h) < 1e-9);
}
END_TEST

/* One value fewer, and a percentile is an anecdote. */
static const struct {
    double percent;
    uint64_t least;
} needs[] = {{50, 20}, {90, 100}, {99, 1000}, {99.9, 10000}, {100, 1}};

START_TEST(a_percentile_needs_ten_values_beyond_it)
{
    h->count = needs[_i].least - 1;
    ck_assert(!histogram_knows(h, needs[_i].percent));
    h->count = needs[_i].least;
    ck_assert(histogram_knows(h, needs[_i].percent));
}
END_TEST

START_TEST(slots_join_without_gap_or_overlap)
{
    for (int slot = 0; slot + 1 < HISTOGRAM_SLOTS; slot++) {
        int64_t first = histogram_slot_first(slot);
        int64_t last = histogram_slot_last(slot);
        ck_assert_int_eq(histogram_slot(first), slot);
        ck_assert_int_eq(histogram_slot(last), slot);
        ck_assert_int_eq(histogram_slot_first(slot + 1), last + 1);
        ck_assert_int_le((last - first) * 1000, first);
    }
    ck_assert_int_ge(histogram_slot_last(HISTOGRAM_SLOTS - 1),
                     HISTOGRAM_MOST_NS);
}
END_TEST

START_TEST(what_is_too_long_is_cut_and_counted)
{
    histogram_record(h, INT64_MAX);
    histogram_record(h, HISTOGRAM_MOST_NS);
    histogram_record(h, -5);
    ck_assert_int_eq(h->over, 1);
    ck_assert_int_eq(h->max_ns, HISTOGRAM_MOST_NS);
    ck_assert_int_eq(h->min_ns, 0);
    ck_assert_int_eq(h->count, 3);
}
END_TEST

START_TEST(merging_is_the_same_as_recording_in_one)
{
    static struct histogram all;
    uint64_t state = 7;
    histogram_clear(&all);
    for (int i = 0; i < SAMPLES; i++) {
        int64_t ns = random_latency(&state);
        histogram_record(i % 3 ? h : other, ns);
        histogram_record(&all, ns);
    }
    histogram_merge(h, other);
    ck_assert_int_eq(memcmp(h, &all, sizeof all), 0);
}
END_TEST

START_TEST(merging_an_empty_one_changes_nothing)
{
    histogram_record(h, 5000);
    histogram_merge(h, other);
    ck_assert_int_eq(h->count, 1);
    ck_assert_int_eq(h->min_ns, 5000);
}
END_TEST

START_TEST(mean_and_deviation_are_right_to_three_digits)
{
    for (int i = 0; i < 1000; i++)
        histogram_record(h, i % 2 ? 1000000 : 3000000);
    ck_assert(fabs(histogram_mean(h) - 2e6) < 2e3);
    ck_assert(fabs(histogram_deviation(h) - 1e6) < 2e3);
}
END_TEST

START_TEST(a_written_histogram_is_read_back_whole)
{
    uint64_t state = 99;
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < SAMPLES; i++)
        histogram_record(h, random_latency(&state));
    ck_assert_int_eq(histogram_write(h, file), 0);
    rewind(file);
    ck_assert_int_eq(histogram_read(other, file), 0);
    ck_assert_int_eq(memcmp(h, other, sizeof *h), 0);
    (void)fclose(file);
}
END_TEST

/* What the plotters take: value, percentile, count, 1/(1-percentile). */
START_TEST(the_text_has_the_columns_that_plotters_read)
{
    char line[256], expected[2][64] = {"Value", "Percentile"};
    double value, percentile, inverse, before = -1, most = 0;
    long count, last_count = 0;
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    for (int i = 1; i <= 10000; i++)
        histogram_record(h, i * INT64_C(1000));
    ck_assert_int_eq(histogram_write(h, file), 0);
    rewind(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_ptr_nonnull(strstr(line, expected[0]));
    ck_assert_ptr_nonnull(strstr(line, expected[1]));
    while (fgets(line, sizeof line, file) != NULL && line[0] != '#') {
        int fields = sscanf(line, "%lf %lf %ld %lf", &value, &percentile,
                            &count, &inverse);
        if (fields < 3)
            continue;
        ck_assert(percentile > before);
        ck_assert(fields == 3 || fabs(inverse * (1 - percentile) - 1) < 0.01);
        ck_assert(fabs(value - percentile * 10000) <= value / 1000 + 0.001);
        before = percentile;
        last_count = count;
        most = value;
    }
    ck_assert_int_eq(last_count, 10000);
    ck_assert(fabs(most - 10000) < 0.001);
    ck_assert(fabs(before - 1) < 1e-9);
    (void)fclose(file);
}
END_TEST

static const char *const bad_files[] = {
    "",
    "Value Percentile\n1.0 0.5 3 2.0\n",
    "#slots count=3 over=0 min_ns=1 max_ns=9\n#1:1 9:1\n",
    "#slots count=1 over=0 min_ns=1 max_ns=9\n#99999999:1\n",
    "#slots count=1 over=0 min_ns=1 max_ns=9\n#1:1 x\n",
};

START_TEST(a_broken_file_is_refused)
{
    const char *text = bad_files[_i];
    char *copy = strdup(text[0] ? text : "\n");
    FILE *file = fmemopen(copy, strlen(copy), "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(histogram_read(h, file), -1);
    ck_assert_int_eq(h->count, 0);
    (void)fclose(file);
    free(copy);
}
END_TEST

Suite *histogram_suite(void);
Suite *histogram_suite(void)
{
    Suite *suite = suite_create("histogram");
    TCase *tests = tcase_create("histogram");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_loop_test(
        tests, percentiles_agree_with_sorted_values_to_three_digits, 0, 4);
    tcase_add_test(tests, percentile_is_the_nearest_rank);
    tcase_add_test(tests, an_empty_histogram_has_zero_everywhere);
    tcase_add_loop_test(tests, a_percentile_needs_ten_values_beyond_it, 0,
                        sizeof needs / sizeof needs[0]);
    tcase_add_test(tests, slots_join_without_gap_or_overlap);
    tcase_add_test(tests, what_is_too_long_is_cut_and_counted);
    tcase_add_test(tests, merging_is_the_same_as_recording_in_one);
    tcase_add_test(tests, merging_an_empty_one_changes_nothing);
    tcase_add_test(tests, mean_and_deviation_are_right_to_three_digits);
    tcase_add_test(tests, a_written_histogram_is_read_back_whole);
    tcase_add_test(tests, the_text_has_the_columns_that_plotters_read);
    tcase_add_loop_test(tests, a_broken_file_is_refused, 0,
                        sizeof bad_files / sizeof bad_files[0]);
    suite_add_tcase(suite, tests);
    return suite;
}

/* SPDX-License-Identifier: MIT */
/* Two results compared: made-up spreads, and the reader of their files. */
#include "tests/unit.h"

#include "bench/bench_result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    struct summary before, after;
    int more_is_better;
    long rounds;
    enum verdict verdict;
} cases[] = {
    /* Far apart, in both directions and for both kinds of measures. */
    {{true, 100, 95, 105}, {true, 200, 190, 210}, 1, 3, BETTER},
    {{true, 100, 95, 105}, {true, 200, 190, 210}, -1, 3, WORSE},
    {{true, 200, 190, 210}, {true, 100, 95, 105}, 1, 3, WORSE},
    {{true, 200, 190, 210}, {true, 100, 95, 105}, -1, 3, BETTER},
    /* The medians differ by half, the ranges touch: nothing is said. */
    {{true, 100, 50, 160}, {true, 150, 140, 170}, 1, 3, SAME},
    {{true, 100, 95, 105}, {true, 101, 105, 110}, 1, 3, SAME},
    {{true, 100, 95, 105}, {true, 100, 95, 105}, -1, 3, SAME},
    /* Just apart. */
    {{true, 100, 95, 105}, {true, 107, 105.1, 110}, 1, 3, BETTER},
    /* One round has no range. */
    {{true, 100, 100, 100}, {true, 200, 200, 200}, 1, 1, NO_SPREAD},
    /* Not measured, or nothing to divide by. */
    {{false, 0, 0, 0}, {true, 200, 190, 210}, 1, 3, NOT_COMPARED},
    {{true, 100, 95, 105}, {false, 0, 0, 0}, 1, 3, NOT_COMPARED},
    {{true, 0, 0, 0}, {true, 1, 1, 1}, 1, 3, NOT_COMPARED},
};

START_TEST(only_ranges_that_do_not_touch_are_a_difference)
{
    struct ratio r = ratio_of(&cases[_i].before, &cases[_i].after,
                              cases[_i].more_is_better, cases[_i].rounds);
    ck_assert_int_eq(r.verdict, cases[_i].verdict);
}
END_TEST

START_TEST(a_ratio_carries_the_extremes_of_both_ranges)
{
    const struct summary before = {true, 100, 80, 125};
    const struct summary after = {true, 200, 160, 250};
    struct ratio r = ratio_of(&before, &after, 1, 3);
    ck_assert(fabs(r.median - 2) < 1e-9);
    ck_assert(fabs(r.min - 160.0 / 125) < 1e-9);
    ck_assert(fabs(r.max - 250.0 / 80) < 1e-9);
}
END_TEST

struct seen {
    char text[1024];
};

static void note(const char *path, const char *value, void *data)
{
    struct seen *seen = data;
    size_t length = strlen(seen->text);
    snprintf(seen->text + length, sizeof seen->text - length, "%s=%s;", path,
             value);
}

START_TEST(each_value_comes_with_its_path)
{
    struct seen seen = {""};
    ck_assert_ptr_null(json_walk("{\"a\": [1, {\"b\": \"x\\\"y\"}, []], "
                                 "\"c\": {}, \"d\": null}\n",
                                 note, &seen));
    ck_assert_str_eq(seen.text, "a[0]=1;a[1].b=x\"y;d=null;");
}
END_TEST

static const char *const broken[] = {
    "",
    "{",
    "[1",
    "{\"a\"}",
    "{\"a\": }",
    "[1] 2",
    "\"no end",
    "{\"a\": \"\\q\"}",
    "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"};

START_TEST(broken_json_is_refused)
{
    struct seen seen = {""};
    ck_assert_ptr_nonnull(json_walk(broken[_i], note, &seen));
}
END_TEST

/* Writes `text` to a file; *caller frees and unlinks*. */
static char *file_with(const char *text)
{
    char *path = strdup("/tmp/iobench-test-XXXXXX");
    ck_assert_ptr_nonnull(path);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    return path;
}

START_TEST(a_result_is_read_as_it_was_written)
{
    static struct bench b;
    struct subject subject = {.name = "select \"quoted\""};
    struct cell cell = {
        .subject = &subject, .active = 10, .idle = 900, .bytes = 64};
    struct result result;
    char *text = NULL;
    size_t size;
    for (int i = 0; i < 3; i++)
        for (int id = 0; id < MEASURES; id++)
            measure_add(&cell.measures[id], id * 1000 + i * 100 + 7);
    cell.counts.method = COUNTED_BY_TRACE;
    cell.counts.total = 2.25;
    b.rate = 2000;
    b.requests = 500;
    b.service = service_find("upper");
    b.cells = &cell;
    b.cell_count = 1;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    bench_print_json(&b, out);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(text,
                                 "\"loop\": \"open\", \"rate_per_s\": 2000, "
                                 "\"duration_ms\": null, \"requests\": 500,"));
    char *path = file_with(text);
    ck_assert_ptr_null(result_read(path, &result));
    ck_assert_int_eq(result.cell_count, 1);
    ck_assert_str_eq(result.cells[0].model, "select \"quoted\"");
    ck_assert_int_eq(result.cells[0].connections, 10);
    ck_assert_int_eq(result.cells[0].idle, 900);
    ck_assert_int_eq(result.cells[0].rounds, 3);
    ck_assert_int_gt(result.condition_count, 8);
    ck_assert(result.cells[0].counted && result.cells[0].exact);
    ck_assert(fabs(result.cells[0].calls - 2.25) < 1e-9);
    for (int id = 0; id < MEASURES; id++) {
        struct summary s = cell_summary(&cell, (enum measure_id)id);
        ck_assert(result.cells[0].measures[id].known);
        ck_assert(fabs(result.cells[0].measures[id].median - s.median) < 0.1);
        ck_assert(fabs(result.cells[0].measures[id].min - s.min) < 0.1);
        ck_assert(fabs(result.cells[0].measures[id].max - s.max) < 0.1);
    }
    result_free(&result);
    (void)unlink(path);
    free(path), free(text);
}
END_TEST

START_TEST(another_file_is_refused)
{
    struct result result;
    char *path = file_with("{\"format\": \"something else\"}");
    ck_assert_ptr_nonnull(result_read(path, &result));
    (void)unlink(path);
    free(path);
    ck_assert_ptr_nonnull(result_read("/does/not/exist", &result));
}
END_TEST

START_TEST(median_and_spread_are_those_of_the_rounds)
{
    struct cell cell = {.active = 1};
    const double rates[] = {5, 1, 4, 2};
    for (int i = 0; i < 4; i++)
        measure_add(&cell.measures[MEASURE_RATE], rates[i]);
    struct summary s = cell_summary(&cell, MEASURE_RATE);
    ck_assert(fabs(s.median - 3) < 1e-9);
    ck_assert(fabs(s.min - 1) < 1e-9 && fabs(s.max - 5) < 1e-9);
    ck_assert(summary_is_wide(&s));
    /* Three of four rounds had the samples for it: it is not shown. */
    for (int i = 0; i < 3; i++)
        measure_add(&cell.measures[MEASURE_P999], 100);
    s = cell_summary(&cell, MEASURE_P999);
    ck_assert(!s.known);
    s = (struct summary){true, 100, 91, 110.9};
    ck_assert(!summary_is_wide(&s));
    s.max = 111.1;
    ck_assert(summary_is_wide(&s));
}
END_TEST

START_TEST(a_wide_spread_is_marked_in_the_table)
{
    static const struct {
        struct summary s;
        const char *text;
    } figures[] = {{{true, 100, 91, 110}, "100"},
                   {{true, 100, 90, 111}, "100~"},
                   {{true, 2500, 1, 2500}, "2,500~"},
                   {{false, 0, 0, 0}, "-"}};
    char text[NUMBER_SIZE];
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        ck_assert_str_eq(text_figure(MEASURE_RATE, &figures[i].s, text),
                         figures[i].text);
}
END_TEST

Suite *compare_suite(void);
Suite *compare_suite(void)
{
    Suite *suite = suite_create("compare");
    TCase *tests = tcase_create("compare");
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_loop_test(tests, only_ranges_that_do_not_touch_are_a_difference,
                        0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tests, a_ratio_carries_the_extremes_of_both_ranges);
    tcase_add_test(tests, each_value_comes_with_its_path);
    tcase_add_loop_test(tests, broken_json_is_refused, 0,
                        sizeof broken / sizeof broken[0]);
    tcase_add_test(tests, a_result_is_read_as_it_was_written);
    tcase_add_test(tests, another_file_is_refused);
    tcase_add_test(tests, median_and_spread_are_those_of_the_rounds);
    tcase_add_test(tests, a_wide_spread_is_marked_in_the_table);
    suite_add_tcase(suite, tests);
    return suite;
}

/* SPDX-License-Identifier: MIT */
/* What iobench says below its tables, on made-up figures. */
#include "tests/unit.h"

#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

static struct bench b;
static struct subject subjects[2] = {{.name = "slow"}, {.name = "fast"}};
static struct cell cells[2];
static char *said; /* the remarks, one a line */

static void set_up(void)
{
    memset(cells, 0, sizeof cells);
    for (int i = 0; i < 2; i++)
        cells[i] =
            (struct cell){.subject = &subjects[i], .active = 10, .bytes = 64};
    b = (struct bench){.cells = cells, .cell_count = 2, .count = true};
    said = NULL;
}

static void tear_down(void)
{
    free(said);
}

/* As if it had been measured in so many rounds. */
static void measured(struct cell *cell, enum measure_id id, int rounds,
                     const double *values)
{
    for (int i = 0; i < rounds; i++)
        measure_add(&cell->measures[id], values[i]);
}

static void measured_once(struct cell *cell, enum measure_id id, double value)
{
    measured(cell, id, 1, &value);
}

static void expect(const char *words)
{
    size_t size;
    free(said);
    FILE *out = open_memstream(&said, &size);
    ck_assert_ptr_nonnull(out);
    bench_print_remarks(&b, out, "- "); /* not broken into lines */
    (void)fclose(out);
    ck_assert_msg(strstr(said, words) != NULL, "no '%s' in:\n%s", words, said);
}

static void expect_not(const char *words)
{
    expect("");
    ck_assert_msg(strstr(said, words) == NULL, "'%s' in:\n%s", words, said);
}

START_TEST(a_rate_that_was_not_held_is_said)
{
    b.rate = 20000;
    measured_once(&cells[0], MEASURE_RATE, 4321);
    measured_once(&cells[1], MEASURE_RATE, 19990);
    cells[0].unsent = 7654;
    expect("the rate was not held: slow, 10 connections, 64 bytes: 4,321 "
           "of 20,000/s; 7,654 requests were never sent\n");
    expect_not("fast");
    b.rate = 0; /* a closed loop has none */
    expect_not("rate");
}
END_TEST

static void busy(struct cell *cell, double load, double server)
{
    measured_once(cell, MEASURE_RATE, 1000);
    measured_once(cell, MEASURE_LOAD_BUSY, load);
    measured_once(cell, MEASURE_BUSY, server);
}

START_TEST(a_load_is_the_limit_only_when_it_used_its_cpu)
{
    busy(&cells[0], 10, 3);
    busy(&cells[1], 90, 95);
    expect("busier than the server in 1 of 2 cells (most so: slow, 10 "
           "connections, 64 bytes: load 10 %, server 3 % of a CPU)\n");
    expect_not("say more about the load");
}
END_TEST

START_TEST(a_load_at_its_limit_is_said_in_a_closed_loop)
{
    busy(&cells[0], 10, 3);
    busy(&cells[1], 81, 50);
    expect("in 2 of 2 cells (most so: fast");
    expect("the load used most of its CPU in 1 of them: there requests/s");
    b.rate = 1000; /* then it asks as often as it should */
    expect_not("used most of its CPU");
}
END_TEST

/* Bare, it used 9 to 12 us a request, 10 in the median. */
static void counted_at(struct cell *cell, double slowdown)
{
    const double rounds[] = {9, 10, 12};
    for (int i = 0; i < 3; i++)
        measured_once(cell, MEASURE_RATE, 1000);
    measured(cell, MEASURE_CPU, 3, rounds);
    cell->counts.method = COUNTED_BY_PRELOAD;
    cell->counts.slowdown = slowdown;
}

START_TEST(a_slow_down_within_the_bare_range_is_none)
{
    counted_at(&cells[0], 0.43); /* faster: that was the machine */
    counted_at(&cells[1], 1.19);
    expect("counting in life had no measurable cost");
    expect_not("%");
}
END_TEST

START_TEST(the_largest_slow_down_is_named)
{
    counted_at(&cells[0], 0.43);
    counted_at(&cells[1], 1.21);
    expect("counting in life cost at most +21 % CPU a request (fast, 10 "
           "connections, 64 bytes)");
    counted_at(&cells[0], 1.35);
    expect("at most +35 % CPU a request (slow, ");
    cells[0].counts.method = COUNTED_BY_TRACE; /* then it is no slow-down */
    expect("at most +21 %");
}
END_TEST

Suite *remarks_suite(void);
Suite *remarks_suite(void)
{
    Suite *suite = suite_create("remarks");
    TCase *tests = tcase_create("remarks");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_test(tests, a_rate_that_was_not_held_is_said);
    tcase_add_test(tests, a_load_is_the_limit_only_when_it_used_its_cpu);
    tcase_add_test(tests, a_load_at_its_limit_is_said_in_a_closed_loop);
    tcase_add_test(tests, a_slow_down_within_the_bare_range_is_none);
    tcase_add_test(tests, the_largest_slow_down_is_named);
    suite_add_tcase(suite, tests);
    return suite;
}

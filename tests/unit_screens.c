/* SPDX-License-Identifier: MIT */
/* The tables of iobench, printed from made-up figures. */
#include "tests/unit.h"

#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

enum { CELLS = 3, ROUNDS = 2, FIELDS = 9 };

static struct bench b;
static struct cell cells[CELLS];
static char *text; /* what was printed last */

/* Long numbers with a wide spread, and all marks. */
static void fill(struct cell *cell)
{
    static const double most[MEASURES] = {
        [MEASURE_RATE] = 118459,  [MEASURE_P50] = 199526,
        [MEASURE_P99] = 1213591,  [MEASURE_CPU] = 232,
        [MEASURE_VOLUNTARY] = 12, [MEASURE_THREADS] = 10001};
    for (int id = 0; id < MEASURES; id++) {
        double value = most[id] > 0 ? most[id] : 7;
        measure_add(&cell->measures[id], id == MEASURE_THREADS ? value : 1);
        measure_add(&cell->measures[id], value);
        measure_add(&cell->measures[id], value);
    }
    cell->noisy = 1;
    cell->counts.method = COUNTED_BY_PRELOAD;
    cell->counts.total = 37.1;
    cell->counts.again = 35.05;
    cell->counts.hidden = 7;
}

static void set_up(void)
{
    static const char *const names[CELLS] = {"uring-multishot", "gone",
                                             "somebody-elses-server"};
    memset(&b, 0, sizeof b);
    memset(cells, 0, sizeof cells);
    b.service = service_find("upper");
    b.cells = cells;
    b.cell_count = b.subject_count = CELLS;
    b.rounds_done = 1;
    b.measure_us = 1000000;
    for (int i = 0; i < CELLS; i++) {
        b.subjects[i].name = names[i];
        cells[i].subject = &b.subjects[i];
        cells[i].active = 10000;
        cells[i].idle = 1;
        cells[i].bytes = 64;
    }
    fill(&cells[0]);
    fill(&cells[2]);
    memset(cells[1].gap, 'x', REASON_SIZE - 1);
    for (int i = 9; i < REASON_SIZE - 1; i += 10)
        cells[1].gap[i] = ' ';
    text = NULL;
}

static void tear_down(void)
{
    free(text);
}

static void tally(struct cell *cell, const char *call, double calls)
{
    struct count_row *row = &cell->counts.rows[cell->counts.row_count++];
    snprintf(row->call, sizeof row->call, "%s", call);
    row->phase = "copy";
    row->calls = calls;
}

static void print(void (*how)(const struct bench *, FILE *))
{
    size_t size;
    free(text);
    text = NULL;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    how(&b, out);
    (void)fclose(out);
}

/* The line that begins with `words`; *caller frees*. */
static char *line_of(const char *words)
{
    const char *at = text;
    while (strncmp(at, words, strlen(words)) != 0) {
        at = strchr(at, '\n');
        ck_assert_msg(at != NULL, "no line '%s' in:\n%s", words, text);
        at++;
    }
    return strndup(at, strcspn(at, "\n"));
}

static void expect(const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "no '%s' in:\n%s", words, text);
}

START_TEST(a_screen_keeps_within_80_columns)
{
    b.count = b.wait = true;
    print(bench_print_table);
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1)
        ck_assert_msg(strcspn(at, "\n") <= 80, "too long: %.100s", at);
}
END_TEST

START_TEST(figures_of_one_row_never_touch)
{
    int fields = 0;
    print(bench_print_table);
    char *row = line_of("uring-multishot !"), *rest = row;
    ck_assert_ptr_nonnull(strstr(row, " 199,526~ 1,213,591~ "));
    while (strsep(&rest, " ") != NULL)
        fields += rest != NULL && *rest != ' ' && *rest != '\0';
    ck_assert_msg(fields == FIELDS, "%d fields: %s", fields, row);
    free(row);
}
END_TEST

START_TEST(a_reason_is_told_in_full)
{
    int told = 0;
    print(bench_print_table);
    for (const char *at = strstr(text, "\ngone "); *at != '\0'; at++)
        told += *at == 'x';
    ck_assert_int_eq(told, REASON_SIZE - REASON_SIZE / 10);
}
END_TEST

START_TEST(a_server_that_never_answered_says_why_in_its_row)
{
    struct cell *cell = &cells[1];
    cell->gap[0] = '\0';
    cell->faults = 3;
    strcpy(cell->fault, "connect: ECONNREFUSED");
    print(bench_print_table);
    expect("\ngone            E connect: ECONNREFUSED\n");
}
END_TEST

START_TEST(marks_are_explained_if_they_occur)
{
    print(bench_print_table);
    expect("~ spread over 20 %; ! noisy: do not compare; + and libc's");
    ck_assert_ptr_null(strstr(text, "of sleeps"));
    cells[2].measures[MEASURE_VOLUNTARY].count = 0;
    print(bench_print_table);
    expect("sleeps: threads ended, and their count with them");
}
END_TEST

START_TEST(the_wide_table_has_all_of_it)
{
    b.wide = true;
    print(bench_print_table);
    char *row = line_of("uring-multishot !");
    ck_assert_ptr_null(strstr(row, "us"));
    ck_assert_ptr_nonnull(strstr(row, "1.00-7.00"));
    ck_assert_ptr_nonnull(strstr(row, "10,001-10,001"));
    ck_assert_str_eq(row + strlen(row) - 17, "   37.1+     35.0");
    free(row);
    expect("    calls   EAGAIN\n");
}
END_TEST

START_TEST(in_markdown_the_mark_is_at_the_name)
{
    print(bench_print_markdown);
    char *row = line_of("| `uring-multishot` ! |");
    ck_assert_int_eq(row[strlen(row) - 1], '|');
    free(row);
}
END_TEST

static int commas(const char *line)
{
    int count = 0;
    for (; *line != '\0' && *line != '\n'; line++)
        count += *line == ',';
    return count;
}

/* The figure below the heading `name` in line `i` of the CSV. */
static const char *field(const char *name, int i)
{
    char *heading = strstr(text, name), *line = text;
    ck_assert_msg(heading != NULL && strchr(",\n", heading[strlen(name)]),
                  "no column %s", name);
    int before = commas(text) - commas(heading);
    while (i-- > 0)
        line = strchr(line, '\n') + 1;
    while (before-- > 0)
        line = strchr(line, ',') + 1;
    static char value[64];
    snprintf(value, sizeof value, "%.*s", (int)strcspn(line, ",\n"), line);
    return value;
}

START_TEST(a_line_of_csv_carries_its_conditions_calls_and_waiting)
{
    b.rate = 2500;
    b.server_cpu = b.load_cpu = -1;
    b.cost_count = 1;
    b.costs[0].threads = 11;
    tally(&cells[2], "recv", 1.5);
    tally(&cells[2], "send", 1);
    print(bench_print_csv);
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1)
        ck_assert_int_eq(commas(at), commas(text));
    ck_assert_str_eq(field("loop", 1), "open");
    ck_assert_str_eq(field("rate_per_s", 1), "2500");
    ck_assert_str_eq(field("duration_ms", 3), "1000");
    ck_assert_str_eq(field("place", 2), "free");
    ck_assert_str_eq(field("rounds", 1), "3");
    ck_assert_str_eq(field("recv_per_request", 3), "1.5000");
    ck_assert_str_eq(field("recv_per_request", 2), "");
    ck_assert_str_eq(field("waiting_threads", 1), "11");
    ck_assert_str_eq(field("waiting_threads", 3), "");
}
END_TEST

START_TEST(no_way_between_cpus_is_shown_that_was_not_measured)
{
    b.best.loops_per_us[0] = 500;
    print(bench_print_table);
    expect("at best: arithmetic 500 loops/us\n");
    b.best.loops_per_us[1] = 400;
    b.best.round_trip_ns = 63;
    print(bench_print_table);
    expect("500 and 400 loops/us, round trip between the");
}
END_TEST

static const struct {
    long active, idle, bytes;
    const char *words;
} loads[] = {
    {1, 0, 1, "1 connection, 1 byte"},
    {10, 1, 64, "10 connections beside 1 idle one, 64 bytes"},
    {1000, 15000, 4096, "1,000 connections beside 15,000 idle ones, 4,096 b"},
};

START_TEST(one_is_no_plural)
{
    char said[LOAD_SIZE];
    text_cell(loads[_i].active, loads[_i].idle, loads[_i].bytes, said);
    ck_assert_int_eq(strncmp(said, loads[_i].words, strlen(loads[_i].words)),
                     0);
}
END_TEST

static const struct {
    double value;
    const char *words;
} numbers[] = {
    {0, "0.00"},
    {0.004, "0.00"},
    {9.994, "9.99"},
    {9.996, "10.0"},
    {99.94, "99.9"},
    {99.96, "100"},
    {999.6, "1,000"},
    {-1234, "-1,234"},
    {100000, "100,000"},
    {999999.7, "1,000,000"},
    {1234567890, "1,234,567,890"},
};

START_TEST(numbers_have_three_digits_and_separators)
{
    char said[NUMBER_SIZE];
    ck_assert_str_eq(text_number(numbers[_i].value, said), numbers[_i].words);
}
END_TEST

Suite *screens_suite(void);
Suite *screens_suite(void)
{
    Suite *suite = suite_create("screens");
    TCase *tests = tcase_create("screens");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_test(tests, a_screen_keeps_within_80_columns);
    tcase_add_test(tests, figures_of_one_row_never_touch);
    tcase_add_test(tests, a_reason_is_told_in_full);
    tcase_add_test(tests, a_server_that_never_answered_says_why_in_its_row);
    tcase_add_test(tests, marks_are_explained_if_they_occur);
    tcase_add_test(tests, the_wide_table_has_all_of_it);
    tcase_add_test(tests, in_markdown_the_mark_is_at_the_name);
    tcase_add_test(tests,
                   a_line_of_csv_carries_its_conditions_calls_and_waiting);
    tcase_add_test(tests, no_way_between_cpus_is_shown_that_was_not_measured);
    tcase_add_loop_test(tests, one_is_no_plural, 0,
                        sizeof loads / sizeof loads[0]);
    tcase_add_loop_test(tests, numbers_have_three_digits_and_separators, 0,
                        sizeof numbers / sizeof numbers[0]);
    suite_add_tcase(suite, tests);
    return suite;
}

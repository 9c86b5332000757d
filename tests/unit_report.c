/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/clock.h"
#include "common/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void dies_of_errno(void *data)
{
    (void)data;
    report_name_program("/some/where/select_server");
    errno = EADDRINUSE;
    die_errno("listen on %s", "127.0.0.1:8080");
}

START_TEST(die_errno_names_program_deed_and_error)
{
    struct outcome o;
    run_apart(&o, dies_of_errno, NULL);
    ck_assert_int_eq(o.status, 1);
    ck_assert_str_eq(o.errors, "select_server: listen on 127.0.0.1:8080: "
                               "EADDRINUSE (Address already in use)\n");
}
END_TEST

static void dies(void *data)
{
    (void)data;
    report_name_program("plain");
    die(EXIT_NOT_AVAILABLE, "no %d%%", 5);
}

START_TEST(die_ends_with_the_status_given)
{
    struct outcome o;
    run_apart(&o, dies, NULL);
    ck_assert_int_eq(o.status, 77);
    ck_assert_str_eq(o.errors, "plain: no 5%\n");
}
END_TEST

START_TEST(errors_have_their_symbols)
{
    ck_assert_str_eq(errno_name(ECONNRESET), "ECONNRESET");
    ck_assert_str_eq(errno_name(EAGAIN), "EAGAIN");
    ck_assert_str_eq(errno_name(99999), "E?");
}
END_TEST

/* A thousand warnings, then a quiet second, then one more. */
static void warns(void *data)
{
    (void)data;
    report_name_program("server");
    int64_t began = now_ms();
    for (int i = 0; i < 1000; i++)
        warn("client %d", i);
    int64_t took = now_ms() - began;
    while (now_ms() - began <= 1000 + took)
        nap_us(20000);
    warn("the last");
}

START_TEST(warn_says_one_line_a_second_and_counts_the_rest)
{
    struct outcome o;
    char last[64] = "";
    unsigned long kept = 0;
    run_apart(&o, warns, NULL);
    ck_assert_msg(strncmp(o.errors, "server: client 0\n", 17) == 0, "%s",
                  o.errors);
    ck_assert_int_eq(sscanf(o.errors + 17,
                            "server: the last (and %lu messages %63s back)",
                            &kept, last),
                     2);
    ck_assert_uint_eq(kept, 999);
}
END_TEST

static void prints_stats(void *data)
{
    report_name_program("server");
    stats_print(data);
}

START_TEST(the_summary_has_what_happened)
{
    struct stats sum = {.served = 1, .bytes_in = 5};
    const struct stats more = {1, 2, 3, 4, 5, 6, 7};
    struct outcome o;
    run_apart(&o, prints_stats, &sum);
    ck_assert_str_eq(o.output,
                     "server: 1 clients served, 0 refused; 5 bytes in, 0 "
                     "out\n");
    stats_add(&sum, &more);
    run_apart(&o, prints_stats, &sum);
    ck_assert_str_eq(o.output,
                     "server: 2 clients served, 2 refused; 11 bytes in, 7 "
                     "out; 3 connections reset; 4 closed as idle; 5 times out "
                     "of descriptors or memory\n");
}
END_TEST

Suite *report_suite(void);
Suite *report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("report");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, die_errno_names_program_deed_and_error);
    tcase_add_test(tcase, die_ends_with_the_status_given);
    tcase_add_test(tcase, errors_have_their_symbols);
    tcase_add_test(tcase, warn_says_one_line_a_second_and_counts_the_rest);
    tcase_add_test(tcase, the_summary_has_what_happened);
    suite_add_tcase(suite, tcase);
    return suite;
}

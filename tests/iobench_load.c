/* SPDX-License-Identifier: MIT */
/* `iobench load` as a program: what it says of a server that answers too
 * little, wrongly, or too slowly. */
#include "tests/benched.h"

#include <stdio.h>
#include <string.h>

/* `load` with these words, started by `starter`, against a select server.
 * Returns its status. */
static int load_by(const char *starter, const char *words)
{
    return sh(
        "multiplexing/select_server -l 127.0.0.1:0 >%s/words & server=$!; "
        "until grep -q listening %s/words; do sleep 0.05; done; "
        "%s bench/iobench load -C $(grep -o '127[^ ]*' %s/words) %s; "
        "status=$?; kill $server; wait $server; exit $status",
        folder, folder, starter, folder, words);
}

static int load(const char *words)
{
    return load_by("", words);
}

static void expect_not(const char *words)
{
    ck_assert_msg(strstr(output, words) == NULL, "'%s' in:\n%s", words, output);
}

START_TEST(a_percentile_without_samples_is_a_dash)
{
    ck_assert_int_eq(load("-n 100"), 0);
    expect("100 requests in");
    expect_not("p50 -");
    expect_not("p90 -");
    expect("p99 -  p99.9 -");
}
END_TEST

START_TEST(a_wrong_server_has_no_latency_and_its_errors_are_explained)
{
    ck_assert_int_eq(load("-n 100 --service echo"), 1);
    expect("0 requests in");
    expect("p50 -  p90 -  p99 -  p99.9 -  max -");
    expect("wrong answers (warm-up included)\n");
}
END_TEST

START_TEST(a_rate_that_was_not_held_is_said)
{
    ck_assert_int_eq(load("-r 4M -d 50ms --warm-up 0"), 0);
    expect("the rate was not held: ");
    expect(" of 4,000,000/s; ");
    expect(" requests were never sent\n");
    ck_assert_int_eq(load("-r 10 -d 1s --warm-up 0"), 0);
    expect_not("the rate was not held");
}
END_TEST

/* In a turn of the closed loop all answers are taken before the next request
 * goes out; turns with one answer prove nothing, so there must be others. */
START_TEST(all_answers_are_taken_before_anybody_asks_again)
{
    char strace[128];
    if (lacks("strace"))
        return;
    snprintf(strace, sizeof strace,
             "strace -o %s/calls -e trace=epoll_pwait2,recvfrom,sendto",
             folder);
    ck_assert_int_eq(load_by(strace, "-c 20 -n 2000 --warm-up 0"), 0);
    ck_assert_int_eq(sh("awk '/^epoll_pwait2/ {turns++; taken = asked = 0} "
                        "turns && /^recvfrom.* = [0-9]/ "
                        "{crowds += ++taken == 2; mixed += asked > 0} "
                        "turns && /^sendto/ {asked++} "
                        "END {print (crowds > 5 ? \"crowds\" : \"alone\"), "
                        "mixed}' %s/calls",
                        folder),
                     0);
    expect("crowds 0\n");
}
END_TEST

TCase *benched_load(void)
{
    TCase *tests = tcase_create("load");
    tcase_add_test(tests, a_percentile_without_samples_is_a_dash);
    tcase_add_test(tests,
                   a_wrong_server_has_no_latency_and_its_errors_are_explained);
    tcase_add_test(tests, a_rate_that_was_not_held_is_said);
    tcase_add_test(tests, all_answers_are_taken_before_anybody_asks_again);
    return tests;
}

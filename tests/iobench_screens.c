/* SPDX-License-Identifier: MIT */
/* What a student sees of iobench: its help, its screens, what an interrupt
 * leaves. */
#include "tests/benched.h"

#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(the_help_of_a_command_names_it)
{
    ck_assert_int_eq(sh("bench/iobench compare --help"), 0);
    expect("usage: iobench compare [OPTION ...] OLD.json NEW.json");
}
END_TEST

/* Long numbers, and ranges without an end. */
static const char result[] =
    "{\"format\": \"iobench 1\", \"conditions\": {\"cpu\": \"%c of a long name "
    "that goes on and on, for it was made to fill a line and more\"}, "
    "\"cells\": [{\"model\": \"uring-multishot\", \"connections\": 10000, "
    "\"idle\": 15000, \"bytes\": 4096, \"rounds\": 3, \"noisy_rounds\": 1, "
    "\"measures\": {"
    "\"requests_per_s\": {\"median\": 118459, \"min\": 900, \"max\": 180100}, "
    "\"p99_us\": {\"median\": 213591, \"min\": 213, \"max\": 999999}, "
    "\"memory_bytes_per_connection\": {\"median\": 12698, \"min\": 12698, "
    "\"max\": 12698}}, \"calls\": {\"counted\": \"in life\", "
    "\"calls_per_request\": 37.1}}]}";

START_TEST(a_comparison_keeps_within_80_columns)
{
    char one[sizeof result], other[sizeof result];
    snprintf(one, sizeof one, result, 'A');
    snprintf(other, sizeof other, result, 'B');
    ck_assert_int_eq(sh("echo '%s' >%s/a; echo '%s' >%s/b; bench/iobench "
                        "compare %s/a %s/b >%s/c; cat %s/c; "
                        "awk 'length > 80 {bad = 1} END {exit bad}' %s/c",
                        one, folder, other, folder, folder, folder, folder,
                        folder, folder),
                     0);
    expect("p99 us        !  213,591  213,591  1.00 (0.00-4,695)");
    expect("counted once: no verdict");
    /* Exact counts need no spread. */
    ck_assert_int_eq(sh("cd %s; sed -i 's/in life/%s/' a b; "
                        "sed -i 's/37.1/36/' b",
                        folder, count_method_names[COUNTED_BY_TRACE]),
                     0);
    ck_assert_int_eq(sh("bench/iobench compare %s/a %s/b", folder, folder), 0);
    expect("37.1     36.0  0.97             better\n");
}
END_TEST

START_TEST(progress_tells_no_time_that_it_does_not_know)
{
    if (lacks("script"))
        return;
    ck_assert_int_eq(
        sh("script -qec 'bench/iobench run select -c 1 -d 20ms "
           "--rounds 2 --no-wait --no-count >/dev/null' "
           "%s/typescript >/dev/null; tr '\\r' '\\n' <%s/typescript",
           folder, folder),
        0);
    expect("\nround 1 of 2: select, 1 connection, 64 bytes  ");
    expect("\nround 2 of 2, ");
    expect(" s left: select, 1 connection, 64 bytes  ");
}
END_TEST

/* The budget allows no repetition, so that one round is over by then. */
START_TEST(an_interrupt_leaves_what_was_measured)
{
    ck_assert_int_eq(sh("timeout --foreground --preserve-status -s INT 6 "
                        "bench/iobench run select -c 1 -d 2s --rounds 25 "
                        "--budget 40 --json %s/r.json",
                        folder),
                     130);
    expect("INTERRUPTED after ");
    ck_assert_msg(strstr(output, "ERRORS") == NULL, "%s", output);
    ck_assert_int_eq(sh("cat %s/r.json", folder), 0);
    expect("\"interrupted\": true");
    expect("\"requests_per_s\": {\"median\"");
    ck_assert_msg(strstr(output, "\"gap\"") == NULL, "%s", output);
}
END_TEST

/* The same; measure.sh lives on, shows what there is, keeps no empty folder. */
static const struct {
    const char *duration, *words;
    int folders;
} interrupts[] = {{"100ms", "INTERRUPTED after", 1},
                  {"60s", "interrupted before anything was measured", 0}};

START_TEST(an_interrupted_script_shows_what_there_is)
{
    char root[512];
    ck_assert_ptr_nonnull(getcwd(root, sizeof root));
    ck_assert_int_eq(sh("ln -s \"$PWD/bench/iobench\" %s", folder), 0);
    int status =
        sh("timeout --preserve-status -k 30 -s INT 3 sh %s/bench/measure.sh "
           "%s/iobench select -c 1 --rounds 25 --budget 4 -d %s",
           root, folder, interrupts[_i].duration);
    ck_assert_int_eq(status, 130);
    expect(interrupts[_i].words);
    ck_assert_int_eq(sh("find %s/results -name '2*' | wc -l", folder), 0);
    ck_assert_int_eq(strtol(output, NULL, 10), interrupts[_i].folders);
}
END_TEST

TCase *benched_screens(void)
{
    TCase *tests = tcase_create("screens");
    tcase_add_test(tests, the_help_of_a_command_names_it);
    tcase_add_test(tests, a_comparison_keeps_within_80_columns);
    tcase_add_test(tests, progress_tells_no_time_that_it_does_not_know);
    tcase_add_test(tests, an_interrupt_leaves_what_was_measured);
    tcase_add_loop_test(tests, an_interrupted_script_shows_what_there_is, 0, 2);
    return tests;
}

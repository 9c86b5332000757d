/* SPDX-License-Identifier: MIT */
/* What a student sees of iobench: its help, its screens, what an interrupt
 * leaves. */
#include "tests/benched.h"

#include <stdio.h>

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
}
END_TEST

TCase *benched_screens(void)
{
    TCase *tests = tcase_create("screens");
    tcase_add_test(tests, the_help_of_a_command_names_it);
    tcase_add_test(tests, a_comparison_keeps_within_80_columns);
    return tests;
}

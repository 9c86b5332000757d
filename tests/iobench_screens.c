/* SPDX-License-Identifier: MIT */
/* What a student sees of iobench: its help, its screens, what an interrupt
 * leaves. */
#include "tests/benched.h"

START_TEST(the_help_of_a_command_names_it)
{
    ck_assert_int_eq(sh("bench/iobench compare --help"), 0);
    expect("usage: iobench compare [OPTION ...] OLD.json NEW.json");
}
END_TEST

TCase *benched_screens(void)
{
    TCase *tests = tcase_create("screens");
    tcase_add_test(tests, the_help_of_a_command_names_it);
    return tests;
}

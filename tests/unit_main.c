/* SPDX-License-Identifier: MIT */
/*
 * unit: the tests of the small things that all programs share. Each file
 * tests/unit_NAME.c exports NAME_suite(); the Makefile passes their names as
 * SUITES, so a new file is one new suite. `CK_RUN_SUITE=NAME` runs only one.
 */
#include "tests/unit.h"

#define SUITE(name) Suite *name##_suite(void);
SUITES
#undef SUITE

int main(void)
{
    SRunner *runner = srunner_create(NULL);
#define SUITE(name) srunner_add_suite(runner, name##_suite());
    SUITES
#undef SUITE
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

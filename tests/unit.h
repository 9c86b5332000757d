/* SPDX-License-Identifier: MIT */
/* What the unit suites share. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stddef.h>

/* A test that takes longer hangs. */
enum { UNIT_TIMEOUT_S = 60 };

/* What a piece of code did in a process of its own. */
struct outcome {
    int status; /* exit status; 128 + signal when one ended it */
    char output[4096];
    char errors[4096];
};

/* Runs `code` (with `data`) in a child, which ends with status 0 when `code`
 * returns. */
void run_apart(struct outcome *outcome, void (*code)(void *data), void *data);

#endif

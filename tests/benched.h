/* SPDX-License-Identifier: MIT */
/* What the suites of iobench share: a shell command in the build folder, and
 * what it said. */
#ifndef TESTS_BENCHED_H
#define TESTS_BENCHED_H

#include <check.h>
#include <stdbool.h>

enum { BENCHED_OUTPUT_SIZE = 64 * 1024 };

/* Of the present test: removed with all that is in it. */
extern char folder[64];

/* What the last command printed, errors included. */
extern char output[BENCHED_OUTPUT_SIZE];

/* Runs a shell command in the build folder. Returns its exit status. */
int sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number of `key` in the JSON of the only cell, folder/r.json: of a measure
 * its median. */
double number_in_json(const char *key);

/* Fails the test unless `words` are in `output`. */
void expect(const char *words);

/* True, with a line that says so, where `program` is not installed. */
bool lacks(const char *program);

/* Makes and removes `folder`. */
void benched_set_up(void);
void benched_tear_down(void);

/* The tests of iobench's counts, screens and load: *the suite owns them*. */
TCase *benched_counts(void);
TCase *benched_screens(void);
TCase *benched_load(void);

#endif

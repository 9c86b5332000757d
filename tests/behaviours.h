/* SPDX-License-Identifier: MIT */
/*
 * The rows of the conformance table: how clients behave, and what every server
 * must do about it, whatever its I/O model. Each row is run against each
 * model of bench/models.c.
 */
#ifndef TESTS_BEHAVIOURS_H
#define TESTS_BEHAVIOURS_H

#include "tests/subject.h"

struct behaviour {
    const char *name;
    /* Fails the running Check test when the server does not do it. */
    void (*run)(const struct target *target);
    unsigned not_for;    /* traits of models that this row cannot ask */
    const char *because; /* and why; stands in the list of skips */
};

/* Each ends with a NULL name. */
extern const struct behaviour stream_behaviours[];
extern const struct behaviour crowd_behaviours[];
extern const struct behaviour limit_behaviours[];
extern const struct behaviour life_behaviours[];
extern const struct behaviour start_behaviours[];
extern const struct behaviour client_behaviours[];
extern const struct behaviour wrapped_behaviours[];

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Clients that behave badly, a verb each. None of them fails when the server
 * defends itself: a connection that the server cuts is an answer, too.
 */
#ifndef TESTS_BAD_H
#define TESTS_BAD_H

#include <stddef.h>
#include <stdint.h>

struct bad_client {
    const char *address;
    long count; /* how many times, or bytes, or milliseconds: see the verb */
    uint64_t seed;
};

struct bad_verb {
    const char *name;
    const char *about;
    long usual; /* what `count` is when nobody says */
    /* Returns a descriptor that stays open, or -1. */
    int (*act)(const struct bad_client *client);
};

/* The verbs; a NULL name ends them. */
extern const struct bad_verb bad_verbs[];

/* Does the verb called `name`, `count` times (0: as usual). The descriptor
 * that it leaves open is the caller's; -1 when it leaves none. */
int bad_act(const char *name, const char *address, long count, uint64_t seed);

/* The next of a sequence of random numbers that begins with `*seed`. */
uint64_t bad_random(uint64_t *seed);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * An untouched server, and a client that visits it again and again while
 * somebody else's wait is measured. What it waits at most in that time, the
 * machine itself costs: others use it, too.
 */
#ifndef TESTS_CONTROL_H
#define TESTS_CONTROL_H

#include "common/address.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct control {
    int listen_fd; /* -1: it could not begin */
    struct address address;
    pthread_t server, client;
    atomic_bool leave;
    int64_t slowest_us; /* the client's thread's, until it has been joined */
};

/* Begins. Where it cannot (descriptors, threads) it grants nothing. */
void control_start(struct control *control);

/* Ends it. Returns the longest wait, in microseconds; a visit under way is
 * waited for, and counts. */
int64_t control_stop(struct control *control);

#endif

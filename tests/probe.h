/* SPDX-License-Identifier: MIT */
/*
 * A question and its answer, for each kind of server: how a test learns that
 * a server is well. Nothing here fails a test; every call says what is wrong,
 * so it may be used from any thread.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "tests/subject.h"

#include <pthread.h>
#include <stdatomic.h>

/* Connects to the server, or (datagrams) makes a socket that talks to it.
 * Returns the descriptor, *caller closes*; -1 with errno. */
int probe_open(enum target_kind kind, const char *address);

/*
 * Asks question number `number` and waits for its answer, up to `timeout_ms`.
 * A datagram is sent again when no answer comes: it may be lost.
 * Returns NULL, or what was wrong (static).
 */
const char *probe_ask(enum target_kind kind, int fd, unsigned long number,
                      int timeout_ms);

/* A client that is there all the time and asks again and again, in a thread
 * of its own: whatever others do, it must lose nothing. */
struct bystander {
    enum target_kind kind;
    int fd;
    pthread_t thread;
    atomic_bool leave;
    atomic_ulong asked;
    int64_t slowest_us;
    const char *fault; /* once the thread has been joined */
};

/* Connects and begins. Returns NULL, or what was wrong. */
const char *bystander_start(struct bystander *bystander, enum target_kind kind,
                            const char *address);

/* Ends its thread; its descriptor stays open. Returns what it had to
 * complain of, or NULL. */
const char *bystander_stop(struct bystander *bystander);

#endif

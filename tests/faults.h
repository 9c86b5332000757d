/* SPDX-License-Identifier: MIT */
/*
 * The rows of the torture: what a network, a kernel and its clients can do to
 * a server. Each row is run against each server to which it applies.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "tests/victim.h"

/* Sets of enum target_kind. */
enum {
    STREAMS = 1 << TARGET_STREAM,
    CHATS = 1 << TARGET_CHAT,
    DATAGRAMS = 1 << TARGET_DATAGRAM,
    HEARTBEATS = 1 << TARGET_HEARTBEAT,
    CONNECTED = STREAMS | CHATS,
    UNCONNECTED = DATAGRAMS | HEARTBEATS,
    EVERYBODY = CONNECTED | UNCONNECTED
};

struct fault {
    const char *name;
    const char *about; /* what is done, for the table */
    /* Fails the running Check test when the server does not survive it. */
    void (*run)(const struct target *target);
    unsigned kinds;      /* of servers that it is done to */
    unsigned not_for;    /* traits of models that it cannot be done to */
    const char *because; /* and why */
    bool ours_only;      /* needs options or words of our own servers */
    const char *hint;    /* for whoever wrote the server that fell */
};

/* Each ends with a NULL name. */
extern const struct fault byte_faults[];
extern const struct fault client_faults[];
extern const struct fault crowd_faults[];
extern const struct fault limit_faults[];
extern const struct fault memory_faults[];
extern const struct fault start_faults[];
extern const struct fault injected_faults[];
extern const struct fault signal_faults[];
extern const struct fault datagram_faults[];
extern const struct fault chat_faults[];
extern const struct fault random_faults[];

/* Of the long sweeps a tenth is done, chosen by the seed; or all. */
extern uint64_t torture_seed;
extern bool torture_full;

/* For the variant whose every word comes by a new thread (SIGEV_THREAD). */
#define TOLD_BY_THREADS "aio-thread"
#define NO_THREAD_TO_TELL \
    "without a thread to be made, the C library tells of no end"

static const struct start usual_start = {.listen = NULL};

#endif

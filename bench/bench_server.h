/* SPDX-License-Identifier: MIT */
/* A subject as a running server: start it, look at it, end it. */
#ifndef BENCH_BENCH_SERVER_H
#define BENCH_BENCH_SERVER_H

#include "bench/bench.h"
#include "bench/bench_proc.h"
#include "bench/counters.h"
#include "bench/spawn.h"

struct bench_server {
    struct child child;
    struct address address;
    pid_t pid;     /* 0: not known (a server that ran already) */
    int error_fd;  /* what it says on standard error is kept here */
    int memory_fd; /* of the counters, or -1 */
    struct counters *counters;
    enum gap_kind gap_kind; /* of the reason why it could not be started */
};

/*
 * Starts `subject` for `connections` clients, pinned to `cpu` (-1: free), with
 * the counting library before libc if `counted`. Returns 0 when it is ready;
 * otherwise -1 and `reason` says why, with its last words.
 */
int bench_server_start(struct bench_server *server, const struct bench *bench,
                       const struct subject *subject, long connections,
                       bool counted, char reason[REASON_SIZE]);

/* Takes and drops what it has said on standard output, so that a talkative
 * server does not stand still at a full pipe. */
void bench_server_hear(struct bench_server *server);

/* False when it has ended; `reason` then says how, with its last words. */
bool bench_server_is_alive(struct bench_server *server,
                           char reason[REASON_SIZE]);

/* SIGTERM, and SIGKILL if that is not heard, to it and to all that it started.
 * A server that ran already goes on. */
void bench_server_stop(struct bench_server *server);

/* The sums of its counters, since it started. */
void bench_server_counts(const struct bench_server *server,
                         uint64_t calls[COUNTERS], uint64_t again[COUNTERS]);

#endif

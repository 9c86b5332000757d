/* SPDX-License-Identifier: MIT */
/*
 * Starting programs, above all servers: wait for the ready line, end them in
 * an orderly way, learn what they cost. Helpers return >= 0, or -1 with errno.
 */
#ifndef BENCH_SPAWN_H
#define BENCH_SPAWN_H

#include "common/address.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct child {
    pid_t pid;  /* 0 once it has been waited for */
    int output; /* its standard output; *owned*, -1 when closed */
    int error;  /* its standard error, or -1 when it is ours */
    char ready[ADDRESS_TEXT_MAX]; /* its address, once it has said so */
    char words[4096]; /* what it said on standard output, cut at the end */
    size_t words_length;
};

struct spawn {
    char *const *argv;
    /* Called in the child before exec (rlimits and the like); may be NULL. */
    void (*prepare)(void *data);
    void *data;
    int catch_error; /* nonzero: standard error into child->error too */
};

/* The path of `program` ("multiplexing/select_server") beside the running
 * instrument's own build folder, in `path`. Returns `path`. */
const char *spawn_path(const char *program, char path[512]);

/*
 * Starts a program. It gets SIGTERM when this thread dies, so nothing stays
 * behind. A failed exec is reported here, with its errno.
 */
int spawn_start(struct child *child, const struct spawn *spawn);

/*
 * Reads the child's output until a line holds an address (`listening on ADDR
 * (model)`, or any HOST:PORT), which goes to child->ready. -1 with ETIMEDOUT
 * after `timeout_ms`, or ECHILD when its output ended first.
 */
int spawn_wait_ready(struct child *child, int timeout_ms);

/*
 * Sends `signal_number` (0: none), reads its output to the end, waits up to
 * `timeout_ms` and kills it (SIGKILL) if it has not ended then. Closes the
 * descriptors. Fills `*usage` (may be NULL). Returns the wait status.
 */
int spawn_end(struct child *child, int signal_number, int timeout_ms,
              struct rusage *usage);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A program under the tracer: a thread of its own traces it (ptrace binds a
 * tracee to one thread) while the caller plays the other side. The program's
 * output and errors come through pipes.
 */
#ifndef BENCH_TRACED_H
#define BENCH_TRACED_H

#include "bench/spawn.h"
#include "bench/trace.h"

#include <pthread.h>
#include <semaphore.h>

struct traced {
    struct trace *trace;
    struct child child; /* .output and .error are the pipes; .pid stays 0 */
    char *const *argv;
    pthread_t thread;
    sem_t started;
    int start_error; /* errno of a start that failed */
    char fault[256]; /* why, in words */
};

/* Starts argv[0] traced. Returns when it runs; 0, or -1 with `fault` filled
 * and errno set. `argv` is borrowed until traced_end. */
int traced_start(struct traced *traced, char *const argv[]);

/* The same with `input_fd` as its standard input, borrowed until it returns. */
int traced_start_reading(struct traced *traced, char *const argv[],
                         int input_fd);

/* Sends `signal_number` (0: none), waits for the end, attributes all calls.
 * The events stay in traced->trace until traced_free. */
void traced_end(struct traced *traced, int signal_number);

/* What the program wrote to standard error, into `text`; call after
 * traced_end. Returns `text`. */
const char *traced_errors(struct traced *traced, char *text, size_t size);

void traced_free(struct traced *traced);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A traced program on a stage: a thread of its own traces it (ptrace binds a
 * tracee to one thread) while the caller plays the other side. The program's
 * output and errors come through pipes.
 */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include "bench/spawn.h"
#include "bench/trace.h"

#include <pthread.h>
#include <semaphore.h>

struct stage {
    struct trace *trace;
    struct child child; /* .output and .error are the pipes; .pid stays 0 */
    char *const *argv;
    pthread_t thread;
    sem_t started;
    int start_error; /* errno of a start that failed */
    char fault[256]; /* why, in words */
};

/* Starts argv[0] traced. Returns when it runs; 0, or -1 with `fault` filled
 * and errno set. `argv` is borrowed until stage_end. */
int stage_start(struct stage *stage, char *const argv[]);

/* Sends `signal_number` (0: none), waits for the end, attributes all calls.
 * The events stay in stage->trace until stage_free. */
void stage_end(struct stage *stage, int signal_number);

/* What the program wrote to standard error, into `text`; call after
 * stage_end. Returns `text`. */
const char *stage_errors(struct stage *stage, char *text, size_t size);

void stage_free(struct stage *stage);

#endif

/* SPDX-License-Identifier: MIT */
#include "bench/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *trace_it(void *data)
{
    struct stage *stage = data;
    if (trace_start(stage->trace, stage->argv) < 0) {
        stage->start_error = errno;
        snprintf(stage->fault, sizeof stage->fault, "%s",
                 trace_fault(stage->trace));
        sem_post(&stage->started);
        return NULL;
    }
    sem_post(&stage->started);
    (void)trace_run(stage->trace); /* a fault shows in the events */
    return NULL;
}

static int fail(struct stage *stage, const char *what)
{
    int saved = errno;
    if (stage->fault[0] == '\0')
        snprintf(stage->fault, sizeof stage->fault, "%s: %s", what,
                 strerror(saved));
    stage_free(stage);
    errno = saved;
    return -1;
}

int stage_start(struct stage *stage, char *const argv[])
{
    int out[2], err[2];
    *stage = (struct stage){.argv = argv, .child = {.output = -1, .error = -1}};
    if (pipe2(out, O_CLOEXEC) < 0)
        return fail(stage, "pipe");
    stage->child.output = out[0];
    if (pipe2(err, O_CLOEXEC) < 0) {
        (void)close(out[1]);
        return fail(stage, "pipe");
    }
    stage->child.error = err[0];
    const struct trace_options options = {.decode = true,
                                          .attribute = true,
                                          .collect = true,
                                          .output_fd = out[1],
                                          .error_fd = err[1]};
    stage->trace = trace_new(&options);
    sem_init(&stage->started, 0, 0);
    int error = stage->trace
                    ? pthread_create(&stage->thread, NULL, trace_it, stage)
                    : ENOMEM;
    if (error == 0) {
        while (sem_wait(&stage->started) < 0)
            ; /* EINTR */
    }
    (void)close(out[1]);
    (void)close(err[1]);
    if (error == 0 && stage->start_error == 0)
        return 0;
    if (error == 0)
        (void)pthread_join(stage->thread, NULL);
    errno = error ? error : stage->start_error;
    return fail(stage, "trace");
}

void stage_end(struct stage *stage, int signal_number)
{
    if (signal_number != 0)
        (void)kill(trace_pid(stage->trace), signal_number);
    (void)pthread_join(stage->thread, NULL);
    trace_resolve(stage->trace);
}

const char *stage_errors(struct stage *stage, char *text, size_t size)
{
    size_t length = 0;
    ssize_t n;
    while (length < size - 1 &&
           (n = read(stage->child.error, text + length, size - 1 - length)) > 0)
        length += (size_t)n;
    text[length] = '\0';
    return text;
}

void stage_free(struct stage *stage)
{
    if (stage->child.output >= 0)
        (void)close(stage->child.output);
    if (stage->child.error >= 0)
        (void)close(stage->child.error);
    stage->child.output = stage->child.error = -1;
    if (stage->trace)
        trace_free(stage->trace);
    stage->trace = NULL;
}

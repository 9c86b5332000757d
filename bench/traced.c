/* SPDX-License-Identifier: MIT */
#include "bench/traced.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *trace_it(void *data)
{
    struct traced *traced = data;
    if (trace_start(traced->trace, traced->argv) < 0) {
        traced->start_error = errno;
        snprintf(traced->fault, sizeof traced->fault, "%s",
                 trace_fault(traced->trace));
        sem_post(&traced->started);
        return NULL;
    }
    sem_post(&traced->started);
    (void)trace_run(traced->trace); /* a fault shows in the events */
    return NULL;
}

static int fail(struct traced *traced, const char *what)
{
    int saved = errno;
    if (traced->fault[0] == '\0')
        snprintf(traced->fault, sizeof traced->fault, "%s: %s", what,
                 strerror(saved));
    traced_free(traced);
    errno = saved;
    return -1;
}

int traced_start(struct traced *traced, char *const argv[])
{
    return traced_start_reading(traced, argv, 0);
}

int traced_start_reading(struct traced *traced, char *const argv[],
                         int input_fd)
{
    int out[2], err[2];
    *traced =
        (struct traced){.argv = argv, .child = {.output = -1, .error = -1}};
    if (pipe2(out, O_CLOEXEC) < 0)
        return fail(traced, "pipe");
    traced->child.output = out[0];
    if (pipe2(err, O_CLOEXEC) < 0) {
        (void)close(out[1]);
        return fail(traced, "pipe");
    }
    traced->child.error = err[0];
    const struct trace_options options = {.decode = true,
                                          .rings = true,
                                          .attribute = true,
                                          .collect = true,
                                          .input_fd = input_fd,
                                          .output_fd = out[1],
                                          .error_fd = err[1]};
    traced->trace = trace_new(&options);
    sem_init(&traced->started, 0, 0);
    int error = traced->trace
                    ? pthread_create(&traced->thread, NULL, trace_it, traced)
                    : ENOMEM;
    if (error == 0) {
        while (sem_wait(&traced->started) < 0)
            ; /* EINTR */
    }
    (void)close(out[1]);
    (void)close(err[1]);
    if (error == 0 && traced->start_error == 0)
        return 0;
    if (error == 0)
        (void)pthread_join(traced->thread, NULL);
    errno = error ? error : traced->start_error;
    return fail(traced, "trace");
}

void traced_end(struct traced *traced, int signal_number)
{
    if (signal_number != 0)
        (void)kill(trace_pid(traced->trace), signal_number);
    (void)pthread_join(traced->thread, NULL);
    trace_resolve(traced->trace);
}

const char *traced_errors(struct traced *traced, char *text, size_t size)
{
    size_t length = 0;
    ssize_t n;
    while (length < size - 1 && (n = read(traced->child.error, text + length,
                                          size - 1 - length)) > 0)
        length += (size_t)n;
    text[length] = '\0';
    return text;
}

void traced_free(struct traced *traced)
{
    if (traced->child.output >= 0)
        (void)close(traced->child.output);
    if (traced->child.error >= 0)
        (void)close(traced->child.error);
    traced->child.output = traced->child.error = -1;
    if (traced->trace)
        trace_free(traced->trace);
    traced->trace = NULL;
}

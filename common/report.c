/* SPDX-License-Identifier: MIT */
#include "common/report.h"

#include "common/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "?";

void report_name_program(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    program_name = slash ? slash + 1 : argv0;
}

const char *report_program_name(void)
{
    return program_name;
}

const char *errno_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "E?";
}

_Noreturn void die_errno(const char *format, ...)
{
    int error = errno;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s: %s (%s)\n", program_name, message,
            errno_name(error), strerror(error));
    exit(EXIT_CANNOT_START);
}

_Noreturn void die(int status, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", program_name, message);
    exit(status);
}

void report_line(const char *format, ...)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    char line[PIPE_BUF]; /* a pipe that has room takes so much at once */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    if (poll(&out, 1, 0) > 0 && (out.revents & POLLOUT)) {
        ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
        (void)ignored; /* there is nowhere to complain */
    }
    pthread_mutex_unlock(&lock);
}

void warn(const char *format, ...)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t next_us;
    static unsigned long kept_back;
    pthread_mutex_lock(&lock);
    int64_t now = now_us();
    if (now < next_us) {
        kept_back++;
        pthread_mutex_unlock(&lock);
        return;
    }
    next_us = now + 1000000;
    unsigned long untold = kept_back;
    kept_back = 0;
    pthread_mutex_unlock(&lock);

    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (untold > 0)
        report_line("%s: %s (and %lu messages kept back)\n", program_name,
                    message, untold);
    else
        report_line("%s: %s\n", program_name, message);
}

void stats_add(struct stats *sum, const struct stats *more)
{
    sum->served += more->served;
    sum->refused += more->refused;
    sum->reset += more->reset;
    sum->idle += more->idle;
    sum->exhausted += more->exhausted;
    sum->bytes_in += more->bytes_in;
    sum->bytes_out += more->bytes_out;
}

void stats_print(const struct stats *stats)
{
    printf("%s: %lu clients served, %lu refused; %llu bytes in, %llu out",
           program_name, stats->served, stats->refused, stats->bytes_in,
           stats->bytes_out);
    if (stats->reset > 0)
        printf("; %lu connections reset", stats->reset);
    if (stats->idle > 0)
        printf("; %lu closed as idle", stats->idle);
    if (stats->exhausted > 0)
        printf("; %lu times out of descriptors or memory", stats->exhausted);
    printf("\n");
    fflush(stdout);
}

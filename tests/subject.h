/* SPDX-License-Identifier: MIT */
/*
 * What is under test: a program started for one test, its address, what it
 * said, what the kernel knows of it, and its orderly end. As in peer.h every
 * failure fails the running Check test.
 */
#ifndef TESTS_SUBJECT_H
#define TESTS_SUBJECT_H

#include "bench/models.h"
#include "bench/spawn.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATH_SIZE = 512, TEXT_SIZE = 8192 };

/* What a server offers, and so how one asks it whether it is well. */
enum target_kind {
    TARGET_STREAM, /* the service over connections */
    TARGET_CHAT,
    TARGET_DATAGRAM, /* the service over datagrams */
    TARGET_HEARTBEAT
};

/* A row of the table of models, and the programs that stand for it. */
struct target {
    const struct model *model;
    enum target_kind kind;
    /* Somebody else's server: its words, {port} stands for the port. It has
     * no options of ours, no ready line and no summary. NULL: one of ours. */
    char *const *command;
    char server[PATH_SIZE];
    char client[PATH_SIZE];
    /* The same programs linked with wrap_io.c. */
    char wrapped_server[PATH_SIZE];
    char wrapped_client[PATH_SIZE];
};

static inline bool target_is(const struct target *target,
                             enum model_trait trait)
{
    return (target->model->traits & (unsigned)trait) != 0;
}

/* How many clients it serves at a time, out of `wanted`. */
int target_room(const struct target *target, int wanted);

/* How to start a server; zero and NULL mean the usual. */
struct start {
    const char *listen;          /* default 127.0.0.1:0 */
    const char *const *args;     /* more arguments; NULL ends them */
    const char *const *settings; /* environment, "NAME=VALUE"; NULL ends them */
    long descriptors;            /* RLIMIT_NOFILE, soft and hard */
    long queued_signals;         /* RLIMIT_SIGPENDING, the same */
    bool wrapped;                /* the program linked with wrap_io.c */
    bool closed_streams;         /* standard input and error are closed */
    bool unread_errors; /* standard error is a small pipe that nobody reads */
};

/* What its summary line says. */
struct summary {
    unsigned long served, refused;
    unsigned long long bytes_in, bytes_out;
    char line[512];
};

struct server {
    struct child child;
    int error_fd; /* a file with all that it said on standard error */
    const char *address;
};

/* Starts the server and waits for its ready line. */
void server_start(struct server *server, const struct target *target,
                  const struct start *start);

/* Sends `signal_number`; the server must end with status 0 within 5 seconds
 * and leave its summary line. `summary` may be NULL. */
void server_stop(struct server *server, int signal_number,
                 struct summary *summary);

/* Stops the process and waits until it stands still; SIGCONT wakes it. */
void server_freeze(const struct server *server);
void server_thaw(const struct server *server);

/* What it said on standard error so far. Returns `text`. */
const char *server_errors(const struct server *server, char text[TEXT_SIZE]);
int count_lines(const char *text);

/* What the kernel knows of a process. */
int process_descriptors(pid_t pid);
long process_peak_kib(pid_t pid);
long process_cpu_ms(pid_t pid);

/* A program that runs to its end: arguments, all of its standard input (NULL:
 * empty), and what it said. */
struct run {
    const char *const *argv;
    const char *const *settings; /* environment; NULL ends it; may be NULL */
    const char *input;
    size_t input_length;
    int status; /* exit status; 128 + signal when one killed it */
    char *output;
    size_t output_length;
    char errors[TEXT_SIZE];
};

/* Runs it to its end. Allocates run->output (with a zero byte behind it);
 * run_free() frees it. */
void run_program(struct run *run);
void run_free(struct run *run);

/* For tests that play the server: starts the program, ends the wait later. */
void run_begin(struct run *run, struct child *child, int files[3]);
void run_finish(struct run *run, struct child *child, int files[3]);

#endif

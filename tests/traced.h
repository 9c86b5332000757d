/* SPDX-License-Identifier: MIT */
/* Programs run under iotrace or strace, for the whole-program tests of the
 * tracer. As in peer.h every failure fails the running Check test. */
#ifndef TESTS_TRACED_H
#define TESTS_TRACED_H

#include "bench/spawn.h"
#include "bench/trace.h"

#include <check.h>
#include <stdbool.h>

enum { ROWS_MAX = 128, ARGS_MAX = 16 };

/* What a counting tracer says: calls by name. Errors with EAGAIN. */
struct table {
    int count;
    struct row {
        char name[32];
        unsigned long calls, errors;
    } rows[ROWS_MAX];
};

/* A tracer and the server that it has started. */
struct traced {
    struct child tracer;
    bool spins;      /* it never rests */
    pid_t pid;       /* of the server */
    int descriptors; /* that it has without a client */
    char report[64]; /* the file that the tracer writes */
};

/* A file name that nobody else has; the file is empty. */
void make_report(char report[64]);

/* The path of bench/iotrace. */
const char *iotrace_path(void);

/* Starts `tracer` (NULL ends it; "REPORT" stands for the report's name) on
 * the server with `args`, and waits until it is ready and still. */
void traced_start(struct traced *traced, const char *const *tracer,
                  const char *server, const char *const *args);

/* `messages` questions and answers on one connection, the first when the
 * server has settled, then a farewell that both sides have seen. */
void traced_work(const struct traced *traced, int messages);

/* Waits until no thread of the server has done anything for a while; one that
 * spins gets on by a hundred stops of its tracer instead. */
void traced_settle(const struct traced *traced);

/* Ends the server with `signal_number`; returns the tracer's wait status. */
int traced_end(struct traced *traced, int signal_number);

void read_iotrace_table(const char *path, struct table *table);
void read_strace_table(const char *path, struct table *table);
const struct row *table_find(const struct table *table, const char *name);

/* Runs iotrace with `args` to its end. Its standard error is in `errors`
 * (4096 bytes). Returns the wait status. */
int run_iotrace(const char *const *args, char errors[4096]);

/* True where strace is; else the test is skipped, and says so. */
bool have_strace(void);

Suite *trace_counts_suite(void);
Suite *trace_programs_suite(void);
Suite *trace_faults_suite(void);

#endif

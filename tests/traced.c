/* SPDX-License-Identifier: MIT */
#include "tests/traced.h"

#include "common/clock.h"
#include "tests/peer.h"
#include "tests/subject.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void make_report(char report[64])
{
    snprintf(report, 64, "/tmp/iotrace-test-XXXXXX");
    int fd = mkstemp(report);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
}

const char *iotrace_path(void)
{
    static char path[512];
    return spawn_path("bench/iotrace", path);
}

bool have_strace(void)
{
    bool found = system("command -v strace >/dev/null") == 0;
    if (!found)
        printf("SKIP: no strace, so no second opinion (make deps)\n");
    return found;
}

/* The first child of the tracer that is the server, or 0. */
static pid_t find_server(pid_t tracer, const char *server)
{
    char path[64], exe[512], wanted[512];
    pid_t found = 0, pid;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", tracer, tracer);
    FILE *children = fopen(path, "re");
    ck_assert_ptr_nonnull(realpath(server, wanted));
    while (children && fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        ssize_t n = readlink(path, exe, sizeof exe - 1);
        exe[n > 0 ? n : 0] = '\0';
        if (strcmp(exe, wanted) == 0)
            found = pid;
    }
    if (children)
        (void)fclose(children);
    return found;
}

/* The switches of all threads together, and whether all of them sleep. */
static unsigned long switches(pid_t pid, bool *asleep)
{
    char path[320], line[256];
    unsigned long sum = 0, number;
    *asleep = true;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    struct dirent *task;
    while (tasks && (task = readdir(tasks))) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid,
                 task->d_name);
        FILE *status = task->d_name[0] == '.' ? NULL : fopen(path, "re");
        while (status && fgets(line, sizeof line, status)) {
            if (strncmp(line, "State:", 6) == 0)
                *asleep &= line[7] == 'S';
            if (sscanf(line, "voluntary_ctxt_switches: %lu", &number) == 1)
                sum += number + 1; /* so that a thread's end is seen */
        }
        if (status)
            (void)fclose(status);
    }
    if (tasks)
        (void)closedir(tasks);
    return sum;
}

static void wait_still(pid_t pid)
{
    int still = 0;
    bool asleep;
    unsigned long before = 0;
    for (int64_t until = now_ms() + patience_ms; still < 20;) {
        unsigned long now = switches(pid, &asleep);
        still = asleep && now == before ? still + 1 : 0;
        before = now;
        require(now_ms() < until, "process %d never comes to rest", pid);
        nap_us(5000);
    }
}

static void wait_busy(pid_t pid)
{
    bool asleep;
    unsigned long before = switches(pid, &asleep);
    for (int64_t until = now_ms() + patience_ms;
         switches(pid, &asleep) < before + 100;) {
        require(now_ms() < until, "process %d does not go on", pid);
        nap_us(2000);
    }
}

void traced_settle(const struct traced *traced)
{
    if (traced->spins)
        wait_busy(traced->pid);
    else
        wait_still(traced->pid);
}

void traced_start(struct traced *traced, const char *const *tracer,
                  const char *server, const char *const *args)
{
    const char *argv[ARGS_MAX + 1];
    int n = 0;
    make_report(traced->report);
    for (; *tracer && n < ARGS_MAX; tracer++)
        argv[n++] = strcmp(*tracer, "REPORT") ? *tracer : traced->report;
    argv[n++] = server;
    argv[n++] = "--listen";
    argv[n++] = "127.0.0.1:0";
    for (; args && *args && n < ARGS_MAX; args++)
        argv[n++] = *args;
    argv[n] = NULL;
    struct spawn spawn = {.argv = (char *const *)(uintptr_t)argv};
    ck_assert_int_eq(spawn_start(&traced->tracer, &spawn), 0);
    require(spawn_wait_ready(&traced->tracer, patience_ms) == 0,
            "%s under %s is not ready", server, argv[0]);
    traced->pid = find_server(traced->tracer.pid, server);
    require(traced->pid > 0, "%s has no child %s", argv[0], server);
    traced->descriptors = process_descriptors(traced->pid);
}

void traced_work(const struct traced *traced, int messages)
{
    int fd = peer_connect(traced->tracer.ready);
    traced_settle(traced);
    for (int i = 0; i < messages; i++)
        peer_ask(fd, "hello\n");
    peer_finish(fd);
    peer_expect_end(fd);
    (void)close(fd);
    for (int64_t until = now_ms() + patience_ms;
         process_descriptors(traced->pid) != traced->descriptors;) {
        require(now_ms() < until, "the server keeps its client");
        nap_us(2000);
    }
}

int traced_end(struct traced *traced, int signal_number)
{
    ck_assert_int_eq(kill(traced->pid, signal_number), 0);
    return spawn_end(&traced->tracer, 0, patience_ms, NULL);
}

static struct row *add_row(struct table *table)
{
    ck_assert_int_lt(table->count, ROWS_MAX);
    return &table->rows[table->count++];
}

/* "9 0 1 0.0 mmap": calls, EAGAIN, errors, asleep, name; a blank line ends
 * the first table. */
void read_iotrace_table(const char *path, struct table *table)
{
    char line[256];
    struct row row;
    unsigned long again;
    FILE *in = fopen(path, "re");
    ck_assert_ptr_nonnull(in);
    table->count = 0;
    while (fgets(line, sizeof line, in) && line[0] != '\n') {
        if (sscanf(line, "%lu %lu %lu %*f %31s", &row.calls, &again,
                   &row.errors, row.name) != 4 ||
            strcmp(row.name, "total") == 0)
            continue;
        row.errors += again;
        *add_row(table) = row;
    }
    (void)fclose(in);
}

/* "mmap 9 1": name, calls, errors (nothing for none). */
void read_strace_table(const char *path, struct table *table)
{
    char line[256];
    FILE *in = fopen(path, "re");
    ck_assert_ptr_nonnull(in);
    table->count = 0;
    while (fgets(line, sizeof line, in)) {
        struct row row = {.errors = 0};
        if (sscanf(line, "%31s %lu %lu", row.name, &row.calls, &row.errors) <
                2 ||
            strcmp(row.name, "total") == 0)
            continue;
        *add_row(table) = row;
    }
    (void)fclose(in);
}

const struct row *table_find(const struct table *table, const char *name)
{
    static const struct row none = {.calls = 0};
    for (int i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return &none;
}

int run_iotrace(const char *const *args, char errors[4096])
{
    const char *argv[ARGS_MAX + 2] = {iotrace_path()};
    for (int n = 1; *args; args++, n++) {
        ck_assert_int_lt(n, ARGS_MAX);
        argv[n] = *args;
    }
    struct run run = {.argv = argv};
    run_program(&run);
    snprintf(errors, 4096, "%.4095s", run.errors);
    run_free(&run);
    return run.status;
}

/* SPDX-License-Identifier: MIT */
/*
 * iotrace counts what strace counts: the same fixed work (one client that asks
 * and is answered in turn, then leaves) on every server, once under each.
 *
 * The server is killed when it has come to rest, so that no race at its end
 * changes the counts. What cannot be equal in two runs, whoever counts:
 *   - futex: how often threads meet at a lock is a matter of moments;
 *   - rt_sigpending: a busy loop looks for a stop every 100 ms (stop.c);
 *   - a server that spins asks in vain as often as time allows, so of its
 *     calls only those that succeed are compared;
 *   - edge-triggered epoll also wakes when the line has taken the answer, once
 *     or together with the next message, and then recv asks in vain;
 *   - how many signals sigio finds queued in one look is a matter of moments,
 *     and so whether it asks (poll, recv) once more in vain;
 *   - how malloc (and a sanitizer's) asks for memory: a new thread's heap is
 *     cut to size with one munmap or two, or mapped a second time, as the
 *     address that it was given happens to lie;
 *   - glibc's AIO signals through its own threads, and whether the main one
 *     still finds the next signal waiting (accept's EAGAIN) is luck.
 */
#include "tests/traced.h"

#include "bench/models.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES = 50 };

static void count_with(const char *const *tracer, const struct model *model,
                       const char *server, char report[64])
{
    struct traced traced = {.spins = (model->traits & MODEL_SPINS) != 0};
    traced_start(&traced, tracer, server, model->args);
    traced_settle(&traced);
    traced_work(&traced, MESSAGES);
    traced_settle(&traced);
    int status = traced_end(&traced, SIGKILL);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    snprintf(report, 64, "%s", traced.report);
}

/* True when only the calls that succeed can be equal. */
static bool only_successes(const struct model *model, const char *name)
{
    if (model->traits & MODEL_SPINS)
        return true;
    if (strcmp(model->name, "epoll-edge") == 0 ||
        strcmp(model->name, "sigio") == 0)
        return strcmp(name, "recvfrom") == 0;
    return strcmp(model->name, "aio") == 0 && strncmp(name, "accept", 6) == 0;
}

/* True for the calls by which malloc gets its memory and gives it back. */
static bool is_memory(const char *name)
{
    return strcmp(name, "mmap") == 0 || strcmp(name, "munmap") == 0 ||
           strcmp(name, "mprotect") == 0 || strcmp(name, "madvise") == 0 ||
           strcmp(name, "brk") == 0;
}

/* True when not even the number of calls can be equal. */
static bool is_luck(const struct model *model, const char *name)
{
    if (strcmp(model->name, "epoll-edge") == 0 &&
        strncmp(name, "epoll_", 6) == 0 && strstr(name, "wait"))
        return true;
    if (strcmp(model->name, "sigio") == 0 &&
        (strcmp(name, "rt_sigtimedwait") == 0 || strcmp(name, "poll") == 0))
        return true;
    return strcmp(name, "futex") == 0 || strcmp(name, "rt_sigpending") == 0 ||
           is_memory(name);
}

/* Every row of `a` is in `b`, with the same numbers. */
static void compare(const struct model *model, const struct table *a,
                    const struct table *b, const char *who)
{
    for (int i = 0; i < a->count; i++) {
        struct row one = a->rows[i];
        struct row two = *table_find(b, one.name);
        if (is_luck(model, one.name))
            continue;
        if (only_successes(model, one.name)) {
            one.calls -= one.errors;
            two.calls -= two.errors;
            one.errors = two.errors = 0;
        }
        ck_assert_msg(one.calls == two.calls && one.errors == two.errors,
                      "%s: %s counts %lu %s (%lu errors), the other %lu (%lu)",
                      model->name, who, one.calls, one.name, one.errors,
                      two.calls, two.errors);
    }
}

START_TEST(counts_equal_those_of_strace)
{
    const struct model *model = &models[_i];
    const char *const ours[] = {iotrace_path(), "-c", "-o",
                                "REPORT",       "--", NULL};
    const char *const theirs[] = {
        "strace", "-f", "-c", "-U", "name,calls,errors", "-o", "REPORT", NULL};
    char server[512], report[64];
    static struct table a, b;
    spawn_path(model->server, server);
    if (!have_strace())
        return;
    if (access(server, X_OK) < 0) {
        printf("SKIP: %s is not built\n", model->server);
        return;
    }
    count_with(ours, model, server, report);
    read_iotrace_table(report, &a);
    (void)unlink(report);
    count_with(theirs, model, server, report);
    read_strace_table(report, &b);
    (void)unlink(report);
    ck_assert_int_gt(a.count, 20); /* tables were read */
    compare(model, &a, &b, "iotrace");
    compare(model, &b, &a, "strace");
}
END_TEST

Suite *trace_counts_suite(void)
{
    int count = 0;
    while (models[count].name)
        count++;
    Suite *suite = suite_create("trace_counts");
    TCase *tests = tcase_create("counts");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, counts_equal_those_of_strace, 0, count);
    suite_add_tcase(suite, tests);
    return suite;
}

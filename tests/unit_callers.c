/* SPDX-License-Identifier: MIT */
/* The tracer tells callers apart: one helper makes the call, at the same depth
 * of the same stack, and only a return address says on whose behalf. */
#include "tests/unit.h"

#include "bench/trace.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20 };

static volatile long sum; /* so that no call is the last thing done */

static __attribute__((noinline)) void helper(void)
{
    sum += getppid();
}

static __attribute__((noinline)) void two_lines(void)
{
    /* [setup:one] */
    helper();
    sum++;
    /* [arm:two] */
    helper();
    sum++;
}

/* Its frame is larger than what is read of a stack at first. */
static __attribute__((noinline)) void past_a_buffer(void)
{
    volatile char buffer[16384];
    buffer[0] = buffer[sizeof buffer - 1] = 1;
    helper();
    sum += buffer[0];
}

static __attribute__((noinline)) void two_lines_far(void)
{
    /* [wait:three] */
    past_a_buffer();
    sum++;
    /* [copy:four] */
    past_a_buffer();
    sum++;
}

static __attribute__((noinline)) void deeper(int depth)
{
    if (depth > 0)
        deeper(depth - 1);
    else
        two_lines_far();
    sum++;
}

/* In the child: waits for the tracer, then calls in turns. */
static _Noreturn void call(int go)
{
    char byte;
    if (read(go, &byte, 1) == 1) {
        for (int i = 0; i < ROUNDS; i++) {
            two_lines();
            two_lines_far();
            deeper(i % 3); /* what was read ahead lies elsewhere now */
        }
    }
    _exit(0);
}

/* NULL where ptrace is forbidden. */
static struct trace *trace_child(void)
{
    const struct trace_options options = {.attribute = true, .collect = true};
    int go[2];
    struct trace *t = trace_new(&options);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(pipe(go), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        call(go[0]);
    bool ours = trace_attach(t, pid) == 0;
    if (ours)
        ck_assert_int_eq(write(go[1], "", 1), 1);
    (void)close(go[0]);
    (void)close(go[1]);
    if (!ours) {
        printf("SKIP: callers: %s\n", trace_fault(t));
        trace_free(t);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return NULL;
    }
    ck_assert_int_eq(trace_run(t), 0);
    ck_assert_int_eq(trace_status(t), 0);
    trace_resolve(t);
    return t;
}

static int count(struct trace *t, const char *anchor)
{
    size_t all;
    int found = 0;
    const struct trace_event *events = trace_events(t, &all);
    for (size_t i = 0; i < all; i++)
        found += strcmp(events[i].name, "getppid") == 0 && events[i].site &&
                 events[i].site->anchor &&
                 strcmp(events[i].site->anchor, anchor) == 0;
    return found;
}

START_TEST(two_callers_of_one_helper_are_told_apart)
{
    struct trace *t = trace_child();
    if (t == NULL)
        return;
    ck_assert_int_eq(count(t, "unit_callers.c#setup:one"), ROUNDS);
    ck_assert_int_eq(count(t, "unit_callers.c#arm:two"), ROUNDS);
    ck_assert_int_eq(count(t, "unit_callers.c#wait:three"), 2 * ROUNDS);
    ck_assert_int_eq(count(t, "unit_callers.c#copy:four"), 2 * ROUNDS);
    trace_free(t);
}
END_TEST

Suite *callers_suite(void);

Suite *callers_suite(void)
{
    Suite *suite = suite_create("callers");
    TCase *tests = tcase_create("callers");
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_test(tests, two_callers_of_one_helper_are_told_apart);
    suite_add_tcase(suite, tests);
    return suite;
}

/* SPDX-License-Identifier: MIT */
/*
 * iotrace on whole programs: what it follows, what it leaves alone, how it
 * ends, what it says when it cannot; and that calls find their anchors.
 */
#include "tests/traced.h"

#include "bench/models.h"
#include "common/clock.h"
#include "tests/peer.h"
#include "tests/subject.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char select_program[] = "multiplexing/select_server";

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const *json_tracer(void)
{
    static const char *args[5];
    args[0] = iotrace_path();
    args[1] = "--json";
    args[2] = "REPORT";
    args[3] = "--";
    return args;
}

static void read_events(const char *report, struct trace_recording *r)
{
    require(trace_read_json(report, r) == 0, "read %s: %s", report,
            strerror(errno));
    (void)unlink(report);
}

/* How many calls `name` have `anchor`, and how many have another one. */
static void count_anchor(const struct trace_recording *r, const char *name,
                         const char *anchor, int *right, int *wrong)
{
    *right = *wrong = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct trace_event *e = &r->events[i];
        if (e->kind != TRACE_CALL || strcmp(e->name, name) != 0)
            continue;
        bool same = e->site->anchor && strcmp(e->site->anchor, anchor) == 0;
        *(same ? right : wrong) += 1;
    }
}

static void require_anchor(const struct trace_recording *r, const char *name,
                           const char *anchor, int least)
{
    int right, wrong;
    count_anchor(r, name, anchor, &right, &wrong);
    require(right >= least && wrong == 0, "%s: %d at %s, %d elsewhere", name,
            right, anchor, wrong);
}

static void trace_work(const char *program, const char *const *args,
                       struct trace_recording *r)
{
    struct traced traced = {.spins = strstr(program, "polling") != NULL};
    char server[512];
    spawn_path(program, server);
    traced_start(&traced, json_tracer(), server, args);
    traced_work(&traced, 20);
    int status = traced_end(&traced, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    read_events(traced.report, r);
}

START_TEST(every_call_of_select_server_finds_its_mark)
{
    struct trace_recording r;
    trace_work("multiplexing/select_server", NULL, &r);
    ck_assert_str_eq(r.program, "select_server");
    require_anchor(&r, "pselect6", "select_server.c#wait:select", 20);
    require_anchor(&r, "recvfrom", "select_server.c#copy:recv", 21);
    require_anchor(&r, "sendto", "select_server.c#copy:send", 20);
    require_anchor(&r, "accept4", "select_server.c#copy:accept", 1);
    trace_recording_free(&r);
}
END_TEST

START_TEST(calls_in_threads_find_their_marks)
{
    struct trace_recording r;
    trace_work("blocking/thread_server", NULL, &r);
    require_anchor(&r, "recvfrom", "thread_server.c#wait+copy:recv", 21);
    require_anchor(&r, "sendto", "thread_server.c#copy:send", 20);
    trace_recording_free(&r);
}
END_TEST

/* The handler of the SIGTERM is in common/stop.c; polling_server napped. */
START_TEST(a_call_in_a_signal_handler_is_not_the_interrupted_lines)
{
    struct trace_recording r;
    int calls = 0;
    trace_work("nonblocking/polling_server", ARGS("--nap", "2000"), &r);
    for (size_t i = 0; i < r.count; i++) {
        const struct trace_event *e = &r.events[i];
        if (e->kind != TRACE_CALL || strcmp(e->name, "alarm") != 0)
            continue;
        ck_assert_ptr_null(e->site->anchor);
        ck_assert_str_eq(e->site->file, "stop.c");
        calls++;
    }
    ck_assert_int_eq(calls, 1);
    trace_recording_free(&r);
}
END_TEST

START_TEST(a_call_in_a_helper_belongs_to_the_line_that_called_it)
{
    struct trace_recording r;
    trace_work("nonblocking/polling_server", ARGS("--nap", "2000"), &r);
    require_anchor(&r, "clock_nanosleep", "polling_server.c#wait:nap", 2);
    require_anchor(&r, "recvfrom", "polling_server.c#wait:recv", 21);
    trace_recording_free(&r);
}
END_TEST

/* Both end with EAGAIN: one slept until SO_RCVTIMEO, one was told not to. */
START_TEST(eagain_is_asleep_only_where_the_socket_blocks)
{
    static const char *const programs[] = {"blocking/serial_server",
                                           "nonblocking/polling_server"};
    struct traced traced = {.spins = _i == 1};
    struct trace_recording r;
    char server[512];
    int asleep = 0, at_once = 0;
    spawn_path(programs[_i], server);
    traced_start(&traced, json_tracer(), server, ARGS("--idle-timeout", "1"));
    int fd = peer_connect(traced.tracer.ready);
    peer_expect_end(fd);
    (void)traced_end(&traced, SIGTERM);
    read_events(traced.report, &r);
    for (size_t i = 0; i < r.count; i++)
        if (r.events[i].kind == TRACE_CALL && r.events[i].error == EAGAIN &&
            strcmp(r.events[i].name, "recvfrom") == 0)
            *(r.events[i].sleep_ns > 0 ? &asleep : &at_once) += 1;
    ck_assert_int_eq(asleep, _i == 0);
    ck_assert_int_eq(at_once > 0, _i == 1);
    trace_recording_free(&r);
}
END_TEST

START_TEST(hidden_threads_and_the_loader_are_called_what_they_are)
{
    struct trace_recording r;
    int helper_reads = 0, loader_maps = 0;
    trace_work("asyncio/aio_server", NULL, &r);
    for (size_t i = 0; i < r.count; i++) {
        const char *origin = r.events[i].site->origin;
        if (origin == NULL)
            continue;
        helper_reads += strcmp(origin, "libc (aio helper thread)") == 0 &&
                        strcmp(r.events[i].name, "read") == 0;
        loader_maps += strcmp(origin, "libc (before main)") == 0 &&
                       strcmp(r.events[i].name, "mmap") == 0;
    }
    ck_assert_int_ge(helper_reads, 20);
    ck_assert_int_ge(loader_maps, 3);
    trace_recording_free(&r);
}
END_TEST

START_TEST(forks_and_execs_are_followed_and_the_status_is_the_programs)
{
    char errors[4096], report[64];
    struct trace_recording r;
    int execs = 0, begun = 0;
    make_report(report);
    int status = run_iotrace(ARGS("--json", report, "--", "sh", "-c",
                                  "sh -c 'exec /bin/true'; exit 7"),
                             errors);
    ck_assert_int_eq(status, 7);
    read_events(report, &r);
    for (size_t i = 0; i < r.count; i++) {
        execs +=
            strcmp(r.events[i].name, "execve") == 0 && r.events[i].result == 0;
        begun += r.events[i].kind == TRACE_BEGIN;
    }
    ck_assert_int_eq(execs, 3);
    ck_assert_int_eq(begun, 2);
    trace_recording_free(&r);
}
END_TEST

START_TEST(a_deadly_signal_is_the_tracers_end_too)
{
    char errors[4096];
    ck_assert_int_eq(
        run_iotrace(ARGS("-c", "--", "sh", "-c", "kill -SEGV $$"), errors),
        128 + SIGSEGV);
    ck_assert_int_eq(
        run_iotrace(ARGS("-c", "--", "sh", "-c", "kill -TERM $$"), errors),
        128 + SIGTERM);
}
END_TEST

START_TEST(a_stopped_program_stays_stopped_until_it_is_continued)
{
    struct traced traced = {.spins = false};
    char server[512], path[64], line[128] = "";
    spawn_path("multiplexing/select_server", server);
    traced_start(&traced, json_tracer(), server, NULL);
    ck_assert_int_eq(kill(traced.pid, SIGSTOP), 0);
    nap_us(PAUSE_MS * 1000);
    snprintf(path, sizeof path, "/proc/%d/stat", traced.pid);
    FILE *stat = fopen(path, "re");
    ck_assert(stat && fgets(line, sizeof line, stat));
    (void)fclose(stat);
    require(strstr(line, ") t ") || strstr(line, ") T "), "it runs: %s", line);
    ck_assert_int_eq(kill(traced.pid, SIGCONT), 0);
    traced_work(&traced, 3);
    int status = traced_end(&traced, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)unlink(traced.report);
}
END_TEST

START_TEST(a_server_that_was_let_go_serves_on)
{
    const struct model *model = model_find("threads");
    struct target target = {.model = model};
    const struct start start = {.listen = NULL};
    struct server server;
    struct child tracer;
    struct table table;
    char pid[16], report[64];
    make_report(report);
    spawn_path(model->server, target.server);
    server_start(&server, &target, &start);
    int fd = peer_connect(server.address);
    peer_ask(fd, "before\n");
    snprintf(pid, sizeof pid, "%d", server.child.pid);
    const char *argv[] = {iotrace_path(), "-c", "-o", report, "-p", pid, NULL};
    struct spawn spawn = {.argv = (char *const *)(uintptr_t)argv};
    ck_assert_int_eq(spawn_start(&tracer, &spawn), 0);
    for (int i = 0; i < 10; i++) {
        nap_us(20000);
        peer_ask(fd, "meanwhile\n");
    }
    int status = spawn_end(&tracer, SIGINT, patience_ms, NULL);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    read_iotrace_table(report, &table);
    (void)unlink(report);
    /* The thread that it found asleep in recv is traced too. */
    ck_assert_uint_ge(table_find(&table, "recvfrom")->calls, 2);
    peer_ask(fd, "after\n");
    (void)close(fd);
    server_stop(&server, SIGTERM, NULL);
}
END_TEST

/* The tracer and all it starts are in one group, as in a shell's job. */
static void lead_a_group(void *unused)
{
    (void)unused;
    (void)setpgid(0, 0);
}

/* What is told of a select_server that a signal to the whole group ends. */
static void narrate_until(int signal_number, char text[8192])
{
    char report[64], server[512], errors[4096];
    struct child tracer;
    make_report(report);
    const char *argv[] = {
        iotrace_path(), "-q",          "-o",
        report,         "--",          spawn_path(select_program, server),
        "-l",           "127.0.0.1:0", NULL};
    struct spawn spawn = {.argv = (char *const *)(uintptr_t)argv,
                          .prepare = lead_a_group,
                          .catch_error = 1};
    ck_assert_int_eq(spawn_start(&tracer, &spawn), 0);
    ck_assert_int_eq(spawn_wait_ready(&tracer, patience_ms), 0);
    int fd = peer_connect(tracer.ready);
    peer_ask(fd, "hello\n");
    ck_assert_int_eq(kill(-tracer.pid, signal_number), 0);
    ssize_t n = read(tracer.error, errors, sizeof errors - 1);
    errors[n > 0 ? n : 0] = '\0';
    int status = spawn_end(&tracer, 0, patience_ms, NULL);
    (void)close(fd);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    require(errors[0] == '\0', "it complains: %s", errors);
    FILE *file = fopen(report, "re");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, 8191, file)] = '\0';
    (void)fclose(file);
    (void)unlink(report);
}

/* The lines that are met only after the signal find their marks too. */
START_TEST(a_signal_to_the_whole_group_does_not_end_the_anchors)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    char text[8192];
    narrate_until(numbers[_i], text);
    const char *after = strstr(text, "-- SIG");
    require(after && strstr(after, "#end:"), "%s", text);
}
END_TEST

START_TEST(a_program_dies_with_a_tracer_that_was_killed)
{
    struct traced traced = {.spins = false};
    char server[512];
    spawn_path("multiplexing/select_server", server);
    traced_start(&traced, json_tracer(), server, NULL);
    pid_t pid = traced.pid;
    (void)spawn_end(&traced.tracer, SIGKILL, patience_ms, NULL);
    for (int64_t until = now_ms() + patience_ms; kill(pid, 0) == 0;) {
        require(now_ms() < until, "the server lives on");
        nap_us(5000);
    }
    (void)unlink(traced.report);
}
END_TEST

Suite *trace_programs_suite(void)
{
    Suite *suite = suite_create("trace_programs");
    TCase *tests = tcase_create("programs");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, every_call_of_select_server_finds_its_mark);
    tcase_add_test(tests, calls_in_threads_find_their_marks);
    tcase_add_test(tests,
                   a_call_in_a_helper_belongs_to_the_line_that_called_it);
    tcase_add_test(tests,
                   a_call_in_a_signal_handler_is_not_the_interrupted_lines);
    tcase_add_loop_test(tests, eagain_is_asleep_only_where_the_socket_blocks, 0,
                        2);
    tcase_add_test(tests,
                   hidden_threads_and_the_loader_are_called_what_they_are);
    tcase_add_test(tests,
                   forks_and_execs_are_followed_and_the_status_is_the_programs);
    tcase_add_test(tests, a_deadly_signal_is_the_tracers_end_too);
    tcase_add_test(tests,
                   a_stopped_program_stays_stopped_until_it_is_continued);
    tcase_add_test(tests, a_server_that_was_let_go_serves_on);
    tcase_add_loop_test(
        tests, a_signal_to_the_whole_group_does_not_end_the_anchors, 0, 2);
    tcase_add_test(tests, a_program_dies_with_a_tracer_that_was_killed);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(trace_counts_suite());
    srunner_add_suite(runner, trace_programs_suite());
    srunner_add_suite(runner, trace_faults_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * The counts of iobench: against strace, against perf, one way of counting
 * against the other, and against what the notes say.
 */
#include "tests/benched.h"

#include "bench/bench_count.h"
#include "bench/models.h"
#include "bench/spawn.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 100, MANY = 300 };

/* The server of `model` under strace, asked `requests` times: how many calls
 * of any name that took, start and end included. */
static long strace_calls(const struct model *model, int requests)
{
    char path[512], trace[128], log[32] = "", count[16];
    /* -D: the server is our child, and SIGTERM ends it. strace blocks it. */
    char *argv[16] = {"strace", "-D", "-f", "-qq", "-o", trace, path};
    struct child child;
    int n = 7;
    snprintf(trace, sizeof trace, "%s/trace", folder);
    spawn_path(model->server, path);
    for (int i = 0; i < 4 && model->args[i] != NULL; i++)
        argv[n++] = (char *)(uintptr_t)model->args[i];
    argv[n++] = "--listen";
    argv[n++] = "127.0.0.1:0";
    struct spawn spawn = {.argv = argv};
    ck_assert_int_eq(spawn_start(&child, &spawn), 0);
    ck_assert_int_eq(spawn_wait_ready(&child, 30000), 0);
    snprintf(count, sizeof count, "%d", requests);
    int status = sh("bench/iobench load --connect %s -n %s --warm-up 0",
                    child.ready, count);
    ck_assert_msg(status == 0, "%s", output);
    (void)spawn_end(&child, SIGTERM, 10000, NULL);
    ck_assert_int_eq(sh("grep -cE '^[0-9]+ +[a-z_0-9]+\\(' %s", trace), 0);
    snprintf(log, sizeof log, "%.31s", output);
    return strtol(log, NULL, 10);
}

static const char *const counted_models[] = {"threads", "select", "poll",
                                             "epoll"};

START_TEST(exact_counts_are_those_of_strace)
{
    const struct model *model = model_find(counted_models[_i]);
    ck_assert_ptr_nonnull(model);
    if (lacks("strace"))
        return;
    double counted =
        (double)(strace_calls(model, MANY) - strace_calls(model, FEW)) /
        (MANY - FEW);
    ck_assert_msg(
        sh("bench/iobench run %s -c 1 -d 20ms --rounds 1 --budget 1 --no-wait "
           "--json %s/r.json",
           model->name, folder) == 0,
        "%s", output);
    expect("by ptrace");
    double ours = number_in_json("calls_per_request");
    ck_assert_msg(ours > counted - 0.05 && ours < counted + 0.05,
                  "%s: iobench counts %.3f calls a request, strace %.3f",
                  model->name, ours, counted);
}
END_TEST

/* perf counts in the kernel, and slows the server hardly at all; where it is
 * not permitted it prints 0 or nothing, which is no count. */
static double calls_by_perf(void)
{
    int status = sh("multiplexing/poll_server -l 127.0.0.1:0 >%s/words & "
                    "server=$!; sleep 1; "
                    "address=$(grep -o '127[^ ]*' %s/words); "
                    "perf stat -x, -o %s/perf -e raw_syscalls:sys_enter "
                    "-p $server >/dev/null & perf=$!; sleep 1; "
                    "bench/iobench load --connect $address -n 20000 -c 10 "
                    "--warm-up 0; status=$?; kill -INT $perf; wait $perf; "
                    "kill $server; exit $status",
                    folder, folder, folder);
    ck_assert_msg(status == 0, "%s", output);
    (void)sh("grep raw_syscalls %s/perf | cut -d, -f1", folder);
    return strtod(output, NULL) / 20000;
}

/* How many are ready at a wake-up is a matter of the other programs, too: the
 * two runs may differ, but not three times. */
START_TEST(counts_in_life_are_those_of_perf)
{
    double by_perf = 0, ours = 0;
    for (int i = 0; i < 3; i++) {
        by_perf = calls_by_perf();
        if (by_perf < 0.001) {
            fprintf(stderr, "skipped: perf may not count system calls here\n");
            return;
        }
        ck_assert_int_eq(
            sh("bench/iobench run poll -c 10 -d 20ms --rounds 1 --budget 1 "
               "--no-wait --place free --json %s/r.json",
               folder),
            0);
        ours = number_in_json("calls_per_request");
        if (ours > 0.9 * by_perf && ours < 1.1 * by_perf)
            return;
    }
    ck_abort_msg("iobench counts %.3f calls a request, perf %.3f", ours,
                 by_perf);
}
END_TEST

/* Without leave to trace, the library counts at one connection as well, and
 * must agree: neither of these servers has calls that it does not see. */
START_TEST(both_ways_of_counting_agree_at_one_connection)
{
    const char *name = counted_models[_i];
    ck_assert_int_eq(
        sh("bench/iobench run %s -c 1 -i 1 -d 20ms --rounds 1 --budget 1 "
           "--no-wait --json %s/r.json",
           name, folder),
        0);
    expect("by interposition");
    double in_life = number_in_json("calls_per_request");
    ck_assert_int_eq(
        sh("bench/iobench run %s -c 1 -d 20ms --rounds 1 --budget 1 "
           "--no-wait --json %s/r.json",
           name, folder),
        0);
    double exact = number_in_json("calls_per_request");
    ck_assert_msg(in_life > exact - 0.05 && in_life < exact + 0.05,
                  "%s: %.3f in life, %.3f exactly", name, in_life, exact);
}
END_TEST

/* Drained to EAGAIN by the one, never asked in vain by the other. Where the
 * next request is there before the drain has ended there is one fewer. */
START_TEST(eagain_is_counted_in_life)
{
    const char *name = _i ? "epoll-edge" : "epoll";
    int status = sh("bench/iobench run %s -c 1 -i 1 -d 20ms --rounds 1 "
                    "--budget 1 --no-wait --json %s/r.json",
                    name, folder);
    ck_assert_msg(status == 0, "%s", output);
    expect("by interposition");
    double again = number_in_json("eagain_per_request");
    ck_assert_msg(_i ? again > 0.5 && again < 1.05 : again < 0.05,
                  "%s: %.3f EAGAIN a request", name, again);
}
END_TEST

/* 250 requests a second, and counted at that rate: in a closed loop the same
 * server has tens of thousands. */
START_TEST(an_open_loop_is_counted_at_its_own_rate)
{
    static struct bench b = {.rate = 250, .server_cpu = -1, .load_cpu = -1};
    struct subject subject = {.name = "poll", .model = model_find("poll")};
    struct cell cell = {.subject = &subject, .active = 1, .bytes = 64};
    b.service = service_find("upper");
    int status = _i ? count_by_trace(&b, &cell) : count_by_preload(&b, &cell);
    const struct counts *counts = _i ? &cell.traced : &cell.counts;
    ck_assert_msg(status == 0, "%s", counts->gap);
    ck_assert_msg(counts->rate < 2 * b.rate, "counted at %.0f a second of %.0f",
                  counts->rate, b.rate);
    ck_assert_int_ge(counts->requests, _i ? 300 : 500);
    ck_assert_msg(counts->total > 2.9 && counts->total < 3.1,
                  "%.2f calls a request", counts->total);
}
END_TEST

/* A count lasts a quarter of a second at the pace of the bare rounds: in fewer
 * requests the beginning, when nothing gathers yet, would weigh too much. One
 * whose own pace was far from that was disturbed, and is made again. The server
 * is started once for each count. */
static const struct {
    double bare_rate; /* 0: there was no bare round */
    unsigned long requests;
    int starts; /* 0: as the machine's pace may be */
} passes[] = {
    {0, 4000, 1}, {1000, 4000, 1}, {20000, 5000, 0}, {1e6, 250000, 3}};

START_TEST(a_count_is_long_enough_and_repeated_when_it_was_slow)
{
    static struct bench b = {.server_cpu = -1, .load_cpu = -1};
    char path[512], script[1200], starts[8];
    snprintf(script, sizeof script, "echo >>%s/starts; %s -l 127.0.0.1:0; true",
             folder, spawn_path("multiplexing/poll_server", path));
    char *argv[] = {"sh", "-c", script, NULL};
    struct subject subject = {.name = "poll", .argv = argv};
    struct cell cell = {.subject = &subject, .active = 20, .bytes = 64};
    b.service = service_find("upper");
    if (passes[_i].bare_rate > 0)
        measure_add(&cell.measures[MEASURE_RATE], passes[_i].bare_rate);
    ck_assert_int_eq(count_by_preload(&b, &cell), 0);
    ck_assert_uint_eq(cell.counts.requests, passes[_i].requests);
    ck_assert_msg(cell.counts.total > 2 && cell.counts.total < 3.1,
                  "%.2f calls a request", cell.counts.total);
    ck_assert_int_eq(sh("wc -l <%s/starts", folder), 0);
    snprintf(starts, sizeof starts, "%d\n", passes[_i].starts);
    if (passes[_i].starts > 0)
        ck_assert_str_eq(output, starts);
}
END_TEST

/* What the notes say a request costs with one client, libc's calls included.
 * POSIX AIO's futex calls are luck to some part. */
static const struct {
    const char *model;
    double least, most;
} costs[] = {
    {"threads", 2, 2},    {"select", 3, 3},
    {"poll", 3, 3},       {"epoll", 3, 3},
    {"epoll-edge", 2, 4}, /* fewer where the next one is there already */
    {"uring", 1, 2},      {"uring-multishot", 0.5, 1},
    {"aio", 9, 15},
};

START_TEST(a_request_costs_the_calls_that_the_notes_name)
{
    int status = sh("bench/iobench run %s -c 1 -d 20ms --rounds 1 --budget 1 "
                    "--no-wait --json %s/r.json",
                    costs[_i].model, folder);
    ck_assert_msg(status == 0, "%s", output);
    if (strstr(output, "not measured: uring") != NULL) {
        fprintf(stderr, "skipped: %s cannot run here\n", costs[_i].model);
        return;
    }
    double calls = number_in_json("calls_per_request");
    ck_assert_msg(calls > costs[_i].least - 0.05 &&
                      calls < costs[_i].most + 0.05,
                  "%s: %.3f calls a request", costs[_i].model, calls);
}
END_TEST

/* Whose process asks: a child for each client, one of a pool of them, one
 * behind a shell. The tracer comes when all of them are there. */
static const struct {
    const char *command;
    double calls;
} families[] = {
    {"fork", 2},
    {"-- blocking/fork_server --listen 127.0.0.1:0 --prefork 2", 2},
    {"-- sh -c 'multiplexing/poll_server --listen 127.0.0.1:0; true'", 3},
};

START_TEST(the_calls_of_descendants_are_counted_exactly)
{
    int status = sh("bench/iobench run -c 1 -d 20ms --rounds 1 --budget 1 "
                    "--no-wait --json %s/r.json %s",
                    folder, families[_i].command);
    ck_assert_msg(status == 0, "%s", output);
    expect("by ptrace");
    double calls = number_in_json("calls_per_request");
    ck_assert_msg(calls > families[_i].calls - 0.05 &&
                      calls < families[_i].calls + 0.05,
                  "%s: %.3f calls a request", families[_i].command, calls);
}
END_TEST

TCase *benched_counts(void)
{
    TCase *tests = tcase_create("counts");
    int counted = sizeof counted_models / sizeof counted_models[0];
    tcase_add_loop_test(tests, exact_counts_are_those_of_strace, 0, counted);
    tcase_add_loop_test(tests, both_ways_of_counting_agree_at_one_connection, 0,
                        counted);
    tcase_add_loop_test(tests, a_request_costs_the_calls_that_the_notes_name, 0,
                        sizeof costs / sizeof costs[0]);
    tcase_add_loop_test(tests, the_calls_of_descendants_are_counted_exactly, 0,
                        sizeof families / sizeof families[0]);
    tcase_add_loop_test(tests, eagain_is_counted_in_life, 0, 2);
    tcase_add_loop_test(tests, an_open_loop_is_counted_at_its_own_rate, 0, 2);
    tcase_add_loop_test(tests,
                        a_count_is_long_enough_and_repeated_when_it_was_slow, 0,
                        sizeof passes / sizeof passes[0]);
    tcase_add_test(tests, counts_in_life_are_those_of_perf);
    return tests;
}

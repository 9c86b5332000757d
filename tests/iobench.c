/* SPDX-License-Identifier: MIT */
/*
 * iobench as a whole program: its errors, a server that is wrong now and then,
 * and the files that it writes.
 */
#include "tests/benched.h"

#include "bench/bench_result.h"
#include "tests/known_cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM_TIMEOUT_S = 300 };

/* A server that spoils one byte in 200 requests. */
static const char wrong_server[] =
    "import socket\\n"
    "s = socket.create_server((\"127.0.0.1\", 0))\\n"
    "print(\"here: 127.0.0.1:%%d\" %% s.getsockname()[1], flush=True)\\n"
    "n = 0\\n"
    "while True:\\n"
    "    c, _ = s.accept()\\n"
    "    while True:\\n"
    "        d = bytearray(c.recv(4096))\\n"
    "        if not d: break\\n"
    "        n += 1\\n"
    "        if n %% 200 == 0: d[7] ^= 32\\n"
    "        c.sendall(d)\\n";

START_TEST(a_server_with_a_wrong_byte_now_and_then_is_caught)
{
    if (lacks("python3"))
        return;
    ck_assert_int_eq(sh("printf '%s' >%s/wrong.py", wrong_server, folder), 0);
    int status =
        sh("bench/iobench run -c 1 -n 1000 --rounds 1 --budget 1 --no-wait "
           "--no-count --service echo -- python3 %s/wrong.py",
           folder);
    ck_assert_int_eq(status, 1);
    expect("ERRORS");
    expect("byte 8 of an answer");
}
END_TEST

static const struct {
    const char *command;
    int status;
    const char *words;
} faults[] = {
    {"bench/iobench run nosuch", 2, "no model is called 'nosuch'"},
    {"bench/iobench run select -c 0", 2, "whole numbers from 1"},
    {"bench/iobench", 2, "run, load, merge"},
    {"bench/iobench run select -c 1,,x", 2, "whole numbers from 1"},
    {"bench/iobench run select -c 1,,2", 2, "--connections 1,,2: whole"},
    {"bench/iobench run select -c 1,2,", 2, "--connections 1,2,: whole"},
    {"bench/iobench run select -c 1.5", 2, "whole numbers from 1"},
    {"bench/iobench run select -d -1s", 2, "a time from 1ms"},
    {"bench/iobench run select --place here", 2, "split, same or free"},
    {"bench/iobench run select -d 5m", 2, "a time from 1ms"},
    {"bench/iobench run select -s 9M", 2, "whole numbers from 1 to 1048576"},
    {"bench/iobench run select -r fast", 2, "requests a second"},
    {"bench/iobench run select --pin 0,1000", 2, "may not use CPU 1000"},
    {"bench/iobench run select --pin 0,0 --place free", 2, "--place says"},
    {"bench/iobench run select --pin off --place same", 2, "--place says"},
    {"bench/iobench run select -d 1s -n 5", 2, "not both"},
    {"bench/iobench load -C 127.0.0.1:1 -d 1s -n 5", 2, "not both"},
    {"bench/iobench run select poll select", 2, "called 'select'"},
    {"bench/iobench run --", 2, "a command must stand behind --"},
    {"bench/iobench walk", 2, "'walk' is not a command"},
    {"bench/iobench run -- /does/not/exist", 1, "cannot start"},
    {"bench/iobench run -- sh -c 'echo last words >&2; exit 3'", 1,
     "last words"},
    {"bench/iobench run select -c 1 -n 100 --rounds 1 --no-wait --no-count "
     "-- sh -c 'echo last words >&2; exit 3'",
     1, "last words"},
    {"bench/iobench run select -c 1 -n 100 --rounds 1 --no-wait --no-count "
     "-- sh -c 'echo no ring >&2; exit 77'",
     0, "not available here: no ring"},
    {"bench/iobench run epoll -c 1000000 --no-wait", 1, "the descriptor limit"},
    {"bench/iobench run --connect 127.0.0.1:1", 1, "1: ECONNREFUSED"},
    {"bench/iobench run --connect nobody", 2, "--connect nobody: "},
    {"bench/iobench run select --pid 1", 2, "--pid goes with --connect"},
    /* Told before anything is measured: not after the minute. */
    {"timeout 20 bench/iobench run select -d 60s --json /does/not/exist/r", 1,
     "write /does/not/exist/r: ENOENT"},
    {"timeout 20 bench/iobench run select -d 60s --hgrm /dev/null", 1,
     "write into /dev/null: ENOTDIR"},
    {"timeout 20 bench/iobench run select -d 60s --plot /does/not/exist", 1,
     "write into /does/not/exist: ENOENT"},
    {"bench/iobench load --connect 127.0.0.1:1", 1, "ECONNREFUSED"},
    {"bench/iobench load -C 127.0.0.1:1 -c 1000000", 1, "would fit"},
    {"bench/iobench load", 2, "--connect ADDR is needed"},
    {"bench/iobench merge /does/not/exist", 1, "ENOENT"},
    {"bench/iobench merge /dev/null", 1, "is no histogram"},
    {"bench/iobench compare /dev/null", 2, "two files"},
    {"bench/iobench compare /dev/null /dev/null", 1, "/dev/null"},
    {"bench/iobench compare /etc/passwd x", 1, "/etc/passwd: it is no result"},
    {"bench/iobench compare /does/not/exist x", 1, "exist: ENOENT"},
};

START_TEST(each_fault_has_its_line_and_status)
{
    int status = sh("%s", faults[_i].command);
    ck_assert_msg(status == faults[_i].status, "%s: status %d, said:\n%s",
                  faults[_i].command, status, output);
    expect(faults[_i].words);
}
END_TEST

START_TEST(a_cell_that_cannot_be_is_a_gap_and_no_failure)
{
    ck_assert_int_eq(sh("bench/iobench run select serial -c 2 -d 20ms "
                        "--rounds 1 --budget 1 --no-wait --no-count"),
                     0);
    expect("serves at most 1 client at a time");
}
END_TEST

START_TEST(a_server_that_never_gets_ready_is_waited_for_once)
{
    int status = sh("bench/iobench run select -c 1,2 -n 100 --rounds 2 "
                    "-- sh -c 'echo x >>%s/starts; exec sleep 60'",
                    folder);
    ck_assert_int_eq(status, 1);
    expect("printed no address");
    ck_assert_int_eq(sh("exit $(wc -l <%s/starts)", folder), 1);
}
END_TEST

START_TEST(the_files_can_be_read_again)
{
    struct result result;
    char path[128];
    ck_assert_msg(sh("bench/iobench run select -c 1,3 -n 500 --rounds 2 "
                     "--json %s/r.json --csv %s/r.csv --md %s/r.md "
                     "--hgrm %s/h --plot %s/p",
                     folder, folder, folder, folder, folder) == 0,
                  "%s", output);
    snprintf(path, sizeof path, "%s/r.json", folder);
    ck_assert_ptr_null(result_read(path, &result));
    ck_assert_int_eq(result.cell_count, 2);
    ck_assert_int_eq(result.cells[1].connections, 3);
    ck_assert_int_eq(result.cells[1].rounds, 2);
    result_free(&result);
    /* Every line of the CSV has as many fields (no comma stands in quotes). */
    ck_assert_int_eq(
        sh("awk -F, '{print NF}' %s/r.csv | sort -u | wc -l", folder), 0);
    ck_assert_int_eq(strtol(output, NULL, 10), 1);
    ck_assert_int_eq(sh("bench/iobench merge %s/h/*.hgrm", folder), 0);
    expect("Total count    =         2000");
    expect("# select, 3 connections, 64 bytes, closed loop\n# date: ");
    ck_assert_int_eq(
        sh("bench/iobench compare %s/r.json %s/r.json", folder, folder), 0);
    expect("no measurable difference");
    expect("\n  calls /req ");
}
END_TEST

START_TEST(tables_keep_within_80_columns)
{
    ck_assert_int_eq(sh("bench/iobench run select threads -c 1,10 -i 0,5 "
                        "-d 20ms --rounds 2 --budget 2 | awk 'length > 80'"),
                     0);
    ck_assert_str_eq(output, "");
}
END_TEST

/* Ten samples must lie beyond: p99 needs 1,000 of them, p99.9 needs 10,000. */
static const struct {
    int requests;
    bool p99, p999;
} samples[] = {{999, false, false}, {9999, true, false}, {10000, true, true}};

START_TEST(a_percentile_without_the_samples_is_not_shown)
{
    ck_assert_int_eq(sh("bench/iobench run select -c 1 -n %d --rounds 1 "
                        "--budget 1 --no-wait --no-count --json %s/r.json "
                        "&& cat %s/r.json",
                        samples[_i].requests, folder, folder),
                     0);
    ck_assert(samples[_i].p99 == (strstr(output, "\"p99_us\": null") == NULL));
    ck_assert(samples[_i].p999 ==
              (strstr(output, "\"p999_us\": null") == NULL));
}
END_TEST

/* The server's own CPU for its calls comes on top, with 100 clients some
 * microseconds; so does the allocator's for its memory. */
START_TEST(cpu_and_memory_are_those_that_the_server_uses)
{
    int status = sh("bench/iobench run -c 100 -d 300ms --rounds 1 --budget 1 "
                    "--no-wait --no-count --json %s/r.json -- tests/known_cost",
                    folder);
    ck_assert_msg(status == 0, "%s", output);
    double cpu = number_in_json("server_cpu_us_per_request");
    ck_assert_msg(cpu > 0.95 * BURN_US && cpu < 1.7 * BURN_US,
                  "%.1f us a request of %d or a little more", cpu, BURN_US);
    double memory = number_in_json("memory_bytes_per_connection");
    ck_assert_msg(memory > 0.95 * CLIENT_BYTES && memory < 1.2 * CLIENT_BYTES,
                  "%.0f bytes a client of %d or a little more", memory,
                  CLIENT_BYTES);
}
END_TEST

START_TEST(the_demo_of_omission_keeps_to_the_same_rules)
{
    ck_assert_int_eq(sh("bench/iobench omission >%s/o; cat %s/o; "
                        "awk 'length > 80 {bad = 1} END {exit bad}' %s/o",
                        folder, folder, folder),
                     0);
    expect("4,000"); /* of the open loop: too few for p99.9 */
    ck_assert_int_eq(sh("grep -E '^ +p99.9 +[0-9,.-]+ +- +-$' %s/o", folder),
                     0);
}
END_TEST

/* A server, and one behind a shell that waits for it, and one that a shell left
 * behind while another program had its place. */
static const char *const left[] = {
    "multiplexing/select_server --listen unix:$S",
    "sh -c 'multiplexing/select_server --listen unix:$S; true'",
    "sh -c 'multiplexing/select_server --listen unix:$S & exec sleep 60'"};
enum { LEFT = sizeof left / sizeof left[0] };

/* A server that was told takes its socket with it. */
static void expect_gone(void)
{
    char name[128];
    snprintf(name, sizeof name, "%s/upper.sock", folder);
    for (int i = 0; i < 100 && access(name, F_OK) == 0; i++)
        usleep(100000);
    ck_assert_int_ne(access(name, F_OK), 0);
}

static const char *const interrupts[] = {"INT", "TERM", "KILL"};

START_TEST(nothing_stays_behind_after_an_interrupt)
{
    ck_assert_int_ne(sh("S=%s/upper.sock; export S; "
                        "(for i in $(seq 40); do [ -S $S ] && touch $S.seen; "
                        "sleep 0.05; done) & "
                        "timeout -s %s 2 bench/iobench run -c 2 -d 30s "
                        "--rounds 1 -- %s",
                        folder, interrupts[_i / LEFT], left[_i % LEFT]),
                     0);
    expect_gone();
    ck_assert_int_eq(sh("rm %s/upper.sock.seen", folder), 0);
}
END_TEST

START_TEST(nothing_stays_behind_after_the_end)
{
    ck_assert_int_eq(sh("S=%s/upper.sock; export S; bench/iobench run -c 2 "
                        "-d 20ms --rounds 1 --budget 1 --no-wait -- %s",
                        folder, left[_i]),
                     0);
    expect_gone();
}
END_TEST

/* A server with a process that does not hear SIGTERM, at the end and after an
 * interrupt: it has some seconds, and then it is killed. */
START_TEST(a_deaf_one_is_killed)
{
    (void)sh("S=%s/upper.sock; export S; %s bench/iobench run -c 2 -n 100 "
             "--warm-up %s --rounds 1 --budget 1 --no-wait --no-count -- "
             "sh -c 'trap \"\" TERM; sleep 60 >$S.words & echo $! >$S.pid; "
             "exec multiplexing/select_server --listen unix:$S'",
             folder, _i ? "timeout -s KILL 2" : "", _i ? "30s" : "0");
    expect_gone();
    bool alive = true;
    for (int i = 0; i < 100 && alive; i++) {
        alive = sh("grep -q '^State:[^Z]*$' "
                   "/proc/$(cat %s/upper.sock.pid)/status",
                   folder) == 0;
        usleep(100000);
    }
    ck_assert(!alive);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("iobench");
    TCase *tests = tcase_create("program");
    TCase *cases[] = {benched_counts(), benched_screens(), benched_load(),
                      tests};
    int count = sizeof cases / sizeof cases[0];
    tcase_add_test(tests, a_server_with_a_wrong_byte_now_and_then_is_caught);
    tcase_add_loop_test(tests, each_fault_has_its_line_and_status, 0,
                        sizeof faults / sizeof faults[0]);
    tcase_add_test(tests, a_cell_that_cannot_be_is_a_gap_and_no_failure);
    tcase_add_test(tests, a_server_that_never_gets_ready_is_waited_for_once);
    tcase_add_test(tests, the_files_can_be_read_again);
    tcase_add_test(tests, tables_keep_within_80_columns);
    tcase_add_loop_test(tests, a_percentile_without_the_samples_is_not_shown, 0,
                        sizeof samples / sizeof samples[0]);
    tcase_add_test(tests, cpu_and_memory_are_those_that_the_server_uses);
    tcase_add_test(tests, the_demo_of_omission_keeps_to_the_same_rules);
    tcase_add_loop_test(tests, nothing_stays_behind_after_an_interrupt, 0,
                        LEFT * 3);
    tcase_add_loop_test(tests, nothing_stays_behind_after_the_end, 0, LEFT);
    tcase_add_loop_test(tests, a_deaf_one_is_killed, 0, 2);
    for (int i = 0; i < count; i++) {
        tcase_add_checked_fixture(cases[i], benched_set_up, benched_tear_down);
        tcase_set_timeout(cases[i], PROGRAM_TIMEOUT_S);
        suite_add_tcase(suite, cases[i]);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

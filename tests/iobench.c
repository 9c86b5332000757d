/* SPDX-License-Identifier: MIT */
/*
 * iobench as a whole program: its counts against strace and perf, its errors,
 * a server that is wrong now and then, and the files that it writes.
 */
#include "tests/unit.h"

#include "bench/bench_result.h"
#include "bench/spawn.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OUTPUT_SIZE = 64 * 1024,
    PROGRAM_TIMEOUT_S = 300,
    FEW = 100,
    MANY = 300
};

static char folder[64];
static char output[OUTPUT_SIZE];

static void set_up(void)
{
    strcpy(folder, "/tmp/iobench-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Runs a shell command in the build folder. Its output and errors are in
 * `output`. Returns its exit status. */
static int sh(const char *format, ...)
{
    char command[2048], build[512];
    va_list arguments;
    size_t used = 0;
    snprintf(command, sizeof command, "cd '%s' && exec 2>&1; ",
             spawn_path(".", build));
    size_t length = strlen(command);
    va_start(arguments, format);
    vsnprintf(command + length, sizeof command - length, format, arguments);
    va_end(arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    size_t n;
    while ((n = fread(output + used, 1, sizeof output - 1 - used, pipe)) > 0)
        used += n;
    output[used] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect(const char *words)
{
    ck_assert_msg(strstr(output, words) != NULL, "no '%s' in:\n%s", words,
                  output);
}

/* True, with a line that says so, where a test cannot be made. */
static bool lacks(const char *program)
{
    bool missing = sh("command -v %s >/dev/null", program) != 0;
    if (missing)
        fprintf(stderr, "skipped: %s is not there\n", program);
    return missing;
}

/* The server of `model` under strace, asked `requests` times: how many calls
 * of any name that took, start and end included. */
static long strace_calls(const struct model *model, int requests)
{
    char path[512], trace[128], log[32] = "", count[16];
    char *argv[16] = {"strace", "-f", "-qq", "-o", trace, path};
    struct child child;
    int n = 6;
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

/* The number behind `key` in the JSON of the only cell. */
static double number_in_json(const char *key)
{
    ck_assert_int_eq(
        sh("grep -o '\"%s\": [0-9.]*' %s/r.json | head -1", key, folder), 0);
    const char *colon = strchr(output, ':');
    ck_assert_ptr_nonnull(colon);
    return strtod(colon + 1, NULL);
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

/* Without leave to trace, the library counts at one connection as well, and
 * must agree: neither of these servers has calls that it does not see. */
/* perf counts in the kernel, and slows the server hardly at all; where it is
 * not permitted it prints 0 or nothing, which is no count. */
START_TEST(counts_in_life_are_those_of_perf)
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
    double by_perf = strtod(output, NULL) / 20000;
    if (by_perf < 0.001) {
        fprintf(stderr, "skipped: perf may not count system calls here\n");
        return;
    }
    ck_assert_int_eq(
        sh("bench/iobench run poll -c 10 -d 20ms --rounds 1 --budget 1 "
           "--no-wait --place free --json %s/r.json",
           folder),
        0);
    double ours = number_in_json("calls_per_request");
    ck_assert_msg(ours > 0.9 * by_perf && ours < 1.1 * by_perf,
                  "iobench counts %.3f calls a request, perf %.3f", ours,
                  by_perf);
}
END_TEST

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
    {"bench/iobench run select -d 5m", 2, "a time from 1ms"},
    {"bench/iobench run select -s 9M", 2, "whole numbers from 1 to 1048576"},
    {"bench/iobench run select -r fast", 2, "requests a second"},
    {"bench/iobench run select --pin 0,1000", 2, "may not use CPU 1000"},
    {"bench/iobench run --", 2, "a command must stand behind --"},
    {"bench/iobench walk", 2, "'walk' is not a command"},
    {"bench/iobench run -- /does/not/exist", 1, "cannot start"},
    {"bench/iobench run -- sh -c 'echo last words >&2; exit 3'", 1,
     "last words"},
    {"bench/iobench run epoll -c 1000000 --no-wait", 1, "the descriptor limit"},
    {"bench/iobench load --connect 127.0.0.1:1", 1, "ECONNREFUSED"},
    {"bench/iobench load -C 127.0.0.1:1 -c 1000000", 1, "would fit"},
    {"bench/iobench load", 2, "--connect ADDR is needed"},
    {"bench/iobench merge /does/not/exist", 1, "ENOENT"},
    {"bench/iobench compare /dev/null /dev/null", 1, "/dev/null"},
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

START_TEST(the_files_can_be_read_again)
{
    struct result result;
    char path[128];
    ck_assert_msg(
        sh("bench/iobench run select -c 1,3 -n 500 --rounds 2 --budget 2 "
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
    ck_assert_int_eq(
        sh("bench/iobench compare %s/r.json %s/r.json", folder, folder), 0);
    expect("no measurable difference");
}
END_TEST

START_TEST(tables_keep_within_80_columns)
{
    ck_assert_int_eq(sh("bench/iobench run select threads -c 1,10 -i 0,5 "
                        "-d 20ms --rounds 2 --budget 2 | sed -n '1,/^noise/p' "
                        "| awk 'length > 80'"),
                     0);
    ck_assert_msg(strstr(output, "select") == NULL &&
                      strstr(output, "threads") == NULL,
                  "%s", output);
}
END_TEST

START_TEST(nothing_stays_behind_after_an_interrupt)
{
    char name[128];
    snprintf(name, sizeof name, "%s/upper.sock", folder);
    ck_assert_int_ne(sh("timeout -s INT 1 bench/iobench run -c 2 -d 30s "
                        "--rounds 1 -- multiplexing/select_server "
                        "--listen unix:%s",
                        name),
                     0);
    /* The server was told, and takes its socket with it. */
    for (int i = 0; i < 100 && access(name, F_OK) == 0; i++)
        usleep(100000);
    ck_assert_int_ne(access(name, F_OK), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("iobench");
    TCase *tests = tcase_create("iobench");
    int models_counted = sizeof counted_models / sizeof counted_models[0];
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, PROGRAM_TIMEOUT_S);
    tcase_add_loop_test(tests, exact_counts_are_those_of_strace, 0,
                        models_counted);
    tcase_add_loop_test(tests, both_ways_of_counting_agree_at_one_connection, 0,
                        models_counted);
    tcase_add_test(tests, counts_in_life_are_those_of_perf);
    tcase_add_test(tests, a_server_with_a_wrong_byte_now_and_then_is_caught);
    tcase_add_loop_test(tests, each_fault_has_its_line_and_status, 0,
                        sizeof faults / sizeof faults[0]);
    tcase_add_test(tests, a_cell_that_cannot_be_is_a_gap_and_no_failure);
    tcase_add_test(tests, the_files_can_be_read_again);
    tcase_add_test(tests, tables_keep_within_80_columns);
    tcase_add_test(tests, nothing_stays_behind_after_an_interrupt);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/* What iotrace says when it cannot trace, or has no anchors to show. */
#include "tests/traced.h"

#include "bench/spawn.h"
#include "tests/peer.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_fault(const char *const *args, int status, const char *words)
{
    char errors[4096];
    ck_assert_int_eq(run_iotrace(args, errors), status);
    require(strstr(errors, words) != NULL, "expected '%s' in: %s", words,
            errors);
}

START_TEST(what_cannot_be_traced_is_named)
{
    const char *const tracer[] = {iotrace_path(), "--json", "REPORT", "--",
                                  NULL};
    struct traced traced = {.spins = false};
    char server[512], pid[16], script[64];
    expect_fault(ARGS("--", "/nonexistent"), 127, "no such program");
    expect_fault(ARGS("--", "no-such-program-anywhere"), 127, "in PATH");
    expect_fault(ARGS("--", "/etc/passwd"), 1, "EACCES");
    expect_fault(ARGS("-p", "4194303"), 1, "no process 4194303");
    expect_fault(ARGS("-c"), 2, "--help");
    expect_fault(ARGS("-p", "1", "--", "true"), 2, "not both");
    expect_fault(ARGS("--per", "10", "--", "true"), 2, "--count");
    make_report(script); /* an empty file is no program */
    FILE *file = fopen(script, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "\x7f"
                  "ELF nothing\n");
    (void)fclose(file);
    ck_assert_int_eq(system(NULL) != 0, 1);
    char command[128];
    snprintf(command, sizeof command, "chmod +x %s", script);
    ck_assert_int_eq(system(command), 0);
    expect_fault(ARGS("--", script), 1, "ENOEXEC");
    (void)unlink(script);
    spawn_path("multiplexing/select_server", server);
    traced_start(&traced, tracer, server, NULL);
    snprintf(pid, sizeof pid, "%d", traced.pid);
    expect_fault(ARGS("-p", pid), 1, "already traced");
    (void)traced_end(&traced, SIGTERM);
    (void)unlink(traced.report);
}
END_TEST

START_TEST(without_debug_information_it_counts_and_says_why)
{
    char server[512], stripped[64], command[700], errors[4096];
    make_report(stripped);
    spawn_path("blocking/blocking_client", server);
    snprintf(command, sizeof command, "strip -o %s %s && chmod +x %s", stripped,
             server, stripped);
    ck_assert_int_eq(system(command), 0);
    int status = run_iotrace(ARGS("-c", "--", stripped, "--help"), errors);
    (void)unlink(stripped);
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(errors, "build it with -g"));
    ck_assert_ptr_nonnull(strstr(errors, "write"));
}
END_TEST

/* Forbids ptrace to the program that follows, as a container does. */
static void forbid_ptrace(void *error)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K,
                 SECCOMP_RET_ERRNO | (unsigned)*(const int *)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog program = {4, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(77);
}

static void expect_forbidden(const char *const *args, void (*prepare)(void *),
                             void *data, const char *const *words)
{
    char errors[1024];
    struct child tracer;
    struct spawn spawn = {.argv = (char *const *)(uintptr_t)args,
                          .prepare = prepare,
                          .data = data,
                          .catch_error = 1};
    ck_assert_int_eq(spawn_start(&tracer, &spawn), 0);
    ssize_t n = read(tracer.error, errors, sizeof errors - 1);
    errors[n > 0 ? n : 0] = '\0';
    int status = spawn_end(&tracer, 0, patience_ms, NULL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        printf("SKIP: it cannot be forbidden here\n");
        return;
    }
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    for (; *words; words++)
        require(strstr(errors, *words) != NULL, "expected '%s' in: %s", *words,
                errors);
}

START_TEST(a_seccomp_filter_is_named)
{
    int numbers[] = {EPERM, ENOSYS};
    expect_forbidden(ARGS(iotrace_path(), "-c", "--", "true"), forbid_ptrace,
                     &numbers[_i],
                     ARGS("seccomp", "containers", "make doctor"));
}
END_TEST

static void be_nobody(void *unused)
{
    (void)unused;
    if (setgid(65534) < 0 || setuid(65534) < 0)
        _exit(77); /* we are not root, and so somebody else is */
}

START_TEST(a_process_of_another_user_is_named)
{
    char path[512];
    /* Where the tree is closed to others, nobody cannot start iotrace. */
    snprintf(path, sizeof path, "su -s /bin/sh nobody -c 'test -x %s' 2>&-",
             iotrace_path());
    if (geteuid() != 0 || system(path) != 0) {
        printf("SKIP: cannot become another user\n");
        return;
    }
    expect_forbidden(ARGS(iotrace_path(), "-p", "1"), be_nobody, NULL,
                     ARGS("another user", "make doctor"));
}
END_TEST

Suite *trace_faults_suite(void)
{
    Suite *suite = suite_create("trace_faults");
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_cannot_be_traced_is_named);
    tcase_add_test(tests, without_debug_information_it_counts_and_says_why);
    tcase_add_loop_test(tests, a_seccomp_filter_is_named, 0, 2);
    tcase_add_test(tests, a_process_of_another_user_is_named);
    suite_add_tcase(suite, tests);
    return suite;
}

/* SPDX-License-Identifier: MIT */
/*
 * doctor: what this machine can do, and what will be skipped here and why, a
 * line each. It tries the thing itself wherever it can, since settings only
 * say what should be allowed. Always exits 0.
 */
#include "bench/screen.h"
#include "common/options.h"
#include "common/report.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static struct screen screen;

enum verdict { OK, LESS, MISSING };

/* One line: what, whether, and what follows. */
static void say(enum verdict verdict, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(enum verdict verdict, const char *what, const char *format, ...)
{
    static const char *const words[] = {"ok", "less", "no"};
    static const enum screen_ink inks[] = {INK_COPY, INK_ASKING, INK_ALARM};
    va_list arguments;
    printf(" %-12s %s%-4s%s  ", what, screen_ink(&screen, inks[verdict]),
           words[verdict], screen_ink(&screen, INK_PLAIN));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* The number in a file of /proc, or `otherwise` when it is not there. */
static long number_in(const char *path, long otherwise)
{
    long value = otherwise;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return otherwise;
    if (fscanf(file, "%ld", &value) != 1)
        value = otherwise;
    fclose(file);
    return value;
}

/* The first line that `command` prints, without its newline; "" if it fails.
 * The commands are fixed texts of this file. */
static const char *first_line(const char *command, char line[128])
{
    FILE *pipe = popen(command, "re");
    line[0] = '\0';
    if (pipe == NULL)
        return line;
    if (fgets(line, 128, pipe) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    char rest[256];
    while (fgets(rest, sizeof rest, pipe) != NULL)
        ; /* or the command would end by SIGPIPE */
    if (pclose(pipe) != 0)
        line[0] = '\0';
    return line;
}

static void check_machine(void)
{
    struct utsname name;
    char line[128];
    const char *compiler = getenv("CC");
    char command[160];
    snprintf(command, sizeof command, "%.100s --version 2>/dev/null",
             compiler ? compiler : "cc");
    first_line(command, line);
    say(*line ? OK : MISSING, "compiler", "%s",
        *line ? line : "install gcc or clang");
    (void)uname(&name); /* cannot fail */
    say(OK, "kernel", "%s %s, %s", name.sysname, name.release, name.machine);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    say(cpus > 1 ? OK : LESS, "CPUs", "%ld%s", cpus,
        cpus > 1 ? "" : ": server and load share it in the bench");
}

static int ring_setup(unsigned flags)
{
    struct io_uring_params params = {.flags = flags};
    long fd = syscall(SYS_io_uring_setup, 4, &params);
    if (fd >= 0)
        close((int)fd);
    return fd >= 0 ? 0 : errno;
}

static void check_uring(void)
{
    long disabled = number_in("/proc/sys/kernel/io_uring_disabled", 0);
    int error = ring_setup(0);
    if (error == 0 && ring_setup(IORING_SETUP_SINGLE_ISSUER |
                                 IORING_SETUP_DEFER_TASKRUN) == 0)
        say(OK, "io_uring", "with SINGLE_ISSUER and DEFER_TASKRUN");
    else if (error == 0)
        say(LESS, "io_uring", "without DEFER_TASKRUN (Linux 6.1): slower");
    else if (error == ENOSYS)
        say(MISSING, "io_uring",
            "ENOSYS: Linux 5.11 or newer is needed, or "
            "seccomp hides it; uring is skipped");
    else if (error == EPERM && disabled > 0)
        say(MISSING, "io_uring",
            "EPERM: sysctl kernel.io_uring_disabled = %ld; set it to 0",
            disabled);
    else if (error == EPERM)
        say(MISSING, "io_uring",
            "EPERM: a container's seccomp profile forbids "
            "it (docker: --security-opt seccomp=...)");
    else
        say(MISSING, "io_uring", "%s (%s)", errno_name(error), strerror(error));
}

/* Seizes a child of our own, as iotrace does. Returns 0 or the errno. */
static int try_ptrace(void)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    if (child < 0)
        return errno;
    int error = ptrace(PTRACE_SEIZE, child, 0, 0) < 0 ? errno : 0;
    kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return error;
}

static void check_ptrace(void)
{
    long yama = number_in("/proc/sys/kernel/yama/ptrace_scope", 0);
    int error = try_ptrace();
    if (error == 0 && yama == 0)
        say(OK, "ptrace", "iotrace can start programs, and attach to them");
    else if (error == 0)
        say(LESS, "ptrace",
            "yama.ptrace_scope = %ld: iotrace can start "
            "programs; -p needs root",
            yama);
    else
        say(MISSING, "ptrace", "%s: %s; demos show the scene without a trace",
            errno_name(error),
            yama == 3 ? "yama.ptrace_scope = 3"
                      : "a container forbids it (--cap-add=SYS_PTRACE)");
}

static void check_perf(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                         .size = sizeof attributes,
                                         .config = PERF_COUNT_SW_CPU_CLOCK};
    long fd = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
    int error = errno;
    char line[128];
    if (fd >= 0)
        close((int)fd);
    first_line("perf --version 2>/dev/null", line);
    long paranoid = number_in("/proc/sys/kernel/perf_event_paranoid", -1);
    if (fd >= 0 && *line)
        say(OK, "perf", "%s, perf_event_paranoid = %ld", line, paranoid);
    else if (fd >= 0)
        say(LESS, "perf",
            "counters are allowed, perf is not installed: no "
            "second opinion on counts");
    else
        say(MISSING, "perf",
            "%s, perf_event_paranoid = %ld: no second "
            "opinion on counts",
            errno_name(error), paranoid);
}

static void check_limits(void)
{
    struct rlimit files, processes;
    (void)getrlimit(RLIMIT_NOFILE, &files); /* cannot fail so */
    (void)getrlimit(RLIMIT_NPROC, &processes);
    say(files.rlim_max >= 2000 ? OK : LESS, "descriptors", "%lu, at most %lu%s",
        (unsigned long)files.rlim_cur, (unsigned long)files.rlim_max,
        files.rlim_max >= 2000 ? "" : ": 1,500 clients are skipped");
    if (processes.rlim_cur == RLIM_INFINITY)
        say(OK, "processes", "no limit");
    else
        say(processes.rlim_cur >= 2000 ? OK : LESS, "processes", "%lu",
            (unsigned long)processes.rlim_cur);
    long backlog = number_in("/proc/sys/net/core/somaxconn", 0);
    say(backlog >= 512 ? OK : LESS, "somaxconn",
        "%ld connections may wait to "
        "be accepted",
        backlog);
}

/* A program or library that is needed for one thing only. */
static void check_tool(const char *name, const char *command,
                       const char *without)
{
    char line[128];
    first_line(command, line);
    say(*line ? OK : LESS, name, "%s", *line ? line : without);
}

int main(int argc, char **argv)
{
    const struct option_spec none[] = {{.name = NULL}};
    const struct usage usage = {
        .about = "Tells what this machine can do, and what will be skipped.",
        .specs = none};
    (void)options_parse(argc, argv, &usage);
    screen = screen_look(false);
    check_machine();
    check_uring();
    check_ptrace();
    check_perf();
    check_limits();
    check_tool("Check", "pkg-config --modversion check 2>/dev/null",
               "not installed, or no pkg-config: no `make test`; `make deps`");
    check_tool("strace", "strace -V 2>/dev/null",
               "not installed: its tests are skipped; `make deps`");
    check_tool("addr2line", "addr2line --version 2>/dev/null",
               "not installed (binutils): traces have no anchors");
    check_tool("gnuplot", "gnuplot --version 2>/dev/null",
               "not installed: `make plot` writes CSV only");
    check_tool("cmark", "cmark --version 2>/dev/null",
               "not installed: no `make book`; the notes read as they are");
    check_tool("chromium", "chromium --version 2>/dev/null",
               "not installed: `make check-book` looks at no page");
    return 0;
}

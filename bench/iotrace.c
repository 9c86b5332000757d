/* SPDX-License-Identifier: MIT */
/*
 * iotrace: watches the system calls of a program, and says which line of its
 * source made each one and in which phase of I/O.
 *
 * Shows
 *   - what a process asks of the kernel while it waits: a line a call, or
 *     counts by name, by anchor and by phase;
 *   - who sleeps where: 'asleep 412 ms, woken: fd 5 has bytes'.
 *
 * Threads and ownership: one thread; the program traced runs as it would
 * alone, only slower (some 10 microseconds a call: never measure time here).
 * With -c it has one CPU, and the tracer has the same one.
 * Needs: ptrace with PTRACE_GET_SYSCALL_INFO (Linux 5.3), addr2line for the
 * anchors. Without them it says so.
 * Limits: what io_uring does inside the kernel, and the clock, which is read
 * in user space, are no system calls and cannot be seen.
 * Try it
 *   build/bench/iotrace --quiet-setup -- build/multiplexing/select_server
 *   build/bench/iotrace -c --per 100 -- build/blocking/blocking_client ...
 * Note: notes/12-measuring.md
 * Compare: strace -f
 */
#include "bench/trace.h"
#include "bench/trace_report.h"
#include "common/options.h"
#include "common/report.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct iotrace {
    long pid;
    bool count, quiet_setup, no_narration;
    long messages;
    const char *json, *output;
    struct trace *trace;
    struct trace_counts *counts;
    struct narrator narrator;
};

static struct iotrace *running;               /* for the signal handler */
static volatile sig_atomic_t typed_on_a_line; /* the terminal wrote ^C */

/* What is told next begins on a line of its own. */
static void begin_line(const struct iotrace *io)
{
    if (typed_on_a_line && isatty(fileno(io->narrator.out)) == 1)
        fputc('\n', io->narrator.out);
    typed_on_a_line = 0;
}

static void on_event(const struct trace_event *event, void *data)
{
    struct iotrace *io = data;
    if (io->counts)
        counts_add(io->counts, event);
    if (io->no_narration)
        return;
    begin_line(io);
    narrate_event(&io->narrator, event);
}

static void on_pending(const struct trace_event *event, void *data)
{
    struct iotrace *io = data;
    if (!io->no_narration)
        narrate_pending(&io->narrator, event);
}

/*
 * Attached: a signal for us means 'let go'. Started: the terminal sends its
 * Ctrl-C to the program as well, and we end when the program does; a signal
 * from a person or a script (kill) is passed on.
 */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    typed_on_a_line = info->si_code == SI_KERNEL;
    if (running->pid > 0)
        trace_let_go(running->trace);
    else if (info->si_code != SI_KERNEL && trace_pid(running->trace) > 0)
        (void)kill(trace_pid(running->trace), number);
}

/*
 * At each stop either the program runs or we do. On one CPU that is a switch;
 * on two, the one wakes the other out of its idle sleep, and the waking takes
 * longer than all the rest. What we start inherits this. Only where nothing
 * but numbers is wanted: a story shall show the threads side by side.
 */
static void share_one_cpu(void)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    CPU_ZERO(&one);
    if (cpu >= 0 && cpu < CPU_SETSIZE) {
        CPU_SET(cpu, &one);
        (void)sched_setaffinity(0, sizeof one, &one); /* else it is slower */
    }
}

static void catch_signals(struct iotrace *io)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO};
    running = io;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &action, NULL);
}

static void open_output(struct iotrace *io)
{
    struct winsize size = {.ws_col = 0};
    const char *no_colour = getenv("NO_COLOR");
    FILE *out = stderr;
    if (io->output && (out = fopen(io->output, "we")) == NULL)
        die_errno("write %s", io->output);
    bool terminal = isatty(fileno(out)) == 1;
    if (terminal)
        (void)ioctl(fileno(out), TIOCGWINSZ, &size);
    io->narrator.out = out;
    io->narrator.columns = size.ws_col > 80 ? size.ws_col : 80;
    io->narrator.colour = terminal && (!no_colour || !*no_colour);
}

static int parse(struct iotrace *io, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'p', "pid", "PID", "attach to a process; Ctrl-C lets go of it",
         OPTION_NUMBER, &io->pid, 1, 4194304},
        {'c', "count", NULL, "count, instead of telling every call; on one CPU",
         OPTION_FLAG, &io->count, 0, 0},
        {'n', "per", "N", "with -c: also for each of N messages", OPTION_NUMBER,
         &io->messages, 1, 1000000000},
        {'q', "quiet-setup", NULL, "begin where the program's main begins",
         OPTION_FLAG, &io->quiet_setup, 0, 0},
        {'j', "json", "FILE", "write every event to FILE, and tell nothing",
         OPTION_TEXT, &io->json, 0, 0},
        {'o', "output", "FILE", "tell it to FILE [standard error]", OPTION_TEXT,
         &io->output, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "-- PROGRAM [ARG ...]   (or -p PID)",
        .about = "Watches a program's system calls: what it asks of the "
                 "kernel, where in its\nsource, and how long it sleeps there.",
        .after =
            "Names are those of the functions: recv is the kernel's recvfrom, "
            "select its\npselect6; -c and --json have the kernel's names. "
            "Times are in milliseconds.\nCalls that the vDSO answers in user "
            "space (clock_gettime and its kin) are no\nsystem calls and are "
            "not seen. The exit status is the program's.",
        .specs = specs};
    int first = options_parse(argc, argv, &usage);
    if ((io->pid > 0) == (first < argc))
        die(EXIT_USAGE, "give a PROGRAM to start or a --pid, and not both "
                        "(see --help)");
    if (io->messages > 0 && !io->count)
        die(EXIT_USAGE, "--per goes with --count");
    io->no_narration = io->count || io->json;
    return first;
}

static void make_trace(struct iotrace *io)
{
    const struct trace_options options = {
        .decode = !io->count || io->json,
        .attribute = true,
        .collect = io->json != NULL,
        .live = !io->no_narration,
        .skip_setup = io->quiet_setup && io->pid == 0,
        .on_event = on_event,
        .on_pending = io->no_narration ? NULL : on_pending,
        .data = io};
    io->trace = trace_new(&options);
    io->counts = io->count ? counts_new() : NULL;
    if (io->trace == NULL || (io->count && io->counts == NULL))
        die_errno("memory for the trace");
}

static void report(struct iotrace *io, const char *program)
{
    const char *slash = strrchr(program, '/');
    trace_resolve(io->trace);
    if (io->counts)
        counts_print(io->counts, io->narrator.out, io->messages);
    if (io->json) {
        size_t count;
        const struct trace_event *events = trace_events(io->trace, &count);
        if (trace_write_json(io->json, slash ? slash + 1 : program, events,
                             count) < 0)
            die_errno("write %s", io->json);
    }
    const char *why = trace_no_anchors(io->trace);
    if (why)
        fprintf(stderr, "%s: no anchors: %s\n", report_program_name(), why);
}

/* Ends as the program ended: with its status, or by the same signal. */
static int end_like(int status)
{
    if (status == -1)
        return 0; /* let go of */
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    const struct rlimit no_core = {0, 0};
    sigset_t all;
    (void)setrlimit(RLIMIT_CORE, &no_core); /* its own core is enough */
    (void)signal(WTERMSIG(status), SIG_DFL);
    sigfillset(&all);
    (void)sigprocmask(SIG_UNBLOCK, &all, NULL);
    (void)raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    struct iotrace io = {.pid = 0};
    report_name_program(argv[0]);
    int first = parse(&io, argc, argv);
    open_output(&io);
    make_trace(&io);
    catch_signals(&io);
    if (io.count && !io.json && io.pid == 0)
        share_one_cpu();
    int begun = io.pid > 0 ? trace_attach(io.trace, (pid_t)io.pid)
                           : trace_start(io.trace, argv + first);
    if (begun < 0 || trace_run(io.trace) < 0)
        die(begun < 0 && errno == ENOENT ? 127 : EXIT_CANNOT_START, "%s",
            trace_fault(io.trace));
    report(&io, io.pid > 0 ? "" : argv[first]);
    int status = trace_status(io.trace);
    bool cannot_write = io.output && fclose(io.narrator.out) != 0;
    counts_free(io.counts);
    trace_free(io.trace);
    if (cannot_write)
        die_errno("write %s", io.output);
    return end_like(status);
}

/* SPDX-License-Identifier: MIT */
/* How a trace begins: a program started, or a process attached to; and why
 * not, in words. */
#include "bench/trace_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Where `name` is, as execvp would find it. (execvp itself would hand a file
 * that is no program to the shell; here that is a fault to be named.)
 */
static const char *find_program(const char *name, char path[4096])
{
    const char *folder = getenv("PATH");
    if (strchr(name, '/') || folder == NULL)
        return name;
    while (*folder) {
        size_t length = strcspn(folder, ":");
        snprintf(path, 4096, "%.*s/%s", (int)length, folder, name);
        if (access(path, X_OK) == 0)
            return path;
        folder += length + (folder[length] == ':');
    }
    return name;
}

/* In the child: waits to be traced, then becomes the program. */
static _Noreturn void become(const struct trace_options *options,
                             const char *path, char *const argv[], int go,
                             int report)
{
    char byte;
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (read(go, &byte, 1) != 1)
        _exit(127); /* the tracer gave up */
    if ((options->input_fd <= 0 ||
         dup2(options->input_fd, STDIN_FILENO) >= 0) &&
        (options->output_fd <= 0 ||
         dup2(options->output_fd, STDOUT_FILENO) >= 0) &&
        (options->error_fd <= 0 ||
         dup2(options->error_fd, STDERR_FILENO) >= 0)) {
        if (options->prepare)
            options->prepare(options->data);
        execv(path, argv);
    }
    int error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(127);
}

static int seize(struct trace *t, pid_t tid)
{
    unsigned long options = stops_options(t);
    return ptrace(PTRACE_SEIZE, tid, NULL, options) < 0 ||
                   ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0
               ? -1
               : 0;
}

/* Reads a number behind `key` in a file of /proc; -1 when there is none. */
static long proc_number(const char *path, const char *key)
{
    char line[256];
    long number = -1;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtol(line + strlen(key), NULL, 10);
    if (file)
        (void)fclose(file);
    return number;
}

/* Says why ptrace said no to process `pid`. Returns -1, errno kept. */
static int explain(struct trace *t, pid_t pid)
{
    static const char way_out[] = "`make doctor` tells what is allowed here";
    int error = errno;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    long tracer = proc_number(path, "TracerPid:");
    long owner = proc_number(path, "Uid:");
    bool filtered = proc_number("/proc/self/status", "Seccomp:") == 2;
    long scope = proc_number("/proc/sys/kernel/yama/ptrace_scope", "");
    if (error == ESRCH)
        snprintf(t->fault, sizeof t->fault, "there is no process %d", pid);
    else if (error == EIO || (error == ENOSYS && !filtered))
        snprintf(t->fault, sizeof t->fault,
                 "this kernel has no PTRACE_GET_SYSCALL_INFO (Linux 5.3): %s",
                 way_out);
    else if (tracer > 0)
        snprintf(t->fault, sizeof t->fault,
                 "process %d is already traced, by process %ld (a debugger, "
                 "strace?)",
                 pid, tracer);
    else if (proc_number(path, "Kthread:") > 0)
        snprintf(t->fault, sizeof t->fault,
                 "process %d is a thread of the kernel", pid);
    else if (owner >= 0 && (uid_t)owner != geteuid() && geteuid() != 0)
        snprintf(t->fault, sizeof t->fault,
                 "process %d belongs to another user (uid %ld): be that user, "
                 "or root; %s",
                 pid, owner, way_out);
    else if (scope >= 1)
        snprintf(t->fault, sizeof t->fault,
                 "ptrace is forbidden: Yama's ptrace_scope is %ld%s; %s", scope,
                 scope == 1 ? ", so start the program here instead of "
                              "attaching, or be root"
                            : "",
                 way_out);
    else if (filtered)
        snprintf(t->fault, sizeof t->fault,
                 "ptrace is forbidden by a seccomp filter, as containers set "
                 "it (docker run --cap-add SYS_PTRACE); %s",
                 way_out);
    else if (error == EPERM)
        snprintf(t->fault, sizeof t->fault,
                 "process %d has more rights (setuid, outside a container) or "
                 "has ended; be root with CAP_SYS_PTRACE; %s",
                 pid, way_out);
    else
        snprintf(t->fault, sizeof t->fault, "ptrace: %s (%s); %s",
                 trace_error_name(error), strerror(error), way_out);
    errno = error;
    return -1;
}

static int explain_exec(struct trace *t, const char *program, int error)
{
    const char *why = strerror(error);
    if (error == ENOENT)
        why = strchr(program, '/') ? "no such program (is it built? `make`)"
                                   : "no such program in PATH";
    else if (error == ENOEXEC)
        why = "not a program for this machine (a script needs #!)";
    snprintf(t->fault, sizeof t->fault, "%s: %s (%s)", program,
             trace_error_name(error), why);
    errno = error;
    return -1;
}

/* Lets the seized child go on to its exec. Returns exec's errno, or -1. */
static int run_to_exec(struct trace *t, int go, int report)
{
    int error = 0;
    if (write(go, "", 1) != 1)
        return -1;
    while (!t->executed && t->task_count > 0)
        if (stops_wait(t) < 0 && errno != EINTR)
            return -1;
    if (t->executed)
        return 0;
    return read(report, &error, sizeof error) == sizeof error ? error : -1;
}

static void close_all(int pipes[4])
{
    for (int i = 0; i < 4; i++)
        if (pipes[i] >= 0)
            (void)close(pipes[i]);
}

int trace_start(struct trace *t, char *const argv[])
{
    int pipes[4] = {-1, -1, -1, -1}; /* go: 0 <- 1; report: 2 <- 3 */
    char room[4096];
    const char *path = find_program(argv[0], room);
    pid_t pid = -1;
    if (pipe2(pipes, O_CLOEXEC) < 0 || pipe2(pipes + 2, O_CLOEXEC) < 0 ||
        (pid = fork()) < 0) {
        explain_exec(t, argv[0], errno);
        close_all(pipes);
        return -1;
    }
    if (pid == 0) {
        /* Ours of `go` must not keep it open when the tracer dies. */
        (void)close(pipes[1]);
        become(&t->options, path, argv, pipes[0], pipes[3]);
    }
    int result = -1;
    struct trace_task *task = task_add(t, pid, pid);
    atomic_store(&t->first_pid, pid);
    (void)close(pipes[3]);
    pipes[3] = -1;
    if (task == NULL || seize(t, pid) < 0) {
        explain(t, pid);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, __WALL);
    } else {
        task->hidden = true;
        int error = run_to_exec(t, pipes[1], pipes[2]);
        result = error == 0    ? 0
                 : error > 0   ? explain_exec(t, argv[0], error)
                 : t->fault[0] ? -1
                               : explain(t, pid);
    }
    int saved = errno;
    close_all(pipes);
    errno = saved;
    return result;
}

/* Seizes the threads of `pid` that we do not have yet. Returns how many there
 * were, or -1. */
static int seize_threads(struct trace *t, pid_t pid)
{
    char path[64];
    int found = 0, failed = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *threads = opendir(path);
    if (threads == NULL) {
        errno = ESRCH;
        return -1;
    }
    struct dirent *entry;
    while (!failed && (entry = readdir(threads))) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid <= 0 || task_find(t, tid))
            continue;
        if (seize(t, tid) == 0) {
            const struct trace_task *task = task_add(t, tid, pid);
            if (task)
                task_begins(t, task);
            found += task != NULL;
        } else if (errno != ESRCH || tid == pid) {
            failed = errno; /* ESRCH: the thread has just ended */
        }
    }
    (void)closedir(threads);
    errno = failed;
    return failed ? -1 : found;
}

int trace_attach(struct trace *t, pid_t pid)
{
    int found;
    t->attached = true;
    if (t->task_count == 0)
        atomic_store(&t->first_pid, pid);
    /* A thread that is not ours yet may make others meanwhile: look again
     * until a look finds none. */
    do {
        found = seize_threads(t, pid);
    } while (found > 0);
    if (found == 0)
        t->executed = true;
    return found < 0 ? explain(t, pid) : 0;
}

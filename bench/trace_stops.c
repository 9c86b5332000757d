/* SPDX-License-Identifier: MIT */
/*
 * The engine: a traced thread stops, we look, we let it go on. The stops that
 * there are (ptrace(2) has a section on each):
 *
 *   system call   on entry and on return: what all this is about
 *   event         fork, vfork, clone: a new task; exec: a new program
 *   signal        is about to be delivered: we pass it on
 *   group         a stop signal stopped the whole process: PTRACE_LISTEN
 *                 leaves it stopped, as it would be without us
 */
#include "bench/trace_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* In <linux/ptrace.h>, which cannot be included beside <sys/ptrace.h>
 * everywhere. */
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum { SYSCALL_STOP = SIGTRAP | 0x80 };

unsigned long stops_options(const struct trace *t)
{
    unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
                            PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                            PTRACE_O_TRACEEXEC;
    /* What we started dies with us; what we attached to does not. */
    return t->attached ? options : options | PTRACE_O_EXITKILL;
}

static void enter(struct trace *t, struct trace_task *task)
{
    struct trace_event *e = &task->event;
    struct registers registers;
    if (!registers_read(task->tid, &registers))
        return; /* it was killed just now */
    *e = (struct trace_event){.kind = TRACE_CALL,
                              .pid = task->process->pid,
                              .tid = task->tid,
                              .number = registers.number,
                              .name = trace_call_name(registers.number),
                              .end_ns = -1,
                              .fd = -1};
    memcpy(e->args, registers.args, sizeof e->args);
    if (strncmp(e->name, "call ", 5) == 0)
        e->name = trace_keep(t, e->name);
    task->told = false;
    t->ending |= e->number == SYS_exit || e->number == SYS_exit_group;
    /* Nobody calls rt_sigreturn: the kernel laid it behind the handler. */
    if (!task->hidden && t->options.attribute &&
        e->number != SYS_rt_sigreturn) {
        bool in_program = false;
        e->site = site_here(t, task, &registers, &in_program);
        t->begun |= in_program;
    }
    if (!task->hidden && t->begun)
        decode_enter(t, task);
    e->begin_ns = trace_now(t);
}

static void leave(struct trace *t, struct trace_task *task,
                  const struct __ptrace_syscall_info *info)
{
    struct trace_event *e = &task->event;
    if (e->name == NULL)
        return; /* attached to in the middle of it */
    e->end_ns = trace_now(t);
    e->result = info->exit.rval;
    e->error = info->exit.is_error ? (int)-info->exit.rval : 0;
    if (!task->hidden) {
        decode_return(t, task);
        trace_emit(t, e);
    }
    e->name = NULL;
}

/*
 * Entry and return take turns, so after a return the next stop is an entry,
 * and the registers tell all of it: one question less to the kernel. Only a
 * task just met may be in the middle of a call.
 */
static int at_call(struct trace *t, struct trace_task *task)
{
    struct __ptrace_syscall_info info;
    if (task->in_step && task->event.name == NULL) {
        enter(t, task);
        return 0;
    }
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, (void *)sizeof info, &info) <
        0)
        return errno == ESRCH ? 0 : -1; /* ESRCH: it was killed just now */
    task->in_step = true;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        enter(t, task);
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
        leave(t, task, &info);
    return 0;
}

static struct trace_task *add_visible(struct trace *t, pid_t tid)
{
    struct trace_task *task = task_add(t, tid, process_of(tid));
    if (task)
        task_begins(t, task);
    return task;
}

/* A task has made another; both stop, in either order. */
static void at_birth(struct trace *t, struct trace_task *parent)
{
    unsigned long tid = 0;
    if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &tid) < 0)
        return;
    struct trace_task *child = task_find(t, (pid_t)tid);
    if (child == NULL)
        child = add_visible(t, (pid_t)tid);
    if (child == NULL || child->process != parent->process)
        return;
    /* When there is nothing of the program on its stack, the call that made
     * it tells whose helper it is; a helper's helper is the same one's. */
    if (parent->event.site) {
        const struct trace_frames *frames = parent->event.site->frames;
        child->maker = frames->maker ? frames->maker : frames;
    }
}

static struct trace_task *at_exec(struct trace *t, struct trace_task *task)
{
    unsigned long former = 0;
    (void)ptrace(PTRACE_GETEVENTMSG, task->tid, NULL, &former);
    struct trace_task *caller = task_find(t, (pid_t)former);
    if (caller && caller != task) {
        pid_t tid = task->tid;
        task_rename(t, caller, tid);
        task = caller;
    }
    process_execs(t, task->process);
    if (task->hidden)
        task_begins(t, task);
    task->hidden = false;
    task->maker = NULL;
    t->executed = true;
    return task;
}

static void at_signal(struct trace *t, const struct trace_task *task,
                      int signal_number)
{
    siginfo_t info = {.si_signo = 0};
    t->ending = true; /* perhaps */
    (void)ptrace(PTRACE_GETSIGINFO, task->tid, NULL, &info);
    struct trace_event event = {.kind = TRACE_SIGNAL,
                                .begin_ns = trace_now(t),
                                .pid = task->process->pid,
                                .tid = task->tid,
                                .number = signal_number,
                                .fd = -1};
    event.end_ns = event.begin_ns;
    event.name = trace_keep(t, trace_signal_name(signal_number));
    /* SI_KERNEL: a plain SIGIO, which does not say whose it is. */
    if ((signal_number == SIGIO || signal_number >= SIGRTMIN) &&
        info.si_code > 0 && info.si_code != SI_KERNEL)
        event.fd = info.si_fd;
    trace_emit(t, &event);
}

/* What to do next with a task that stopped. */
struct next {
    enum __ptrace_request request;
    int signal_number;
};

static struct next at_stop(struct trace *t, struct trace_task **task,
                           int status)
{
    struct next next = {PTRACE_SYSCALL, 0};
    int signal_number = WSTOPSIG(status);
    switch (status >> 16) {
    case 0:
        if (signal_number == SYSCALL_STOP)
            break;
        if (!(*task)->hidden)
            at_signal(t, *task, signal_number);
        next.signal_number = signal_number;
        break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        at_birth(t, *task);
        break;
    case PTRACE_EVENT_EXEC:
        *task = at_exec(t, *task);
        break;
    case PTRACE_EVENT_STOP:
        if (signal_number == SIGSTOP || signal_number == SIGTSTP ||
            signal_number == SIGTTIN || signal_number == SIGTTOU)
            next.request = PTRACE_LISTEN;
        break;
    default:
        break;
    }
    return next;
}

static void at_end(struct trace *t, struct trace_task *task, int status,
                   const struct rusage *usage)
{
    if (task->tid == atomic_load(&t->first_pid)) {
        t->status = status;
        t->usage = *usage;
    }
    task_remove(t, task, status);
}

int stops_handle(struct trace *t, pid_t tid, int status,
                 const struct rusage *usage)
{
    struct trace_task *task = task_find(t, tid);
    if (!WIFSTOPPED(status)) {
        if (task)
            at_end(t, task, status, usage);
        return 0;
    }
    if (task == NULL) /* a new one, before its parent could say so */
        task = add_visible(t, tid);
    if (task == NULL) {
        (void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
        errno = ENOMEM;
        return -1;
    }
    struct next next = at_stop(t, &task, status);
    if (status >> 16 == 0 && WSTOPSIG(status) == SYSCALL_STOP &&
        at_call(t, task) < 0)
        return -1;
    if (ptrace(next.request, tid, NULL, (long)next.signal_number) < 0 &&
        errno != ESRCH)
        return -1;
    return 0;
}

int stops_wait(struct trace *t)
{
    int status;
    struct rusage usage = {.ru_maxrss = 0};
    /* Adding up what a process used takes time, and only its end needs it. */
    pid_t tid =
        wait4(-1, &status, __WALL | __WNOTHREAD, t->ending ? &usage : NULL);
    return tid < 0 ? -1 : stops_handle(t, tid, status, &usage);
}

/* SPDX-License-Identifier: MIT */
#include "bench/trace_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct trace_task **bucket(struct trace *t, pid_t tid)
{
    return &t->tasks[(unsigned)tid % TASK_BUCKETS];
}

struct trace_task *task_find(struct trace *t, pid_t tid)
{
    if (t->last_task && t->last_task->tid == tid)
        return t->last_task;
    for (struct trace_task *k = *bucket(t, tid); k; k = k->next)
        if (k->tid == tid)
            return t->last_task = k;
    return NULL;
}

pid_t process_of(pid_t tid)
{
    char path[64], line[256];
    pid_t pid = tid;
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "Tgid:", 5) == 0)
            pid = (pid_t)strtol(line + 5, NULL, 10);
    if (file)
        (void)fclose(file);
    return pid;
}

static struct trace_process *process_join(struct trace *t, pid_t pid)
{
    struct trace_process *p;
    for (p = t->processes; p; p = p->next)
        if (p->pid == pid)
            break;
    if (p == NULL && (p = calloc(1, sizeof *p))) {
        p->pid = pid;
        p->next = t->processes;
        t->processes = p;
    }
    if (p)
        p->tasks++;
    return p;
}

static void process_forget(struct trace_process *process)
{
    modules_free(&process->modules);
    free(process->fds);
    free(process->watches);
    free(process->requests);
    process->fds = NULL;
    process->watches = NULL;
    process->requests = NULL;
    process->fd_count = process->watch_count = process->request_count = 0;
}

static void process_leave(struct trace *t, struct trace_process *process)
{
    if (--process->tasks > 0)
        return;
    struct trace_process **link = &t->processes;
    while (*link != process)
        link = &(*link)->next;
    *link = process->next;
    process_forget(process);
    free(process);
}

void process_execs(struct trace *t, struct trace_process *process)
{
    (void)t;
    process_forget(process);
}

/* Tells of a thread's beginning or end. */
static void emit_life(struct trace *t, const struct trace_task *task,
                      enum trace_kind kind, int status)
{
    int64_t now = trace_now(t);
    struct trace_event event = {.kind = kind,
                                .begin_ns = now,
                                .end_ns = now,
                                .pid = task->process->pid,
                                .tid = task->tid,
                                .name = kind == TRACE_BEGIN ? "begin" : "end",
                                .fd = -1,
                                .result = status};
    trace_emit(t, &event);
}

struct trace_task *task_add(struct trace *t, pid_t tid, pid_t pid)
{
    struct trace_task *task = calloc(1, sizeof *task);
    if (task && (task->process = process_join(t, pid)) == NULL) {
        free(task);
        task = NULL;
    }
    if (task == NULL) {
        t->out_of_memory = true;
        return NULL;
    }
    task->tid = tid;
    task->next = *bucket(t, tid);
    *bucket(t, tid) = task;
    t->task_count++;
    return task;
}

void task_begins(struct trace *t, const struct trace_task *task)
{
    emit_life(t, task, TRACE_BEGIN, 0);
}

static void unlink_task(struct trace *t, struct trace_task *task)
{
    struct trace_task **link = bucket(t, task->tid);
    while (*link != task)
        link = &(*link)->next;
    *link = task->next;
    t->last_task = NULL;
}

void task_remove(struct trace *t, struct trace_task *task, int status)
{
    /* The call in which it ended: exit itself, or whatever it slept in when
     * another thread ended the process. */
    if (task->event.name && !task->hidden)
        trace_emit(t, &task->event);
    if (!task->hidden)
        emit_life(t, task, TRACE_END, status);
    unlink_task(t, task);
    process_leave(t, task->process);
    free(task);
    t->task_count--;
}

/* An exec by a thread that is not the first: it goes on under the first
 * one's number, and all others are gone. */
void task_rename(struct trace *t, struct trace_task *task, pid_t tid)
{
    struct trace_task *old = task_find(t, tid);
    if (old == task)
        return;
    if (old)
        task_remove(t, old, 0);
    unlink_task(t, task);
    task->tid = tid;
    task->next = *bucket(t, tid);
    *bucket(t, tid) = task;
}

void tasks_free(struct trace *t)
{
    for (int i = 0; i < TASK_BUCKETS; i++) {
        while (t->tasks[i]) {
            struct trace_task *task = t->tasks[i];
            t->tasks[i] = task->next;
            process_leave(t, task->process);
            free(task);
        }
    }
}

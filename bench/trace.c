/* SPDX-License-Identifier: MIT */
#include "bench/trace_private.h"

#include "common/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARENA_BLOCK = 64 * 1024 };

struct trace *trace_new(const struct trace_options *options)
{
    struct trace *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->options = *options;
    t->last_site = &t->first_site;
    t->status = -1;
    t->begun = !options->skip_setup;
    t->epoch_ns = now_ns();
    return t;
}

void trace_free(struct trace *t)
{
    if (t == NULL)
        return;
    tasks_free(t);
    source_free(t);
    marks_free(t);
    elf_close_all(t->files);
    while (t->arena) {
        struct arena_block *next = t->arena->next;
        free(t->arena);
        t->arena = next;
    }
    free(t->events);
    free(t);
}

void *trace_allocate(struct trace *t, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (t->arena == NULL || ARENA_BLOCK - t->arena->used < size) {
        size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        struct arena_block *block = calloc(1, sizeof *block + room);
        if (block == NULL) {
            t->out_of_memory = true;
            return NULL;
        }
        block->next = t->arena;
        t->arena = block;
    }
    void *memory = t->arena->bytes + t->arena->used;
    t->arena->used += size;
    return memory;
}

const char *trace_keep(struct trace *t, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = trace_allocate(t, length);
    return copy ? memcpy(copy, text, length) : "";
}

const char *trace_keep_format(struct trace *t, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return trace_keep(t, text);
}

int64_t trace_now(const struct trace *t)
{
    return now_ns() - t->epoch_ns;
}

/* Tells of the calls that began before `before_ns` and have not returned. */
static void tell_pending(struct trace *t, int64_t before_ns, pid_t but_tid)
{
    int64_t now = trace_now(t);
    for (int i = 0; i < TASK_BUCKETS; i++) {
        for (struct trace_task *k = t->tasks[i]; k; k = k->next) {
            if (k->event.name == NULL || k->told || k->hidden ||
                k->tid == but_tid || k->event.begin_ns >= before_ns)
                continue;
            k->told = true;
            if (t->options.live && k->event.site)
                site_resolve(t, k->event.site->frames);
            int64_t lasted = now - k->event.begin_ns;
            k->event.sleep_ns = lasted >= TICK_NS ? lasted : 0;
            t->options.on_pending(&k->event, t->options.data);
            k->event.sleep_ns = 0;
        }
    }
}

void trace_emit(struct trace *t, struct trace_event *event)
{
    if (!t->begun)
        return;
    if (t->options.live && event->site)
        site_resolve(t, event->site->frames);
    if (t->options.on_pending) {
        const struct trace_task *task = task_find(t, event->tid);
        bool late = event->kind == TRACE_CALL && task && task->told;
        tell_pending(t, late ? event->end_ns : event->begin_ns, event->tid);
    }
    if (t->options.on_event)
        t->options.on_event(event, t->options.data);
    if (!t->options.collect)
        return;
    if (t->event_count == t->event_room) {
        size_t room = t->event_room ? 2 * t->event_room : 1024;
        void *events = realloc(t->events, room * sizeof *t->events);
        if (events == NULL) {
            t->out_of_memory = true;
            return;
        }
        t->events = events;
        t->event_room = room;
    }
    t->events[t->event_count++] = *event;
    t->sorted = false;
}

static void on_tick(int signal_number)
{
    (void)signal_number; /* its purpose is to interrupt the wait */
}

/* A timer that interrupts this thread's wait from time to time, so that a
 * request to let go is seen however it races with the wait. */
static int start_ticking(timer_t *timer)
{
    struct sigaction action = {.sa_handler = on_tick};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = SIGRTMIN + 5};
    const struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    sigset_t tick;
    event._sigev_un._tid = gettid();
    sigemptyset(&action.sa_mask);
    sigemptyset(&tick);
    sigaddset(&tick, event.sigev_signo);
    (void)pthread_sigmask(SIG_UNBLOCK, &tick, NULL);
    if (sigaction(event.sigev_signo, &action, NULL) < 0 ||
        timer_create(CLOCK_MONOTONIC, &event, timer) < 0)
        return -1;
    return timer_settime(*timer, 0, &every, NULL);
}

/* Stops every tracee and lets it run free. A signal that arrived in this
 * moment is handed on. */
static void let_go_of_all(struct trace *t)
{
    for (int i = 0; i < TASK_BUCKETS; i++)
        for (struct trace_task *k = t->tasks[i]; k; k = k->next)
            (void)ptrace(PTRACE_INTERRUPT, k->tid, NULL, NULL);
    while (t->task_count > 0) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL | __WNOTHREAD);
        if (tid < 0 && errno != EINTR)
            return;
        struct trace_task *task = tid > 0 ? task_find(t, tid) : NULL;
        if (task == NULL)
            continue;
        if (WIFSTOPPED(status)) {
            int signal_number = WSTOPSIG(status);
            if (status >> 16 != 0 || signal_number == (SIGTRAP | 0x80))
                signal_number = 0;
            (void)ptrace(PTRACE_DETACH, tid, NULL, (long)signal_number);
        }
        task_remove(t, task, -1);
    }
}

int trace_run(struct trace *t)
{
    timer_t timer;
    int result = 0;
    if (start_ticking(&timer) < 0) {
        snprintf(t->fault, sizeof t->fault, "no timer: %s", strerror(errno));
        return -1;
    }
    while (result == 0 && t->task_count > 0) {
        if (atomic_load(&t->let_go)) {
            let_go_of_all(t);
            break;
        }
        if (stops_wait(t) == 0)
            continue;
        if (errno == EINTR && t->options.on_pending && t->begun)
            tell_pending(t, trace_now(t) - TICK_NS, 0);
        else if (errno != EINTR)
            result = -1;
    }
    int saved = errno;
    if (result < 0 && t->fault[0] == '\0')
        snprintf(t->fault, sizeof t->fault, "ptrace: %s", strerror(saved));
    (void)timer_delete(timer);
    errno = saved;
    return result;
}

void trace_let_go(struct trace *t)
{
    atomic_store(&t->let_go, true);
}

static int by_beginning(const void *a, const void *b)
{
    const struct trace_event *one = a, *two = b;
    if (one->begin_ns != two->begin_ns)
        return one->begin_ns < two->begin_ns ? -1 : 1;
    return one->tid < two->tid ? -1 : one->tid > two->tid;
}

const struct trace_event *trace_events(struct trace *t, size_t *count)
{
    if (!t->sorted && t->event_count > 0)
        qsort(t->events, t->event_count, sizeof *t->events, by_beginning);
    t->sorted = true;
    *count = t->event_count;
    return t->events;
}

const char *trace_fault(const struct trace *t)
{
    return t->fault;
}

int64_t trace_epoch_ns(const struct trace *t)
{
    return t->epoch_ns;
}

pid_t trace_pid(const struct trace *t)
{
    return atomic_load(&t->first_pid);
}

int trace_status(const struct trace *t)
{
    return t->status;
}

const struct rusage *trace_usage(const struct trace *t)
{
    return &t->usage;
}

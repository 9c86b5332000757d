/* SPDX-License-Identifier: MIT */
/*
 * A trace as the rows of an answer. Three things make it short enough to read,
 * and none hides a call of the lesson: quick calls of one thread share a row,
 * calls in vain (EAGAIN) that follow each other are counted, and calls without
 * a phase are counted for each thread.
 */
#include "bench/quiz_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int find_task(struct teller *t, const struct trace_event *e)
{
    struct quiz_answer *a = t->answer;
    const struct trace_event *first = &t->p->events[0];
    int number = 1;
    for (int i = 0; i < a->task_count; i++)
        if (a->tasks[i].tid == e->tid)
            return i;
    if (a->task_count == QUIZ_TASKS_MAX)
        return QUIZ_TASKS_MAX - 1;
    struct quiz_task *task = &a->tasks[a->task_count];
    *task = (struct quiz_task){.pid = e->pid, .tid = e->tid};
    task->hidden =
        e->tid != first->tid && story_hidden(t->p->events, t->p->count, e->tid);
    for (int i = 0; i < a->task_count; i++)
        number +=
            a->tasks[i].hidden == task->hidden && a->tasks[i].tid != first->tid;
    if (e->tid == first->tid)
        snprintf(task->name, sizeof task->name, "main");
    else
        snprintf(task->name, sizeof task->name, "%s %d",
                 task->hidden           ? "libc"
                 : e->pid != first->pid ? "child"
                                        : "thread",
                 number);
    t->open_row[a->task_count] = -1;
    t->turns[a->task_count] = (struct turn){.from = -1, .to = -1};
    return a->task_count++;
}

/* Where the thread was at the moment of the question. */
static void note_moment(struct teller *t, int task, const struct trace_event *e)
{
    enum figure_kind kind = story_kind(e);
    struct quiz_task *who = &t->answer->tasks[task];
    bool then = e->begin_ns <= t->moment_ns &&
                (e->end_ns < 0 || e->end_ns > t->moment_ns);
    if (then && strncmp(e->name, "exit", 4) != 0)
        snprintf(who->moment, sizeof who->moment, "%s %s",
                 kind == FIGURE_ASLEEP ? "asleep in" : "in",
                 trace_plain_name(e->name));
    if (kind == FIGURE_ASKING && e->begin_ns < t->moment_ns + ASKING_NEAR_NS &&
        e->end_ns > t->moment_ns - ASKING_NEAR_NS)
        snprintf(who->moment, sizeof who->moment, "awake, asking");
}

/* The sums of the calls that have returned. */
static void count_call(struct teller *t, int task, const struct trace_event *e)
{
    struct quiz_answer *a = t->answer;
    const char *name = trace_plain_name(e->name);
    int client = quiz_client_of(t, e);
    bool reads = strcmp(name, "recv") == 0 || strcmp(name, "read") == 0;
    size_t used = strlen(a->reads);
    a->calls++;
    a->in_vain += e->error == EAGAIN && strcmp(name, "futex") != 0;
    a->rings |= e->done.count > 0;
    a->accepted += strcmp(name, "accept") == 0 && e->error == 0;
    if (!reads || e->error != 0)
        return;
    a->received += (unsigned long long)e->result;
    if (a->tasks[task].hidden && client >= 0)
        snprintf(a->reads + used, sizeof a->reads - used, "%s%s %s = %lld",
                 used > 0 ? ", " : "", name, t->p->scene->names[client],
                 (long long)e->result);
}

void quiz_count_only(struct teller *t, int task, const struct trace_event *e)
{
    quiz_tally(&t->answer->tasks[task].besides, trace_plain_name(e->name),
               false, 1);
}

/* Calls of the lesson, whatever mark stands above them. What the library and
 * our helpers do besides (mmap, setsockopt) is counted only. */
static bool is_shown(const struct trace_event *e)
{
    static const char *const besides[] = {
        "mmap",         "munmap", "mprotect",       "brk",
        "setsockopt",   "getpid", "rt_sigprocmask", "rt_sigaction",
        "rt_sigreturn", "gettid", "set_robust_list"};
    if (e->site == NULL || e->site->phase == NULL || e->site->anchor == NULL)
        return false;
    if (strcmp(e->site->phase, "arm") == 0 ||
        strcmp(e->site->phase, "setup") == 0)
        return strcmp(e->name, "set_robust_list") != 0;
    for (size_t i = 0; i < sizeof besides / sizeof besides[0]; i++)
        if (strcmp(e->name, besides[i]) == 0)
            return false;
    /* Waking another thread, or a lock: libc's way to wait. */
    return strcmp(e->name, "futex") != 0 || e->sleep_ns > 0;
}

static void tell(struct teller *t, const struct trace_event *e)
{
    int task = find_task(t, e);
    note_moment(t, task, e);
    if (e->end_ns < 0 || e->end_ns > t->to_ns)
        return; /* still in it when the scene was over */
    count_call(t, task, e);
    quiz_cost_call(t, task, e);
    if (t->answer->tasks[task].hidden || !is_shown(e))
        quiz_count_only(t, task, e);
    else if (story_kind(e) == FIGURE_ASKING)
        quiz_tell_vain(t, task, e);
    else
        quiz_tell_call(t, task, e);
}

static int by_end(const void *left, const void *right)
{
    const struct trace_event *a = *(const struct trace_event *const *)left;
    const struct trace_event *b = *(const struct trace_event *const *)right;
    int64_t a_ns = a->end_ns < 0 ? INT64_MAX : a->end_ns;
    int64_t b_ns = b->end_ns < 0 ? INT64_MAX : b->end_ns;
    return (a_ns > b_ns) - (a_ns < b_ns);
}

/* The calls that return after the first client came, in the order of their
 * return. *Caller frees*; NULL when memory is exhausted. */
static const struct trace_event **select_calls(struct teller *t, size_t *count)
{
    const struct trace_event **calls = calloc(t->p->count + 1, sizeof *calls);
    int64_t first_ns = t->from_ns + t->p->record.moments[0].done_us * 1000;
    *count = 0;
    for (size_t i = 0; calls && i < t->p->count; i++) {
        const struct trace_event *e = &t->p->events[i];
        if (e->kind != TRACE_CALL || e->begin_ns >= t->to_ns ||
            (e->end_ns >= 0 && e->end_ns <= first_ns))
            continue;
        calls[(*count)++] = e;
    }
    if (calls)
        qsort(calls, *count, sizeof *calls, by_end);
    return calls;
}

void quiz_answer(const struct performance *p, struct quiz_answer *answer)
{
    static struct teller t;
    size_t count;
    t = (struct teller){.p = p, .answer = answer, .from_ns = p->from_ns};
    /* Until shortly before it is told to end. */
    t.to_ns = p->from_ns + p->record.length_us * 1000 +
              (p->scene->after_ms - 5) * INT64_C(1000000);
    t.moment_ns = p->from_ns + quiz_moment_ms(p->scene) * INT64_C(1000000);
    memset(answer, 0, sizeof *answer);
    const struct trace_event **calls = select_calls(&t, &count);
    for (size_t i = 0; i < p->count; i++) /* named in the order of beginning */
        if (p->events[i].kind == TRACE_CALL)
            (void)find_task(&t, &p->events[i]);
    t.room = answer->task_count > 1 ? ROOM_AMONG_MANY : ROOM_ALONE;
    for (size_t i = 0; i < count; i++)
        tell(&t, calls[i]);
    for (int i = 0; i < answer->task_count; i++)
        quiz_flush_vain(&t, i);
    quiz_cost_end(&t);
    quiz_group(&t);
    free(calls);
}

/* SPDX-License-Identifier: MIT */
/*
 * What a message costs. The calls of a thread are divided into turns: one
 * begins where the thread wakes up, or receives again. A turn in which bytes
 * came or went belongs to a message; the n-th of a client is its n-th message.
 * Of two turns of one message (the hidden thread that reads and the one that
 * sends; a ring's recv and its send) both count.
 */
#include "bench/quiz_private.h"

#include <errno.h>
#include <string.h>

void quiz_tally(struct quiz_tally *tally, const char *name, bool in_vain,
                unsigned long calls)
{
    int i = 0;
    while (i < tally->count && (strcmp(tally->names[i].name, name) != 0 ||
                                tally->names[i].in_vain != in_vain))
        i++;
    if (i == QUIZ_NAMES_MAX)
        tally->names[--i].name = "others";
    else if (i == tally->count)
        tally->names[tally->count++] = (struct quiz_name){name, in_vain, 0};
    tally->names[i].calls += calls;
}

void quiz_tally_all(struct quiz_tally *tally, const struct quiz_tally *more)
{
    for (int i = 0; i < more->count; i++)
        quiz_tally(tally, more->names[i].name, more->names[i].in_vain,
                   more->names[i].calls);
}

unsigned long quiz_tally_of(const struct quiz_tally *tally, const char *name,
                            bool in_vain)
{
    for (int i = 0; i < tally->count; i++)
        if (strcmp(tally->names[i].name, name) == 0 &&
            tally->names[i].in_vain == in_vain)
            return tally->names[i].calls;
    return 0;
}

unsigned long quiz_tally_sum(const struct quiz_tally *tally)
{
    unsigned long sum = 0;
    for (int i = 0; i < tally->count; i++)
        sum += tally->names[i].calls;
    return sum;
}

/* Memory, of which the C library fetches more now and then: no message's. */
static bool is_memory(const struct trace_event *e)
{
    static const char *const names[] = {"brk", "mmap", "munmap", "mprotect",
                                        "madvise"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(e->name, names[i]) == 0)
            return true;
    return false;
}

static bool receives(const struct trace_event *e)
{
    const char *name = trace_plain_name(e->name);
    return strcmp(name, "recv") == 0 || strcmp(name, "read") == 0 ||
           strcmp(name, "pread") == 0;
}

/* The step in which `client` says something for the n-th time (0: the first),
 * or -1. */
static int step_of(const struct scene *scene, int client, int n)
{
    for (int i = 0; i < scene->step_count; i++)
        if (scene->steps[i].client == client &&
            scene->steps[i].action == SCENE_SAY && n-- == 0)
            return i;
    return -1;
}

static void end_turn(struct teller *t, int task)
{
    struct turn *turn = &t->turns[task];
    int from = turn->from, to = turn->to, step = -1;
    if (from >= 0)
        step = step_of(t->p->scene, from, t->received[from]++);
    if (to >= 0) {
        int sent = step_of(t->p->scene, to, t->sent[to]++);
        step = step < 0 ? sent : step;
    }
    if (step >= 0) {
        struct quiz_message *message = &t->answer->messages[step];
        bool hidden = t->answer->tasks[task].hidden;
        quiz_tally_all(hidden ? &message->hidden : &message->own, &turn->calls);
    }
    *turn = (struct turn){.from = -1, .to = -1};
}

/* Does the thread wake up with `e`, or turn to something new? */
static bool begins_turn(const struct turn *turn, const struct trace_event *e)
{
    const char *phase = e->site && e->site->phase ? e->site->phase : "";
    if (e->error == EAGAIN)
        return false;
    if (strcmp(phase, "wait+copy") == 0)
        return true;
    if (receives(e)) /* libc's helper tries pread, then read */
        return turn->copied || strcmp(phase, "wait") == 0 ||
               (phase[0] == '\0' && !turn->reads);
    return strcmp(phase, "wait") == 0 && (quiz_slept(e) || turn->worked);
}

/* Whose bytes came or went with `e`, a call or a request of a ring? */
static void note_bytes(struct teller *t, struct turn *turn,
                       const struct trace_event *e)
{
    bool sends = strcmp(trace_plain_name(e->name), "send") == 0;
    int client = quiz_client_of(t, e);
    turn->copied |= e->error == 0 && (sends || receives(e));
    if (client < 0 || e->result <= 0)
        return;
    if (receives(e))
        turn->from = client;
    else if (sends)
        turn->to = client;
}

void quiz_cost_call(struct teller *t, int task, const struct trace_event *e)
{
    struct turn *turn = &t->turns[task];
    const char *library = quiz_library_name(e);
    /* To a futex EAGAIN says that there is no need to sleep. */
    bool in_vain = e->error == EAGAIN && strcmp(e->name, "futex") != 0;
    if (is_memory(e))
        return;
    if (in_vain && (t->p->model->traits & MODEL_SPINS))
        return; /* between two messages, and without end */
    if (begins_turn(turn, e))
        end_turn(t, task);
    quiz_tally(&turn->calls, library ? library : trace_plain_name(e->name),
               in_vain, 1);
    bool waits =
        e->site && e->site->phase && strcmp(e->site->phase, "wait") == 0;
    turn->reads = receives(e);
    turn->worked |= !in_vain && !waits;
    turn->copied |= strncmp(e->name, "accept", 6) == 0 && !in_vain;
    note_bytes(t, turn, e);
    for (int i = 0; i < e->done.count; i++)
        note_bytes(t, turn, &e->done.calls[i]);
}

void quiz_cost_end(struct teller *t)
{
    for (int i = 0; i < t->answer->task_count; i++)
        end_turn(t, i);
}

/* SPDX-License-Identifier: MIT */
/*
 * The quiz: a small scene made from a number (the seed), questions about what
 * a model's server does in it, and the answer, taken from a run of the real
 * server under the tracer. The same seed is the same scene, for every model.
 */
#ifndef BENCH_QUIZ_H
#define BENCH_QUIZ_H

#include "bench/performance.h"
#include "bench/screen.h"

#include <stdio.h>

/* -- The scene (quiz_scene.c) ---------------------------------------------- */

/* Makes the scene of `seed`. Its texts are static. */
void quiz_scene(long seed, struct scene *scene);

/* NULL, or what is wrong with `scene`: somebody speaks before he connects,
 * never leaves, the order of times, an empty scene (static). */
const char *quiz_scene_fault(const struct scene *scene);

/* A moment in the middle of the longest silence: "who sleeps where?" */
int quiz_moment_ms(const struct scene *scene);

/* How many times `action` happens in `scene`. */
int quiz_count(const struct scene *scene, enum scene_action action);

/* -- The answer (quiz_answer.c) -------------------------------------------- */

enum {
    QUIZ_ROWS_MAX = 160,
    QUIZ_TEXT_MAX = 160,
    QUIZ_TASKS_MAX = 16,
    QUIZ_NAMES_MAX = 12
};

/* Calls counted by name; those with EAGAIN apart. */
struct quiz_tally {
    int count;
    struct quiz_name {
        const char *name; /* borrowed; the last may stand for "others" */
        bool in_vain;
        unsigned long calls;
    } names[QUIZ_NAMES_MAX];
};

/* One call, or a few quick ones of one thread that follow each other. */
struct quiz_row {
    int64_t at_ms_10; /* when the (first) call returned, in tenths of a ms */
    int task;
    enum screen_ink ink;
    char text[QUIZ_TEXT_MAX];  /* recv ana = 3 "hey", send = 3 */
    char where[QUIZ_TEXT_MAX]; /* #copy:recv #copy:send */
};

/* A thread or process of the server. */
struct quiz_task {
    pid_t pid, tid;
    bool hidden;               /* the C library's own: no rows, only counts */
    char name[24];             /* "main", "thread 1", "child 1", "libc 1" */
    char moment[64];           /* where it was at quiz_moment_ms(); "": gone */
    struct quiz_tally besides; /* the calls of no row: of libc, of helpers */
};

/* What the server did for one message: from the call that woke up for it to
 * the last one before it cares for something else. */
struct quiz_message {
    struct quiz_tally own, hidden; /* of its threads, and of libc's own */
};

struct quiz_answer {
    int row_count, task_count;
    struct quiz_row rows[QUIZ_ROWS_MAX];
    struct quiz_task tasks[QUIZ_TASKS_MAX];
    unsigned long rows_left_out; /* beyond QUIZ_ROWS_MAX */
    unsigned long calls;         /* that returned while it was played */
    unsigned long accepted;      /* accepts that brought a client */
    unsigned long in_vain;       /* EAGAIN */
    unsigned long long received; /* bytes that recv or read brought */
    struct quiz_message messages[SCENE_STEPS_MAX]; /* of the steps that SAY */
    char reads[QUIZ_TEXT_MAX]; /* of hidden threads: read ana = 3, ... */
    bool rings;                /* what its rings completed is known */
};

/* Tells what the server did: `p` has been performed under the tracer. Rows are
 * in the order in which the calls returned. */
void quiz_answer(const struct performance *p, struct quiz_answer *answer);

/* -- The questions (quiz_text.c) ------------------------------------------- */

/* From this wait on somebody was held up: half of the shortest gap between two
 * steps, and far longer than a server needs to wake up. */
enum { QUIZ_HELD_UP_US = 15000 };

void quiz_print_scene(const struct model *model, const struct scene *scene,
                      long seed, const struct screen *screen, FILE *out);
void quiz_print_questions(const struct model *model, const struct scene *scene,
                          long seed, FILE *out);

/* -- The answers, by the number of the question (quiz_show.c) -------------- */

/* 1 to 3, from the run under the tracer. */
void quiz_print_calls(const struct quiz_answer *answer,
                      const struct performance *traced,
                      const struct screen *screen, FILE *out);

/* 4, from the run without it: what each client waited, and until when. */
void quiz_print_waits(const struct performance *bare, FILE *out);

/* 5, from the trace again (quiz_show_cost.c). */
void quiz_print_cost(const struct quiz_answer *answer,
                     const struct scene *scene, FILE *out);

#endif

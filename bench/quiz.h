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
    bool hidden;     /* the C library's own: no rows, only counts */
    char name[24];   /* "main", "thread 1", "child 1", "libc 1" */
    char moment[64]; /* where it was at quiz_moment_ms(); "": gone */
    char rest[64];   /* where the end of the scene finds it asleep, or "" */
    /* The calls of no row, by name: those of the library and of helpers. */
    int name_count;
    const char *names[QUIZ_NAMES_MAX]; /* the last stands for all others */
    unsigned long counts[QUIZ_NAMES_MAX];
};

struct quiz_answer {
    int row_count, task_count;
    struct quiz_row rows[QUIZ_ROWS_MAX];
    struct quiz_task tasks[QUIZ_TASKS_MAX];
    unsigned long rows_left_out; /* beyond QUIZ_ROWS_MAX */
    unsigned long calls;         /* all, while the scene was played */
    unsigned long accepted;      /* accepts that brought a client */
    unsigned long in_vain;       /* EAGAIN */
    unsigned long long received; /* bytes that recv or read brought */
};

/* Tells what the server did: `p` has been performed under the tracer. Rows are
 * in the order in which the calls returned. */
void quiz_answer(const struct performance *p, struct quiz_answer *answer);

/* -- In words (quiz_text.c) ------------------------------------------------ */

void quiz_print_scene(const struct model *model, const struct scene *scene,
                      long seed, const struct screen *screen, FILE *out);
void quiz_print_questions(const struct model *model, const struct scene *scene,
                          long seed, const struct screen *screen, FILE *out);
void quiz_print_answer(const struct quiz_answer *answer,
                       const struct performance *traced,
                       const struct screen *screen, FILE *out);

/* What each client waited, from the run without the tracer. */
void quiz_print_waits(const struct performance *bare,
                      const struct screen *screen, FILE *out);

#endif

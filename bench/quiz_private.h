/* SPDX-License-Identifier: MIT */
/* What quiz_answer.c and quiz_rows.c share. */
#ifndef BENCH_QUIZ_PRIVATE_H
#define BENCH_QUIZ_PRIVATE_H

#include "bench/quiz.h"
#include "bench/story.h"

/* Rows hold what fits beside time, thread and anchors; an EAGAIN so close to
 * the moment means that the thread is asking. */
enum {
    ROOM_ALONE = 71,
    ROOM_AMONG_MANY = 62,
    IN_VAIN_KINDS = 4,
    ASKING_NEAR_NS = 5000000
};

/* Calls in vain, one after the other, of one thread. */
struct vain {
    int kinds;
    unsigned long counts[IN_VAIN_KINDS];
    const struct trace_event *events[IN_VAIN_KINDS]; /* one of each kind */
};

struct teller {
    const struct performance *p;
    struct quiz_answer *answer;
    int64_t from_ns, to_ns, moment_ns;
    struct vain vain[QUIZ_TASKS_MAX];
    int open_row[QUIZ_TASKS_MAX];     /* the row that may be added to, or -1 */
    const char *last[QUIZ_TASKS_MAX]; /* the anchor of that row's last call */
    int64_t result[QUIZ_TASKS_MAX];   /* and what it returned */
    int room;                         /* for text and anchors of a row */
};

/* A call of the program itself, to be told in a row. It shares one where it
 * can: quick calls of one thread, and calls in vain that follow each other. */
void quiz_tell_call(struct teller *t, int task, const struct trace_event *e);
void quiz_tell_vain(struct teller *t, int task, const struct trace_event *e);

/* Everything in vain since the thread's last row, as one row. */
void quiz_flush_vain(struct teller *t, int task);

/* A call in which the end of the scene finds the thread asleep. */
void quiz_tell_rest(struct teller *t, int task, const struct trace_event *e);

/* In an answer longer than a screen: what a thread does for one client after
 * another is told in full the first time only (quiz_group.c). */
void quiz_group(struct teller *t);

/* The call is only counted, in the thread's account of calls not shown. */
void quiz_count_only(struct teller *t, int task, const struct trace_event *e);

#endif

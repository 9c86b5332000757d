/* SPDX-License-Identifier: MIT */
/*
 * What the files of the answer share.
 *
 *   quiz_answer.c  goes through the calls   quiz_show.c       prints 1 to 4
 *   quiz_rows.c    tells them in rows       quiz_show_cost.c  prints 5
 *   quiz_group.c   in fewer rows
 *   quiz_cost.c    counts them by message
 */
#ifndef BENCH_QUIZ_PRIVATE_H
#define BENCH_QUIZ_PRIVATE_H

#include "bench/quiz.h"
#include "bench/story.h"

/* Rows hold what fits beside time and thread; an EAGAIN so close to the moment
 * means that the thread is asking. */
enum {
    ROOM_ALONE = 73,
    ROOM_AMONG_MANY = 64,
    IN_VAIN_KINDS = 4,
    ASKING_NEAR_NS = 5000000
};

/* Calls in vain, one after the other, of one thread. */
struct vain {
    int kinds;
    unsigned long counts[IN_VAIN_KINDS];
    const struct trace_event *events[IN_VAIN_KINDS]; /* one of each kind */
};

/* What a thread does between waking up and waking up again. */
struct turn {
    struct quiz_tally calls;
    int from, to; /* whose bytes came, to whom they went; -1: nobody */
    bool copied;  /* bytes, or the end of input, or a connection */
    bool reads;   /* as the last that it did */
    bool worked;  /* something else than waiting was done */
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
    struct turn turns[QUIZ_TASKS_MAX];
    int received[SCENE_CLIENTS_MAX], sent[SCENE_CLIENTS_MAX]; /* messages */
};

/* The client on whose connection the call acts, or -1. */
int quiz_client_of(const struct teller *t, const struct trace_event *e);

/* Did it sleep in this call? */
bool quiz_slept(const struct trace_event *e);

/* The library function that made the call (aio_read, pthread_create), or NULL
 * when it is a call of the program's own. */
const char *quiz_library_name(const struct trace_event *e);

/* A call of the program itself, to be told in a row. It shares one where it
 * can: quick calls of one thread, and calls in vain that follow each other. */
void quiz_tell_call(struct teller *t, int task, const struct trace_event *e);
void quiz_tell_vain(struct teller *t, int task, const struct trace_event *e);

/* Everything in vain since the thread's last row, as one row. */
void quiz_flush_vain(struct teller *t, int task);

/* Fewer rows for an answer longer than a screen (quiz_group.c). */
void quiz_group(struct teller *t);

/* A call that has returned: which message is it for? (quiz_cost.c) In the
 * order of returning; quiz_cost_end after the last one. */
void quiz_cost_call(struct teller *t, int task, const struct trace_event *e);
void quiz_cost_end(struct teller *t);

void quiz_tally(struct quiz_tally *tally, const char *name, bool in_vain,
                unsigned long calls);
void quiz_tally_all(struct quiz_tally *tally, const struct quiz_tally *more);
unsigned long quiz_tally_of(const struct quiz_tally *tally, const char *name,
                            bool in_vain);
unsigned long quiz_tally_sum(const struct quiz_tally *tally);

/* A line of the answer: it grows by what is added, and is printed in lines of
 * 80 columns, the later ones indented. (quiz_show.c) */
void quiz_add(char *line, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void quiz_print_line(FILE *out, const char *text);

/* The call is only counted, in the thread's account of calls not shown. */
void quiz_count_only(struct teller *t, int task, const struct trace_event *e);

#endif

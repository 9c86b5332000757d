/* SPDX-License-Identifier: MIT */
/*
 * Figures out of events. What a figure shows comes from the events of one
 * traced run and from the moments that the peer of that run noted, and from
 * nothing else: a recorded run gives the same figure again.
 */
#ifndef BENCH_STORY_H
#define BENCH_STORY_H

#include "bench/figure.h"
#include "bench/models.h"
#include "bench/scene.h"
#include "bench/trace.h"

/* An answer that took longer is drawn as waiting: a shorter one is hidden by
 * the marks of question and answer. */
enum { STORY_HELD_NS = 20000000 };

/* Who moved the bytes of the reply into the program's buffer. */
enum story_copier { COPIED_BY_US, COPIED_BY_HELPER, COPIED_BY_KERNEL };

/*
 * One message seen from the client, in the traced time from `start_ns` (the
 * peer had the question) to `end_ns` (the client shows the reply). The five
 * lengths are its main thread's, and add up to end_ns - start_ns.
 */
struct message_story {
    int64_t start_ns, data_ns, end_ns;
    int64_t asleep_ns;     /* in a call that waits */
    int64_t asking_ns;     /* in calls that answered EAGAIN */
    int64_t copy_ns;       /* in a call that copies */
    int64_t call_ns;       /* in other calls, the rest of send among them */
    int64_t own_ns;        /* in its own code: other work, if it has any */
    unsigned long calls;   /* by all its threads, send not counted */
    unsigned long in_vain; /* of them EAGAIN */
    unsigned long units;   /* of other work, as the client told */
    int threads;           /* that made calls, hidden ones included */
    int hidden_threads;    /* of them the C library's own */
    enum story_copier copier;
    enum figure_kind waits;              /* ASLEEP, ASKING or WORK */
    const char *wait_anchor, *wait_name; /* of the call that waited; or NULL */
    const char *copy_anchor, *copy_name; /* of the call that copied; or NULL */
};

/* What the peer noted, on the trace's clock, and what the client told. */
struct message_facts {
    int64_t question_ns; /* the peer had the whole question */
    int64_t data_ns;     /* it sent the reply */
    unsigned long units;
};

/* Tells the story of one traced message. Events are in order of their
 * beginning; anchors are borrowed from them. */
void story_of_message(const struct trace_event *events, size_t count,
                      const struct message_facts *facts,
                      struct message_story *story);

/* Draws it: a lane for the kernel and for each thread, and the two phases with
 * their lengths below. *Caller frees* with figure_free. */
void figure_of_message(const struct model *model,
                       const struct trace_event *events, size_t count,
                       const struct message_story *story,
                       const struct screen *screen, struct figure *figure);

/* How often the server called, by phase, while the scene was played. */
struct scene_calls {
    unsigned long all, in_vain, messages;
    unsigned long phases[8]; /* in the order of trace_phases */
    unsigned long other;     /* calls of no phase: libc's own, and helpers' */
    int threads;             /* that made calls, hidden ones included */
    int processes;
};

/*
 * Draws scene 2: a lane for each client, from what it saw, and one for each
 * thread of the server, from its trace; `from_ns` is the scene's beginning on
 * the trace's clock. Fills `calls`. *Caller frees* with figure_free.
 */
void figure_of_scene(const struct model *model, const struct scene *scene,
                     const struct scene_record *record,
                     const struct trace_event *events, size_t count,
                     int64_t from_ns, const struct screen *screen,
                     struct scene_calls *calls, struct figure *figure);

/* The clients' lanes alone: all there is to show without a trace. */
void figure_of_clients(const struct model *model, const struct scene *scene,
                       const struct scene_record *record,
                       const struct screen *screen, struct figure *figure);

/* A stretch of a trace, and when data (or a new client) arrived in it: what
 * the peers noted, in order. An arrival divides the call that slept until then
 * and copied into its two phases. All on the trace's clock. */
struct story_span {
    int64_t from_ns, to_ns;
    int arrival_count;
    int64_t arrivals_ns[SCENE_STEPS_MAX];
};

/*
 * Adds to `lane` what thread `tid` did in `span`, shifted so that the span
 * begins at 0. `works` says that time in its own code is other work.
 */
void story_draw_thread(struct figure_lane *lane,
                       const struct trace_event *events, size_t count,
                       pid_t tid, const struct story_span *span, bool works);

/* What kind of segment a call makes. */
enum figure_kind story_kind(const struct trace_event *event);

/* True for a thread that the C library made for itself: none of its calls in
 * `events` comes from a line of the program. */
bool story_hidden(const struct trace_event *events, size_t count, pid_t tid);

#endif

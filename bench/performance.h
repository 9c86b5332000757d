/* SPDX-License-Identifier: MIT */
/*
 * Scene 2, played against a model's server: bare, for what it cost, or traced,
 * for what it did. Never both at once: a time is not taken under the tracer.
 */
#ifndef BENCH_PERFORMANCE_H
#define BENCH_PERFORMANCE_H

#include "bench/models.h"
#include "bench/scene.h"
#include "bench/traced.h"

struct performance {
    const struct model *model;
    const struct scene *scene;
    struct scene_record record;
    char missing[640]; /* why it could not be played; empty when it was */

    /* Bare. */
    double cpu_ms; /* of the server's whole life, start and end included */
    int threads;   /* the most that were seen, or processes if more */

    /* Traced. Events are borrowed from `traced`. */
    struct traced traced;
    const struct trace_event *events;
    size_t count;
    int64_t from_ns; /* the scene's beginning on the trace's clock */
};

/* Plays `scene` (borrowed) against the server, untraced. `pace` stretches all
 * times. Returns 0, or -1 with `missing` filled. */
int perform_bare(struct performance *p, const struct model *model,
                 const struct scene *scene, double pace);

/* The same under the tracer. *Caller frees* with performance_free. */
int perform_traced(struct performance *p, const struct model *model,
                   const struct scene *scene, double pace);
void performance_free(struct performance *p);

#endif

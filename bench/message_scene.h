/* SPDX-License-Identifier: MIT */
/*
 * Scene 1: a model's client asks one question, and this program is the peer
 * that answers only after a while. What the client did meanwhile is traced.
 */
#ifndef BENCH_MESSAGE_SCENE_H
#define BENCH_MESSAGE_SCENE_H

#include "bench/story.h"
#include "bench/traced.h"

enum { MESSAGE_DELAY_MS = 300 };

struct message_run {
    const struct model *model;
    struct traced traced;
    const struct trace_event *events; /* borrowed from `traced` */
    size_t count;
    struct message_facts facts;
    struct message_story story;
    char missing[640]; /* why it could not be played; empty when it was */
};

/* Plays it with the reply `delay_ms` late; other work between if `work`.
 * *Caller frees*. Returns 0, or -1 with `missing` filled. */
int message_scene_play(struct message_run *run, const struct model *model,
                       int delay_ms);
/* Writes the run to `folder`/MODEL-message.json (the events, see trace.h) and
 * MODEL-message.facts (what the peer noted). 0, or -1 with errno. */
int message_scene_record(const struct message_run *run, const char *folder);

/* Reads what message_scene_record wrote: a figure can be made of it again.
 * The recording owns the events; *caller frees* it with
 * trace_recording_free. 0, or -1 with errno. */
int message_scene_recall(const char *folder, const char *model,
                         struct trace_recording *recording,
                         struct message_facts *facts);

void message_scene_free(struct message_run *run);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Scenes: what scripted clients do to a server, and what they saw. A scene is
 * played, not drawn: pictures are made from its record (see figure.h).
 */
#ifndef BENCH_SCENE_H
#define BENCH_SCENE_H

#include "common/address.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCENE_CLIENTS_MAX = 8, SCENE_STEPS_MAX = 24, SCENE_TEXT_MAX = 32 };

enum scene_action {
    SCENE_CONNECT,
    SCENE_SAY,   /* sends `text`, whether or not the last answer has come */
    SCENE_LEAVE, /* closes, as soon as every answer has come */
    SCENE_FINISH /* half-closes: asks no more, stays until the server closes */
};

/* The script: steps in the order of their times. */
struct scene_step {
    int at_ms;
    int client;
    enum scene_action action;
    const char *text;
};

struct scene {
    const char *title;
    int client_count;
    const char *names[SCENE_CLIENTS_MAX];
    int step_count;
    struct scene_step steps[SCENE_STEPS_MAX];
    int after_ms; /* the server is left alone so long when all have left */
};

/* What came of one step. Times are microseconds since the scene began. */
struct scene_moment {
    int64_t done_us;     /* when the step was taken */
    int64_t answered_us; /* SAY: when the whole answer was here; -1: never */
    char answer[SCENE_TEXT_MAX];
};

struct scene_record {
    int64_t began_ns; /* CLOCK_MONOTONIC, to lay a trace beside it */
    int64_t length_us;
    /* From where each client came, as the server's trace names it; "" while
     * it has not connected. */
    char addresses[SCENE_CLIENTS_MAX][ADDRESS_TEXT_MAX];
    struct scene_moment moments[SCENE_STEPS_MAX]; /* one for each step */
};

/* Ana connects first and stays silent for 400 ms; ben and caz talk at once. */
extern const struct scene scene_three_clients;

/*
 * Plays `scene` against the server at `address`, all times stretched by
 * `pace`. Calls `look` (may be NULL) after every step and answer, so that the
 * caller can look at the server. Ends when everybody has left, `*stop` is set,
 * or nothing has happened for 2 s (times pace) after the last step.
 * Returns 0, or -1 with errno when a client could not connect.
 */
int scene_play(const struct scene *scene, const struct address *address,
               double pace, bool (*stop)(void), void (*look)(void *),
               void *data, struct scene_record *record);

/* How long `client` waited for its slowest answer, in microseconds; -1 when
 * an answer never came. */
int64_t scene_longest_wait_us(const struct scene *scene,
                              const struct scene_record *record, int client);

/* "0.3 ms", "341 ms"; "no answer" for -1. Returns `text`. */
const char *scene_wait_text(int64_t us, char text[16]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Scenes by lot: two or three clients, a few steps, a pause between any two so
 * that each finds the server at rest and the order of its calls is settled.
 */
#include "bench/quiz.h"

#include <string.h>

/* Steps stand so far apart; what a client says; and how often a drawn scene
 * may be thrown away because nobody is beside anybody in it. */
enum {
    BEFORE_MS = 40, /* the server comes to rest */
    GAP_LEAST_MS = 30,
    GAP_UNITS = 5,
    GAP_UNIT_MS = 10,
    AFTER_MS = 80,
    TRIES_MOST = 64
};
static const char *const words[] = {"hi",  "hey", "you", "yes",
                                    "tea", "bye", "one", "two"};
static const char *const names[] = {"ana", "ben", "caz"};

/* Splitmix64: a few lines that give the same numbers on every machine. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int below(uint64_t *state, int limit)
{
    return (int)(draw(state) % (uint64_t)limit);
}

/* What one client has still to do. */
struct part {
    bool connected;
    int says;
    bool left;
};

static void add_step(struct scene *scene, uint64_t *state, int client,
                     enum scene_action action)
{
    struct scene_step *step = &scene->steps[scene->step_count];
    int at_ms = BEFORE_MS;
    if (scene->step_count > 0)
        at_ms = step[-1].at_ms + GAP_LEAST_MS +
                below(state, GAP_UNITS) * GAP_UNIT_MS;
    const char *text = NULL;
    if (action == SCENE_SAY)
        text = words[below(state, sizeof words / sizeof words[0])];
    *step = (struct scene_step){at_ms, client, action, text};
    scene->step_count++;
}

/* The next step of `part`; who has not come yet comes. */
static void take_part(struct scene *scene, uint64_t *state, struct part *part,
                      int client)
{
    if (!part->connected) {
        add_step(scene, state, client, SCENE_CONNECT);
        part->connected = true;
    } else if (part->says > 0) {
        add_step(scene, state, client, SCENE_SAY);
        part->says--;
    } else {
        add_step(scene, state, client,
                 below(state, 3) == 0 ? SCENE_FINISH : SCENE_LEAVE);
        part->left = true;
    }
}

/* Two clients say 2 or 3 things together, three say 3 (one may be silent). */
static void draw_scene(struct scene *scene, uint64_t *state)
{
    struct part parts[SCENE_CLIENTS_MAX] = {{.connected = false}};
    *scene = (struct scene){.title = "a quiz", .after_ms = AFTER_MS};
    scene->client_count = 2 + (below(state, 5) < 2);
    int says = scene->client_count == 3 ? 3 : 2 + below(state, 2);
    for (int i = 0; i < scene->client_count; i++)
        scene->names[i] = names[i];
    for (int i = 0; i < says; i++)
        parts[below(state, scene->client_count)].says++;
    int here = scene->client_count;
    for (int came = 0; here > 0;) {
        /* Nobody comes before those who are named before. */
        int room = came < scene->client_count ? came + 1 : came;
        int client = below(state, room);
        if (parts[client].left)
            continue;
        came += !parts[client].connected;
        take_part(scene, state, &parts[client], client);
        here -= parts[client].left;
    }
}

/* Somebody speaks while another one, who came before, is still there: only
 * then do models differ in whom they let wait. */
static bool shows_something(const struct scene *scene)
{
    int here = 0;
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_step *step = &scene->steps[i];
        int earlier = here & ((1 << step->client) - 1);
        if (step->action == SCENE_SAY && earlier != 0)
            return true;
        if (step->action == SCENE_CONNECT)
            here |= 1 << step->client;
        if (step->action == SCENE_LEAVE || step->action == SCENE_FINISH)
            here &= ~(1 << step->client);
    }
    return false;
}

void quiz_scene(long seed, struct scene *scene)
{
    uint64_t state = (uint64_t)seed;
    for (int i = 0; i < TRIES_MOST; i++) {
        draw_scene(scene, &state);
        if (shows_something(scene))
            return;
    }
}

const char *quiz_scene_fault(const struct scene *scene)
{
    struct part parts[SCENE_CLIENTS_MAX] = {{.connected = false}};
    int at_ms = 0;
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_step *step = &scene->steps[i];
        struct part *part = &parts[step->client];
        if (step->client < 0 || step->client >= scene->client_count)
            return "a step of nobody";
        if (step->at_ms < at_ms || (i > 0 && step->at_ms == at_ms))
            return "steps out of order, or two at a time";
        if (part->connected != (step->action != SCENE_CONNECT))
            return "somebody connects twice, or acts before";
        if (part->left)
            return "somebody acts after leaving";
        if ((step->action == SCENE_SAY) != (step->text != NULL))
            return "a word too few or too many";
        part->connected = true;
        part->left =
            step->action == SCENE_LEAVE || step->action == SCENE_FINISH;
        at_ms = step->at_ms;
    }
    for (int i = 0; i < scene->client_count; i++)
        if (!parts[i].left)
            return "somebody never leaves";
    if (quiz_count(scene, SCENE_SAY) == 0)
        return "nobody speaks";
    return shows_something(scene) ? NULL : "nobody is beside anybody";
}

int quiz_moment_ms(const struct scene *scene)
{
    int longest = 0, moment = 0;
    for (int i = 1; i < scene->step_count; i++) {
        int gap = scene->steps[i].at_ms - scene->steps[i - 1].at_ms;
        if (gap <= longest)
            continue;
        longest = gap;
        moment = scene->steps[i - 1].at_ms + gap / 2;
    }
    return moment;
}

int quiz_count(const struct scene *scene, enum scene_action action)
{
    int count = 0;
    for (int i = 0; i < scene->step_count; i++)
        count += scene->steps[i].action == action;
    return count;
}

/* SPDX-License-Identifier: MIT */
/* Scene 2: several clients, seen from the server. See story.h. */
#include "bench/story.h"

#include <string.h>

/* The client was held up from its oldest question to that one's answer; later
 * questions wait inside that time. */
static void draw_held(struct figure_lane *lane, const struct scene *scene,
                      const struct scene_record *record, int client,
                      int64_t *drawn_ns)
{
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_moment *m = &record->moments[i];
        int64_t from = m->done_us * 1000;
        int64_t to =
            (m->answered_us < 0 ? record->length_us : m->answered_us) * 1000;
        if (scene->steps[i].client != client ||
            scene->steps[i].action != SCENE_SAY)
            continue;
        if (from < *drawn_ns)
            from = *drawn_ns;
        if (to - from < STORY_HELD_NS)
            continue;
        figure_add(lane, *drawn_ns, from, FIGURE_SILENT, "");
        figure_add(lane, from, to, FIGURE_HELD, "");
        *drawn_ns = to;
    }
}

static void draw_client(struct figure *figure, const struct scene *scene,
                        const struct scene_record *record, int client)
{
    struct figure_lane *lane = figure_add_lane(figure, scene->names[client]);
    int64_t drawn_ns = -1, left_ns = 0;
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_moment *m = &record->moments[i];
        const struct scene_step *step = &scene->steps[i];
        if (step->client != client)
            continue;
        if (step->action == SCENE_CONNECT) {
            drawn_ns = m->done_us * 1000;
            figure_mark(lane, drawn_ns, FIGURE_CONNECT, "");
        } else if (step->action == SCENE_SAY) {
            figure_mark(lane, m->done_us * 1000, FIGURE_ASK, step->text);
            if (m->answered_us >= 0)
                figure_mark(lane, m->answered_us * 1000, FIGURE_ANSWER, "");
            left_ns =
                (m->answered_us < 0 ? record->length_us : m->answered_us) *
                1000;
        }
    }
    draw_held(lane, scene, record, client, &drawn_ns);
    figure_add(lane, drawn_ns, left_ns, FIGURE_SILENT, "");
    scene_wait_text(scene_longest_wait_us(scene, record, client), lane->tail);
}

static void begin_figure(const struct model *model, const struct scene *scene,
                         const struct scene_record *record,
                         const struct screen *screen, struct figure *figure)
{
    memset(figure, 0, sizeof *figure);
    /* A little more than the scene, so that its last marks have room. */
    figure->length_ns = record->length_us * 1000 * 27 / 25;
    snprintf(figure->title, sizeof figure->title, "%s %s %s", model->name,
             screen_glyph(screen, "·", "-"), scene->title);
    snprintf(figure->subtitle, sizeof figure->subtitle, "%s", model->server);
    snprintf(figure->tail_title, sizeof figure->tail_title, "waited");
    for (int i = 0; i < scene->client_count; i++)
        draw_client(figure, scene, record, i);
}

void figure_of_clients(const struct model *model, const struct scene *scene,
                       const struct scene_record *record,
                       const struct screen *screen, struct figure *figure)
{
    begin_figure(model, scene, record, screen, figure);
}

/* The server's lanes in the order of their threads' first call. */
static void draw_server(struct figure *figure, const struct trace_event *events,
                        size_t count, const struct story_span *span,
                        struct scene_calls *calls)
{
    pid_t seen[FIGURE_LANES_MAX];
    int helpers = 0;
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        bool known = false;
        char name[24];
        if (e->kind != TRACE_CALL || e->begin_ns >= span->to_ns ||
            (e->end_ns >= 0 && e->end_ns <= span->from_ns))
            continue;
        for (int j = 0; j < calls->threads && j < FIGURE_LANES_MAX; j++)
            known = known || seen[j] == e->tid;
        if (known)
            continue;
        if (calls->threads < FIGURE_LANES_MAX)
            seen[calls->threads] = e->tid;
        calls->threads++;
        calls->processes += e->tid == e->pid;
        if (figure->lane_count == FIGURE_LANES_MAX)
            continue;
        bool hidden = story_hidden(events, count, e->tid);
        if (e->tid == events[0].tid)
            snprintf(name, sizeof name, "server");
        else
            snprintf(name, sizeof name, "%s %d",
                     hidden                    ? "libc"
                     : e->pid != events[0].pid ? "child"
                                               : "thread",
                     ++helpers);
        struct figure_lane *lane = figure_add_lane(figure, name);
        story_draw_thread(lane, events, count, e->tid, span, false);
        if (hidden)
            snprintf(lane->tail, sizeof lane->tail, "hidden");
    }
}

/* The phase by which a call is counted. A recv that asks is a wait when it is
 * in vain and a copy when it finds bytes, whatever stands above it. */
static const char *phase_of(const struct trace_event *e)
{
    enum figure_kind kind = story_kind(e);
    const char *marked = e->site ? e->site->phase : NULL;
    if (kind == FIGURE_ASKING)
        return "wait";
    if (kind == FIGURE_COPY && marked && strcmp(marked, "wait") == 0)
        return "copy";
    return marked;
}

static void count_calls(const struct trace_event *events, size_t count,
                        const struct story_span *span,
                        struct scene_calls *calls)
{
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        if (e->kind != TRACE_CALL || e->begin_ns < span->from_ns ||
            e->begin_ns >= span->to_ns)
            continue;
        calls->all++;
        const char *phase = phase_of(e);
        calls->in_vain += story_kind(e) == FIGURE_ASKING;
        calls->other += phase == NULL;
        for (int p = 0; p < 8 && trace_phases[p] != NULL; p++)
            calls->phases[p] += phase && strcmp(phase, trace_phases[p]) == 0;
    }
}

void figure_of_scene(const struct model *model, const struct scene *scene,
                     const struct scene_record *record,
                     const struct trace_event *events, size_t count,
                     int64_t from_ns, const struct screen *screen,
                     struct scene_calls *calls, struct figure *figure)
{
    struct story_span span = {.from_ns = from_ns,
                              .to_ns = from_ns + record->length_us * 1000};
    *calls = (struct scene_calls){.all = 0};
    for (int i = 0; i < scene->step_count; i++) {
        span.arrivals_ns[span.arrival_count++] =
            from_ns + record->moments[i].done_us * 1000;
        calls->messages += scene->steps[i].action == SCENE_SAY;
    }
    begin_figure(model, scene, record, screen, figure);
    draw_server(figure, events, count, &span, calls);
    count_calls(events, count, &span, calls);
}

/* SPDX-License-Identifier: MIT */
/* What a cast did, as a figure: see cast.h. */
#include "bench/cast.h"
#include "bench/story.h"

#include <string.h>

enum { WORDS_MAX = 16 }; /* on a lane they have so much room */

static bool is(const struct trace_event *e, const char *name)
{
    return e->kind == TRACE_CALL &&
           strcmp(trace_plain_name(e->name), name) == 0;
}

static bool is_marked(const struct trace_event *e)
{
    return e->kind == TRACE_CALL && e->site && e->site->phase;
}

const char *cast_words(const char *from, char words[FIGURE_TEXT_MAX])
{
    const char *begin = from ? strchr(from, '"') : NULL;
    const char *end = begin ? strrchr(begin + 1, '"') : NULL;
    words[0] = '\0';
    if (end == NULL)
        return words;
    if (end - begin > 2 && strncmp(end - 2, "\\n", 2) == 0)
        end -= 2;
    int length = (int)(end - begin - 1);
    bool cut = length > WORDS_MAX;
    snprintf(words, FIGURE_TEXT_MAX, "%.*s%s", cut ? WORDS_MAX : length,
             begin + 1, cut ? "..." : "");
    return words;
}

/* Where the figure stands on the clock of `m`'s trace. */
static struct story_span span_of(const struct cast *cast,
                                 const struct member *m)
{
    int64_t epoch = trace_epoch_ns(m->traced.trace);
    return (struct story_span){.from_ns = cast->began_ns - epoch,
                               .to_ns = cast->ended_ns - epoch};
}

static void add_arrival(struct story_span *span, int64_t at_ns)
{
    if (span->arrival_count < SCENE_STEPS_MAX)
        span->arrivals_ns[span->arrival_count++] = at_ns + span->from_ns;
}

/* What arrived at the server, and when: on loopback a client's send does not
 * return before. And what was typed there. */
static void add_arrivals(const struct cast *cast, struct story_span *span)
{
    for (int i = 0; i < cast->line_count; i++)
        add_arrival(span, cast->lines_ns[i] - cast->began_ns);
    for (int i = 1; i < cast->count; i++) {
        struct story_span own = span_of(cast, &cast->members[i]);
        size_t count;
        const struct trace_event *events =
            trace_events(cast->members[i].traced.trace, &count);
        for (size_t j = 0; j < count; j++)
            if (is(&events[j], "send") && events[j].begin_ns >= own.from_ns)
                add_arrival(span, events[j].begin_ns - own.from_ns);
    }
}

/* A client's lane is drawn up to `done_ns`; from `asked_ns` on it waits. */
struct client_lane {
    struct figure_lane *lane;
    int64_t done_ns, asked_ns; /* asked_ns: -1 when it does not */
};

static void draw_until(struct client_lane *l, int64_t to_ns)
{
    if (l->asked_ns >= 0 && to_ns - l->asked_ns >= STORY_HELD_NS) {
        figure_add(l->lane, l->done_ns, l->asked_ns, FIGURE_SILENT, "");
        figure_add(l->lane, l->asked_ns, to_ns, FIGURE_HELD, "");
        l->done_ns = to_ns;
    }
    l->asked_ns = -1;
}

/* What it sent and got, in words, and how long it waited in between. */
static void draw_words(struct client_lane *l, const struct cast *cast,
                       const struct trace_event *events, size_t count,
                       const struct story_span *span)
{
    char words[FIGURE_TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        int64_t at_ns = e->end_ns - span->from_ns;
        if (!is_marked(e) || e->result <= 0 || at_ns < 0 ||
            e->end_ns >= span->to_ns)
            continue;
        if (is(e, "send")) {
            cast_words(e->text, words);
            figure_mark_before(l->lane, at_ns,
                               cast->questions ? FIGURE_ASK : FIGURE_SAY,
                               words);
            if (cast->questions && l->asked_ns < 0)
                l->asked_ns = at_ns;
        } else if (is(e, "recv")) {
            cast_words(e->outcome, words);
            figure_mark(l->lane, at_ns,
                        cast->questions ? FIGURE_ANSWER : FIGURE_HEAR, words);
            draw_until(l, at_ns);
        }
    }
}

/* A client: there from its beginning to its end. */
static void draw_client(struct figure *figure, const struct cast *cast,
                        const struct member *m,
                        const struct trace_event *events, size_t count,
                        const struct story_span *span)
{
    struct client_lane l = {figure_add_lane(figure, m->name), 0, -1};
    int64_t to_ns = span->to_ns - span->from_ns;
    for (size_t i = 0; i < count; i++) {
        int64_t at_ns = events[i].begin_ns - span->from_ns;
        if (events[i].kind == TRACE_BEGIN && at_ns > 0)
            l.done_ns = at_ns;
        if (is(&events[i], "connect") && l.done_ns > 0)
            figure_mark(l.lane, at_ns, FIGURE_CONNECT, "");
        if (events[i].kind == TRACE_END && at_ns < to_ns)
            to_ns = at_ns;
    }
    draw_words(&l, cast, events, count, span);
    draw_until(&l, to_ns);
    figure_add(l.lane, l.done_ns, to_ns, FIGURE_SILENT, "");
    if (to_ns < span->to_ns - span->from_ns)
        snprintf(l.lane->tail, sizeof l.lane->tail, "gone");
}

static bool has_marks(const struct trace_event *events, size_t count, pid_t tid)
{
    for (size_t i = 0; i < count; i++)
        if (events[i].tid == tid && is_marked(&events[i]))
            return true;
    return false;
}

/* Where a sleep of thread `tid` ended because its time was over. */
static void mark_expired(struct figure_lane *lane,
                         const struct trace_event *events, size_t count,
                         pid_t tid, const struct story_span *span)
{
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        bool expired =
            e->sleep_ns > 0 && e->story && strstr(e->story, "the time is over");
        if (expired && e->tid == tid && e->end_ns >= span->from_ns &&
            e->end_ns < span->to_ns)
            figure_mark(lane, e->end_ns - span->from_ns, FIGURE_EXPIRED, "");
    }
}

/* The server: its threads in the order of their beginning. */
static void draw_server(struct figure *figure, const struct trace_event *events,
                        size_t count, const struct story_span *span)
{
    int threads = 0;
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        char name[24];
        if (e->kind != TRACE_BEGIN || !has_marks(events, count, e->tid))
            continue;
        snprintf(name, sizeof name, threads == 0 ? "server" : "thread %d",
                 threads);
        threads++;
        struct figure_lane *lane = figure_add_lane(figure, name);
        story_draw_thread(lane, events, count, e->tid, span, false);
        mark_expired(lane, events, count, e->tid, span);
    }
}

/* "18 calls of the server: select 9, recv 8, send 1", in the figure's time. */
static void note_calls(struct figure *figure, const struct trace_event *events,
                       size_t count, const struct story_span *span)
{
    struct {
        const char *name;
        int calls;
    } seen[12];
    int names = 0, all = 0;
    char line[FIGURE_TEXT_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        int at = 0;
        if (!is_marked(e) || e->begin_ns < span->from_ns ||
            e->begin_ns >= span->to_ns)
            continue;
        while (at < names && !is(e, seen[at].name))
            at++;
        if (at == names && names < 12) {
            seen[names].name = trace_plain_name(e->name);
            seen[names++].calls = 0;
        }
        if (at < names)
            seen[at].calls++;
        all++;
    }
    for (int i = 0; i < names; i++) {
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s%s %d", i ? ", " : "",
                 seen[i].name, seen[i].calls);
    }
    figure_note(figure, "%d calls of the server: %.60s", all, line);
}

/* "SIGSTOP at 402 ms, SIGCONT at 853 ms", as they came to the server. */
static void note_signals(struct figure *figure,
                         const struct trace_event *events, size_t count,
                         const struct story_span *span)
{
    char line[FIGURE_TEXT_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        size_t used = strlen(line);
        if (e->kind == TRACE_SIGNAL && e->begin_ns >= span->from_ns &&
            e->begin_ns < span->to_ns)
            snprintf(line + used, sizeof line - used, "%s%s at %.0f ms",
                     used ? ", " : "", e->name,
                     (double)(e->begin_ns - span->from_ns) / 1e6);
    }
    if (line[0] != '\0')
        figure_note(figure, "signals to the server: %.60s", line);
}

void cast_figure(struct cast *cast, const char *title, struct figure *figure)
{
    *figure = (struct figure){.length_ns = cast->ended_ns - cast->began_ns};
    snprintf(figure->title, sizeof figure->title, "%s", title);
    for (int i = 0; i < cast->count; i++) {
        const struct member *m = &cast->members[(i + 1) % cast->count];
        struct story_span span = span_of(cast, m);
        size_t count;
        const struct trace_event *events =
            trace_events(m->traced.trace, &count);
        if (m != cast->members) {
            draw_client(figure, cast, m, events, count, &span);
            continue;
        }
        snprintf(figure->subtitle, sizeof figure->subtitle, "%s", m->program);
        add_arrivals(cast, &span);
        draw_server(figure, events, count, &span);
        note_calls(figure, events, count, &span);
        note_signals(figure, events, count, &span);
    }
}

/* SPDX-License-Identifier: MIT */
#include "bench/story.h"

#include <errno.h>
#include <string.h>

/* A gap between two questions in vain that is shorter belongs to the asking:
 * in the picture they are one. */
enum { ASKING_GAP_NS = 5000000, LONG_CALL_NS = 1000000 };

static bool is_phase(const struct trace_event *e, const char *phase)
{
    return e->site && e->site->phase && strcmp(e->site->phase, phase) == 0;
}

static bool is_send(const struct trace_event *e)
{
    return strcmp(e->name, "sendto") == 0 || strcmp(e->name, "sendmsg") == 0;
}

bool story_hidden(const struct trace_event *events, size_t count, pid_t tid)
{
    bool origins = false;
    for (size_t i = 0; i < count; i++) {
        const struct trace_site *site = events[i].site;
        if (events[i].tid != tid || events[i].kind != TRACE_CALL || !site)
            continue;
        if (site->file != NULL)
            return false;
        origins = origins || site->origin != NULL;
    }
    return origins; /* without debug information nobody can tell */
}

/* Calls that can bring bytes, whoever makes them. */
static bool is_read(const struct trace_event *e)
{
    return strcmp(e->name, "recvfrom") == 0 || strcmp(e->name, "read") == 0 ||
           strcmp(e->name, "recvmsg") == 0 || strcmp(e->name, "readv") == 0;
}

/* A call that slept first was not in vain: its time was over. */
static bool in_vain(const struct trace_event *e)
{
    return e->error == EAGAIN && e->sleep_ns == 0 &&
           (is_read(e) || is_send(e) || strncmp(e->name, "accept", 6) == 0);
}

enum figure_kind story_kind(const struct trace_event *e)
{
    bool slept = e->sleep_ns > 0 || e->end_ns < 0 ||
                 e->end_ns - e->begin_ns > LONG_CALL_NS;
    if (in_vain(e))
        return FIGURE_ASKING;
    if (is_phase(e, "wait") && is_read(e) && e->result >= 0)
        return FIGURE_COPY; /* the last question found bytes, or the end */
    if (is_phase(e, "wait") || is_phase(e, "wait+copy") || slept)
        return FIGURE_ASLEEP;
    if (is_phase(e, "copy"))
        return FIGURE_COPY;
    return FIGURE_CALL;
}

/* A call that sleeps until data comes and then copies it. */
static bool waits_and_copies(const struct trace_event *e)
{
    return is_phase(e, "wait+copy") || (is_read(e) && e->result > 0);
}

/* The last arrival before the call's end, if the call began before it; -1. */
static int64_t arrival_in(const struct story_span *span, int64_t begin_ns,
                          int64_t end_ns)
{
    int64_t last = -1;
    for (int i = 0; i < span->arrival_count; i++)
        if (span->arrivals_ns[i] > begin_ns && span->arrivals_ns[i] < end_ns &&
            span->arrivals_ns[i] > last)
            last = span->arrivals_ns[i];
    return last;
}

/* exit and exit_group do not return: the thread is gone, not asleep. */
static int64_t end_of(const struct trace_event *e, int64_t limit_ns)
{
    if (e->end_ns < 0 && strncmp(e->name, "exit", 4) == 0)
        return e->begin_ns;
    return e->end_ns < 0 || e->end_ns > limit_ns ? limit_ns : e->end_ns;
}

static void call_label(const struct trace_event *e, enum figure_kind kind,
                       char label[FIGURE_TEXT_MAX])
{
    const char *name = trace_plain_name(e->name);
    if (kind == FIGURE_ASLEEP)
        snprintf(label, FIGURE_TEXT_MAX, "asleep in %s", name);
    else if (kind == FIGURE_ASKING)
        snprintf(label, FIGURE_TEXT_MAX, "%s: EAGAIN, again and again", name);
    else
        snprintf(label, FIGURE_TEXT_MAX, "%s", name);
}

/* One call of the thread as one or two segments, on the figure's axis. */
static void draw_call(struct figure_lane *lane, const struct trace_event *e,
                      const struct story_span *span)
{
    char label[FIGURE_TEXT_MAX];
    enum figure_kind kind = story_kind(e);
    int64_t from = span->from_ns;
    int64_t begin = e->begin_ns > from ? e->begin_ns : from;
    int64_t end = end_of(e, span->to_ns);
    int64_t arrival = e->end_ns < 0 || e->end_ns > span->to_ns || e->error
                          ? -1 /* still asleep, or woken by nothing of it */
                          : arrival_in(span, begin, end);
    call_label(e, kind, label);
    if (kind == FIGURE_ASLEEP && arrival >= 0 && waits_and_copies(e)) {
        figure_add(lane, begin - from, arrival - from, kind, label);
        figure_add(lane, arrival - from, end - from, FIGURE_COPY,
                   trace_plain_name(e->name));
    } else {
        figure_add(lane, begin - from, end - from, kind, label);
    }
}

/* Time between two calls: other work, part of asking, or nothing to show. */
static void draw_gap(struct figure_lane *lane, int64_t from_ns, int64_t to_ns,
                     bool works, bool asking)
{
    const struct figure_segment *last =
        lane->segment_count > 0 ? &lane->segments[lane->segment_count - 1]
                                : NULL;
    if (asking && last && last->kind == FIGURE_ASKING &&
        to_ns - from_ns < ASKING_GAP_NS)
        figure_add(lane, from_ns, to_ns, FIGURE_ASKING, last->label);
    else if (works)
        figure_add(lane, from_ns, to_ns, FIGURE_WORK, "other work");
}

void story_draw_thread(struct figure_lane *lane,
                       const struct trace_event *events, size_t count,
                       pid_t tid, const struct story_span *span, bool works)
{
    int64_t from_ns = span->from_ns;
    int64_t done_ns = from_ns; /* the lane is drawn up to here */
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        if (e->tid != tid || e->begin_ns >= span->to_ns)
            continue;
        if (e->kind == TRACE_SIGNAL && e->begin_ns >= from_ns)
            figure_mark(lane, e->begin_ns - from_ns, FIGURE_SIGNAL, "");
        if (e->kind == TRACE_BEGIN && e->begin_ns > from_ns)
            done_ns = e->begin_ns; /* not there before */
        if (e->kind != TRACE_CALL || end_of(e, span->to_ns) <= from_ns)
            continue;
        if (e->begin_ns > done_ns)
            draw_gap(lane, done_ns - from_ns, e->begin_ns - from_ns, works,
                     story_kind(e) == FIGURE_ASKING);
        draw_call(lane, e, span);
        done_ns = end_of(e, span->to_ns);
    }
    if (works && done_ns < span->to_ns)
        draw_gap(lane, done_ns - from_ns, span->to_ns - from_ns, works, false);
}

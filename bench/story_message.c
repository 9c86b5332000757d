/* SPDX-License-Identifier: MIT */
/* Scene 1: one message, seen from the client. See story.h. */
#include "bench/story.h"

#include <string.h>

enum { THREADS_MAX = 64 };

/* The threads that called while the message was under way, in the order of
 * their first call. */
struct cast {
    int count;
    pid_t tids[THREADS_MAX];
};

static void find_cast(const struct trace_event *events, size_t count,
                      const struct message_story *s, struct cast *cast)
{
    cast->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        bool known = e->kind != TRACE_CALL || e->begin_ns >= s->end_ns ||
                     (e->end_ns >= 0 && e->end_ns <= s->start_ns);
        for (int j = 0; j < cast->count; j++)
            known = known || cast->tids[j] == e->tid;
        if (!known && cast->count < THREADS_MAX)
            cast->tids[cast->count++] = e->tid;
    }
}

static bool is_send(const struct trace_event *e)
{
    return strcmp(e->name, "sendto") == 0;
}

/* The wait begins when the question has been sent; with io_uring, whose call
 * hands over the wait as well, when it is sent. (Its peer notes when it has
 * come, some scheduling later: a quick client may be done with its calls.) */
static int64_t find_start(const struct trace_event *events, size_t count,
                          int64_t question_ns)
{
    for (size_t i = 0; i < count && events[i].begin_ns < question_ns; i++) {
        if (events[i].kind != TRACE_CALL)
            continue;
        if (is_send(&events[i]) && events[i].end_ns >= 0)
            return events[i].end_ns;
        if (strcmp(events[i].name, "io_uring_enter") == 0)
            return events[i].begin_ns;
    }
    return question_ns;
}

/* The program shows the reply by a write to its standard output. */
static bool shows_reply(const struct trace_event *e, int64_t data_ns)
{
    return e->kind == TRACE_CALL && e->fd == 1 && e->begin_ns >= data_ns &&
           strncmp(e->name, "write", 5) == 0;
}

static void find_end(const struct trace_event *events, size_t count,
                     struct message_story *story)
{
    story->end_ns = story->data_ns;
    for (size_t i = 0; i < count; i++) {
        if (shows_reply(&events[i], story->data_ns)) {
            story->end_ns = events[i].begin_ns;
            return;
        }
        if (events[i].end_ns > story->end_ns)
            story->end_ns = events[i].end_ns;
    }
}

/* Remembers which call waited the longest and which one copied. */
static void note_caller(struct message_story *s, const struct trace_event *e,
                        bool hidden, enum figure_kind kind, int64_t length_ns,
                        int64_t *longest_ns)
{
    const char *anchor = e->site ? e->site->anchor : NULL;
    bool waits = kind == FIGURE_ASLEEP || kind == FIGURE_ASKING;
    bool brings = e->result > 0 && e->end_ns >= s->data_ns &&
                  (strcmp(e->name, "recvfrom") == 0 ||
                   (strcmp(e->name, "read") == 0 && e->fd > 2));
    if (waits && length_ns > *longest_ns && !hidden) {
        *longest_ns = length_ns;
        s->wait_name = trace_plain_name(e->name);
        s->wait_anchor = anchor;
    }
    if (brings) {
        s->copier = hidden ? COPIED_BY_HELPER : COPIED_BY_US;
        s->copy_name = trace_plain_name(e->name);
        s->copy_anchor = anchor;
    }
}

/* Adds one call of the main thread to the five lengths. */
static void account(struct message_story *s, const struct trace_event *e,
                    int64_t begin_ns, int64_t end_ns, enum figure_kind kind)
{
    int64_t length = end_ns - begin_ns;
    if (is_send(e)) {
        s->call_ns += length;
    } else if (kind == FIGURE_ASKING) {
        s->asking_ns += length;
    } else if (kind == FIGURE_ASLEEP) {
        bool both = e->site && e->site->phase &&
                    strcmp(e->site->phase, "wait+copy") == 0;
        int64_t copy = both && end_ns > s->data_ns ? end_ns - s->data_ns : 0;
        copy = copy > length ? length : copy;
        s->asleep_ns += length - copy;
        s->copy_ns += copy;
    } else if (kind == FIGURE_COPY) {
        s->copy_ns += length;
    } else {
        s->call_ns += length;
    }
}

static void judge(struct message_story *s)
{
    int64_t half = (s->data_ns - s->start_ns) / 2;
    s->waits = s->in_vain > 10       ? FIGURE_ASKING
               : s->asleep_ns > half ? FIGURE_ASLEEP
                                     : FIGURE_WORK;
}

void story_of_message(const struct trace_event *events, size_t count,
                      const struct message_facts *facts,
                      struct message_story *s)
{
    struct cast cast;
    int64_t longest_ns = 0, in_calls_ns = 0;
    *s = (struct message_story){
        .start_ns = find_start(events, count, facts->question_ns),
        .data_ns = facts->data_ns,
        .units = facts->units,
        .copier = COPIED_BY_KERNEL};
    find_end(events, count, s);
    find_cast(events, count, s, &cast);
    s->threads = cast.count;
    for (int i = 0; i < cast.count; i++)
        s->hidden_threads += story_hidden(events, count, cast.tids[i]);
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *e = &events[i];
        int64_t end =
            e->end_ns < 0 || e->end_ns > s->end_ns ? s->end_ns : e->end_ns;
        int64_t begin = e->begin_ns > s->start_ns ? e->begin_ns : s->start_ns;
        enum figure_kind kind = story_kind(e);
        bool main = e->tid == events[0].tid;
        if (e->kind != TRACE_CALL || end <= begin)
            continue;
        s->calls += !is_send(e);
        s->in_vain += kind == FIGURE_ASKING;
        note_caller(s, e, !main && s->hidden_threads > 0, kind, end - begin,
                    &longest_ns);
        if (main) {
            account(s, e, begin, end, kind);
            in_calls_ns += end - begin;
        }
    }
    s->own_ns = s->end_ns - s->start_ns - in_calls_ns;
    judge(s);
}

/* Groups of three digits: 4,812. */
static const char *grouped(unsigned long number, char text[32])
{
    if (number >= 1000000)
        snprintf(text, 32, "%lu,%03lu,%03lu", number / 1000000,
                 number / 1000 % 1000, number % 1000);
    else if (number >= 1000)
        snprintf(text, 32, "%lu,%03lu", number / 1000, number % 1000);
    else
        snprintf(text, 32, "%lu", number);
    return text;
}

static void draw_kernel(const struct message_story *s, struct figure *figure)
{
    struct figure_lane *lane = figure_add_lane(figure, "kernel");
    int64_t data = s->data_ns - s->start_ns;
    figure_add(lane, 0, data, FIGURE_SILENT, "no data yet");
    if (s->copier == COPIED_BY_KERNEL)
        figure_add(lane, data, figure->length_ns, FIGURE_COPY, "");
    figure_mark(lane, data, FIGURE_DATA, "data");
}

/* The count of questions in vain belongs into their segment. */
static void label_asking(const struct message_story *s,
                         struct figure_lane *lane)
{
    char number[32];
    for (size_t i = 0; i < lane->segment_count; i++)
        if (lane->segments[i].kind == FIGURE_ASKING)
            snprintf(lane->segments[i].label, FIGURE_TEXT_MAX,
                     "%s: EAGAIN %s times%s", s->wait_name,
                     grouped(s->in_vain, number),
                     s->units > 0 ? ", other work between" : "");
}

static void draw_threads(const struct trace_event *events, size_t count,
                         const struct message_story *s, struct figure *figure)
{
    struct cast cast;
    const struct story_span span = {s->start_ns, s->end_ns, 1, {s->data_ns}};
    find_cast(events, count, s, &cast);
    for (int i = 0; i < cast.count && i < 4; i++) {
        bool main = cast.tids[i] == events[0].tid;
        bool hidden = story_hidden(events, count, cast.tids[i]);
        struct figure_lane *lane = figure_add_lane(figure, main     ? "client"
                                                           : hidden ? "libc"
                                                                    : "thread");
        story_draw_thread(lane, events, count, cast.tids[i], &span,
                          main && s->units > 0);
        label_asking(s, lane);
        if (hidden)
            snprintf(lane->tail, sizeof lane->tail, "hidden");
    }
}

static void note_wait(const struct message_story *s, struct figure *figure)
{
    double ms = (double)(s->data_ns - s->start_ns) / 1e6;
    char number[32];
    const char *anchor = s->wait_anchor ? s->wait_anchor : "";
    if (s->waits == FIGURE_ASLEEP)
        figure_note(figure, "wait for data %7.1f ms  asleep in %-10s %s", ms,
                    s->wait_name, anchor);
    else if (s->waits == FIGURE_ASKING)
        figure_note(figure, "wait for data %7.1f ms  asking: %s times %s", ms,
                    grouped(s->in_vain, number), anchor);
    else
        figure_note(figure, "wait for data %7.1f ms  free%s", ms,
                    s->hidden_threads > 0
                        ? ": a hidden thread of the C library sleeps"
                        : ": nobody of ours sleeps");
}

static void note_copy(const struct message_story *s, struct figure *figure)
{
    const char *anchor = s->copy_anchor ? s->copy_anchor : "";
    if (s->copier == COPIED_BY_US)
        figure_note(figure, "copy data     %7.3f ms  our own %-12s %s",
                    (double)s->copy_ns / 1e6, s->copy_name, anchor);
    else if (s->copier == COPIED_BY_HELPER)
        figure_note(figure,
                    "copy data                 the hidden thread, in %s",
                    s->copy_name);
    else
        figure_note(figure, "copy data                 the kernel: no call of "
                            "ours brought the bytes");
}

void figure_of_message(const struct model *model,
                       const struct trace_event *events, size_t count,
                       const struct message_story *s,
                       const struct screen *screen, struct figure *figure)
{
    char calls[32], units[32];
    memset(figure, 0, sizeof *figure);
    figure->length_ns = s->end_ns - s->start_ns;
    snprintf(figure->title, sizeof figure->title, "%s %s one message",
             model->name, screen_glyph(screen, "·", "-"));
    snprintf(figure->subtitle, sizeof figure->subtitle, "%s", model->client);
    draw_kernel(s, figure);
    draw_threads(events, count, s, figure);
    note_wait(s, figure);
    note_copy(s, figure);
    figure_note(figure, "meanwhile     %s units of other work; %s call%s",
                grouped(s->units, units), grouped(s->calls, calls),
                s->calls == 1 ? "" : "s");
}

/* SPDX-License-Identifier: MIT */
#include "bench/quiz_private.h"

#include <errno.h>
#include <string.h>

/* Whose connection the call acts on, or NULL. The listener is nobody's. */
static const char *client_of(const struct teller *t,
                             const struct trace_event *e)
{
    const char *texts[] = {e->fd_text, e->outcome};
    for (int i = 0; i < 2; i++) {
        /* "fd 5 <- 127.0.0.1:50112", or "->" */
        const char *peer = texts[i] ? strrchr(texts[i], ' ') : NULL;
        for (int c = 0; peer && c < t->p->scene->client_count; c++)
            if (strcmp(peer + 1, t->p->record.addresses[c]) == 0)
                return t->p->scene->names[c];
    }
    return NULL;
}

/* A library function of many calls, say aio_read, stands in the source where
 * the mark is: the mark's slug is its name. */
static const char *library_name(const struct trace_event *e)
{
    static const char *const own[] = {"fcntl", "epoll_ctl", "io_uring_enter",
                                      "ioctl", "fork"};
    const char *colon = strrchr(e->site->anchor, ':');
    if (strcmp(e->site->phase, "arm") != 0 &&
        strcmp(e->site->phase, "setup") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(e->name, own[i]) == 0)
            return NULL;
    return colon ? colon + 1 : NULL;
}

/* `#wait:select` of `select_server.c#wait:select`; "" without a mark. */
static const char *anchor_of(const struct trace_event *e)
{
    const char *hash =
        e->site && e->site->anchor ? strchr(e->site->anchor, '#') : NULL;
    return hash ? hash : "";
}

/* The story of a call that slept or might have, without 'woken'. */
static void describe_sleep(const struct teller *t, const struct trace_event *e,
                           char *text, size_t size)
{
    const char *woken = e->story ? strstr(e->story, ", woken: ") : NULL;
    int length = woken ? (int)(woken - e->story) : 0;
    size_t used = strlen(text), room = (size_t)t->room - strlen(anchor_of(e));
    if (e->story == NULL || strncmp(e->story, "nothing", 7) == 0)
        return;
    if (woken == NULL)
        snprintf(text + used, size - used, ", %s", e->story);
    else if (used + 2 + strlen(e->story) - 7 < room)
        snprintf(text + used, size - used, ", %.*s: %s", length, e->story,
                 woken + 9);
    else
        snprintf(text + used, size - used, ", %.*s", length, e->story);
}

/* The call in words: recv ana = 3 "hey", and how it slept. */
static void describe(const struct teller *t, const struct trace_event *e,
                     char text[QUIZ_TEXT_MAX])
{
    const char *client = client_of(t, e);
    const char *library = library_name(e);
    const char *outcome = e->outcome ? e->outcome : "";
    bool accepts = strncmp(e->name, "accept", 6) == 0;
    if (library) {
        snprintf(text, QUIZ_TEXT_MAX, "%s", library);
        return;
    }
    int shown = accepts ? (int)strcspn(outcome, "<") : 60;
    int length = snprintf(text, QUIZ_TEXT_MAX, "%s%s%s = %.*s",
                          trace_plain_name(e->name), client ? " " : "",
                          client ? client : "", shown, outcome);
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
    describe_sleep(t, e, text, QUIZ_TEXT_MAX);
}

static struct quiz_row *new_row(struct teller *t, int task, int64_t at_ns)
{
    struct quiz_answer *a = t->answer;
    static struct quiz_row beyond;
    struct quiz_row *row = &beyond;
    if (a->row_count == QUIZ_ROWS_MAX)
        a->rows_left_out++;
    else
        row = &a->rows[a->row_count++];
    *row = (struct quiz_row){.task = task, .at_ms_10 = -1};
    if (at_ns >= t->from_ns)
        row->at_ms_10 = (at_ns - t->from_ns) / 100000;
    t->open_row[task] = -1;
    return row;
}

/* Appends what has room. */
static void append(char to[QUIZ_TEXT_MAX], const char *between,
                   const char *text)
{
    size_t room = QUIZ_TEXT_MAX - 1 - strlen(to);
    if (to[0] != '\0' && strlen(between) + strlen(text) <= room)
        strcat(to, between);
    strncat(to, text, QUIZ_TEXT_MAX - 1 - strlen(to));
}

/* 12345 as 12,345. */
static const char *grouped(unsigned long count, char text[24])
{
    if (count < 1000)
        snprintf(text, 24, "%lu", count);
    else
        snprintf(text, 24, "%lu,%03lu", count / 1000, count % 1000);
    return text;
}

/* "recv ana" */
static void name_call(struct teller *t, const struct trace_event *e,
                      char text[QUIZ_TEXT_MAX])
{
    const char *client = client_of(t, e);
    snprintf(text, QUIZ_TEXT_MAX, "%s%s%s", trace_plain_name(e->name),
             client ? " " : "", client ? client : "");
}

/* recv ana, accept: EAGAIN, 193 times each. Who asks in turn has asked once
 * more or less at the end of the row: that is no difference. */
static void name_vain(struct teller *t, const struct vain *vain, int kinds,
                      char text[QUIZ_TEXT_MAX])
{
    unsigned long least = vain->counts[0], most = vain->counts[0];
    char name[QUIZ_TEXT_MAX], count[24];
    for (int i = 1; i < kinds; i++) {
        least = vain->counts[i] < least ? vain->counts[i] : least;
        most = vain->counts[i] > most ? vain->counts[i] : most;
    }
    text[0] = '\0';
    for (int i = 0; i < kinds; i++) {
        name_call(t, vain->events[i], name);
        append(text, ", ", name);
        if (most - least > 1)
            append(text, " ", grouped(vain->counts[i], count));
    }
    append(text, "", kinds > 1 ? ": EAGAIN" : " EAGAIN");
    if (most > 1 && most - least <= 1) {
        append(text, ", ", grouped(most, count));
        append(text, "", kinds > 1 ? " times each" : " times");
    }
}

/* A call that took no time joins the row of its thread's last one. */
static bool join_row(struct teller *t, int task, const struct trace_event *e,
                     const char *text)
{
    int open = t->open_row[task];
    if (open < 0 || open != t->answer->row_count - 1 || e->sleep_ns > 0)
        return false;
    struct quiz_row *row = &t->answer->rows[open];
    if (strlen(row->text) + strlen(row->where) + strlen(text) + 4 +
            strlen(anchor_of(e)) >
        (size_t)t->room)
        return false;
    append(row->text, ", ", text);
    if (strstr(row->where, anchor_of(e)) == NULL)
        append(row->where, " ", anchor_of(e));
    t->last[task] = anchor_of(e);
    return true;
}

void quiz_flush_vain(struct teller *t, int task)
{
    struct vain *vain = &t->vain[task];
    char text[QUIZ_TEXT_MAX];
    int kinds = vain->kinds;
    vain->kinds = 0;
    if (kinds == 0)
        return;
    name_vain(t, vain, kinds, text);
    if (kinds == 1 && vain->counts[0] == 1 &&
        join_row(t, task, vain->events[0], text))
        return;
    struct quiz_row *row = new_row(t, task, vain->events[0]->end_ns);
    row->ink = INK_ASKING;
    append(row->text, "", text);
    for (int i = 0; i < kinds; i++) {
        const char *anchor = anchor_of(vain->events[i]);
        if (strstr(row->where, anchor) == NULL)
            append(row->where, " ", anchor);
    }
}

void quiz_tell_vain(struct teller *t, int task, const struct trace_event *e)
{
    struct vain *vain = &t->vain[task];
    int i = 0;
    while (i < vain->kinds && (vain->events[i]->number != e->number ||
                               vain->events[i]->fd != e->fd))
        i++;
    if (i == IN_VAIN_KINDS) {
        quiz_flush_vain(t, task);
        i = 0;
    }
    if (i == vain->kinds) {
        vain->counts[vain->kinds] = 0;
        vain->events[vain->kinds++] = e;
    }
    vain->counts[i]++;
}

static enum screen_ink ink_of(const struct trace_event *e)
{
    const char *phase = e->site->phase;
    if (e->sleep_ns > 0)
        return INK_ASLEEP;
    if (strcmp(phase, "copy") == 0 || strcmp(phase, "reap") == 0)
        return INK_COPY;
    return INK_PLAIN;
}

/* The second and later calls of one library function. */
static bool is_more_of_the_same(struct teller *t, int task,
                                const struct trace_event *e)
{
    return library_name(e) && t->last[task] &&
           strcmp(t->last[task], anchor_of(e)) == 0;
}

/* A wait that found something at once, as the one before it did: a word more
 * in that row. */
static bool join_wait(struct teller *t, int task, const struct trace_event *e)
{
    static const char again[] = ", again";
    struct quiz_answer *a = t->answer;
    if (a->row_count == 0 || t->vain[task].kinds > 0 || e->sleep_ns > 0)
        return false;
    struct quiz_row *row = &a->rows[a->row_count - 1];
    if (row->task != task || strcmp(row->where, anchor_of(e)) != 0 ||
        e->result != t->result[task] ||
        strlen(row->text) + strlen(again) + 1 + strlen(row->where) >
            (size_t)t->room)
        return false;
    append(row->text, "", again);
    return true;
}

void quiz_tell_call(struct teller *t, int task, const struct trace_event *e)
{
    char text[QUIZ_TEXT_MAX];
    bool waits =
        strcmp(e->site->phase, "wait") == 0 && strcmp(e->name, "recvfrom") != 0;
    if (is_more_of_the_same(t, task, e)) {
        quiz_count_only(t, task, e);
        return;
    }
    if (waits && e->error == 0 && join_wait(t, task, e))
        return;
    quiz_flush_vain(t, task);
    describe(t, e, text);
    t->result[task] = e->result;
    if ((waits && e->error != EAGAIN) || !join_row(t, task, e, text)) {
        struct quiz_row *row = new_row(t, task, e->end_ns);
        snprintf(row->text, sizeof row->text, "%s", text);
        snprintf(row->where, sizeof row->where, "%s", anchor_of(e));
        row->ink = ink_of(e);
        if (row == &t->answer->rows[t->answer->row_count - 1])
            t->open_row[task] = t->answer->row_count - 1;
    }
    t->last[task] = anchor_of(e);
    if (waits && e->error != EAGAIN)
        t->open_row[task] = -1; /* a wait for all stands alone */
}

void quiz_tell_rest(struct teller *t, int task, const struct trace_event *e)
{
    char *rest = t->answer->tasks[task].rest;
    snprintf(rest, sizeof t->answer->tasks->rest, "asleep in %s",
             trace_plain_name(e->name));
}

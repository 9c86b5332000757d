/* SPDX-License-Identifier: MIT */
#include "bench/quiz_private.h"

#include <errno.h>
#include <string.h>

/* The listener is nobody's connection. */
int quiz_client_of(const struct teller *t, const struct trace_event *e)
{
    const char *texts[] = {e->fd_text, e->outcome};
    for (int i = 0; i < 2; i++) {
        /* "fd 5 <- 127.0.0.1:50112", or "->" */
        const char *peer = texts[i] ? strrchr(texts[i], ' ') : NULL;
        for (int c = 0; peer && c < t->p->scene->client_count; c++)
            if (strcmp(peer + 1, t->p->record.addresses[c]) == 0)
                return c;
    }
    return -1;
}

/* Its name, or NULL. */
static const char *name_of(const struct teller *t, const struct trace_event *e)
{
    int client = quiz_client_of(t, e);
    return client < 0 ? NULL : t->p->scene->names[client];
}

/* No server here waits with a time limit, but for one of 0: that is a look, and
 * what it takes on a busy machine is no sleep. */
bool quiz_slept(const struct trace_event *e)
{
    return e->sleep_ns > 0 &&
           (e->story == NULL || strstr(e->story, "the time is over") == NULL);
}

/* A library function of many calls, say aio_read, stands in the source where
 * the mark is: the mark's slug is its name. */
const char *quiz_library_name(const struct trace_event *e)
{
    static const char *const own[] = {"fcntl", "epoll_ctl", "io_uring_enter",
                                      "ioctl", "fork"};
    if (e->site == NULL || e->site->anchor == NULL || e->site->phase == NULL)
        return NULL;
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

/* Appends what has room. */
static void append(char to[QUIZ_TEXT_MAX], const char *between,
                   const char *text)
{
    size_t room = QUIZ_TEXT_MAX - 1 - strlen(to);
    if (to[0] != '\0' && strlen(between) + strlen(text) <= room)
        strcat(to, between);
    strncat(to, text, QUIZ_TEXT_MAX - 1 - strlen(to));
}

/* "recv ana" */
static void name_call(const struct teller *t, const struct trace_event *e,
                      char text[QUIZ_TEXT_MAX])
{
    const char *name = name_of(t, e);
    snprintf(text, QUIZ_TEXT_MAX, "%s%s%s", trace_plain_name(e->name),
             name ? " " : "", name ? name : "");
}

/* What it returns, as the program sees it and a reader understands it. */
static void add_result(const struct teller *t, const struct trace_event *e,
                       char text[QUIZ_TEXT_MAX])
{
    /* The kernel's own codes for a call that a handler has interrupted. */
    enum { ERESTARTNOHAND = 514, ERESTART_RESTARTBLOCK = 516 };
    const struct quiz_answer *a = t->answer;
    const char *outcome = e->outcome ? e->outcome : "";
    bool accepts = strncmp(e->name, "accept", 6) == 0;
    if (e->error == ERESTARTNOHAND || e->error == ERESTART_RESTARTBLOCK)
        outcome = "EINTR";
    if (strcmp(e->name, "rt_sigtimedwait") == 0 && e->result > 0)
        outcome = trace_signal_name((int)e->result);
    for (int i = 0; i < a->task_count; i++)
        if (strcmp(e->name, "wait4") == 0 && e->result == a->tasks[i].pid)
            outcome = a->tasks[i].name;
    /* The name of a new client stands before it. */
    int shown = (int)strcspn(outcome, accepts ? "<" : "");
    while (shown > 0 && outcome[shown - 1] == ' ')
        shown--;
    size_t used = strlen(text);
    snprintf(text + used, QUIZ_TEXT_MAX - used, " = %.*s",
             shown < 60 ? shown : 60, outcome);
}

/* How a call slept, and what woke it if that has room and says more. */
static void add_sleep(const struct teller *t, const struct trace_event *e,
                      char text[QUIZ_TEXT_MAX])
{
    const char *story = e->story;
    const char *woken = story ? strstr(story, ", woken: ") : NULL;
    int length = woken ? (int)(woken - story) : 0;
    size_t used = strlen(text), room = (size_t)t->room - strlen(anchor_of(e));
    bool told = e->error != 0 || e->done.count > 0 ||
                strcmp(e->name, "rt_sigtimedwait") == 0;
    if (story == NULL || strncmp(story, "nothing", 7) == 0 ||
        (woken && !quiz_slept(e)))
        return;
    if (woken == NULL)
        snprintf(text + used, QUIZ_TEXT_MAX - used, ", %s", story);
    else if (!told && used + 2 + strlen(story) - 7 < room)
        snprintf(text + used, QUIZ_TEXT_MAX - used, ", %.*s: %s", length, story,
                 woken + 9);
    else
        snprintf(text + used, QUIZ_TEXT_MAX - used, ", %.*s", length, story);
}

/* The requests of a ring, in words: "recv ana, accept", and with what came of
 * them. */
static void add_ring(const struct teller *t, const struct trace_ring *ring,
                     bool done, char text[QUIZ_TEXT_MAX])
{
    for (int i = 0; i < ring->count; i++) {
        char call[QUIZ_TEXT_MAX];
        name_call(t, &ring->calls[i], call);
        if (done)
            add_result(t, &ring->calls[i], call);
        append(text, i > 0 ? ", " : done ? ": " : "", call);
    }
}

/* The call in words: recv ana = 3 "hey", and how it slept. */
static void describe(const struct teller *t, const struct trace_event *e,
                     char text[QUIZ_TEXT_MAX])
{
    const char *library = quiz_library_name(e);
    if (library) {
        snprintf(text, QUIZ_TEXT_MAX, "%s", library);
        return;
    }
    name_call(t, e, text);
    add_result(t, e, text);
    if (e->handed.count > 0) {
        append(text, "", " (");
        add_ring(t, &e->handed, false, text);
        append(text, "", ")");
    }
    add_sleep(t, e, text);
    add_ring(t, &e->done, true, text);
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

/* 12345 as 12,345. */
static const char *grouped(unsigned long count, char text[24])
{
    if (count < 1000)
        snprintf(text, 24, "%lu", count);
    else
        snprintf(text, 24, "%lu,%03lu", count / 1000, count % 1000);
    return text;
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
    if (open < 0 || open != t->answer->row_count - 1 ||
        (quiz_slept(e) && !quiz_library_name(e)))
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
    if (quiz_slept(e))
        return INK_ASLEEP;
    if (strcmp(phase, "copy") == 0 || strcmp(phase, "reap") == 0)
        return INK_COPY;
    return INK_PLAIN;
}

/* The second and later calls of one library function. */
static bool is_more_of_the_same(struct teller *t, int task,
                                const struct trace_event *e)
{
    return quiz_library_name(e) && t->last[task] &&
           strcmp(t->last[task], anchor_of(e)) == 0;
}

/* A wait that found something at once, as the one before it did: a word more
 * in that row. */
static bool join_wait(struct teller *t, int task, const struct trace_event *e)
{
    static const char again[] = ", again";
    struct quiz_answer *a = t->answer;
    if (a->row_count == 0 || t->vain[task].kinds > 0 || quiz_slept(e))
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

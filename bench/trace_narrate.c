/* SPDX-License-Identifier: MIT */
#include "bench/trace_report.h"

#include "bench/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The inks of the figures, by phase; the words stand beside them, so nothing
 * is lost without. */
static enum screen_ink ink_of(const struct trace_event *event)
{
    const char *phase = event->site ? event->site->phase : NULL;
    if (event->kind != TRACE_CALL)
        return INK_TITLE;
    if (phase == NULL)
        return INK_FAINT;
    if (event->error == EAGAIN)
        return INK_ASKING;
    if (strcmp(phase, "copy") == 0 || strcmp(phase, "reap") == 0 ||
        (strcmp(phase, "wait+copy") == 0 && event->end_ns >= 0))
        return INK_COPY;
    return strncmp(phase, "wait", 4) == 0 ? INK_ASLEEP : INK_WORK;
}

/* Where the call comes from: with its file when there is room for that. */
static const char *where(const struct trace_event *event, size_t room)
{
    const struct trace_site *site = event->site;
    if (site == NULL)
        return "";
    const char *name = site->anchor ? site->anchor : site->origin;
    if (name == NULL)
        name = site->file ? site->file : "";
    const char *hash = strchr(name, '#');
    return strlen(name) > room && hash ? hash : name;
}

/* Takes `from` to `to` out of `what`, and puts `instead` there, which is not
 * longer. */
static void replace(char *from, const char *to, const char *instead)
{
    size_t length = strlen(instead);
    memcpy(from, instead, length);
    memmove(from + length, to, strlen(to) + 1);
}

/*
 * Makes a line shorter so that its result can be seen: first the text that
 * went over the line, down to a few characters, then what the descriptor of
 * the first argument is.
 */
static void squeeze(char *what, size_t room)
{
    enum { LEAST = 6 };
    char *open = strchr(what, '"');
    char *close = open ? strrchr(what, '"') : NULL;
    size_t length = strlen(what);
    if (length > room && close > open + LEAST + 3) {
        bool was_cut = strncmp(close + 1, "...", 3) == 0;
        size_t most = (size_t)(close - open - 1) - (was_cut ? 0 : 3);
        size_t kept = most > length - room ? most - (length - room) : 0;
        kept = kept > LEAST ? kept : LEAST;
        while (kept > 0 && open[kept] == '\\')
            kept--; /* not in the middle of \n */
        char *rest = close + (was_cut ? 4 : 1);
        replace(open + 1 + kept, rest, "\"...");
    }
    char *fd = strstr(what, "(fd ");
    char *end = fd ? fd + 4 + strcspn(fd + 4, " ,)") : NULL;
    if (strlen(what) > room && end && *end == ' ')
        replace(end, end + strcspn(end, ",)"), "");
}

static void print_line(struct narrator *n, const struct trace_event *event,
                       int64_t at_ns, char *what)
{
    char thread[16] = "";
    if (n->first_tid == 0)
        n->first_tid = event->tid;
    if (event->tid != n->first_tid)
        n->many = true;
    if (n->many)
        snprintf(thread, sizeof thread, " %6d", event->tid);
    /* time, a blank on each side, and the blank before the anchor */
    size_t room = (size_t)n->columns - 10 - strlen(thread) - 2 - 1;
    size_t length = strlen(what);
    const struct screen screen = {.colour = n->colour};
    const char *anchor = where(event, length < room ? room - length : 0);
    size_t left = room > strlen(anchor) ? room - strlen(anchor) : 8;
    squeeze(what, left);
    length = strlen(what);
    if (length > left)
        length = left - 3;
    fprintf(n->out, "%s%10.3f%s  %.*s%s", screen_ink(&screen, ink_of(event)),
            (double)at_ns / 1e6, thread, (int)length, what,
            length < strlen(what) ? "..." : "");
    length += length < strlen(what) ? 3 : 0;
    if (*anchor)
        fprintf(n->out, "%*s%s", (int)(left - length + 1), "", anchor);
    fprintf(n->out, "%s\n", screen_ink(&screen, INK_PLAIN));
}

static void print_story(struct narrator *n, const char *story)
{
    if (story)
        fprintf(n->out, "%*s%.*s\n", n->many ? 23 : 16, "", n->columns - 24,
                story);
}

static int find_told(const struct narrator *n, pid_t tid)
{
    for (int i = 0; i < n->told_count; i++)
        if (n->told[i] == tid)
            return i;
    return -1;
}

void narrate_pending(struct narrator *n, const struct trace_event *event)
{
    char what[512];
    snprintf(what, sizeof what, "%s(%s) ...%s", trace_plain_name(event->name),
             event->text ? event->text : "",
             event->sleep_ns > 0 ? " asleep" : "");
    print_line(n, event, event->begin_ns, what);
    if (n->told_count < (int)(sizeof n->told / sizeof *n->told))
        n->told[n->told_count++] = event->tid;
    (void)fflush(n->out);
}

static void narrate_call(struct narrator *n, const struct trace_event *event)
{
    char what[1024];
    int told = find_told(n, event->tid);
    const char *name = trace_plain_name(event->name);
    const char *outcome = event->outcome ? event->outcome : "";
    if (event->end_ns < 0)
        snprintf(what, sizeof what, "%s(%s) does not return", name,
                 event->text ? event->text : "");
    else if (told >= 0)
        snprintf(what, sizeof what, "... %s = %s", name, outcome);
    else
        snprintf(what, sizeof what, "%s(%s) = %s", name,
                 event->text ? event->text : "", outcome);
    if (told >= 0)
        n->told[told] = n->told[--n->told_count];
    if (told >= 0 && event->end_ns < 0)
        return; /* its beginning was told, and there is no more */
    print_line(n, event, told >= 0 ? event->end_ns : event->begin_ns, what);
    print_story(n, event->story);
}

void narrate_event(struct narrator *n, const struct trace_event *event)
{
    char what[128];
    switch (event->kind) {
    case TRACE_CALL:
        narrate_call(n, event);
        break;
    case TRACE_SIGNAL:
        if (event->fd >= 0)
            snprintf(what, sizeof what, "-- %s for fd %d", event->name,
                     event->fd);
        else
            snprintf(what, sizeof what, "-- %s", event->name);
        print_line(n, event, event->begin_ns, what);
        break;
    case TRACE_BEGIN:
        snprintf(what, sizeof what, "-- %s %d begins",
                 event->tid == event->pid ? "process" : "thread", event->tid);
        print_line(n, event, event->begin_ns, what);
        break;
    case TRACE_END:
        snprintf(what, sizeof what, "-- %s %d has ended",
                 event->tid == event->pid ? "process" : "thread", event->tid);
        print_line(n, event, event->begin_ns, what);
        break;
    }
    (void)fflush(n->out);
}

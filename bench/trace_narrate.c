/* SPDX-License-Identifier: MIT */
#include "bench/trace_report.h"

#include <stdlib.h>
#include <string.h>

/* Colours by phase; the words stand beside them, so nothing is lost without. */
static const char *colour_of(const struct trace_event *event)
{
    const char *phase = event->site ? event->site->phase : NULL;
    if (event->kind != TRACE_CALL)
        return "\033[35m";
    if (phase == NULL)
        return "\033[2m";
    if (strncmp(phase, "wait", 4) == 0)
        return "\033[33m";
    if (strcmp(phase, "copy") == 0 || strcmp(phase, "reap") == 0)
        return "\033[32m";
    return "\033[36m";
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

static void print_line(struct narrator *n, const struct trace_event *event,
                       int64_t at_ns, const char *what)
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
    const char *anchor = where(event, length < room ? room - length : 0);
    size_t left = room > strlen(anchor) ? room - strlen(anchor) : 8;
    if (length > left)
        length = left - 3;
    fprintf(n->out, "%s%10.3f%s  %.*s%s", n->colour ? colour_of(event) : "",
            (double)at_ns / 1e6, thread, (int)length, what,
            length < strlen(what) ? "..." : "");
    length += length < strlen(what) ? 3 : 0;
    if (*anchor)
        fprintf(n->out, "%*s%s", (int)(left - length + 1), "", anchor);
    fprintf(n->out, "%s\n", n->colour ? "\033[0m" : "");
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

/* SPDX-License-Identifier: MIT */
/*
 * The calls that wait for many descriptors: what they watch, what they found.
 * The sets are read from the program's memory, before and after.
 */
#include "bench/trace_text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* Of longer sets only the beginning is shown. */
enum { SHOWN_MAX = 8 };

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text->bytes + text->length, TEXT_MAX - text->length,
                      format, arguments);
    va_end(arguments);
    size_t room = TEXT_MAX - 1 - text->length;
    text->length += n > 0 ? ((size_t)n < room ? (size_t)n : room) : 0;
}

void text_add_time(struct text *text, int64_t ns)
{
    double ms = (double)ns / 1e6;
    if (ms >= 10000)
        text_add(text, "%.1f s", ms / 1000);
    else if (ms >= 10)
        text_add(text, "%.0f ms", ms);
    else
        text_add(text, "%.1f ms", ms);
}

enum wait_kind { NO_WAIT, SELECT, POLL, EPOLL };

static enum wait_kind kind_of(long number)
{
    switch (number) {
#ifdef SYS_select
    case SYS_select:
#endif
    case SYS_pselect6:
        return SELECT;
#ifdef SYS_poll
    case SYS_poll:
#endif
    case SYS_ppoll:
        return POLL;
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
        return EPOLL;
    default:
        return NO_WAIT;
    }
}

bool sets_is_wait(long number)
{
    return kind_of(number) != NO_WAIT;
}

/* One fd_set of the program, as far as the kernel looks at it. */
static bool read_set(const struct trace_task *task, int which, uint64_t *set)
{
    uint64_t address = task->event.args[1 + which];
    size_t bits =
        task->event.args[0] < FD_SETSIZE ? task->event.args[0] : FD_SETSIZE;
    memset(set, 0, FD_SETSIZE / 8);
    return address != 0 && bits > 0 &&
           trace_read(task->tid, address, set, (bits + 63) / 64 * 8);
}

static bool in_set(const uint64_t *set, int fd)
{
    return set[fd / 64] >> (fd % 64) & 1;
}

static void add_sets(const struct trace_task *task, struct text *text)
{
    static const char *const names[] = {"read", "write", "except"};
    uint64_t set[FD_SETSIZE / 64];
    for (int which = 0; which < 3; which++) {
        int shown = 0;
        if (!read_set(task, which, set))
            continue;
        text_add(text, "%s%s {", text->length ? " " : "", names[which]);
        for (int fd = 0; fd < FD_SETSIZE; fd++) {
            if (!in_set(set, fd))
                continue;
            if (shown++ < SHOWN_MAX)
                text_add(text, "%s%d", shown > 1 ? "," : "", fd);
        }
        text_add(text, "%s}", shown > SHOWN_MAX ? ",..." : "");
    }
}

static void add_poll_set(const struct trace_task *task, struct text *text)
{
    struct pollfd polls[SHOWN_MAX];
    size_t count = task->event.args[1];
    size_t shown = count < SHOWN_MAX ? count : SHOWN_MAX;
    text_add(text, "{");
    if (shown > 0 && trace_read(task->tid, task->event.args[0], polls,
                                shown * sizeof *polls))
        for (size_t i = 0; i < shown; i++)
            text_add(text, "%s%d%s", i ? "," : "", polls[i].fd,
                     polls[i].events & POLLOUT ? " to write" : "");
    text_add(text, "%s}", count > shown ? ",..." : "");
}

/* A timeout: a number of milliseconds, or the address of a timespec. */
static void add_timeout(const struct trace_task *task, struct text *text)
{
    const uint64_t *args = task->event.args;
    struct timespec span = {0, 0};
    int64_t ns = -1;
    uint64_t at = 0;
    switch (task->event.number) {
#ifdef SYS_poll
    case SYS_poll:
        ns = (int64_t)(int)args[2] * 1000000;
        break;
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
        ns = (int64_t)(int)args[3] * 1000000;
        break;
    case SYS_ppoll:
        at = args[2];
        break;
    case SYS_epoll_pwait2:
        at = args[3];
        break;
    default:
        at = args[4];
    }
    if (at != 0 && trace_read(task->tid, at, &span, sizeof span)) {
        bool micro = false;
#ifdef SYS_select
        micro = task->event.number == SYS_select; /* a timeval */
#endif
        ns = (int64_t)span.tv_sec * 1000000000 +
             (int64_t)span.tv_nsec * (micro ? 1000 : 1);
    }
    if (ns >= 0) {
        text_add(text, ", at most ");
        text_add_time(text, ns);
    }
}

void sets_asked(struct trace_task *task, struct text *text)
{
    switch (kind_of(task->event.number)) {
    case SELECT:
        add_sets(task, text);
        break;
    case POLL:
        add_poll_set(task, text);
        break;
    default:
        break;
    }
    add_timeout(task, text);
}

static void add_ready(struct trace *t, struct trace_task *task, int fd,
                      unsigned events, struct text *text)
{
    const struct trace_fd *s = fd_describe(t, task->process, fd);
    const char *what = "has bytes";
    if (events & POLLNVAL)
        what = "is not open";
    else if (events & POLLERR)
        what = "has an error";
    else if (events & POLLIN)
        what = s && s->listening ? "has a new client" : "has bytes";
    else if (events & (POLLHUP | POLLRDHUP))
        what = "was closed by its peer";
    else if (events & POLLOUT)
        what = "has room";
    text_add(text, "%sfd %d %s", text->length ? ", " : "", fd, what);
}

static void ready_sets(struct trace *t, struct trace_task *task,
                       struct text *text)
{
    static const unsigned events[] = {POLLIN, POLLOUT, POLLERR};
    uint64_t set[FD_SETSIZE / 64];
    int shown = 0;
    for (int which = 0; which < 3; which++)
        if (read_set(task, which, set))
            for (int fd = 0; fd < FD_SETSIZE; fd++)
                if (in_set(set, fd) && shown++ < SHOWN_MAX)
                    add_ready(t, task, fd, events[which], text);
}

static void ready_polls(struct trace *t, struct trace_task *task,
                        struct text *text)
{
    struct pollfd polls[64];
    size_t count = task->event.args[1] < 64 ? task->event.args[1] : 64;
    int shown = 0;
    if (!trace_read(task->tid, task->event.args[0], polls,
                    count * sizeof *polls))
        return;
    for (size_t i = 0; i < count; i++)
        if (polls[i].revents && shown++ < SHOWN_MAX)
            add_ready(t, task, polls[i].fd, (unsigned)polls[i].revents, text);
}

static void ready_epoll(struct trace *t, struct trace_task *task,
                        struct text *text)
{
    struct epoll_event events[SHOWN_MAX];
    size_t count = (size_t)task->event.result;
    count = count < SHOWN_MAX ? count : SHOWN_MAX;
    if (!trace_read(task->tid, task->event.args[1], events,
                    count * sizeof *events))
        return;
    for (size_t i = 0; i < count; i++) {
        int fd = watch_find(task->process, (int)task->event.args[0],
                            events[i].data.u64);
        if (fd >= 0)
            add_ready(t, task, fd, events[i].events, text);
    }
}

void sets_ready(struct trace *t, struct trace_task *task, struct text *text)
{
    if (task->event.result <= 0)
        return;
    switch (kind_of(task->event.number)) {
    case SELECT:
        ready_sets(t, task, text);
        break;
    case POLL:
        ready_polls(t, task, text);
        break;
    case EPOLL:
        ready_epoll(t, task, text);
        break;
    default:
        break;
    }
}

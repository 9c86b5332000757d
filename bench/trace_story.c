/* SPDX-License-Identifier: MIT */
/*
 * How a call went, in words, and whether it slept.
 *
 * ptrace does not say 'now it sleeps'. A call counts as asleep from entry to
 * return when all of this is true:
 *   - it is one that may sleep (the table below), and
 *   - it was not told not to: no O_NONBLOCK on its descriptor, no
 *     MSG_DONTWAIT, and
 *   - it took at least SLEEP_LEAST_NS, more than a busy call takes.
 */
#include "bench/trace_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum sleeper {
    NEVER,
    FOR_DATA,   /* until its descriptor has bytes, room, a client */
    FOR_ANY,    /* until any of a set is ready */
    FOR_TIME,   /* until a time has passed */
    FOR_SIGNAL, /* until a signal comes */
    FOR_THREAD, /* until another thread or process does something */
    FOR_RING    /* until a request of the ring is complete */
};

static enum sleeper sleeper(long number)
{
    switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_pread64:
        return FOR_DATA;
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
        return FOR_TIME;
    case SYS_rt_sigtimedwait:
    case SYS_rt_sigsuspend:
#ifdef SYS_pause
    case SYS_pause:
#endif
        return FOR_SIGNAL;
    case SYS_futex:
    case SYS_wait4:
    case SYS_waitid:
        return FOR_THREAD;
    case SYS_io_uring_enter:
        return FOR_RING;
    default:
        return sets_is_wait(number) ? FOR_ANY : NEVER;
    }
}

static bool was_told_not_to(struct trace *t, struct trace_task *task)
{
    const struct trace_event *e = &task->event;
    bool has_flags = e->number == SYS_recvfrom || e->number == SYS_sendto;
    if (has_flags && (e->args[3] & MSG_DONTWAIT))
        return true;
    return fd_nonblocking(t, task->process, e->fd);
}

static void add_reason(struct trace *t, struct trace_task *task,
                       enum sleeper why, struct text *text)
{
    const struct trace_event *e = &task->event;
    struct text ready = {.length = 0};
    bool accepts = e->number == SYS_accept || e->number == SYS_accept4;
    bool sends = e->number == SYS_sendto || e->number == SYS_write ||
                 e->number == SYS_writev || e->number == SYS_sendmsg;
    if (e->error >= 512 || e->error == EINTR)
        text_add(text, "a signal");
    else if (why == FOR_ANY && e->result == 0)
        text_add(text, "the time is over");
    else if (why == FOR_ANY)
        sets_ready(t, task, &ready);
    else if (why == FOR_TIME || e->error == ETIMEDOUT || e->error == ETIME ||
             e->error == EAGAIN) /* SO_RCVTIMEO, or sigtimedwait's own */
        text_add(text, "the time is over");
    else if (e->error)
        text_add(text, "an error");
    else if (why == FOR_SIGNAL)
        text_add(text, "%s", trace_signal_name((int)e->result));
    else if (why == FOR_THREAD)
        text_add(text, e->number == SYS_futex ? "another thread"
                                              : "a child has ended");
    else if (why == FOR_RING)
        text_add(text, "a request is complete");
    else if (accepts)
        text_add(text, "a new client");
    else if (e->number == SYS_connect)
        text_add(text, "the peer has answered");
    else if (sends)
        text_add(text, "fd %d has room", e->fd);
    else
        text_add(text, "fd %d has %s", e->fd,
                 e->result == 0 ? "come to its end" : "bytes");
    text_add(text, "%s", ready.bytes);
}

void story_tell(struct trace *t, struct trace_task *task)
{
    struct trace_event *e = &task->event;
    struct text text = {.length = 0};
    enum sleeper why = sleeper(e->number);
    int64_t lasted = e->end_ns - e->begin_ns;
    bool waits = why == FOR_ANY && e->result > 0;
    if (why != NEVER && lasted >= SLEEP_LEAST_NS &&
        (why != FOR_DATA || !was_told_not_to(t, task)))
        e->sleep_ns = lasted;
    if (!t->options.decode)
        return;
    if (e->sleep_ns > 0) {
        text_add(&text, "asleep ");
        text_add_time(&text, e->sleep_ns);
        text_add(&text, ", woken: ");
        add_reason(t, task, why, &text);
    } else if (waits) {
        sets_ready(t, task, &text);
        struct text ready = text;
        text = (struct text){.length = 0};
        text_add(&text, "did not sleep: %s", ready.bytes);
    } else if (e->error == EAGAIN && why == FOR_DATA) {
        text_add(&text, "nothing there");
    }
    e->story = text.length ? trace_keep(t, text.bytes) : NULL;
}

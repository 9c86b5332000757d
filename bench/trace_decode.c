/* SPDX-License-Identifier: MIT */
/*
 * What the numbers of a call mean, as trace_shapes.c tells.
 */
#include "bench/trace_text.h"

#include "common/address.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

bool trace_read(pid_t tid, uint64_t address, void *bytes, size_t length)
{
    struct iovec ours = {bytes, length};
    struct iovec theirs = {(void *)(uintptr_t)address, length};
    return process_vm_readv(tid, &ours, 1, &theirs, 1, 0) == (ssize_t)length;
}

void text_add_bytes(struct text *text, pid_t tid, uint64_t address,
                    size_t length)
{
    enum { SHOWN = 24 };
    unsigned char bytes[SHOWN];
    size_t shown = length < SHOWN ? length : SHOWN;
    if (length == 0 || !trace_read(tid, address, bytes, shown))
        return;
    text_add(text, "%s\"", text->length ? " " : "");
    for (size_t i = 0; i < shown; i++) {
        if (bytes[i] == '\n')
            text_add(text, "\\n");
        else if (bytes[i] == '"' || bytes[i] == '\\')
            text_add(text, "\\%c", bytes[i]);
        else if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
            text_add(text, "%c", bytes[i]);
        else
            text_add(text, "\\x%02x", bytes[i]);
    }
    text_add(text, "\"%s", length > SHOWN ? "..." : "");
}

static void add_path(struct text *text, pid_t tid, uint64_t address)
{
    char path[64];
    size_t length = sizeof path;
    while (length > 1 && !trace_read(tid, address, path, length))
        length /= 2; /* it may stand at the end of its page */
    path[length - 1] = '\0';
    if (length > 1)
        for (const char *c = path; *c; c++)
            text_add(text, *c >= ' ' && *c < 0x7f ? "%c" : "?", *c);
}

static void add_socket_address(struct text *text, pid_t tid, uint64_t at,
                               size_t length)
{
    struct address address = {.length = (socklen_t)length};
    char words[ADDRESS_TEXT_MAX];
    if (at != 0 && length <= sizeof address.bytes &&
        trace_read(tid, at, &address.bytes, length))
        text_add(text, "%s", address_format(&address, words));
}

static void add_flags(struct text *text, unsigned flags)
{
    static const struct {
        unsigned bit;
        const char *name;
    } known[] = {{MSG_DONTWAIT, "MSG_DONTWAIT"},
                 {MSG_PEEK, "MSG_PEEK"},
                 {MSG_TRUNC, "MSG_TRUNC"},
                 {MSG_WAITALL, "MSG_WAITALL"},
                 {MSG_MORE, "MSG_MORE"}};
    /* MSG_NOSIGNAL is in every send here: it would tell nothing. */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (flags & known[i].bit)
            text_add(text, "%s%s", text->length ? ", " : "", known[i].name);
}

static void add_epoll_command(struct text *text, const struct trace_task *task)
{
    static const char *const commands[] = {"?", "ADD", "DEL", "MOD"};
    const uint64_t *args = task->event.args;
    struct epoll_event event = {.events = 0};
    text_add(text, "%s fd %d", commands[args[1] < 4 ? args[1] : 0],
             (int)args[2]);
    if (args[1] == EPOLL_CTL_DEL ||
        !trace_read(task->tid, args[3], &event, sizeof event))
        return;
    watch_set(task->process, (int)args[0], (int)args[2], event.data.u64);
    text_add(text, "%s%s%s", event.events & EPOLLIN ? " in" : "",
             event.events & EPOLLOUT ? " out" : "",
             event.events & EPOLLET ? " edge" : "");
}

static void add_span(struct text *text, pid_t tid, uint64_t address)
{
    struct timespec span;
    if (address != 0 && trace_read(tid, address, &span, sizeof span))
        text_add_time(text, (int64_t)span.tv_sec * 1000000000 + span.tv_nsec);
}

static void add_fd(struct trace *t, struct trace_task *task, struct text *text)
{
    struct trace_event *e = &task->event;
    const struct trace_fd *s = fd_describe(t, task->process, e->fd);
    e->fd_text = s && s->text ? trace_keep_format(t, "%d %s", e->fd, s->text)
                              : trace_keep_format(t, "%d", e->fd);
    text_add(text, "fd %s", e->fd_text);
}

static void add_argument(struct trace *t, struct trace_task *task, char letter,
                         int i, struct text *text)
{
    struct trace_event *e = &task->event;
    uint64_t value = e->args[i];
    switch (letter) {
    case 'f':
        add_fd(t, task, text);
        break;
    case 'l':
        text_add(text, "%ld", (long)(int64_t)value);
        break;
    case 'x':
        text_add(text, "%#lx", (unsigned long)value);
        break;
    case 'w':
        text_add_bytes(text, task->tid, value, e->args[i + 1]);
        break;
    case 's':
        add_path(text, task->tid, value);
        break;
    case 'a':
        add_socket_address(text, task->tid, value, e->args[i + 1]);
        break;
    case 'm':
        add_flags(text, (unsigned)value);
        break;
    case 't':
        add_span(text, task->tid, value);
        break;
    case 'u':
        text_add(text, "%s", value & 1 && !(value & 8) ? "wake" : "wait");
        break;
    case 'c':
        add_epoll_command(text, task);
        break;
    case '.':
        text_add(text, "...");
        break;
    default:
        break;
    }
}

void decode_enter(struct trace *t, struct trace_task *task)
{
    struct trace_event *e = &task->event;
    const struct shape *shape = trace_shape(e->number);
    if (shape->arguments[0] == 'f')
        e->fd = (int)e->args[0];
    if (!t->options.decode)
        return;
    struct text all = {.length = 0};
    for (int i = 0; shape->arguments[i]; i++) {
        struct text one = {.length = 0};
        add_argument(t, task, shape->arguments[i], i, &one);
        if (one.length > 0)
            text_add(&all, "%s%s", all.length ? ", " : "", one.bytes);
    }
    if (sets_is_wait(e->number))
        sets_asked(task, &all);
    if (t->options.rings && e->number == SYS_io_uring_enter)
        ring_enter(t, task);
    e->text = trace_keep(t, all.bytes);
}

/* Descriptors come and go: what we know of them has to follow. */
static void follow_descriptors(struct trace *t, struct trace_task *task,
                               const struct shape *shape)
{
    const struct trace_event *e = &task->event;
    struct trace_process *process = task->process;
    if (e->number == SYS_close)
        fd_forget(process, e->fd);
    if (e->result < 0)
        return;
    if (shape->result == 'a')
        fd_accepted(t, process, (int)e->result);
    else if (shape->result == 'f')
        fd_forget(process, (int)e->result);
    else if (e->number == SYS_connect || e->number == SYS_listen ||
             e->number == SYS_bind || e->number == SYS_ioctl ||
             (e->number == SYS_fcntl && e->args[1] == F_SETFL))
        fd_ask_again(process, e->fd);
}

static void add_outcome(struct trace *t, struct trace_task *task,
                        const struct shape *shape, struct text *text)
{
    const struct trace_event *e = &task->event;
    const struct trace_fd *s;
    if (e->number == SYS_rt_sigreturn) { /* its result is the call's before */
        text_add(text, "back from the handler");
        return;
    }
    if (e->error) {
        text_add(text, "%s", trace_error_name(e->error));
        return;
    }
    switch (shape->result) {
    case 'a':
    case 'f':
        s = fd_describe(t, task->process, (int)e->result);
        text_add(text, "fd %d%s%s", (int)e->result, s && s->text ? " " : "",
                 s && s->text ? s->text : "");
        break;
    case 'x':
        text_add(text, "%#lx", (unsigned long)e->result);
        break;
    case 'b':
        text_add(text, "%ld", (long)e->result);
        text_add_bytes(text, task->tid, e->args[1], (size_t)e->result);
        break;
    default:
        text_add(text, "%ld", (long)e->result);
    }
}

void decode_return(struct trace *t, struct trace_task *task)
{
    struct trace_event *e = &task->event;
    const struct shape *shape = trace_shape(e->number);
    follow_descriptors(t, task, shape);
    story_tell(t, task);
    if (!t->options.decode)
        return;
    struct text text = {.length = 0};
    add_outcome(t, task, shape, &text);
    if (t->options.rings && e->number == SYS_io_uring_enter)
        ring_leave(t, task);
    e->outcome = trace_keep(t, text.bytes);
}

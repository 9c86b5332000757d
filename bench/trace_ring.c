/* SPDX-License-Identifier: MIT */
/*
 * What goes through a ring of io_uring. No system call tells it, but the
 * kernel lists both queues in /proc/PID/fdinfo/FD, from Linux 6.0 on with the
 * names of the requests:
 *
 *   SQEs: 1
 *       3: opcode:RECV, fd:5, flags:0, ... addr:0x5581a0, ... user_data:9824
 *   CQEs: 1
 *       2: user_data:9824, res:3, flag:0
 *
 * At the entry of io_uring_enter we read the requests and remember each by its
 * user_data; at its return, the completions, which name nothing else.
 */
#include "bench/trace_text.h"

#include <ctype.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than these of one call are not told (but remembered). */
enum { TOLD_MOST = 16 };

static FILE *open_queues(const struct trace_task *task)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)task->process->pid,
             task->event.fd);
    return fopen(path, "re");
}

/* The number behind `key` in `line`; false when there is none. */
static bool number_after(const char *line, const char *key, int base,
                         uint64_t *number)
{
    const char *at = strstr(line, key);
    if (at)
        *number = strtoull(at + strlen(key), NULL, base);
    return at != NULL;
}

/* The request in flight whose completion carries `data`, or NULL. */
static struct trace_request *find(struct trace_process *process, int ring_fd,
                                  uint64_t data)
{
    for (int i = 0; i < process->request_count; i++)
        if (process->requests[i].ring_fd == ring_fd &&
            process->requests[i].data == data)
            return &process->requests[i];
    return NULL;
}

/* A place for `request`: that of one with the same user_data, who has ended in
 * silence, or a new one. */
static struct trace_request *remember(struct trace_process *process,
                                      const struct trace_request *request)
{
    struct trace_request *at = find(process, request->ring_fd, request->data);
    if (at == NULL) {
        int count = process->request_count;
        if (count % 64 == 0) {
            at = realloc(process->requests, ((size_t)count + 64) * sizeof *at);
            if (at == NULL)
                return NULL;
            process->requests = at;
        }
        at = &process->requests[process->request_count++];
    }
    *at = *request;
    return at;
}

/* A line of the submission queue. */
static bool read_request(struct trace *t, const struct trace_task *task,
                         const char *line, struct trace_request *request)
{
    char name[32];
    int fd;
    if (sscanf(line, " %*u: opcode:%31[A-Z_0-9], fd:%d", name, &fd) != 2 ||
        isdigit((unsigned char)name[0])) /* before Linux 6.0 */
        return false;
    *request = (struct trace_request){.ring_fd = task->event.fd};
    if (!number_after(line, "user_data:", 10, &request->data))
        return false;
    (void)number_after(line, " addr:0x", 16, &request->address);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    request->call = (struct trace_event){.kind = TRACE_CALL,
                                         .pid = task->event.pid,
                                         .tid = task->event.tid,
                                         .name = trace_keep(t, name),
                                         .end_ns = -1,
                                         .fd = fd};
    if (strcmp(name, "recv") != 0 && strcmp(name, "send") != 0)
        request->address = 0; /* of something else than bytes */
    bool of_none =
        strcmp(name, "nop") == 0 || strcmp(name, "async_cancel") == 0;
    struct trace_fd *s = of_none ? NULL : fd_describe(t, task->process, fd);
    if (s && s->text)
        request->call.fd_text = trace_keep_format(t, "%d %s", fd, s->text);
    return true;
}

/* What has come of `request`, as its call would have returned it. */
static void complete(struct trace *t, struct trace_task *task,
                     const struct trace_request *request, int result,
                     struct trace_event *call)
{
    struct text text = {.length = 0};
    *call = request->call;
    call->end_ns = task->event.end_ns;
    call->result = result;
    call->error = result < 0 ? -result : 0;
    if (call->error) {
        text_add(&text, "%s", trace_error_name(call->error));
    } else if (strcmp(call->name, "accept") == 0) {
        fd_accepted(t, task->process, result);
        const struct trace_fd *s = fd_describe(t, task->process, result);
        text_add(&text, "fd %d %s", result, s && s->text ? s->text : "");
    } else {
        text_add(&text, "%d", result);
        if (strcmp(call->name, "recv") == 0 && request->address != 0)
            text_add_bytes(&text, task->tid, request->address, (size_t)result);
    }
    call->outcome = trace_keep(t, text.bytes);
}

static void keep(struct trace *t, const struct trace_event *calls, int count,
                 struct trace_ring *ring)
{
    size_t size = (size_t)count * sizeof *calls;
    struct trace_event *copy = count > 0 ? trace_allocate(t, size) : NULL;
    if (copy == NULL)
        return;
    memcpy(copy, calls, size);
    *ring = (struct trace_ring){count, copy};
}

void ring_enter(struct trace *t, struct trace_task *task)
{
    struct trace_event calls[TOLD_MOST];
    struct trace_request request;
    uint64_t left = task->event.args[1];
    char line[512];
    int count = 0;
    FILE *file = open_queues(task);
    while (file && left > 0 && fgets(line, sizeof line, file)) {
        if (!read_request(t, task, line, &request))
            continue;
        left--;
        if (remember(task->process, &request) && count < TOLD_MOST)
            calls[count++] = request.call;
    }
    if (file)
        (void)fclose(file);
    keep(t, calls, count, &task->event.handed);
}

void ring_leave(struct trace *t, struct trace_task *task)
{
    struct trace_process *process = task->process;
    struct trace_event calls[TOLD_MOST];
    char line[512];
    int count = 0, result;
    unsigned long long data;
    unsigned flags;
    FILE *file = open_queues(task);
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, " %*u: user_data:%llu, res:%d, flag:%x", &data,
                   &result, &flags) != 3)
            continue;
        struct trace_request *request = find(process, task->event.fd, data);
        if (request && count < TOLD_MOST)
            complete(t, task, request, result, &calls[count++]);
        if (request && !(flags & IORING_CQE_F_MORE))
            *request = process->requests[--process->request_count];
    }
    if (file)
        (void)fclose(file);
    keep(t, calls, count, &task->event.done);
}

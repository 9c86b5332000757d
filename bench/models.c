/* SPDX-License-Identifier: MIT */
#include "bench/models.h"

#include <string.h>

/* What to look at; models with the same client share the words. */
#define LOOK_RECV                                                          \
    "The client sleeps from question to answer, in one call: recv waits, " \
    "then copies."
#define LOOK_SELECT                                                      \
    "The client sleeps in select, not in recv: it could have watched a " \
    "thousand\n sockets in that one sleep. Then a second call copies."

const struct model models[] = {
    {.name = "serial",
     .server = "blocking/serial_server",
     .client = "blocking/blocking_client",
     .shows = "one client at a time: the second waits for the first",
     .waits = "the process, in recv, for one client",
     .copies = "the same recv",
     .note = "notes/03-blocking.md",
     .look = LOOK_RECV,
     .traits = MODEL_ONE_AT_A_TIME | MODEL_IN_TURN,
     .most_clients = 1},
    {.name = "threads",
     .server = "blocking/thread_server",
     .client = "blocking/blocking_client",
     .shows = "a thread sleeps for each client",
     .waits = "a thread for each client, in recv",
     .copies = "the same recv",
     .note = "notes/03-blocking.md",
     .look = LOOK_RECV,
     .traits = MODEL_IS_FAMILY},
    {.name = "pool",
     .server = "blocking/pool_server",
     .client = "blocking/blocking_client",
     .demo_args = {"--workers", "2"},
     .shows = "N threads serve N clients; the next one waits",
     .waits = "N threads, in recv, for N clients",
     .copies = "the same recv",
     .note = "notes/03-blocking.md",
     .look = LOOK_RECV,
     .traits = MODEL_IN_TURN,
     .most_clients = 4},
    {.name = "fork",
     .server = "blocking/fork_server",
     .client = "blocking/blocking_client",
     .shows = "a process for each client",
     .waits = "a process for each client, in recv",
     .copies = "the same recv",
     .note = "notes/03-blocking.md",
     .look = LOOK_RECV,
     .traits = MODEL_FORKS},
    {.name = "nonblocking",
     .server = "nonblocking/polling_server",
     .client = "nonblocking/polling_client",
     .shows = "asking again and again: EAGAIN, a CPU at 100 %",
     .waits = "nobody: the loop asks",
     .copies = "the recv that finds bytes",
     .note = "notes/04-nonblocking.md",
     .look = "Every x is a recv that said EAGAIN. Between two of them the "
             "client works, "
             "but it never stops asking.",
     .traits = MODEL_SPINS | MODEL_IS_FAMILY},
    {.name = "select",
     .server = "multiplexing/select_server",
     .client = "multiplexing/select_client",
     .shows = "one sleep for all clients; FD_SETSIZE",
     .waits = "one thread, in select, for all",
     .copies = "its own recv",
     .note = "notes/05-multiplexing.md",
     .look = LOOK_SELECT,
     .traits = MODEL_FD_SETSIZE | MODEL_IS_FAMILY,
     .most_clients = 1024},
    {.name = "poll",
     .server = "multiplexing/poll_server",
     .client = "multiplexing/select_client",
     .shows = "one sleep for all clients; no FD_SETSIZE, still a scan",
     .waits = "one thread, in poll, for all",
     .copies = "its own recv",
     .note = "notes/05-multiplexing.md",
     .look = LOOK_SELECT},
    {.name = "epoll",
     .server = "multiplexing/epoll_server",
     .client = "multiplexing/select_client",
     .shows = "only the ready ones come back",
     .waits = "one thread, in epoll_wait, for all",
     .copies = "its own recv",
     .note = "notes/05-multiplexing.md",
     .look = LOOK_SELECT},
    {.name = "epoll-edge",
     .server = "multiplexing/epoll_server",
     .client = "multiplexing/select_client",
     .args = {"--edge"},
     .shows = "told once that a socket became ready: drain it",
     .waits = "one thread, in epoll_wait, for all",
     .copies = "its own recv",
     .note = "notes/05-multiplexing.md",
     .look = LOOK_SELECT},
    {.name = "sigio",
     .server = "multiplexing/sigio_server",
     .client = "multiplexing/sigio_client",
     .shows = "a signal says 'ready'; the copy is still ours",
     .waits = "one thread, in sigwaitinfo, for all",
     .copies = "its own recv",
     .note = "notes/06-signal-driven.md",
     .look = "The client works until the signal comes. It says only 'ready': "
             "the copy is still the client's own recv.",
     .traits = MODEL_IS_FAMILY},
    {.name = "events",
     .server = "multiplexing/event_server",
     .client = "multiplexing/select_client",
     .shows = "callbacks over a selector that picks epoll, poll or select",
     .waits = "one thread, in the selector, for all",
     .copies = "its own recv",
     .note = "notes/05-multiplexing.md",
     .look = LOOK_SELECT},
    {.name = "aio",
     .server = "asyncio/aio_server",
     .client = "asyncio/aio_client",
     .shows = "POSIX AIO: told by signal when the copy is done",
     .waits = "hidden threads of the C library",
     .copies = "a hidden thread",
     .note = "notes/07-asynchronous.md",
     .look = "The client works on. A hidden thread of the C library sleeps in "
             "read in "
             "its place, and copies.",
     .traits = MODEL_IS_FAMILY},
    {.name = "uring",
     .server = "asyncio/uring_server",
     .client = "asyncio/uring_client",
     .shows = "io_uring: the kernel waits and copies",
     .waits = "the kernel",
     .copies = "the kernel",
     .note = "notes/07-asynchronous.md",
     .look = "The client works on and makes no call at all: the kernel waits, "
             "copies, "
             "and leaves a note in shared memory.",
     .traits = MODEL_NEEDS_URING | MODEL_IS_FAMILY},
    {.name = NULL}};

const struct model *model_find(const char *name)
{
    for (const struct model *m = models; m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

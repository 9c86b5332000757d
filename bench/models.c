/* SPDX-License-Identifier: MIT */
#include "bench/models.h"

#include <string.h>

const struct model models[] = {
    {.name = "serial",
     .server = "blocking/serial_server",
     .client = "blocking/blocking_client",
     .shows = "one client at a time: the second waits for the first",
     .waits = "the process, in recv, for one client",
     .copies = "the same recv",
     .note = "notes/03-blocking.md",
     .look =
         "The client sleeps from question to answer, in one call: recv waits, "
         "then copies.",
     .traits = MODEL_ONE_AT_A_TIME,
     .most_clients = 1},
    {.name = "threads",
     .server = "blocking/thread_server",
     .client = "blocking/blocking_client",
     .shows = "a thread sleeps for each client",
     .waits = "a thread for each client, in recv",
     .copies = "the same recv",
     .note = "notes/03-blocking.md",
     .look =
         "The client sleeps from question to answer, in one call: recv waits, "
         "then copies.",
     .traits = MODEL_IS_FAMILY},
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
     .look = "The client sleeps in select, not in recv: it could have watched "
             "a thousand "
             "sockets in that one sleep. Then a second call copies.",
     .traits = MODEL_FD_SETSIZE | MODEL_IS_FAMILY,
     .most_clients = 1024},
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

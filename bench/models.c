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
     .traits = MODEL_ONE_AT_A_TIME,
     .most_clients = 1},
    {.name = "threads",
     .server = "blocking/thread_server",
     .client = "blocking/blocking_client",
     .shows = "a thread sleeps for each client",
     .waits = "a thread for each client, in recv",
     .copies = "the same recv",
     .note = "notes/03-blocking.md"},
    {.name = "nonblocking",
     .server = "nonblocking/polling_server",
     .client = "nonblocking/polling_client",
     .shows = "asking again and again: EAGAIN, a CPU at 100 %",
     .waits = "nobody: the loop asks",
     .copies = "the recv that finds bytes",
     .note = "notes/04-nonblocking.md",
     .traits = MODEL_SPINS},
    {.name = "select",
     .server = "multiplexing/select_server",
     .client = "multiplexing/select_client",
     .shows = "one sleep for all clients; FD_SETSIZE",
     .waits = "one thread, in select, for all",
     .copies = "its own recv",
     .note = "notes/05-multiplexing.md",
     .traits = MODEL_FD_SETSIZE,
     .most_clients = 1024},
    {.name = "aio",
     .server = "asyncio/aio_server",
     .client = "asyncio/aio_client",
     .shows = "POSIX AIO: told by signal when the copy is done",
     .waits = "hidden threads of the C library",
     .copies = "a hidden thread",
     .note = "notes/07-asynchronous.md"},
    {.name = "uring",
     .server = "asyncio/uring_server",
     .client = "asyncio/uring_client",
     .shows = "io_uring: the kernel waits and copies",
     .waits = "the kernel",
     .copies = "the kernel",
     .note = "notes/07-asynchronous.md",
     .traits = MODEL_NEEDS_URING},
    {.name = NULL}};

const struct model *model_find(const char *name)
{
    for (const struct model *m = models; m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

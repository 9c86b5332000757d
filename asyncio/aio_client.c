/* SPDX-License-Identifier: MIT */
/*
 * aio_client: the textbook figure of asynchronous I/O, on one socket, with
 * POSIX AIO.
 *
 * Shows
 *   - aio_read returns at once, and the program is free: neither the wait nor
 *     the copy is its own. When aio_error no longer says EINPROGRESS the bytes
 *     are already in the buffer;
 *   - aio_error is no system call, it only looks; aio_suspend sleeps, for a
 *     program that has nothing else to do;
 *   - glibc pays for this with a hidden thread, asleep in read.
 *
 * Who waits, who copies: a helper thread of the C library does both.
 * Threads and ownership: the buffer is ours up to aio_read, the library's
 * until aio_error says that it has finished, then ours again. It must not go
 * out of scope before.
 * Limits: without other work the helper thread only makes it slower.
 * Try it
 *   build/asyncio/aio_server &
 *   build/asyncio/aio_client --work hello
 * Note: notes/07-asynchronous.md
 * Compare: blocking/blocking_client.c, asyncio/uring_client.c
 */
#include "common/client.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/work.h"

#include <aio.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    struct waiting waiting;
    struct reply_tail tail;
    int fd;
};

/* Sends all of `message`; the kernel may take it in several portions. Not by
 * aio_write: there is room, so send does not sleep, and a helper thread would
 * only cost more. (And never beside a pending read: glibc runs the requests of
 * one descriptor one after the other.) */
static void ask(struct conversation *c, const char *message, size_t length)
{
    while (length > 0) {
        /* [copy:send] Our bytes into the kernel's buffer; there is room. */
        ssize_t n = send(c->fd, message, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            die_errno("send");
        if (n > 0) {
            message += n;
            length -= (size_t)n;
        }
    }
}

/* The read is under way: other work, or sleep. */
static void meanwhile(struct conversation *c, const struct aiocb *request)
{
    if (c->options.work) {
        /* [work:meanwhile] Other work, while the helper thread sleeps. */
        (void)work_unit();
        c->waiting.units++;
        c->waiting.in_vain++;
        return;
    }
    /* [wait:aio_suspend] Nothing else to do: asleep until it has finished. */
    if (aio_suspend(&request, 1, NULL) < 0 && errno != EINTR)
        die_errno("aio_suspend");
}

/* Waits for bytes and shows them. Returns how many; 0 is the end of input. */
static size_t answer(struct conversation *c)
{
    char reply[MESSAGE_SIZE];
    struct aiocb request = {.aio_fildes = c->fd,
                            .aio_buf = reply,
                            .aio_nbytes = sizeof reply,
                            .aio_sigevent.sigev_notify = SIGEV_NONE};
    int64_t began = now_us();
    /* [arm:aio_read] Returns at once: a helper thread sleeps in read (phase 1)
     * and copies into `reply` (phase 2). Hands off until then. */
    if (aio_read(&request) < 0)
        die_errno("aio_read");
    /* [wait:aio_error] Has it finished? Only a look, no system call. */
    while ((errno = aio_error(&request)) == EINPROGRESS)
        meanwhile(c, &request);
    if (errno != 0)
        die_errno("read in the helper thread");
    /* [reap:aio_return] What read returned; the bytes are copied already. */
    ssize_t n = aio_return(&request);
    c->waiting.waited_us += now_us() - began;
    client_show(&c->tail, reply, (size_t)n);
    return (size_t)n;
}

/* Half-close: we have said all, the server has not. */
static void finish(struct conversation *c)
{
    /* [end:shutdown] The server reads end of input and may still answer. */
    if (shutdown(c->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        die_errno("shutdown");
    while (answer(c) > 0)
        ;
    client_show_end(&c->tail);
    close(c->fd);
}

int main(int argc, char **argv)
{
    struct conversation c = {.fd = -1};
    char message[MESSAGE_SIZE];
    int next = 0;
    size_t length;
    client_options_parse(&c.options, argc, argv,
                         "POSIX AIO on one socket: the C library reads, the "
                         "program is free meanwhile.");
    c.fd = client_connect(&c.options, 0);
    while ((length = client_next_message(&c.options, &next, message)) > 0) {
        ask(&c, message, length);
        for (size_t got = 0, n; got < length; got += n)
            if ((n = answer(&c)) == 0)
                client_cut_off();
        c.waiting.replies++;
    }
    finish(&c);
    client_account(&c.options, &c.waiting,
                   "free while a helper thread slept in read");
    return 0;
}

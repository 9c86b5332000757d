/* SPDX-License-Identifier: MIT */
/*
 * uring_client: the textbook figure of asynchronous I/O, on one socket.
 *
 * Shows
 *   - io_uring_enter hands over a request and comes back at once; the kernel
 *     waits for the bytes and copies them into our buffer;
 *   - meanwhile the program works (--work). A look into the completion queue
 *     is a look into memory: not one system call while it waits;
 *   - without other work it sleeps, in the call that hands over the request.
 *
 * Who waits, who copies: the kernel does both. (For the copy it borrows our
 * processor for a moment, between two of our instructions.)
 * Threads and ownership: one thread, one request in flight. A buffer is
 *   1. ours until it is named in a request (ask, answer);
 *   2. the kernel's from complete()'s io_uring_enter on;
 *   3. ours again when its completion has been reaped, where complete() ends.
 * Needs Linux 5.11; without io_uring it says why and exits with 77.
 * Limits: one socket.
 * Try it
 *   build/asyncio/uring_server &
 *   build/asyncio/uring_client --work hello
 * Note: notes/07-asynchronous.md
 * Compare: blocking/blocking_client.c, asyncio/aio_client.c
 */
#include "asyncio/uring.h"
#include "common/client.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"
#include "common/work.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    struct waiting waiting;
    struct reply_tail tail;
    struct uring ring;
    int fd;
};

/* Works while the kernel does. Returns when a completion is in the queue. */
static struct completion work_until_done(struct conversation *c)
{
    struct completion done;
    int taken;
    do {
        /* [arm:enter] Here you are: back at once, the request is under way. */
        taken = uring_enter(&c->ring, 0, -1, NULL);
        if (taken < 0 && !would_block(errno))
            die_errno("io_uring_enter");
    } while (taken < 1);
    /* [wait:look] Is it done? A look into shared memory, no system call. */
    while (!uring_reap(&c->ring, &done)) {
        /* [work:meanwhile] Other work, while the kernel waits and copies. */
        (void)work_unit();
        c->waiting.units++;
    }
    return done;
}

/* The same with nothing else to do. */
static struct completion sleep_until_done(struct conversation *c)
{
    struct completion done;
    while (!uring_reap(&c->ring, &done)) {
        /* [wait+copy:enter] Hands the request over and sleeps; the kernel
         * waits for the bytes and copies them. */
        if (uring_enter(&c->ring, 1, -1, NULL) < 0 && !would_block(errno))
            die_errno("io_uring_enter");
    }
    return done;
}

/* Has the new request carried out. Returns its result or a negative errno. */
static int complete(struct conversation *c)
{
    struct completion done =
        c->options.work ? work_until_done(c) : sleep_until_done(c);
    return done.result;
}

/* Sends all of `message`; the kernel may take it in several portions. */
static void ask(struct conversation *c, const char *message, size_t length)
{
    while (length > 0) {
        /* [arm:send] The ring is empty here: there is room for a request. */
        *uring_request(&c->ring) =
            (struct io_uring_sqe){.opcode = IORING_OP_SEND,
                                  .fd = c->fd,
                                  .addr = (uintptr_t)message,
                                  .len = (unsigned)length,
                                  .msg_flags = MSG_NOSIGNAL};
        int n = complete(c);
        if (n < 0 && !would_block(-n)) {
            errno = -n;
            die_errno("send");
        }
        if (n > 0) {
            message += n;
            length -= (size_t)n;
        }
    }
}

/* Waits for bytes and shows them. Returns how many; 0 is the end of input. */
static size_t answer(struct conversation *c)
{
    char reply[MESSAGE_SIZE];
    int n;
    int64_t began = now_us();
    do {
        /* [arm:recv] The next bytes into `reply`, whenever they come. */
        *uring_request(&c->ring) =
            (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                  .fd = c->fd,
                                  .addr = (uintptr_t)reply,
                                  .len = sizeof reply};
        n = complete(c);
    } while (n < 0 && would_block(-n));
    if (n < 0) {
        errno = -n;
        die_errno("recv");
    }
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
    uring_close(&c->ring);
}

int main(int argc, char **argv)
{
    struct conversation c = {.fd = -1};
    char message[MESSAGE_SIZE];
    int next = 0;
    size_t length;
    client_options_parse(&c.options, argc, argv,
                         "io_uring on one socket: the kernel waits and copies; "
                         "this program is free.");
    /* [setup:ring] Without DEFER_TASKRUN: completions shall come while we
     * work, not only when we ask for them. */
    if (uring_open(&c.ring, 1, 2, 0) < 0)
        uring_not_available(errno);
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
                   "free while the kernel waited and copied");
    return 0;
}

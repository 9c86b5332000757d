/* SPDX-License-Identifier: MIT */
/*
 * polling_client: the textbook figure of non-blocking I/O, on one socket.
 *
 * Shows
 *   - O_NONBLOCK: recv never sleeps; with nothing there it says EAGAIN;
 *   - so the program must ask again and again, and may do other work between
 *     two questions (--work); the price is CPU time, and the reply lies
 *     unseen for up to one unit of work;
 *   - the copy, once the bytes are there, is still our own call.
 *
 * Who waits, who copies: nobody sleeps, we ask (wait); our recv copies.
 * Limits: without --work it burns a whole CPU for one answer.
 * Try it
 *   build/nonblocking/polling_server &
 *   build/nonblocking/polling_client --work hello
 * Note: notes/04-nonblocking.md
 * Compare: blocking/blocking_client.c
 */
#include "common/client.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/work.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    struct waiting waiting;
    struct reply_tail tail;
    int fd;
};

/* What there is to do between two questions. */
static void meanwhile(struct conversation *c)
{
    c->waiting.in_vain++;
    if (c->options.work) {
        /* [work:meanwhile] Other work, in the gap that EAGAIN leaves us. */
        (void)work_unit();
        c->waiting.units++;
    }
}

/* Sends all of `message`, asking again while the kernel has no room. */
static void ask(struct conversation *c, const char *message, size_t length)
{
    while (length > 0) {
        /* [copy:send] Our bytes into the kernel's buffer. */
        ssize_t n = send(c->fd, message, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            meanwhile(c);
        else if (n < 0 && errno != EINTR)
            die_errno("send");
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
    ssize_t n;
    int64_t began = now_us();
    /* [wait:recv] Nothing there: recv says EAGAIN at once, and we ask again.
     * The last of these calls, the one that finds bytes, copies them. */
    while ((n = recv(c->fd, reply, sizeof reply, 0)) < 0) {
        if (errno == EAGAIN)
            meanwhile(c);
        else if (errno != EINTR)
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
}

int main(int argc, char **argv)
{
    struct conversation c = {.fd = -1};
    char message[MESSAGE_SIZE];
    int next = 0;
    size_t length;
    client_options_parse(&c.options, argc, argv,
                         "Non-blocking I/O on one socket: recv never sleeps, "
                         "so it is asked again and again.");
    c.fd = client_connect(&c.options, SOCK_NONBLOCK);
    while ((length = client_next_message(&c.options, &next, message)) > 0) {
        ask(&c, message, length);
        for (size_t got = 0, n; got < length; got += n)
            if ((n = answer(&c)) == 0)
                client_cut_off();
        c.waiting.replies++;
    }
    finish(&c);
    client_account(&c.options, &c.waiting, "asking again and again");
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * blocking_client: the textbook figure of blocking I/O, on one socket.
 *
 * Shows
 *   - recv does both phases in one call: it sleeps until bytes are there and
 *     copies them before it returns;
 *   - asleep, the process can do nothing else: no other work, no look at the
 *     keyboard. A server that goes away while the user types is noticed only
 *     with the next message. select_client can do better.
 *
 * Who waits, who copies: this process sleeps in recv (wait); the same call
 * copies.
 * Limits: one socket. One message is sent whole before its reply is read.
 * Try it
 *   build/blocking/thread_server &
 *   build/blocking/blocking_client hello world
 * Note: notes/03-blocking.md
 * Compare: nonblocking/polling_client.c
 */
#include "common/client.h"
#include "common/clock.h"
#include "common/report.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    struct waiting waiting;
    struct reply_tail tail;
    int fd;
};

/* Sends all of `message`; the kernel may take it in several portions. */
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

/* Waits for bytes and shows them. Returns how many; 0 is the end of input. */
static size_t answer(struct conversation *c)
{
    char reply[MESSAGE_SIZE];
    ssize_t n;
    int64_t began = now_us();
    do {
        /* [wait+copy:recv] Asleep until bytes are there; then the same call
         * copies them. Between the two this process has no say. */
        n = recv(c->fd, reply, sizeof reply, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        die_errno("recv");
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
                         "Blocking I/O on one socket: recv sleeps, then "
                         "copies.");
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
                   "asleep in recv and free for nothing else");
    return 0;
}

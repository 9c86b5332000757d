/* SPDX-License-Identifier: MIT */
/*
 * select_client: the textbook figure of I/O multiplexing, on one socket and
 * the keyboard.
 *
 * Shows
 *   - select sleeps on two descriptors at once: what the server says appears
 *     while the user is still typing, and a server that goes away is noticed;
 *   - select only says 'ready': the copy is a second call, our own recv;
 *   - standard input is read with read, not stdio: bytes that stdio had read
 *     ahead would be invisible to select.
 *
 * Who waits, who copies: this process sleeps in select (wait), not in recv;
 * then its own recv copies.
 * Limits: a message waits while the one before it is not sent whole.
 * Try it
 *   build/multiplexing/select_server &
 *   build/multiplexing/select_client
 * With --talk it is the client of both chat servers.
 * Note: notes/05-multiplexing.md
 * Compare: blocking/blocking_client.c
 */
#include "common/client.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"

#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    struct waiting waiting;
    struct reply_tail tail;
    int fd;
    bool talk;       /* --talk: the server speaks when it likes */
    int next;        /* operands used */
    bool asked_all;  /* no more messages: the sending half is closed */
    bool hung_up;    /* the server closed */
    size_t expected; /* bytes asked and not yet answered */
    size_t start, end;
    char message[MESSAGE_SIZE]; /* [start..end) is unsent */
};

/* Messages are the operands, and select need not watch the keyboard. */
static bool has_operands(const struct conversation *c)
{
    return c->options.word_count > 0;
}

static void half_close(struct conversation *c)
{
    /* [end:shutdown] The server reads end of input and may still answer. */
    (void)shutdown(c->fd, SHUT_WR); /* ENOTCONN: recv will tell */
    c->asked_all = true;
}

/* The next message from wherever it comes; standard input is ready. */
static void read_message(struct conversation *c)
{
    ssize_t n;
    if (has_operands(c))
        n = (ssize_t)client_next_message(&c->options, &c->next, c->message);
    else
        n = read(STDIN_FILENO, c->message, sizeof c->message);
    if (n < 0 && !would_block(errno))
        die_errno("read standard input");
    if (n == 0)
        half_close(c);
    c->start = 0;
    c->end = n > 0 ? (size_t)n : 0;
}

/* Sends what the kernel has room for. */
static void ask(struct conversation *c)
{
    /* [copy:send] Our bytes into the kernel's buffer. */
    ssize_t n = send(c->fd, c->message + c->start, c->end - c->start,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !would_block(errno))
        die_errno("send");
    if (n > 0) {
        c->start += (size_t)n;
        c->expected += c->talk ? 0 : (size_t)n;
    }
}

/* Takes and shows what has come. */
static void answer(struct conversation *c)
{
    char reply[MESSAGE_SIZE];
    /* [copy:recv] Bytes are there: our call copies them, and does not sleep. */
    ssize_t n = recv(c->fd, reply, sizeof reply, MSG_DONTWAIT);
    if (n < 0 && would_block(errno)) {
        c->waiting.in_vain++;
        return;
    }
    if (n < 0)
        die_errno("recv");
    c->hung_up = n == 0;
    if ((size_t)n >= c->expected && c->expected > 0)
        c->waiting.replies++;
    c->expected -= (size_t)n < c->expected ? (size_t)n : c->expected;
    client_show(&c->tail, reply, (size_t)n);
}

/* One sleep for whatever comes first. */
static void wait_and_act(struct conversation *c)
{
    fd_set readable, writable;
    bool unsent = c->start < c->end;
    /* With operands the next message waits for the last one's reply. */
    bool wants_message =
        !c->asked_all && !unsent && !(has_operands(c) && c->expected > 0);
    if (wants_message && has_operands(c)) {
        read_message(c);
        return;
    }
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(c->fd, &readable);
    if (unsent)
        FD_SET(c->fd, &writable);
    if (wants_message)
        FD_SET(STDIN_FILENO, &readable);
    int64_t began = now_us();
    /* [wait:select] Phase 1: asleep until the socket has bytes or room, or the
     * keyboard a line. */
    if (select(c->fd + 1, &readable, &writable, NULL, NULL) < 0) {
        if (!would_block(errno))
            die_errno("select");
        return;
    }
    if (c->expected > 0)
        c->waiting.waited_us += now_us() - began;
    if (FD_ISSET(c->fd, &readable))
        answer(c);
    if (FD_ISSET(c->fd, &writable) && !c->hung_up)
        ask(c);
    if (wants_message && FD_ISSET(STDIN_FILENO, &readable) && !c->hung_up)
        read_message(c);
}

int main(int argc, char **argv)
{
    static struct conversation c;
    const struct option_spec more[] = {
        {'k', "talk", NULL, "a chat: no message has a reply of its own",
         OPTION_FLAG, &c.talk, 0, 0},
        {.name = NULL}};
    client_options_parse_more(&c.options, argc, argv,
                              "I/O multiplexing: one select sleeps on the "
                              "socket and the keyboard.",
                              more);
    c.fd = client_connect(&c.options, 0);
    if (c.fd >= FD_SETSIZE) /* whoever started us left so many open */
        die(EXIT_CANNOT_START, "select has no room past FD_SETSIZE");
    while (!c.hung_up)
        wait_and_act(&c);
    client_show_end(&c.tail);
    close(c.fd);
    if (c.expected > 0)
        client_cut_off();
    if (!c.asked_all && !c.talk)
        die(EXIT_CANNOT_START, "the server closed the connection");
    client_account(&c.options, &c.waiting,
                   "asleep in select and free for nothing else");
    return 0;
}

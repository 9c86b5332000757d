/* SPDX-License-Identifier: MIT */
/*
 * heartbeat_client: says `hb` at an interval, and what the user types between.
 *
 * Shows
 *   - one select waits for three things: the socket, the keyboard and the
 *     time. No thread, no timer signal: the timeout is what is left until the
 *     next heartbeat;
 *   - the time is counted from a fixed beginning, not from the last wake-up,
 *     so that the beat does not drift;
 *   - a server that is gone is an ICMP message, an error of some later call,
 *     and no reason to end: it may come back.
 *
 * Who waits, who copies: this process sleeps in select (wait); then its own
 * recv copies.
 * Limits: nothing that it says is repeated when it is lost; a lost `quit`
 * becomes a loss at the server.
 * Try it
 *   build/multiplexing/heartbeat_server &
 *   build/multiplexing/heartbeat_client --interval 1
 * Note: notes/09-datagrams.md
 * Compare: multiplexing/select_client.c
 */
#include "common/client.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/options.h"
#include "common/report.h"
#include "common/sockets.h"
#include "common/stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct address connect;
    long interval_ms;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during select only */
    int fd;
    int64_t beat_ms; /* when the next heartbeat is due */
    bool refused;    /* nobody listens, and that was said */
    bool over;       /* the user has said all */
    size_t length;   /* of the line that is being typed */
    char line[512];
};

/* An ICMP error is told once; any other error ends the program. */
static void carry_on(struct conversation *c, const char *call)
{
    char text[ADDRESS_TEXT_MAX];
    if (would_block(errno))
        return;
    if (errno != ECONNREFUSED)
        die_errno("%s", call);
    if (!c->refused)
        fprintf(stderr, "%s: nobody listens at %s: ECONNREFUSED; going on\n",
                report_program_name(), address_format(&c->connect, text));
    c->refused = true;
}

static void say(struct conversation *c, const char *text, size_t length)
{
    /* [copy:send] One message, one datagram. The error may be that of an
     * earlier one: then this one was not sent, and it is sent now. */
    ssize_t n = send(c->fd, text, length, MSG_NOSIGNAL);
    if (n < 0 && errno == ECONNREFUSED) {
        carry_on(c, "send");
        /* [copy:send-again] The error is reported once; now the way is free. */
        n = send(c->fd, text, length, MSG_NOSIGNAL);
    }
    if (n < 0)
        carry_on(c, "send");
}

/* Says `hb` when it is due. */
static void beat(struct conversation *c)
{
    int64_t now = now_ms();
    if (now < c->beat_ms)
        return;
    say(c, "hb", 2);
    c->beat_ms += c->interval_ms;
    if (c->beat_ms <= now) /* we were stopped or slow: no burst to catch up */
        c->beat_ms = now + c->interval_ms;
}

static void hear(struct conversation *c)
{
    char text[2048];
    struct reply_tail tail = {.length = 0};
    /* [copy:recv] A datagram, or an error, is there: this does not sleep. */
    ssize_t n = recv(c->fd, text, sizeof text, 0);
    if (n < 0) {
        carry_on(c, "recv");
        return;
    }
    c->refused = false;
    client_show(&tail, text, (size_t)n);
    client_show_end(&tail);
    client_show(&tail, "\n", 1);
}

/* One line from the user; `quit` is the last. */
static void say_line(struct conversation *c, const char *line, size_t length)
{
    if (length == 4 && memcmp(line, "quit", 4) == 0)
        c->over = true; /* main says it */
    else if (length > 0)
        say(c, line, length);
}

/* Takes what was typed: whole lines are said, the rest is kept. */
static void read_lines(struct conversation *c)
{
    /* [copy:read] Standard input is ready. Not stdio: see select_client. */
    ssize_t n =
        read(STDIN_FILENO, c->line + c->length, sizeof c->line - c->length);
    if (n < 0 && !would_block(errno))
        die_errno("read standard input");
    if (n < 0)
        return;
    c->over = n == 0;
    c->length += (size_t)n;
    char *end;
    while (!c->over && (end = memchr(c->line, '\n', c->length)) != NULL) {
        size_t used = (size_t)(end - c->line) + 1;
        say_line(c, c->line, used - 1);
        c->length -= used;
        memmove(c->line, end + 1, c->length);
    }
    /* The last line without a newline, or a piece of one that is too long. */
    if ((n == 0 && c->length > 0) || c->length == sizeof c->line) {
        say_line(c, c->line, c->length);
        c->length = 0;
    }
}

static void converse(struct conversation *c)
{
    while (!c->over && !stop_requested()) {
        fd_set readable;
        beat(c);
        int64_t left = c->beat_ms - now_ms();
        struct timespec t = timespec_of_us(left > 0 ? left * 1000 : 0);
        FD_ZERO(&readable);
        FD_SET(c->fd, &readable);
        FD_SET(STDIN_FILENO, &readable);
        /* [wait:select] Asleep until the server or the user says something, or
         * the next heartbeat is due. */
        int ready =
            pselect(c->fd + 1, &readable, NULL, NULL, &t, &c->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("pselect");
        if (ready > 0 && FD_ISSET(c->fd, &readable))
            hear(c);
        if (ready > 0 && FD_ISSET(STDIN_FILENO, &readable))
            read_lines(c);
    }
}

int main(int argc, char **argv)
{
    static struct conversation c = {.interval_ms = 1000};
    const struct option_spec specs[] = {
        {'c', "connect", "ADDR", "HOST:PORT or [V6]:PORT [127.0.0.1:8080]",
         OPTION_ADDRESS, &c.connect, 0, 0},
        {'i', "interval", "SECONDS", "time between two heartbeats [1]",
         OPTION_SECONDS, &c.interval_ms, 1, 86400000},
        {.name = NULL}};
    const struct usage usage = {
        .about = "Says that it is alive, and what the user types.",
        .after = "A line `quit`, the end of input, Ctrl-C or SIGTERM leaves.",
        .specs = specs};
    (void)address_parse("127.0.0.1:8080", &c.connect);
    (void)options_parse(argc, argv, &usage);
    stop_catch(&c.wait_mask);
    c.fd = datagram_connect(&c.connect, SOCK_NONBLOCK);
    if (c.fd < 0)
        die_errno("connect");
    if (c.fd >= FD_SETSIZE) /* whoever started us left so many open */
        die(EXIT_CANNOT_START, "select has no room past FD_SETSIZE");
    c.beat_ms = now_ms();
    converse(&c);
    stop_let_second_in();
    say(&c, "quit", 4);
    /* [end:close] */
    close(c.fd);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * udp_client: asking over datagrams, where question and answer may be lost.
 *
 * Shows
 *   - a timeout and another try are the client's own work: the kernel repeats
 *     nothing. After --retries tries it gives up;
 *   - connect on a datagram socket sends nothing. It makes the kernel throw
 *     away what strangers send, and report that nobody listens (an ICMP
 *     message becomes ECONNREFUSED);
 *   - an answer to a question that was given up may still come. Each question
 *     has a socket of its own, so that a late answer finds a closed port
 *     instead of being taken for the next question's.
 *
 * Who waits, who copies: this process sleeps in recv (wait), at most
 * --timeout; the same call copies.
 * Limits: an answer that is forged with the server's address is believed. No
 * growing pause between the tries: with many clients, lost datagrams would
 * bring on more of them.
 * Try it
 *   build/blocking/udp_server &
 *   build/blocking/udp_client hello "" world
 * Note: notes/09-datagrams.md
 * Compare: blocking/blocking_client.c
 */
#include "common/client.h"
#include "common/datagram.h"
#include "common/options.h"
#include "common/report.h"
#include "common/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    long timeout_ms;
    long retries;
    long unanswered; /* questions given up */
    int fd;          /* of the question in hand */
    size_t length;   /* of the answer in hand */
    char reply[DATAGRAM_MAX];
};

/* Says where, and ends the program: nothing more can be learnt here. */
static _Noreturn void end(const struct conversation *c, const char *call)
{
    char text[ADDRESS_TEXT_MAX];
    address_format(&c->options.connect, text);
    if (errno == ECONNREFUSED)
        die(EXIT_CANNOT_START, "nobody listens at %s: ECONNREFUSED", text);
    die_errno("%s to %s", call, text);
}

static void ask(const struct conversation *c, const char *message,
                size_t length)
{
    ssize_t n;
    do {
        /* [copy:send] One message, one datagram; it is sent, not delivered. */
        n = send(c->fd, message, length, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        end(c, "send");
}

/* Waits for the answer. False when none came in time. */
static bool answer(struct conversation *c)
{
    ssize_t n;
    do {
        /* [wait+copy:recv] Asleep until the server's datagram is here, or the
         * timeout has run out (EAGAIN). No result here is an end of input. */
        n = recv(c->fd, c->reply, sizeof c->reply, MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0)
        end(c, "recv");
    c->length = (size_t)n < sizeof c->reply ? (size_t)n : sizeof c->reply;
    return true;
}

static bool ask_until_answered(struct conversation *c, const char *message,
                               size_t length)
{
    for (long try = 0; try <= c->retries; try++) {
        if (try > 0)
            fprintf(stderr,
                    "%s: no answer in %g s, asking again (%ld of %ld)\n",
                    report_program_name(), (double)c->timeout_ms / 1000, try,
                    c->retries);
        ask(c, message, length);
        if (answer(c))
            return true;
    }
    return false;
}

static void show(const struct conversation *c, size_t asked)
{
    struct reply_tail tail = {.length = 0};
    client_show(&tail, c->reply, c->length);
    client_show_end(&tail);
    client_show(&tail, "\n", 1);
    if (c->length < asked)
        warn("the answer was cut: %zu of %zu bytes", c->length, asked);
}

/* One question, with a socket of its own. */
static void converse(struct conversation *c, const char *message, size_t length)
{
    /* [setup:connect] A new port of ours, and ears for the server alone. */
    c->fd = datagram_connect(&c->options.connect, 0);
    if (c->fd < 0 || socket_set_timeout(c->fd, c->timeout_ms) < 0)
        end(c, "connect");
    if (ask_until_answered(c, message, length)) {
        show(c, length);
    } else {
        c->unanswered++;
        fprintf(stderr, "%s: no answer after %ld tries\n",
                report_program_name(), c->retries + 1);
    }
    /* [end:close] An answer that comes now finds nobody. */
    close(c->fd);
}

static void parse(struct conversation *c, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'c', "connect", "ADDR", "HOST:PORT or [V6]:PORT [127.0.0.1:8080]",
         OPTION_ADDRESS, &c->options.connect, 0, 0},
        {'t', "timeout", "SECONDS", "wait so long for an answer [1]",
         OPTION_SECONDS, &c->timeout_ms, 1, 3600000},
        {'r', "retries", "N", "then ask again, so many times [3]",
         OPTION_NUMBER, &c->retries, 0, 100},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "[MESSAGE ...]",
        .about = "Asks over datagrams: timeout, another try, an end to it.",
        .after = "Without a MESSAGE it sends the lines of standard input.",
        .specs = specs};
    int first = options_parse(argc, argv, &usage);
    c->options.words = argv + first;
    c->options.word_count = argc - first;
}

int main(int argc, char **argv)
{
    static struct conversation c = {.timeout_ms = 1000, .retries = 3};
    char message[MESSAGE_SIZE];
    int next = 0;
    size_t length;
    (void)address_parse("127.0.0.1:8080", &c.options.connect);
    parse(&c, argc, argv);
    while ((length = client_next_message(&c.options, &next, message)) > 0) {
        /* The datagram's length ends the message, so the newline stays here;
         * an empty line is an empty datagram. */
        if (message[length - 1] == '\n')
            length--;
        converse(&c, message, length);
    }
    return c.unanswered > 0 ? EXIT_CANNOT_START : 0;
}

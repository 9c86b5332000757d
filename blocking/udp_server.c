/* SPDX-License-Identifier: MIT */
/*
 * udp_server: the service over datagrams, one recvfrom and one sendto each.
 *
 * Shows
 *   - no listen, no accept, no client list: one socket hears everybody, and
 *     each datagram says where it came from. The serial server's sleep is
 *     harmless here: a silent client holds up nobody;
 *   - a datagram is a whole message: what does not fit is cut off and lost,
 *     and only MSG_TRUNC tells; an empty one is a message, not an end of input;
 *   - delivery is nobody's promise: the client must ask again (udp_client);
 *   - senders can be forged. How two servers are kept from answering each
 *     other for ever: common/datagram.h.
 *
 * Who waits, who copies: the process sleeps in recvfrom (wait) for anybody;
 * the same call copies.
 * Threads and ownership: one thread, one buffer. At a stop nothing is under
 * way: an answer goes to the kernel whole, or not at all.
 * Limits: whoever floods the socket's buffer pushes out everybody's questions.
 * Try it
 *   build/blocking/udp_server
 *   build/blocking/udp_client hello world        (in another terminal)
 * Note: notes/09-datagrams.md
 * Compare: blocking/serial_server.c
 */
#include "common/datagram.h"
#include "common/options.h"
#include "common/report.h"
#include "common/service.h"
#include "common/sockets.h"
#include "common/stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct counts {
    unsigned long received, answered;
    unsigned long cut;      /* longer than --size */
    unsigned long unwanted; /* from a port that is not answered */
    unsigned long failed;   /* errors of recvfrom and sendto */
};

struct server {
    struct address listen;
    const struct service *service;
    long size; /* the most of a datagram that is taken */
    bool verbose;
    int fd;
    struct counts counts;
    struct address source; /* of the datagram in hand */
    size_t length;
    char bytes[DATAGRAM_MAX];
};

static void tell(const struct server *s, const char *what, size_t length)
{
    char text[ADDRESS_TEXT_MAX];
    if (s->verbose)
        report_line("%s: %s %zu bytes from %s\n", report_program_name(), what,
                    length, address_format(&s->source, text));
}

/* An error of one datagram, an ICMP message perhaps: the next one, please.
 * Only a fault of the program itself ends it. */
static void carry_on(struct server *s, const char *call)
{
    if (errno == EBADF || errno == EFAULT || errno == ENOTSOCK)
        die_errno("%s", call);
    if (would_block(errno))
        return;
    s->counts.failed++;
    warn("%s: %s (%s)", call, errno_name(errno), strerror(errno));
}

/* Takes one datagram. False when there is none to answer. */
static bool receive(struct server *s)
{
    s->source.length = sizeof s->source.bytes;
    /* [wait+copy:recvfrom] Asleep until anybody's datagram is here; the same
     * call copies it and its sender's address. With MSG_TRUNC it returns the
     * datagram's own length, however little of it was copied. */
    ssize_t n =
        recvfrom(s->fd, s->bytes, (size_t)s->size, MSG_TRUNC,
                 (struct sockaddr *)&s->source.bytes, &s->source.length);
    if (stop_requested()) /* the stop shut the socket down */
        return false;
    if (n < 0) {
        carry_on(s, "recvfrom");
        return false;
    }
    s->counts.received++;
    s->length = (size_t)n;
    tell(s, "received", s->length);
    if (n > s->size) {
        s->counts.cut++;
        s->length = (size_t)s->size;
        warn("a datagram of %zd bytes was cut to %ld", n, s->size);
    }
    return true;
}

/* The answer is one datagram, of the same length: an empty one for an empty
 * one, and what was taken for one that was cut. */
static void reply(struct server *s)
{
    if (!datagram_may_answer(&s->source)) {
        s->counts.unwanted++;
        return;
    }
    /* [work:service] */
    s->service->apply(s->bytes, s->length);
    ssize_t n;
    do {
        /* [copy:sendto] All or nothing: there is no rest to keep. Sleeps only
         * while the kernel's buffer for sending has no room. */
        n = sendto(s->fd, s->bytes, s->length, MSG_NOSIGNAL,
                   (const struct sockaddr *)&s->source.bytes, s->source.length);
    } while (n < 0 && errno == EINTR && !stop_requested());
    if (n < 0)
        carry_on(s, "sendto");
    else
        s->counts.answered++;
}

static void serve(struct server *s)
{
    while (!stop_requested())
        if (receive(s))
            reply(s);
}

static void print_summary(const struct server *s)
{
    const struct counts *c = &s->counts;
    printf("%s: %lu datagrams in, %lu answered, %lu cut, %lu unwanted, "
           "%lu failed; %u thrown away by the kernel\n",
           report_program_name(), c->received, c->answered, c->cut, c->unwanted,
           c->failed, datagram_dropped(s->fd));
}

static void parse(struct server *s, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'l', "listen", "ADDR", "HOST:PORT or [V6]:PORT [127.0.0.1:8080]",
         OPTION_ADDRESS, &s->listen, 0, 0},
        {'s', "service", "NAME", "upper or echo [upper]", OPTION_SERVICE,
         &s->service, 0, 0},
        {'b', "size", "BYTES", "take so much of a datagram [2048]",
         OPTION_NUMBER, &s->size, 1, DATAGRAM_MAX},
        {'v', "verbose", NULL, "tell of each datagram on standard error",
         OPTION_FLAG, &s->verbose, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .about = "The service over datagrams: recvfrom, sendto.",
        .after = "Port 0 takes any free port. Ctrl-C or SIGTERM ends it with a "
                 "summary.",
        .specs = specs};
    (void)options_parse(argc, argv, &usage);
}

int main(int argc, char **argv)
{
    static struct server s = {.size = 2048};
    s.service = service_find("upper");
    (void)address_parse("127.0.0.1:8080", &s.listen);
    parse(&s, argc, argv);
    stop_catch(NULL);
    s.fd = datagram_serve(&s.listen, "udp", 0);
    stop_wakes(STOP_LISTENER, s.fd);
    serve(&s);
    stop_wakes(STOP_LISTENER, -1);
    print_summary(&s);
    /* [end:close] What still lies in the socket's buffer is lost. */
    close(s.fd);
    return 0;
}

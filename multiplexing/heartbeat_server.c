/* SPDX-License-Identifier: MIT */
/*
 * heartbeat_server: who is alive? Members say `hb` again and again; whoever is
 * silent for too long is lost.
 *
 * Shows
 *   - the timeout of select is a clock: it is set to the moment at which the
 *     next member would be lost, so the loss is noticed on time even when
 *     nothing arrives any more; with nobody alive there is no timeout at all;
 *   - a datagram socket has no connections: who is there is what the server
 *     remembers (address, last seen), in a table of fixed size;
 *   - silence is all that a death, a cut cable and a slow machine have in
 *     common: the server cannot tell them apart, it can only stop waiting.
 *
 * Who waits, who copies: this thread sleeps in select (wait), until a datagram
 * or a deadline comes; then its own recvfrom copies.
 * Threads and ownership: one thread. At a stop nothing is under way: an answer
 * goes to the kernel whole, or not at all.
 * Limits: the table is searched from end to end; a forged address can join,
 * and can say `quit` for somebody else.
 * Try it
 *   build/multiplexing/heartbeat_server --timeout 3
 *   build/multiplexing/heartbeat_client       (in other terminals; kill one)
 * Note: notes/09-datagrams.md
 * Compare: multiplexing/select_server.c, blocking/udp_server.c
 */
#include "common/clock.h"
#include "common/datagram.h"
#include "common/options.h"
#include "common/report.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMBERS_MAX = 1024, TEXT_MAX = 512 };

struct member {
    struct address address;
    int64_t seen_ms;
};

struct counts {
    unsigned long joined, left, lost, refused;
    unsigned long acknowledged, cut, unwanted, failed;
};

struct server {
    struct address listen;
    long timeout_ms;
    long most_members;
    bool verbose;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during select only */
    int fd;
    struct counts counts;
    int count; /* members[0..count) are alive */
    struct member members[MEMBERS_MAX];
};

/* One datagram: where from, and what it says. */
struct message {
    struct address source;
    size_t length;
    char text[TEXT_MAX];
};

static void announce(const struct server *s, const struct address *who,
                     const char *event)
{
    char text[ADDRESS_TEXT_MAX];
    printf("%s %s (%d alive)\n", event, address_format(who, text), s->count);
    fflush(stdout);
}

static void drop_member(struct server *s, int i, const char *event)
{
    struct address who = s->members[i].address;
    s->members[i] = s->members[--s->count]; /* the last one fills the gap */
    announce(s, &who, event);
}

/* The place of `who` in the table, or -1. */
static int find_member(const struct server *s, const struct address *who)
{
    for (int i = 0; i < s->count; i++)
        if (address_equal(&s->members[i].address, who))
            return i;
    return -1;
}

/* A sign of life. False when the table has no room for somebody new. */
static bool add_member(struct server *s, const struct address *who)
{
    int i = find_member(s, who);
    if (i < 0 && s->count == s->most_members)
        return false;
    if (i < 0) {
        i = s->count++;
        s->members[i].address = *who;
        s->counts.joined++;
        announce(s, who, "join ");
    }
    s->members[i].seen_ms = now_ms();
    return true;
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

/* Takes one datagram. False when there is none. */
static bool receive(struct server *s, struct message *m)
{
    m->source.length = sizeof m->source.bytes;
    /* [copy:recvfrom] A datagram is there: this does not sleep. */
    ssize_t n =
        recvfrom(s->fd, m->text, sizeof m->text, MSG_TRUNC,
                 (struct sockaddr *)&m->source.bytes, &m->source.length);
    if (n < 0) {
        carry_on(s, "recvfrom");
        return false;
    }
    m->length = (size_t)n;
    if (m->length > sizeof m->text) {
        s->counts.cut++;
        m->length = sizeof m->text;
    }
    /* Many a client sends its message as a line. */
    if (m->length > 0 && m->text[m->length - 1] == '\n')
        m->length--;
    if (datagram_may_answer(&m->source))
        return true;
    s->counts.unwanted++;
    return false;
}

/* One datagram back. It may be lost, as every datagram may. */
static void reply(struct server *s, const struct message *m, const char *word)
{
    char text[TEXT_MAX + ADDRESS_TEXT_MAX + 8];
    char from[ADDRESS_TEXT_MAX];
    int head = snprintf(text, sizeof text, "%s %s ", word,
                        address_format(&m->source, from));
    memcpy(text + head, m->text, m->length);
    /* [copy:sendto] No room now means that this answer is lost: nobody waits
     * for one member's sake. */
    ssize_t n =
        sendto(s->fd, text, (size_t)head + m->length, MSG_NOSIGNAL,
               (const struct sockaddr *)&m->source.bytes, m->source.length);
    if (n < 0)
        carry_on(s, "sendto");
}

static bool says(const struct message *m, const char *word)
{
    return m->length == strlen(word) && memcmp(m->text, word, m->length) == 0;
}

static void hear(struct server *s, struct message *m)
{
    if (says(m, "quit")) {
        int i = find_member(s, &m->source);
        if (i >= 0) {
            s->counts.left++;
            drop_member(s, i, "leave");
        }
        return;
    }
    if (!add_member(s, &m->source)) {
        s->counts.refused++;
        m->length = 0; /* the word and the address alone */
        reply(s, m, "full");
        return;
    }
    if (says(m, "hb"))
        return;
    text_clean(m->text, m->length);
    s->counts.acknowledged++;
    reply(s, m, "ack");
    if (s->verbose)
        report_line("%s: text: %.*s\n", report_program_name(), (int)m->length,
                    m->text);
}

static void drop_silent(struct server *s)
{
    int64_t now = now_ms();
    for (int i = s->count - 1; i >= 0; i--) {
        if (now - s->members[i].seen_ms >= s->timeout_ms) {
            s->counts.lost++;
            drop_member(s, i, "lost ");
        }
    }
}

/* How long select may sleep: until the first one would be lost; NULL, for
 * ever, when nobody is alive. */
static struct timespec *time_left(const struct server *s, struct timespec *t)
{
    int64_t earliest = INT64_MAX;
    if (s->count == 0)
        return NULL;
    for (int i = 0; i < s->count; i++)
        if (s->members[i].seen_ms < earliest)
            earliest = s->members[i].seen_ms;
    int64_t left = earliest + s->timeout_ms - now_ms();
    *t = timespec_of_us(left > 0 ? left * 1000 : 0);
    return t;
}

static void serve(struct server *s)
{
    struct message m;
    while (!stop_requested()) {
        fd_set readable;
        struct timespec t;
        FD_ZERO(&readable);
        FD_SET(s->fd, &readable);
        /* [wait:select] Asleep until a datagram comes or a deadline passes,
         * whichever is first. */
        int ready = pselect(s->fd + 1, &readable, NULL, NULL, time_left(s, &t),
                            &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("pselect");
        /* First what has arrived: it may be the word of one who seems lost. */
        if (ready > 0 && receive(s, &m))
            hear(s, &m);
        /* [work:clock] After every wake-up: with much traffic select never
         * times out, and the silent must be dropped all the same. */
        drop_silent(s);
    }
}

static void print_summary(const struct server *s)
{
    const struct counts *c = &s->counts;
    printf("%s: %lu joined, %lu left, %lu lost, %lu refused; %lu messages "
           "acknowledged, %lu cut, %lu unwanted, %lu failed; %u thrown away by "
           "the kernel\n",
           report_program_name(), c->joined, c->left, c->lost, c->refused,
           c->acknowledged, c->cut, c->unwanted, c->failed,
           datagram_dropped(s->fd));
}

static void parse(struct server *s, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'l', "listen", "ADDR", "HOST:PORT or [V6]:PORT [127.0.0.1:8080]",
         OPTION_ADDRESS, &s->listen, 0, 0},
        {'t', "timeout", "SECONDS", "silent for so long: lost [3]",
         OPTION_SECONDS, &s->timeout_ms, 1, 86400000},
        {'m', "max-clients", "N", "most members at a time [256]", OPTION_NUMBER,
         &s->most_members, 1, MEMBERS_MAX},
        {'v', "verbose", NULL, "show what members say on standard error",
         OPTION_FLAG, &s->verbose, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .about = "Keeps who is alive: hb, quit, or a text to acknowledge.",
        .after = "Port 0 takes any free port. Ctrl-C or SIGTERM ends it with a "
                 "summary.",
        .specs = specs};
    (void)options_parse(argc, argv, &usage);
}

int main(int argc, char **argv)
{
    static struct server s = {.timeout_ms = 3000, .most_members = 256};
    (void)address_parse("127.0.0.1:8080", &s.listen);
    parse(&s, argc, argv);
    stop_catch(&s.wait_mask);
    s.fd = datagram_serve(&s.listen, "heartbeat", SOCK_NONBLOCK);
    if (s.fd >= FD_SETSIZE) /* whoever started us left so many open */
        die(EXIT_CANNOT_START, "select has no room past FD_SETSIZE");
    serve(&s);
    stop_let_second_in();
    print_summary(&s);
    /* [end:close] A member learns that we are gone when its next datagram
     * brings back an ICMP message. */
    close(s.fd);
    return 0;
}

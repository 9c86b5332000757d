/* SPDX-License-Identifier: MIT */
/* One client that behaves badly, or some of a kind: the verbs of bad.h and
 * those that need a look at the server meanwhile. */
#include "tests/faults.h"

#include "common/clock.h"
#include "tests/bad.h"
#include "tests/talk.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

/* The verb, `count` times, and what it left open is closed; `v` has ended. */
static void do_verb_to(struct victim *v, const struct target *target,
                       const char *verb, long count)
{
    /* Who floods a chat floods its members, too. */
    victim_start(v, target, &usual_start,
                 target->kind == TARGET_CHAT ? NO_BYSTANDER : 0);
    int fd = bad_act(verb, v->server.address, count, torture_seed);
    if (fd >= 0 && !target_is(target, MODEL_ONE_AT_A_TIME))
        victim_rests(v); /* while it is still there */
    if (fd >= 0)
        (void)close(fd);
    victim_finish(v);
}

static void do_verb(const struct target *target, const char *verb, long count)
{
    struct victim v;
    do_verb_to(&v, target, verb, count);
}

/* And the summary tells of them: an operator has nothing else. */
static void resets(const struct target *target)
{
    struct victim v;
    do_verb_to(&v, target, "rst", 100);
    if (target->command == NULL)
        require(child_count(&v.server.child, "connections reset") > 0,
                "it counts none of them: %s", v.server.child.words);
}

static void leaves_before_the_answer(const struct target *target)
{
    do_verb(target, "fin", 100);
}

static void garbage(const struct target *target)
{
    do_verb(target, "garbage", 4 * MIB);
}

static void trickles(const struct target *target)
{
    do_verb(target, "trickle", 300);
}

/* Urgent bytes are no part of the stream, and no reason to wake up again and
 * again. */
static void urgent_bytes(const struct target *target)
{
    do_verb(target, "oob", 50);
}

/* Reset while they are in the queue of the listener: on Linux accept hands
 * them out all the same, and the first call on them fails. */
static void reset_in_the_queue(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    for (int round = 0; round < 3; round++) {
        server_freeze(&v.server);
        for (int i = 0; i < 20; i++)
            (void)bad_act("rst", v.server.address, 1, 0);
        server_thaw(&v.server);
    }
    victim_finish(&v);
}

/* The reset comes when a whole answer stands half written. */
static void reset_while_it_writes(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    for (int i = 0; i < 10; i++) {
        int fd = peer_connect_tight(v.server.address);
        (void)peer_stuff(fd, 0, 64 * KIB);
        if (i % 2)
            server_freeze(&v.server);
        if (i % 4 == 1) /* then the error is EPIPE, and SIGPIPE comes */
            peer_finish(fd);
        peer_reset(fd);
        if (i % 2)
            server_thaw(&v.server);
    }
    victim_finish(&v);
}

/* Sends and never reads; the answers must not be stored for it without end,
 * and nobody else may wait. */
static void never_reads(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib = 4096;
    int fd = peer_connect(v.server.address);
    uint64_t took = peer_stuff(fd, 0, 64 * MIB);
    require(took < 64 * MIB, "it took %llu MiB whose answer nobody reads",
            (unsigned long long)took / MIB);
    if (!target_is(target, MODEL_ONE_AT_A_TIME))
        victim_rests(&v);
    (void)close(fd);
    victim_finish(&v);
}

/* Fifty that say nothing, beside one that talks. */
static void silent(const struct target *target)
{
    enum { SILENT = 50 };
    int fds[SILENT];
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    int some = target_room(target, SILENT);
    if (target_is(target, MODEL_IN_TURN))
        some = 1; /* more would take all places: that is the model */
    for (int i = 0; i < some; i++)
        fds[i] = victim_connect(&v);
    if (!target_is(target, MODEL_ONE_AT_A_TIME)) {
        int talking = victim_connect(&v);
        for (int i = 0; i < 20; i++)
            victim_ask(&v, talking);
        (void)close(talking);
    }
    for (int i = 0; i < some; i++)
        (void)close(fds[i]);
    v.allowed_kib += some * 64;
    victim_finish(&v);
}

/* The same with --idle-timeout: who is silent, who does not read, and who reads
 * a part of an answer now and then, is let go and counted. */
static void idle_are_let_go(const struct target *target)
{
    const char *args[] = {"--idle-timeout", "0.4", NULL};
    const struct start start = {.args = args};
    struct victim v;
    struct summary summary;
    victim_start(&v, target, &start, 0);
    int fd = victim_connect(&v);
    peer_wait_hangup(fd);
    (void)close(fd);
    if (target->kind == TARGET_STREAM) {
        fd = peer_connect_tight(v.server.address);
        /* At once: it may be let go while one still waits to send more. */
        (void)peer_push(fd, 0, 16 * MIB);
        peer_wait_hangup(fd);
        (void)close(fd);
        fd = peer_connect_tight(v.server.address);
        (void)peer_push(fd, 0, 16 * MIB);
        peer_read_until_hangup(fd, 4096, 130);
        (void)close(fd);
    }
    victim_check(&v);
    victim_end(&v, &summary);
    require(strstr(summary.line, "closed as idle") != NULL,
            "it does not count them: %s", summary.line);
}

/* One floods for a second. Returns how many answers the bystander got beside
 * it, in per cent of what it gets alone. */
static double share_beside_flood(const struct victim *v)
{
    unsigned long before = v->bystander.asked;
    int64_t began = now_ms();
    nap_us(300000);
    unsigned long alone = v->bystander.asked - before;
    int64_t alone_ms = now_ms() - began;
    before = v->bystander.asked;
    began = now_ms();
    int fd = bad_act("flood", v->server.address, 1000, 0);
    unsigned long beside = v->bystander.asked - before;
    int64_t beside_ms = now_ms() - began;
    if (fd >= 0)
        (void)close(fd);
    return 100.0 * (double)beside * (double)alone_ms /
           ((double)alone * (double)beside_ms + 1e-9);
}

/* The best of three, for a machine with other work: a flood for which the
 * others wait shows each time. */
static void flood_beside_ping(const struct target *target)
{
    enum { TRIES = 3, SHARE_LEAST = 40 };
    struct victim v;
    double share = 0;
    victim_start(&v, target, &usual_start, 0);
    for (int i = 0; i < TRIES && share < SHARE_LEAST; i++) {
        double now = share_beside_flood(&v);
        share = now > share ? now : share;
    }
    snprintf(verdict->note, sizeof verdict->note, "%.0f %%", share);
    require(share >= SHARE_LEAST, "beside a flood it gave %.0f %%, not %d",
            share, SHARE_LEAST);
    victim_finish(&v);
}

static const char alone[] = "it serves one client at a time";

const struct fault client_faults[] = {
    {"resets", "100 connections reset, half while it writes", resets, CONNECTED,
     0, NULL, false,
     "a reset is one client's end: ignore SIGPIPE, handle ECONNRESET and "
     "EPIPE"},
    {"leaves_before_the_answer", "100 clients ask and close",
     leaves_before_the_answer, CONNECTED, 0, NULL, false,
     "send to a peer that has closed raises SIGPIPE: MSG_NOSIGNAL"},
    {"reset_in_the_queue", "60 resets before accept", reset_in_the_queue,
     CONNECTED, 0, NULL, false, "the first recv may fail: drop that client"},
    {"reset_while_it_writes", "10 resets with an answer half sent",
     reset_while_it_writes, STREAMS, 0, NULL, false,
     "an answer that cannot be sent any more is dropped with its client"},
    {"garbage", "4 MiB of random bytes", garbage, CONNECTED, 0, NULL, false,
     "no byte may have a meaning that you did not give it"},
    {"trickles", "a byte every 5 ms", trickles, CONNECTED, 0, NULL, false,
     "one slow client must not hold the others"},
    {"urgent_bytes", "50 bytes of urgent data", urgent_bytes, CONNECTED, 0,
     NULL, false, "POLLPRI and exceptfds: do not ask for what you do not read"},
    {"never_reads", "64 MiB to a client that reads nothing", never_reads,
     STREAMS, 0, NULL, false,
     "stop reading from a client while its answer is unsent"},
    {"silent", "50 silent clients beside one that talks", silent, CONNECTED, 0,
     NULL, false, "do not wait for one client while others have bytes"},
    {"idle_are_let_go", "--idle-timeout: who is silent or hardly reads",
     idle_are_let_go, CONNECTED, 0, NULL, true, NULL},
    {"flood_beside_ping", "one floods: what another gets of its answers alone",
     flood_beside_ping, STREAMS, MODEL_ONE_AT_A_TIME, alone, false,
     "bound the work that one client gets in a turn"},
    {.name = NULL}};

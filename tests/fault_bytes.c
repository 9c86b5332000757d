/* SPDX-License-Identifier: MIT */
/* What a stream may look like, and must not matter: any value, any portion,
 * any end. Every byte of every answer is compared. */
#include "tests/faults.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

/* Sends, half-closes, reads all and then the end. */
static void exchange_and_finish(const struct victim *v, uint64_t length)
{
    int fd = peer_connect(v->server.address);
    peer_exchange_stream(fd, length);
    peer_finish(fd);
    peer_expect_end(fd);
    (void)close(fd);
}

static void any_value(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    exchange_and_finish(&v, MIB); /* all 256 values, NUL among them */
    victim_finish(&v);
}

static void one_byte_at_a_time(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    int fd = peer_connect(v.server.address);
    for (uint64_t i = 0; i < 300; i++) {
        peer_send_stream(fd, i, i + 1);
        peer_receive_stream(fd, i, i + 1);
    }
    (void)close(fd);
    victim_finish(&v);
}

static void thousand_in_one(const struct target *target)
{
    struct victim v;
    char text[32 * KIB];
    size_t length = 0;
    victim_start(&v, target, &usual_start, 0);
    for (int i = 0; i < 1000; i++)
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "message %d\n", i);
    int fd = peer_connect(v.server.address);
    peer_send(fd, text, length);
    if (target->kind == TARGET_STREAM) {
        char answer[32 * KIB];
        peer_receive(fd, answer, length);
        peer_service->apply(text, length);
        require(memcmp(answer, text, length) == 0, "the answers differ");
    } else {
        victim_ask(&v, fd);
    }
    (void)close(fd);
    victim_finish(&v);
}

/* One burst larger than any buffer of the server, and then silence: nothing
 * will tell it a second time that bytes are there. */
static void burst_then_silence(const struct target *target)
{
    static const uint64_t bursts[] = {16 * KIB, 16 * KIB + 1, 100000, 300000};
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    int fd = peer_connect(v.server.address);
    uint64_t at = 0;
    for (size_t i = 0; i < sizeof bursts / sizeof bursts[0]; i++) {
        server_freeze(&v.server); /* so that it finds all of it at once */
        uint64_t sent = peer_stuff(fd, at, at + bursts[i]);
        server_thaw(&v.server);
        peer_send_stream(fd, sent, at + bursts[i]);
        peer_receive_stream(fd, at, at + bursts[i]);
        at += bursts[i];
    }
    (void)close(fd);
    victim_finish(&v);
}

/* The smallest receive buffer, set before connecting: the server's buffer for
 * sending is full soon. Whether a send that fills it is cut depends on where a
 * portion ends (four in ten are), so it is filled again and again: we read
 * faster than TCP's timers would, and pause. */
static void fill_and_read(const struct victim *v)
{
    int fd = peer_connect_tight(v->server.address);
    uint64_t sent = peer_stuff(fd, 0, 64 * MIB), at = 4 * KIB;
    require(sent < 64 * MIB, "it took 64 MiB whose answer nobody reads");
    peer_receive_stream(fd, 0, at);
    peer_loosen(fd);
    while (at < sent) {
        uint64_t next = sent - at > 256 * KIB ? at + 256 * KIB : sent;
        peer_receive_stream(fd, at, next);
        at = next;
        nap_us(3000); /* the server goes on to fill it */
    }
    peer_finish(fd);
    peer_expect_end(fd);
    (void)close(fd);
}

static void partial_writes(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    for (int i = 0; i < 5; i++)
        fill_and_read(&v);
    victim_finish(&v);
}

static void half_close(const struct target *target)
{
    static const uint64_t lengths[] = {0, 1, 5000, 200000};
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        int fd = peer_connect(v.server.address);
        uint64_t sent = peer_stuff(fd, 0, lengths[i]);
        peer_finish(fd);
        peer_receive_stream(fd, 0, sent);
        peer_expect_end(fd);
        (void)close(fd);
    }
    victim_finish(&v);
}

const struct fault byte_faults[] = {
    {"any_value", "1 MiB of all byte values", any_value, STREAMS, 0, NULL,
     false, "count bytes, not characters: a buffer with NULs is no string"},
    {"one_byte_at_a_time", "300 questions of one byte", one_byte_at_a_time,
     STREAMS, 0, NULL, false, "answer what came, do not wait for more"},
    {"thousand_in_one", "1000 messages in one write", thousand_in_one,
     CONNECTED, 0, NULL, false,
     "a recv may bring many messages, or a part of one"},
    {"burst_then_silence", "a burst past the buffer, then nothing",
     burst_then_silence, STREAMS, 0, NULL, false,
     "edge-triggered: read until EAGAIN, or nobody tells you of the rest"},
    {"partial_writes", "a client with the least receive buffer", partial_writes,
     STREAMS, 0, NULL, false,
     "send may take a part: keep the rest and wait until there is room"},
    {"half_close", "end of input before the answer is read", half_close,
     STREAMS, 0, NULL, false,
     "after the end of input the answers that are due must still go out"},
    {.name = NULL}};

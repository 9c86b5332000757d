/* SPDX-License-Identifier: MIT */
/* One client and its bytes: all come back, in order, whatever their values,
 * their portions, and the way in which the client ends. */
#include "tests/behaviours.h"
#include "tests/peer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

static const struct start usual = {.listen = NULL};

static void echo(const struct target *target)
{
    struct server server;
    struct summary summary;
    server_start(&server, target, &usual);
    int fd = peer_connect(server.address);
    peer_ask(fd, "hello, world\n");
    peer_ask(fd, "once more\n");
    peer_finish(fd);
    peer_expect_end(fd);
    server_stop(&server, SIGTERM, &summary);
    require(summary.served == 1 && summary.refused == 0 &&
                summary.bytes_in == 23 && summary.bytes_out == 23,
            "one client and 23 bytes; it says: %s", summary.line);
}

static void all_256_byte_values(const struct target *target)
{
    struct server server;
    unsigned char bytes[256], answer[256];
    server_start(&server, target, &usual);
    int fd = peer_connect(server.address);
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    peer_send(fd, bytes, sizeof bytes);
    peer_receive(fd, answer, sizeof answer);
    for (int i = 0; i < 256; i++) {
        int due = i >= 'a' && i <= 'z' ? i - 'a' + 'A' : i;
        require(answer[i] == due, "byte 0x%02x came back as 0x%02x", i,
                answer[i]);
    }
    server_stop(&server, SIGTERM, NULL);
}

static void a_byte_at_a_time(const struct target *target)
{
    struct server server;
    server_start(&server, target, &usual);
    int fd = peer_connect(server.address);
    for (uint64_t i = 0; i < 500; i++) {
        peer_send_stream(fd, i, i + 1);
        peer_receive_stream(fd, i, i + 1);
    }
    /* And a thousand that nobody waits for in between. */
    for (uint64_t i = 500; i < 1500; i++)
        peer_send_stream(fd, i, i + 1);
    peer_receive_stream(fd, 500, 1500);
    peer_finish(fd);
    peer_expect_end(fd);
    server_stop(&server, SIGTERM, NULL);
}

/* In bursts that go on until the server can write no more: so it meets a full
 * socket and has to send its answers in portions. */
static void stream_of_16_mib(const struct target *target)
{
    struct server server;
    struct summary summary;
    server_start(&server, target, &usual);
    int fd = peer_connect(server.address);
    for (uint64_t got = 0, sent; got < 16 * MIB; got = sent) {
        sent = peer_stuff(fd, got, 16 * MIB);
        peer_receive_stream(fd, got, sent);
    }
    peer_finish(fd);
    peer_expect_end(fd);
    server_stop(&server, SIGTERM, &summary);
    require(summary.bytes_in == 16 * MIB && summary.bytes_out == 16 * MIB,
            "16 MiB each way; it says: %s", summary.line);
}

/* All that came before the end of input is answered, and then comes the end.
 * The answer is read only after the half-close. */
static void half_close(const struct target *target, uint64_t length)
{
    struct server server;
    server_start(&server, target, &usual);
    int fd = peer_connect(server.address);
    peer_send_stream(fd, 0, length);
    peer_finish(fd);
    peer_receive_stream(fd, 0, length);
    peer_expect_end(fd);
    server_stop(&server, SIGTERM, NULL);
}

static void half_close_at_1_byte(const struct target *target)
{
    half_close(target, 1);
}

static void half_close_at_1000_bytes(const struct target *target)
{
    half_close(target, 1000);
}

static void half_close_at_100000_bytes(const struct target *target)
{
    half_close(target, 100000);
}

/* One connection that dies while an answer is on its way. With `asleep` the
 * server meets the reset after the question: its send is the call that
 * fails, with EPIPE, and SIGPIPE comes for who has not guarded against it. */
static void one_reset(struct server *server, bool asleep)
{
    int fd = peer_connect_tight(server->address);
    if (asleep) {
        peer_ask(fd, "are you there?\n");
        server_freeze(server);
        peer_send_stream(fd, 0, 2000);
        peer_finish(fd);
        peer_reset(fd);
        server_thaw(server);
    } else {
        (void)peer_stuff(fd, 0, 256 * 1024);
        peer_reset(fd);
    }
}

static void reset_while_it_writes(const struct target *target)
{
    struct server server;
    struct summary summary;
    bool alone = target_is(target, MODEL_ONE_AT_A_TIME);
    server_start(&server, target, &usual);
    int watcher = alone ? -1 : peer_connect(server.address);
    for (int round = 0; round < 6; round++) {
        if (!alone)
            peer_ask(watcher, "before\n");
        one_reset(&server, round % 2 == 0);
        if (!alone)
            peer_ask(watcher, "after\n");
    }
    int late = peer_connect(server.address);
    peer_ask(late, "still there?\n");
    server_stop(&server, SIGTERM, &summary);
    require(summary.served == (alone ? 7 : 8), "6 resets, %d other clients: %s",
            alone ? 1 : 2, summary.line);
}

static void service_echo(const struct target *target)
{
    struct server server;
    const char *args[] = {"--service", "echo", NULL};
    const struct start start = {.args = args};
    char answer[12];
    server_start(&server, target, &start);
    int fd = peer_connect(server.address);
    peer_send(fd, "Hello, world", 12);
    peer_receive(fd, answer, sizeof answer);
    require(memcmp(answer, "Hello, world", 12) == 0, "echo changed it: '%.12s'",
            answer);
    server_stop(&server, SIGTERM, NULL);
}

const struct behaviour stream_behaviours[] = {
    {.name = "echo", .run = echo},
    {.name = "all_256_byte_values", .run = all_256_byte_values},
    {.name = "a_byte_at_a_time", .run = a_byte_at_a_time},
    {.name = "stream_of_16_mib", .run = stream_of_16_mib},
    {.name = "half_close_at_1_byte", .run = half_close_at_1_byte},
    {.name = "half_close_at_1000_bytes", .run = half_close_at_1000_bytes},
    {.name = "half_close_at_100000_bytes", .run = half_close_at_100000_bytes},
    {.name = "reset_while_it_writes", .run = reset_while_it_writes},
    {.name = "service_echo", .run = service_echo},
    {.name = NULL}};

/* SPDX-License-Identifier: MIT */
/* Many clients at a time, and what one of them may do to the others. */
#include "tests/batch.h"
#include "tests/behaviours.h"
#include "tests/peer.h"

#include "common/clock.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

static const struct start usual = {.listen = NULL};

/* Waits until the server holds no more descriptors than at first: there is no
 * event for that, so it is asked now and then. */
static void expect_descriptors(const struct server *server, int most)
{
    int64_t until = now_ms() + patience_ms;
    int now;
    while ((now = process_descriptors(server->child.pid)) > most) {
        require(now_ms() < until, "%d descriptors at first, %d at the end",
                most, now);
        nap_us(2000);
    }
}

static void leave_at_once_500_times(const struct target *target)
{
    struct server server;
    struct summary summary;
    server_start(&server, target, &usual);
    /* Ready, and nobody is there yet: so it shall be again. */
    int before = process_descriptors(server.child.pid);
    for (int i = 0; i < 500; i++) {
        int fd = peer_connect(server.address);
        if (i % 2 == 0)
            peer_reset(fd);
        else
            (void)close(fd);
    }
    int last = peer_connect(server.address);
    peer_ask(last, "anybody home?\n");
    (void)close(last);
    expect_descriptors(&server, before);
    server_stop(&server, SIGTERM, &summary);
    require(summary.served == 501, "501 clients came; it says: %s",
            summary.line);
}

/* 30 of them, or as many as leave one place: a C library that reads for us
 * with 20 threads serves a talking client beside 19 silent ones only. */
static void silent_beside_talking(const struct target *target)
{
    struct server server;
    int count = target_room(target, 31) - 1;
    server_start(&server, target, &usual);
    int silent = peer_connect(server.address);
    for (int i = 1; i < count; i++)
        (void)peer_connect(server.address);
    int talking = peer_connect(server.address);
    if (target_is(target, MODEL_ONE_AT_A_TIME)) {
        peer_send(talking, "hello\n", 6);
        require(!peer_readable(talking, PAUSE_MS),
                "this model is said to serve one client at a time, and served "
                "a second beside a silent one");
        char answer[6];
        (void)close(silent);
        peer_receive(talking, answer, sizeof answer);
    } else {
        for (int i = 0; i < 20; i++)
            peer_ask(talking, "hello\n");
        peer_ask(silent, "now I talk\n");
    }
    server_stop(&server, SIGTERM, NULL);
}

/* As many as it says are served at once; the next one waits until one of them
 * leaves, and no longer. Other models serve the next one too. */
static void one_more_than_most(const struct target *target)
{
    enum { MOST = 8 };
    int fds[MOST];
    char answer[6];
    struct server server;
    int most = target_room(target, MOST);
    server_start(&server, target, &usual);
    for (int i = 0; i < most; i++) {
        fds[i] = peer_connect(server.address);
        peer_ask(fds[i], "served\n");
    }
    int next = peer_connect(server.address);
    peer_send(next, "hello\n", 6);
    bool waits = !peer_readable(
        next, target_is(target, MODEL_IN_TURN) ? PAUSE_MS : patience_ms);
    require(waits == target_is(target, MODEL_IN_TURN),
            waits ? "client %d waits for the others"
                  : "client %d is served beside the others",
            most + 1);
    for (int i = 1; i < most; i++)
        peer_ask(fds[i], "and still\n");
    (void)close(fds[0]);
    peer_receive(next, answer, sizeof answer);
    server_stop(&server, SIGTERM, NULL);
}

/* 300 conversations at the same time, or, when the model serves only some of
 * them at a time, in the order in which they came. */
static void clients_300_messages_20(const struct target *target)
{
    enum { CLIENTS = 300, MESSAGES = 20 };
    int fds[CLIENTS];
    char text[64];
    struct server server;
    struct summary summary;
    bool in_turn = target_room(target, CLIENTS) < CLIENTS;
    server_start(&server, target, &usual);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = peer_connect(server.address);
    for (int n = 0; n < CLIENTS * MESSAGES; n++) {
        int who = in_turn ? n / MESSAGES : n % CLIENTS;
        snprintf(text, sizeof text, "client %d, message %d\n", who, n);
        peer_ask(fds[who], text);
        if (n >= CLIENTS * MESSAGES - CLIENTS && !in_turn)
            (void)close(fds[who]);
        if (in_turn && n % MESSAGES == MESSAGES - 1)
            (void)close(fds[who]);
    }
    server_stop(&server, SIGTERM, &summary);
    require(summary.served == CLIENTS && summary.refused == 0,
            "300 clients, none refused; it says: %s", summary.line);
}

/*
 * A client that sends and does not read: the server must stop reading from
 * it, not store its answer. When it reads at last, all is there.
 */
static void never_reads(const struct target *target)
{
    const uint64_t most = 96 * MIB;
    struct server server;
    bool alone = target_is(target, MODEL_ONE_AT_A_TIME);
    server_start(&server, target, &usual);
    int fd = peer_connect(server.address);
    peer_ask(fd, "warm up\n");
    long before = process_peak_kib(server.child.pid);
    int other = alone ? -1 : peer_connect(server.address);
    uint64_t took = peer_stuff(fd, 0, most);
    require(took < most, "it took %llu MiB whose answer nobody reads",
            (unsigned long long)took / MIB);
    for (int i = 0; i < 50 && !alone; i++)
        peer_ask(other, "the others go on\n");
    peer_finish(fd);
    peer_receive_stream(fd, 0, took);
    peer_expect_end(fd);
    long grown = process_peak_kib(server.child.pid) - before;
    require(grown < 4096, "its memory grew by %ld KiB for one client", grown);
    server_stop(&server, SIGTERM, NULL);
}

/* It is said to burn its CPU: 100 ms of it, however busy the machine is. */
static void expect_spin(pid_t pid, long before)
{
    int64_t until = now_ms() + patience_ms;
    while (process_cpu_ms(pid) - before < 100) {
        require(now_ms() < until, "this model is said to spin, and does not");
        nap_us(20000);
    }
}

static void idle_cpu(const struct target *target)
{
    struct server server;
    server_start(&server, target, &usual);
    for (int i = target_room(target, 5); i > 0; i--)
        peer_ask(peer_connect(server.address), "now I am silent\n");
    long before = process_cpu_ms(server.child.pid);
    if (target_is(target, MODEL_SPINS)) {
        expect_spin(server.child.pid, before);
    } else {
        nap_us(500000); /* nothing happens, and that is what is watched */
        long used = process_cpu_ms(server.child.pid) - before;
        require(used <= 50, "idle, it used %ld ms of the CPU in 500 ms", used);
    }
    server_stop(&server, SIGTERM, NULL);
}

static void sigstop_sigcont(const struct target *target)
{
    enum { CLIENTS = 5 };
    int fds[CLIENTS];
    struct server server;
    int count = target_room(target, CLIENTS);
    server_start(&server, target, &usual);
    for (int i = 0; i < count; i++) {
        fds[i] = peer_connect(server.address);
        peer_ask(fds[i], "before\n");
    }
    /* Once with work waiting for it, once with none, so that a sleeping call
     * is stopped and taken up again. */
    for (int round = 0; round < 2; round++) {
        server_freeze(&server);
        for (int i = 0; i < count && round == 0; i++)
            peer_send_stream(fds[i], 0, 5000);
        server_thaw(&server);
        for (int i = 0; i < count && round == 0; i++)
            peer_receive_stream(fds[i], 0, 5000);
        for (int i = 0; i < count; i++)
            peer_ask(fds[i], "after\n");
    }
    server_stop(&server, SIGTERM, NULL);
}

/* Somebody new comes and somebody old goes, all places taken. */
static void newcomer_in_the_batch(const struct target *target)
{
    const char *args[] = {"--max-clients", "4", NULL};
    struct server server;
    _Static_assert(BATCH_PLACES == 4, "as many as --max-clients");
    server_start(&server, target, &(struct start){.args = args});
    batch_newcomer(&server);
    server_stop(&server, SIGTERM, NULL);
}

const struct behaviour crowd_behaviours[] = {
    {.name = "leave_at_once_500_times", .run = leave_at_once_500_times},
    {.name = "silent_beside_talking", .run = silent_beside_talking},
    {.name = "one_more_than_most", .run = one_more_than_most},
    {.name = "clients_300_messages_20", .run = clients_300_messages_20},
    {.name = "never_reads", .run = never_reads},
    {.name = "idle_cpu", .run = idle_cpu},
    {.name = "sigstop_sigcont", .run = sigstop_sigcont},
    {.name = "newcomer_in_the_batch",
     .run = newcomer_in_the_batch,
     .not_for = MODEL_IN_TURN,
     .because = "it serves fewer at a time, and the next one waits"},
    {.name = NULL}};

/* SPDX-License-Identifier: MIT */
/* Limits: of descriptors, of FD_SETSIZE, of --max-clients, of patience. Who is
 * already there is served on, who cannot be is told so. */
#include "tests/behaviours.h"
#include "tests/peer.h"

#include "common/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

/* While more knock than there are descriptors, the server must not spin: the
 * listener stays 'ready' all the time. */
static void expect_no_spin(const struct server *server)
{
    long before = process_cpu_ms(server->child.pid);
    nap_us(500000); /* nothing happens, and that is what is watched */
    long used = process_cpu_ms(server->child.pid) - before;
    require(used <= 100,
            "out of descriptors, it used %ld ms of the CPU in "
            "500 ms",
            used);
}

static void descriptor_limit_32(const struct target *target)
{
    enum { CLIENTS = 80, LIMIT = 32 };
    int fds[CLIENTS];
    char said[TEXT_SIZE];
    struct server server;
    struct summary summary;
    const struct start start = {.descriptors = LIMIT};
    int early = target_room(target, 15);
    int64_t began = now_ms();
    server_start(&server, target, &start);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = peer_connect(server.address);
    for (int i = 0; i < early; i++)
        peer_ask(fds[i], "early\n");
    if (!target_is(target, MODEL_SPINS))
        expect_no_spin(&server);
    bool full = process_descriptors(server.child.pid) >= LIMIT;
    /* Each that leaves makes room, until the last has been served. */
    for (int i = 0; i < CLIENTS; i++) {
        peer_ask(fds[i], "served on\n");
        (void)close(fds[i]);
    }
    server_errors(&server, said);
    server_stop(&server, SIGTERM, &summary);
    require(count_lines(said) <= 3 + (now_ms() - began) / 1000,
            "%d lines on standard error in %lld ms: %.300s", count_lines(said),
            (long long)(now_ms() - began), said);
    require(!full || strstr(summary.line, "out of descriptors") != NULL,
            "the descriptors were used up; it says: %s", summary.line);
    require(summary.served == CLIENTS, "80 clients; it says: %s", summary.line);
}

/* The next that comes is the busy line, and then the end. */
static void expect_busy(int fd)
{
    char line[256];
    size_t n = peer_receive_all(fd, line, sizeof line - 1);
    line[n] = '\0';
    require(strncmp(line, "busy: ", 6) == 0 && n > 6 && line[n - 1] == '\n',
            "a refused client got '%s'", line);
}

/* Room for our own descriptors. */
static void raise_own_limit(long wanted)
{
    struct rlimit limit;
    require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    if (limit.rlim_cur >= (rlim_t)wanted)
        return;
    require(limit.rlim_max >= (rlim_t)wanted,
            "this test needs %ld descriptors: ulimit -Hn %ld", wanted, wanted);
    limit.rlim_cur = (rlim_t)wanted;
    require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

/* All are connected. A model that cannot hold them all refuses the rest, or,
 * when it takes them in turn, lets them wait. */
static void clients_1500(const struct target *target)
{
    enum { CLIENTS = 1500 };
    static int fds[CLIENTS];
    struct server server;
    struct summary summary;
    char text[64];
    int refused = 0;
    raise_own_limit(CLIENTS + 100);
    server_start(&server, target, &(struct start){.listen = NULL});
    int held = process_descriptors(server.child.pid);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = peer_connect(server.address);
    /* Clients are taken in the order in which they came: once the last one is
     * refused, the fate of all is known. */
    bool last_refused = target_room(target, CLIENTS) < CLIENTS &&
                        !target_is(target, MODEL_ONE_AT_A_TIME) &&
                        peer_readable(fds[CLIENTS - 1], 10 * PAUSE_MS);
    require(last_refused || !target_is(target, MODEL_FD_SETSIZE),
            "client 1,500 is past FD_SETSIZE, and was not refused");
    for (int i = 0; i < CLIENTS; i++) {
        if (peer_readable(fds[i], 0)) {
            expect_busy(fds[i]);
            refused++;
        } else {
            snprintf(text, sizeof text, "client %d\n", i);
            peer_ask(fds[i], text);
        }
        if (target_room(target, CLIENTS) < CLIENTS)
            (void)close(fds[i]);
    }
    server_stop(&server, SIGTERM, &summary);
    require(summary.refused == (unsigned long)refused &&
                summary.served == (unsigned long)(CLIENTS - refused),
            "%d refused; it says: %s", refused, summary.line);
    if (target_is(target, MODEL_FD_SETSIZE))
        require(refused == CLIENTS - (FD_SETSIZE - held),
                "%d descriptors are its own, so %d have no place; it refused "
                "%d",
                held, CLIENTS - (FD_SETSIZE - held), refused);
    else
        require(refused == 0 || target_room(target, CLIENTS) < CLIENTS,
                "%d refused by a model without such a limit", refused);
}

/* One has left: there is room again, as soon as the server has noticed. */
static void connect_late(const char *address)
{
    int64_t until = now_ms() + patience_ms;
    int fd = peer_connect(address);
    while (peer_readable(fd, PAUSE_MS)) {
        require(now_ms() < until, "one has left, and there is no room yet");
        (void)close(fd);
        fd = peer_connect(address);
    }
    peer_ask(fd, "in his place\n");
}

static void max_clients_10(const struct target *target)
{
    enum { CLIENTS = 20, MOST = 10 };
    int fds[CLIENTS];
    const char *args[] = {"--max-clients", "10", NULL};
    struct server server;
    struct summary summary;
    server_start(&server, target, &(struct start){.args = args});
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = peer_connect(server.address);
    for (int i = MOST; i < CLIENTS; i++)
        expect_busy(fds[i]);
    /* The first leaves; all do when they are served in turn. */
    for (int i = 0; i < MOST; i++) {
        peer_ask(fds[i], "one of the ten\n");
        if (i > 0 && target_room(target, MOST) == MOST)
            continue;
        peer_finish(fds[i]);
        peer_expect_end(fds[i]);
    }
    connect_late(server.address);
    server_stop(&server, SIGTERM, &summary);
    require(summary.served == MOST + 1 && summary.refused >= CLIENTS - MOST,
            "11 served, 10 refused; it says: %s", summary.line);
}

/*
 * Who reads a part of its answer now and then (2 KiB of the 16, all of it would
 * be progress) is let go. Then three at a time, or one after the other: who is
 * silent and who hardly reads at all are let go, who talks is kept.
 */
static void idle_timeout(const struct target *target)
{
    enum { TIMEOUT_MS = 600, STEP_MS = 60 };
    const char *args[] = {"--idle-timeout", "0.6", NULL};
    bool alone = target_is(target, MODEL_ONE_AT_A_TIME);
    struct server server;
    struct summary summary;
    char byte;
    server_start(&server, target, &(struct start){.args = args});
    int reading = peer_connect_tight(server.address);
    (void)peer_stuff(reading, 0, 16 * 1024 * 1024);
    peer_read_until_hangup(reading, 2048, TIMEOUT_MS / 3);
    int silent = peer_connect(server.address);
    if (alone)
        peer_expect_end(silent);
    int trickling = peer_connect_tight(server.address);
    (void)peer_stuff(trickling, 0, 16 * 1024 * 1024);
    if (alone)
        peer_wait_hangup(trickling);
    int talking = peer_connect(server.address);
    for (int ms = 0; ms < 2 * TIMEOUT_MS; ms += STEP_MS) {
        peer_ask(talking, "I am here\n");
        if (!alone)
            (void)recv(trickling, &byte, 1, MSG_DONTWAIT);
        nap_us(STEP_MS * 1000); /* the clock is what is tested */
    }
    peer_wait_hangup(trickling);
    peer_expect_end(silent);
    peer_ask(talking, "and still here\n");
    server_stop(&server, SIGTERM, &summary);
    require(strstr(summary.line, "3 closed as idle") != NULL,
            "three were idle; it says: %s", summary.line);
}

/* More happens at a time than signals can queue. Who is told by signals must
 * notice that some are lost. POSIX AIO cannot, and says so at the start: it is
 * asked with --notify suspend, which needs none. */
static void signal_queue_overflows(const struct target *target)
{
    enum { CLIENTS = 20, SIGNALS = 4 };
    int fds[CLIENTS];
    char answer[8], said[TEXT_SIZE];
    const char *suspend[] = {"--notify", "suspend", NULL};
    bool aio = strcmp(target->model->name, "aio") == 0;
    bool sigio = strcmp(target->model->name, "sigio") == 0;
    struct server server;
    const struct start start = {.queued_signals = SIGNALS,
                                .args = aio ? suspend : NULL};
    int count = target_room(target, CLIENTS);
    server_start(&server, target, &start);
    for (int i = 0; i < count; i++) {
        fds[i] = peer_connect(server.address);
        peer_ask(fds[i], "before\n");
    }
    server_freeze(&server);
    for (int i = 0; i < count; i++)
        peer_send(fds[i], "at once\n", 8);
    server_thaw(&server);
    for (int i = 0; i < count; i++) {
        peer_receive(fds[i], answer, 8);
        require(memcmp(answer, "AT ONCE\n", 8) == 0, "client %d got '%.8s'", i,
                answer);
    }
    server_errors(&server, said);
    require(!sigio || strstr(said, "overflowed") != NULL,
            "the queue did not overflow; it said: %s", said);
    server_stop(&server, SIGTERM, NULL);
}

/* Over a unix socket a close with bytes unread is a reset for the peer, so what
 * a refused client has already asked is read first. */
static void refused_while_asking(const struct target *target)
{
    enum { QUESTION = 30000 };
    const char *args[] = {"--max-clients", "1", NULL};
    char folder[] = "/tmp/conformance-XXXXXX";
    char address[64];
    struct server server;
    require(mkdtemp(folder) != NULL, "mkdtemp failed");
    snprintf(address, sizeof address, "unix:%s/s", folder);
    server_start(&server, target,
                 &(struct start){.listen = address, .args = args});
    int first = peer_connect(address);
    peer_ask(first, "the only one\n");
    server_freeze(&server);
    int second = peer_connect(address);
    peer_send_stream(second, 0, QUESTION);
    server_thaw(&server);
    peer_ask(first, "still the only one\n");
    nap_us(PAUSE_MS * 1000); /* the reset would come behind the line */
    expect_busy(second);
    server_stop(&server, SIGTERM, NULL);
    (void)rmdir(folder);
}

/* Whoever starts the server has left so many descriptors open that its first
 * own one is past FD_SETSIZE. It serves, or says why it cannot. */
static void inherited_descriptors(const struct target *target)
{
    struct server server;
    raise_own_limit(FD_SETSIZE + 100);
    while (dup(STDERR_FILENO) < FD_SETSIZE)
        ; /* they stay open across exec */
    if (target_is(target, MODEL_FD_SETSIZE)) {
        const char *argv[] = {target->server, "-l", "127.0.0.1:0", NULL};
        struct run run = {.argv = argv};
        run_program(&run);
        require(run.status == 1 && strstr(run.errors, "FD_SETSIZE") != NULL,
                "exit status %d; it said: %s", run.status, run.errors);
        run_free(&run);
        return;
    }
    server_start(&server, target, &(struct start){.listen = NULL});
    peer_ask(peer_connect(server.address), "past them all\n");
    server_stop(&server, SIGTERM, NULL);
}

const struct behaviour limit_behaviours[] = {
    {.name = "signal_queue_overflows", .run = signal_queue_overflows},
    {.name = "descriptor_limit_32", .run = descriptor_limit_32},
    {.name = "clients_1500", .run = clients_1500},
    {.name = "max_clients_10",
     .run = max_clients_10,
     .not_for = MODEL_IN_TURN,
     .because = "it serves fewer at a time, and the next one waits"},
    {.name = "refused_while_asking",
     .run = refused_while_asking,
     .not_for = MODEL_IN_TURN,
     .because = "it serves fewer at a time, and the next one waits"},
    {.name = "inherited_descriptors", .run = inherited_descriptors},
    {.name = "idle_timeout", .run = idle_timeout},
    {.name = NULL}};

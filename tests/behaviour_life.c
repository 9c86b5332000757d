/* SPDX-License-Identifier: MIT */
/* Ending: by a signal, by two, with clients connected; and what must not be
 * left behind. */
#include "tests/behaviours.h"
#include "tests/peer.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/sockets.h"
#include "common/stop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than any server takes whose answers nobody reads. */
enum { MUCH = 16 * 1024 * 1024 };

/* Twenty are connected, as many as it can were served, and it is told to end.
 * Nobody who has his answer may be missing in the summary. */
static void end_with_20_clients(const struct target *target, int signal_number)
{
    enum { CLIENTS = 20 };
    int fds[CLIENTS];
    struct server server;
    struct summary summary;
    int talking = target_room(target, CLIENTS);
    server_start(&server, target, &(struct start){.listen = NULL});
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = peer_connect(server.address);
    for (int i = 0; i < talking; i++)
        peer_ask(fds[i], "0123456789");
    int64_t began = now_ms();
    server_stop(&server, signal_number, &summary);
    require(now_ms() - began < 5000, "it took %lld ms to end",
            (long long)(now_ms() - began));
    unsigned long long bytes = (unsigned long long)talking * 10;
    require(
        summary.served >= (unsigned long)talking && summary.served <= CLIENTS &&
            summary.bytes_in == bytes && summary.bytes_out == bytes,
        "%d clients and %llu bytes; it says: %s", talking, bytes, summary.line);
    for (int i = 0; i < talking; i++)
        peer_expect_end(fds[i]);
}

static void sigterm_with_20_clients(const struct target *target)
{
    end_with_20_clients(target, SIGTERM);
}

static void sigint_with_20_clients(const struct target *target)
{
    end_with_20_clients(target, SIGINT);
}

/* A second signal at the same time, or while it is ending: it may still end in
 * order, or at once with 130 or 143, but it must end. */
static void two_signals(const struct target *target, bool together)
{
    struct server server;
    server_start(&server, target, &(struct start){.listen = NULL});
    int fd = peer_connect(server.address);
    peer_ask(fd, "hello\n");
    if (together)
        server_freeze(&server);
    (void)kill(server.child.pid, SIGTERM);
    if (!together)
        peer_expect_end(fd);
    (void)kill(server.child.pid, SIGINT);
    if (together)
        server_thaw(&server);
    int status = spawn_end(&server.child, 0, 5000, NULL);
    require(WIFEXITED(status), "signal %d ended it (9: it did not end)",
            WTERMSIG(status));
    int code = WEXITSTATUS(status);
    require(code == 0 || code == 128 + SIGINT || code == 128 + SIGTERM,
            "exit status %d after two signals", code);
}

static void second_signal(const struct target *target)
{
    two_signals(target, true);
    two_signals(target, false);
}

/* A client has not read its answers when the stop comes, and reads on: all
 * that the server has taken from it is answered. */
static void replies_under_way(const struct target *target)
{
    enum { MOST = 32 * 1024 * 1024 };
    struct server server;
    struct summary summary;
    unsigned char *answer = malloc(MOST);
    require(answer != NULL, "no memory");
    server_start(&server, target, &(struct start){.listen = NULL});
    int fd = peer_connect(server.address);
    uint64_t sent = peer_stuff(fd, 0, MOST);
    require(sent < MOST, "it took %d MiB whose answer nobody reads",
            MOST / 1024 / 1024);
    (void)kill(server.child.pid, SIGTERM);
    nap_us(50000); /* it is in the middle of its end */
    size_t got = 0;
    ssize_t n = 1;
    while (n > 0) { /* a reset may follow: it asked more than was answered */
        require(peer_readable(fd, patience_ms), "nothing came after %zu", got);
        n = recv(fd, answer + got, MOST - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    stream_check(answer, 0, got);
    (void)close(fd);
    server_stop(&server, 0, &summary);
    require(got == summary.bytes_in && got == summary.bytes_out,
            "%zu bytes came; it says: %s", got, summary.line);
    free(answer);
}

/* A client that reads nothing has the whole grace, and no more: the server ends
 * then (server_stop waits 5 seconds), though the client is still there. */
static void grace_for_who_never_reads(const struct target *target)
{
    struct server server;
    server_start(&server, target, &(struct start){.listen = NULL});
    (void)peer_stuff(peer_connect_tight(server.address), 0, MUCH);
    int64_t began = now_ms();
    server_stop(&server, SIGTERM, NULL);
    require(now_ms() - began > STOP_GRACE_MS * 3 / 4,
            "it left a client %lld ms to take its answer",
            (long long)(now_ms() - began));
}

/* Its only client is reset during the grace: nobody is left to wait for. The
 * machine may make one end late, not each. */
static void reset_after_stop(const struct target *target)
{
    int64_t took = STOP_GRACE_MS;
    for (int i = 0; i < 4 && took > STOP_GRACE_MS * 3 / 4; i++) {
        struct server server;
        server_start(&server, target, &(struct start){.listen = NULL});
        int fd = peer_connect_tight(server.address);
        (void)peer_stuff(fd, 0, MUCH);
        int64_t began = now_ms();
        (void)kill(server.child.pid, SIGTERM);
        nap_us(PAUSE_MS * 1000); /* it is in the middle of its end */
        peer_reset(fd);
        server_stop(&server, 0, NULL);
        took = now_ms() - began;
    }
    require(took <= STOP_GRACE_MS * 3 / 4,
            "nobody is left, and it took %lld ms", (long long)took);
}

/* A newcomer is refused, or ended soon: but not answered. */
static void expect_turned_away(const char *text)
{
    struct address address;
    char byte;
    require(address_parse(text, &address) == NULL, "%s", text);
    int fd = socket_connect(&address, 0);
    if (fd < 0)
        return;
    (void)send(fd, "hello\n", 6, MSG_NOSIGNAL);
    require(peer_readable(fd, STOP_GRACE_MS / 2), "a newcomer hangs");
    require(recv(fd, &byte, 1, 0) <= 0, "a newcomer is answered");
    (void)close(fd);
}

/* While one takes the whole grace: a newcomer is turned away, and a question
 * that comes from an old client after the stop is not answered. */
static void newcomer_after_stop(const struct target *target)
{
    struct server server;
    char byte;
    int old = -1;
    server_start(&server, target, &(struct start){.listen = NULL});
    (void)peer_stuff(peer_connect_tight(server.address), 0, MUCH);
    if (!target_is(target, MODEL_ONE_AT_A_TIME)) {
        old = peer_connect(server.address);
        peer_ask(old, "before\n");
    }
    (void)kill(server.child.pid, SIGTERM);
    nap_us(PAUSE_MS * 1000); /* it is in the middle of its end */
    expect_turned_away(server.address);
    if (old >= 0)
        (void)send(old, "after\n", 6, MSG_NOSIGNAL);
    server_stop(&server, 0, NULL);
    require(old < 0 || recv(old, &byte, 1, MSG_DONTWAIT) <= 0,
            "a question after the stop is answered");
}

/* It closes first, with clients connected: its side of the connections stays
 * in TIME_WAIT and must not keep the next run out. */
static void restart_on_the_same_port(const struct target *target)
{
    struct server server;
    char address[ADDRESS_TEXT_MAX];
    struct start again = {.listen = address};
    server_start(&server, target, &(struct start){.listen = NULL});
    int fd = peer_connect(server.address);
    peer_ask(fd, "hello\n");
    snprintf(address, sizeof address, "%s", server.address);
    server_stop(&server, SIGTERM, NULL);
    peer_expect_end(fd);
    (void)close(fd);
    server_start(&server, target, &again);
    peer_ask(peer_connect(server.address), "hello again\n");
    server_stop(&server, SIGTERM, NULL);
}

/* A model that is told by signals must not believe everybody who sends one:
 * nothing is ready, nothing has finished. */
static void stray_signals(const struct target *target)
{
    struct server server;
    server_start(&server, target, &(struct start){.listen = NULL});
    int fd = peer_connect(server.address);
    peer_ask(fd, "before\n");
    /* The others do not use these two, and end by them as anybody does. */
    if (strcmp(target->model->name, "aio") == 0 ||
        strcmp(target->model->name, "sigio") == 0) {
        (void)kill(server.child.pid, SIGIO);
        (void)kill(server.child.pid, SIGRTMIN);
    }
    peer_ask(fd, "after\n");
    peer_ask(peer_connect(server.address), "a new one\n");
    server_stop(&server, SIGTERM, NULL);
}

static void unix_socket(const struct target *target)
{
    char folder[] = "/tmp/conformance-XXXXXX";
    char address[64];
    struct stat found;
    struct server server;
    require(mkdtemp(folder) != NULL, "mkdtemp failed");
    snprintf(address, sizeof address, "unix:%s/s", folder);
    server_start(&server, target, &(struct start){.listen = address});
    int fd = peer_connect(server.address);
    peer_ask(fd, "over a file name\n");
    peer_exchange_stream(fd, 100000);
    server_stop(&server, SIGTERM, NULL);
    bool left = stat(address + 5, &found) == 0;
    (void)unlink(address + 5);
    (void)rmdir(folder);
    require(!left, "%s is still there after the end", address + 5);
}

/* A client may give its end of a unix socket a name; --verbose shows it. */
static void unix_client_with_escapes(const struct target *target)
{
    static const char *const verbose[] = {"-v", NULL};
    char folder[] = "/tmp/conformance-XXXXXX";
    char address[64], said[TEXT_SIZE];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct address far;
    struct server server;
    require(mkdtemp(folder) != NULL, "mkdtemp failed");
    snprintf(address, sizeof address, "unix:%s/s", folder);
    snprintf(name.sun_path, sizeof name.sun_path, "%s/\x1b]0;title\x07",
             folder);
    server_start(&server, target,
                 &(struct start){.listen = address, .args = verbose});
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(address_parse(address, &far) == NULL, "%s", address);
    require(bind(fd, (struct sockaddr *)&name, sizeof name) == 0 &&
                connect(fd, (struct sockaddr *)&far.bytes, far.length) == 0,
            "a named client could not connect");
    peer_ask(fd, "hello\n");
    server_errors(&server, said);
    server_stop(&server, SIGTERM, NULL);
    (void)unlink(name.sun_path);
    (void)unlink(address + 5);
    (void)rmdir(folder);
    require(strstr(said, "]0;title") != NULL && strchr(said, '\x1b') == NULL,
            "the name should be shown without its escapes: %s", said);
}

const struct behaviour life_behaviours[] = {
    {.name = "sigterm_with_20_clients", .run = sigterm_with_20_clients},
    {.name = "sigint_with_20_clients", .run = sigint_with_20_clients},
    {.name = "second_signal", .run = second_signal},
    {.name = "replies_under_way", .run = replies_under_way},
    {.name = "grace_for_who_never_reads", .run = grace_for_who_never_reads},
    {.name = "reset_after_stop", .run = reset_after_stop},
    {.name = "newcomer_after_stop", .run = newcomer_after_stop},
    {.name = "restart_on_the_same_port", .run = restart_on_the_same_port},
    {.name = "stray_signals",
     .run = stray_signals,
     .not_for = MODEL_ONE_AT_A_TIME,
     .because = "its second client waits for the first"},
    {.name = "unix_socket", .run = unix_socket},
    {.name = "unix_client_with_escapes", .run = unix_client_with_escapes},
    {.name = NULL}};

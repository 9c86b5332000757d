/* SPDX-License-Identifier: MIT */
/*
 * The same conversations with a kernel in a bad mood: calls that a signal
 * interrupts, portions of a few bytes, sockets that are not ready after all,
 * and the signal to stop at the worst moment. The programs are the models'
 * own, linked with wrap_io.c, which says at the end what it did.
 */
#include "tests/behaviours.h"
#include "tests/peer.h"

#include "common/sockets.h"
#include "common/stop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum injected { EINTRS, SHORTS, EAGAINS, CHANCES, STOPS, INJECTED };

/* What wrap_io says that it did. */
static void read_injected(const char *said, long counts[INJECTED])
{
    const char *line = strstr(said, "wrap_io: ");
    require(line != NULL &&
                sscanf(line,
                       "wrap_io: %ld EINTR, %ld short, %ld EAGAIN "
                       "of %ld, %ld stop",
                       &counts[EINTRS], &counts[SHORTS], &counts[EAGAINS],
                       &counts[CHANCES], &counts[STOPS]) == 5,
            "wrap_io has said nothing; on standard error: %s", said);
}

/* Three clients and 40 KB each way, with half-closes. */
static void converse(const struct target *target, const char *setting,
                     enum injected what)
{
    const char *settings[] = {setting, NULL};
    const struct start start = {.settings = settings, .wrapped = true};
    struct server server;
    struct summary summary;
    char said[TEXT_SIZE];
    long counts[INJECTED];
    server_start(&server, target, &start);
    int error_fd = dup(server.error_fd);
    for (int i = 0; i < 3; i++) {
        int fd = peer_connect(server.address);
        peer_ask(fd, "hello\n");
        peer_exchange_stream(fd, 40000);
        peer_finish(fd);
        peer_expect_end(fd);
        (void)close(fd);
    }
    server_stop(&server, SIGTERM, &summary);
    server.error_fd = error_fd;
    read_injected(server_errors(&server, said), counts);
    require(counts[what] > 0 || (what == EAGAINS && counts[CHANCES] == 0),
            "nothing was injected: %s", said);
    require(summary.served == 3 && summary.bytes_in == 3 * 40006 &&
                summary.bytes_out == 3 * 40006,
            "3 clients and 120,018 bytes; it says: %s", summary.line);
}

static void interrupted_calls(const struct target *target)
{
    converse(target, "WRAP_EINTR=40", EINTRS);
}

static void short_counts(const struct target *target)
{
    converse(target, "WRAP_MOST=7", SHORTS);
}

/* A blocking socket never says EAGAIN; then there is nothing to inject. */
static void not_ready_after_all(const struct target *target)
{
    converse(target, "WRAP_EAGAIN=40", EAGAINS);
}

/* Comes, talks and goes until the server is gone, which may be at any moment.
 * False when it is gone. */
static bool visit(const char *text)
{
    struct address address;
    char byte = 'x';
    (void)address_parse(text, &address);
    int fd = socket_connect(&address, 0);
    for (int i = 0; i < 4 && fd >= 0; i++)
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 ||
            !peer_readable(fd, patience_ms) || recv(fd, &byte, 1, 0) != 1)
            break;
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* SIGTERM right before the server goes to sleep, when it has already looked
 * whether it may go on: it must not sleep through it. */
static void signal_before_the_sleep(const struct target *target)
{
    for (int nth = 1; nth <= 6; nth++) {
        char setting[32];
        const char *settings[] = {setting, NULL};
        const struct start start = {.settings = settings, .wrapped = true};
        struct server server;
        char said[TEXT_SIZE];
        long counts[INJECTED];
        snprintf(setting, sizeof setting, "WRAP_STOP=%d", nth);
        server_start(&server, target, &start);
        for (int i = 0; i < 20 && nth > 1 && visit(server.address); i++)
            ;
        /* Less than the grace, after which an alarm wakes whoever slept on. */
        int status = spawn_end(&server.child, 0, STOP_GRACE_MS - 200, NULL);
        require(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "SIGTERM before sleep %d: %s", nth,
                WIFSIGNALED(status) ? "it slept on" : "no orderly end");
        read_injected(server_errors(&server, said), counts);
        require(counts[STOPS] == 1, "nothing was injected: %s", said);
        (void)close(server.error_fd);
    }
}

/* Asks one thing; whoever is cut or refused has been answered, too. True when
 * the answer was the service's. */
static bool asks(const char *text)
{
    struct address address;
    char answer[6] = "";
    (void)address_parse(text, &address);
    int fd = socket_connect(&address, 0);
    if (fd < 0)
        return false;
    bool open = send(fd, "hello", 5, MSG_NOSIGNAL) == 5;
    require(!open || peer_readable(fd, patience_ms), "no answer, and no end");
    open = open && recv(fd, answer, 5, MSG_WAITALL) == 5;
    (void)close(fd);
    return open && strcmp(answer, "HELLO") == 0;
}

/* Starts it with the Nth allocation denied. It may say why it cannot start; if
 * it does, it serves on and ends in order. Returns how many were denied. */
static long deny_memory(const struct target *target, int nth, bool on)
{
    const char *argv[] = {target->wrapped_server, "-l", "127.0.0.1:0", NULL,
                          NULL};
    const struct spawn spawn = {.argv = (char *const *)argv, .catch_error = 1};
    struct child child;
    char number[16], said[TEXT_SIZE];
    long denied = -1;
    int answers = 0;
    argv[3] = target->model->args[0];
    snprintf(number, sizeof number, "%d", nth);
    (void)setenv("WRAP_NOMEM", number, 1);
    (void)setenv("WRAP_NOMEM_ON", on ? "1" : "0", 1);
    require(spawn_start(&child, &spawn) == 0, "start %s", argv[0]);
    int error = dup(child.error);
    bool ready = spawn_wait_ready(&child, patience_ms) == 0;
    for (int i = 0; i < 4 && ready; i++)
        answers += asks(child.ready);
    int status = spawn_end(&child, ready ? SIGTERM : 0, 5000, NULL);
    ssize_t n = read(error, said, sizeof said - 1);
    said[n > 0 ? n : 0] = '\0';
    (void)close(error);
    /* One says that it listens before it has all that it needs for that. */
    ready = ready && strstr(said, "watch the listener") == NULL;
    require(WIFEXITED(status) && WEXITSTATUS(status) == (ready ? 0 : 1),
            "without allocation %d%s: wait status 0x%x; it said: %s", nth,
            on ? " and all after it" : "", (unsigned)status, said);
    const char *line = strstr(said, " ENOMEM\n");
    while (line != NULL && line > said && line[-1] != ' ')
        line--;
    require(line != NULL && sscanf(line, "%ld", &denied) == 1,
            "wrap_io has said nothing: %s", said);
    require(on || !ready || answers >= 3, "one allocation cost %d of 4 clients",
            4 - answers);
    return denied;
}

/* The first allocation fails, then the second ..., until none is left to
 * fail; and again with all after it. A server that makes none passes. */
static void no_memory_at_any_call(const struct target *target)
{
    for (int on = 0; on < 2; on++)
        for (int nth = 1; deny_memory(target, nth, on) > 0; nth++)
            require(nth < 1000, "it allocates without end");
}

/* The model's client with the same faults. */
static void client_converse(const struct target *target, const char *setting,
                            enum injected what)
{
    const char *settings[] = {setting, NULL};
    struct server server;
    long counts[INJECTED];
    server_start(&server, target, &(struct start){.listen = NULL});
    const char *argv[] = {
        target->wrapped_client, "-c",
        server.address,         "a first message, longer than seven bytes",
        "and a second",         NULL};
    struct run run = {.argv = argv, .settings = settings};
    run_program(&run);
    require(run.status == 0, "exit status %d: %s", run.status, run.errors);
    require(strcmp(run.output, "A FIRST MESSAGE, LONGER THAN SEVEN BYTES\n"
                               "AND A SECOND\n") == 0,
            "it printed '%s'", run.output);
    read_injected(run.errors, counts);
    require(counts[what] > 0 || (what == EAGAINS && counts[CHANCES] == 0),
            "nothing was injected: %s", run.errors);
    run_free(&run);
    server_stop(&server, SIGTERM, NULL);
}

static void client_interrupted_calls(const struct target *target)
{
    client_converse(target, "WRAP_EINTR=60", EINTRS);
}

static void client_short_counts(const struct target *target)
{
    client_converse(target, "WRAP_MOST=3", SHORTS);
}

static void client_not_ready_after_all(const struct target *target)
{
    client_converse(target, "WRAP_EAGAIN=60", EAGAINS);
}

static const char by_the_kernel[] = "the kernel transfers, not a call";

const struct behaviour wrapped_behaviours[] = {
    {.name = "interrupted_calls", .run = interrupted_calls},
    {.name = "short_counts",
     .run = short_counts,
     .not_for = MODEL_NEEDS_URING,
     .because = by_the_kernel},
    {.name = "not_ready_after_all",
     .run = not_ready_after_all,
     .not_for = MODEL_NEEDS_URING,
     .because = by_the_kernel},
    {.name = "signal_before_the_sleep", .run = signal_before_the_sleep},
    {.name = "no_memory_at_any_call", .run = no_memory_at_any_call},
    {.name = "client_interrupted_calls", .run = client_interrupted_calls},
    {.name = "client_short_counts",
     .run = client_short_counts,
     .not_for = MODEL_NEEDS_URING,
     .because = by_the_kernel},
    {.name = "client_not_ready_after_all",
     .run = client_not_ready_after_all,
     .not_for = MODEL_NEEDS_URING,
     .because = by_the_kernel},
    {.name = NULL}};

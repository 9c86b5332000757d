/* SPDX-License-Identifier: MIT */
/* Starting: the command line, addresses, and how it says that it cannot. */
#include "tests/behaviours.h"
#include "tests/peer.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Runs the server with `argv`, to its end: it must end with `status` and name
 * its fault, with `word` in it, on one line behind its name. */
static void expect_fault(const char *const *argv, int status, const char *word)
{
    struct run run = {.argv = argv};
    run_program(&run);
    require(run.status == status, "%s %s: exit status %d instead of %d; %s",
            argv[1], argv[2] ? argv[2] : "", run.status, status, run.errors);
    require(count_lines(run.errors) == 1 && strstr(run.errors, word) != NULL,
            "%s %s: one line with '%s' in it is due; it said: %s", argv[1],
            argv[2] ? argv[2] : "", word, run.errors);
    require(run.output_length == 0, "%s: on standard output it said: %s",
            argv[1], run.output);
    run_free(&run);
}

static void bad_options(const struct target *target)
{
    static const char *const bad[][2] = {
        {"--no-such-option", NULL},
        {"-Z", NULL},
        {"surplus", NULL},
        {"--listen", NULL},
        {"--listen", "80"},
        {"--listen", "127.0.0.1"},
        {"--listen", "127.0.0.1:80x"},
        {"--listen", "127.0.0.1:65536"},
        {"--listen", "256.1.1.1:80"},
        {"--listen", "[::1]"},
        {"--listen", "unix:"},
        {"--listen", "127.0.0.1: 80"},
        {"--service", "lower"},
        {"--max-clients", "0"},
        {"--max-clients", "-1"},
        {"--max-clients", "ten"},
        {"--max-clients", "9223372036854775808"},
        {"--idle-timeout", "-1"},
        {"--idle-timeout", "soon"},
        {"--idle-timeout", ""},
        {"--idle-timeout", "1e9"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *word = bad[i][1] ? bad[i][1] : bad[i][0];
        const char *argv[] = {target->server, bad[i][0], bad[i][1], NULL};
        expect_fault(argv, 2, word);
    }
}

static void help(const struct target *target)
{
    const char *argv[] = {target->server, "--help", NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    require(run.status == 0, "--help: exit status %d", run.status);
    static const char *const words[] = {
        "usage: ",   "--listen",       "--service",  "--max-clients",
        "--verbose", "--idle-timeout", "-h, --help "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        require(strstr(run.output, words[i]) != NULL, "--help lacks %s: %s",
                words[i], run.output);
    require(run.errors[0] == '\0', "--help wrote to standard error: %s",
            run.errors);
    run_free(&run);
}

static void address_in_use(const struct target *target)
{
    struct server server;
    server_start(&server, target, &(struct start){.listen = NULL});
    const char *argv[] = {target->server, "--listen", server.address, NULL};
    expect_fault(argv, 1, "EADDRINUSE (Address already in use)");
    expect_fault(argv, 1, server.address);
    peer_ask(peer_connect(server.address), "the first one is well\n");
    server_stop(&server, SIGTERM, NULL);
}

/* An address of TEST-NET-1 (RFC 5737): no machine has it. */
static void address_of_another_machine(const struct target *target)
{
    const char *argv[] = {target->server, "--listen", "192.0.2.1:0", NULL};
    expect_fault(argv, 1, "EADDRNOTAVAIL");
}

static void ipv6(const struct target *target)
{
    struct server server;
    server_start(&server, target, &(struct start){.listen = "[::1]:0"});
    require(strncmp(server.address, "[::1]:", 6) == 0, "it listens on %s",
            server.address);
    int fd = peer_connect(server.address);
    peer_ask(fd, "sixteen bytes of address\n");
    peer_exchange_stream(fd, 100000);
    server_stop(&server, SIGTERM, NULL);
}

static void ready_line(const struct target *target)
{
    struct server server;
    server_start(&server, target, &(struct start){.listen = NULL});
    const char *said = server.child.words;
    require(strncmp(said, "listening on 127.0.0.1:", 23) == 0 &&
                count_lines(said) == 1 && said[strlen(said) - 2] == ')',
            "the ready line reads: %s", said);
    require(strstr(said, ":0 ") == NULL, "port 0 is no port: %s", said);
    server_stop(&server, SIGTERM, NULL);
}

/* With standard input and error closed, their numbers are the next free ones:
 * a client must not get one, and the operator's messages with it. */
static void closed_streams(const struct target *target)
{
    static const char *const verbose[] = {"-v", NULL};
    const struct start start = {.args = verbose, .closed_streams = true};
    struct server server;
    server_start(&server, target, &start);
    peer_ask(peer_connect(server.address), "my answer, and nothing else\n");
    server_stop(&server, SIGTERM, NULL);
}

/* What --verbose says is more than the pipe takes, and nobody reads it. */
static void unread_errors(const struct target *target)
{
    static const char *const verbose[] = {"-v", NULL};
    const struct start start = {.args = verbose, .unread_errors = true};
    struct server server;
    server_start(&server, target, &start);
    for (int i = 0; i < 100; i++) {
        int fd = peer_connect(server.address);
        peer_ask(fd, "hello\n");
        (void)close(fd);
    }
    server_stop(&server, SIGTERM, NULL);
}

const struct behaviour start_behaviours[] = {
    {.name = "ready_line", .run = ready_line},
    {.name = "bad_options", .run = bad_options},
    {.name = "help", .run = help},
    {.name = "address_in_use", .run = address_in_use},
    {.name = "address_of_another_machine", .run = address_of_another_machine},
    {.name = "ipv6", .run = ipv6},
    {.name = "closed_streams", .run = closed_streams},
    {.name = "unread_errors", .run = unread_errors},
    {.name = NULL}};

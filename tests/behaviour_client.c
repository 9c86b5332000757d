/* SPDX-License-Identifier: MIT */
/* Each model's client beside its server: messages from every source, the
 * account, hostile bytes, and a server that goes away. */
#include "tests/behaviours.h"
#include "tests/peer.h"

#include "common/sockets.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct start usual = {.listen = NULL};

static void expect_output(const struct run *run, const char *due)
{
    require(run->status == 0, "exit status %d; it said: %s", run->status,
            run->errors);
    require(strcmp(run->output, due) == 0, "it should print '%s', not '%s'",
            due, run->output);
}

static void client_arguments(const struct target *target)
{
    struct server server;
    server_start(&server, target, &usual);
    const char *argv[] = {target->client, "--connect", server.address, "hello",
                          "two words",    "",          "last",         NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    expect_output(&run, "HELLO\nTWO WORDS\n\nLAST\n");
    require(run.errors[0] == '\0', "on standard error: %s", run.errors);
    run_free(&run);
    server_stop(&server, SIGTERM, NULL);
}

static void client_stdin(const struct target *target)
{
    struct server server;
    const char *input = "first\nsecond line\n\nno newline at the end";
    server_start(&server, target, &usual);
    const char *argv[] = {target->client, "-c", server.address, NULL};
    struct run run = {
        .argv = argv, .input = input, .input_length = strlen(input)};
    run_program(&run);
    expect_output(&run, "FIRST\nSECOND LINE\n\nNO NEWLINE AT THE END");
    run_free(&run);
    server_stop(&server, SIGTERM, NULL);
}

static void client_empty_stdin(const struct target *target)
{
    struct server server;
    server_start(&server, target, &usual);
    const char *argv[] = {target->client, "-c", server.address, NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    expect_output(&run, "");
    run_free(&run);
    server_stop(&server, SIGTERM, NULL);
}

/* Lines of every length up to more than one message, 300 KB together. */
static void client_big_stdin(const struct target *target)
{
    enum { SIZE = 300 * 1000 };
    char *text = malloc(SIZE + 1);
    struct server server;
    require(text != NULL, "no memory");
    for (int i = 0, line = 1, left = 1; i < SIZE; i++) {
        text[i] = (char)(' ' + stream_byte((uint64_t)i) % 95);
        if (--left == 0) {
            text[i] = '\n';
            left = line++ * 61;
        }
    }
    text[SIZE] = '\0';
    server_start(&server, target, &usual);
    const char *argv[] = {target->client, "-c", server.address, NULL};
    struct run run = {.argv = argv, .input = text, .input_length = SIZE};
    run_program(&run);
    require(run.status == 0, "exit status %d: %s", run.status, run.errors);
    require(run.output_length == SIZE, "%zu of %d bytes came back",
            run.output_length, SIZE);
    for (int i = 0; i < SIZE; i++)
        require(run.output[i] == toupper((unsigned char)text[i]),
                "byte %d: '%c' became '%c'", i, text[i], run.output[i]);
    run_free(&run);
    free(text);
    server_stop(&server, SIGTERM, NULL);
}

static void client_escapes(const struct target *target)
{
    struct server server;
    server_start(&server, target, &usual);
    const char *argv[] = {target->client,
                          "-c",
                          server.address,
                          "\x1b]0;title\x07 \x1b[2J\r",
                          "raw \x9b and \xc2\x9b, good \xc3\xa9",
                          NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    expect_output(&run, "\\x1b]0;TITLE\\x07 \\x1b[2J\\x0d\n"
                        "RAW \\x9b AND \\xc2\\x9b, GOOD \xc3\xa9\n");
    run_free(&run);
    server_stop(&server, SIGTERM, NULL);
}

static void client_work(const struct target *target)
{
    struct server server;
    server_start(&server, target, &usual);
    const char *argv[] = {target->client, "--work", "-c", server.address,
                          "hello",        "again",  NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    expect_output(&run, "HELLO\nAGAIN\n");
    require(count_lines(run.errors) == 1 &&
                strstr(run.errors, "2 replies") != NULL &&
                strstr(run.errors, "waited ") != NULL &&
                strstr(run.errors, "in vain ") != NULL &&
                strstr(run.errors, "units of other work") != NULL,
            "the account reads: %s", run.errors);
    run_free(&run);
    server_stop(&server, SIGTERM, NULL);
}

/* Standard output is full, then standard input is a folder: no success. */
static void client_streams_fail(const struct target *target)
{
    static const char *const scripts[] = {"exec \"$0\" -c \"$1\" x >/dev/full",
                                          "exec \"$0\" -c \"$1\" </"};
    static const char *const due[] = {"ENOSPC", "EISDIR"};
    struct server server;
    server_start(&server, target, &usual);
    for (int i = 0; i < 2; i++) {
        const char *argv[] = {"/bin/sh",      "-c",           scripts[i],
                              target->client, server.address, NULL};
        struct run run = {.argv = argv};
        run_program(&run);
        require(run.status == 1 && count_lines(run.errors) == 1 &&
                    strstr(run.errors, due[i]) != NULL,
                "%s is due; exit status %d, it said: %s", due[i], run.status,
                run.errors);
        run_free(&run);
    }
    server_stop(&server, SIGTERM, NULL);
}

static int listen_here(char address[ADDRESS_TEXT_MAX])
{
    struct address any;
    (void)address_parse("127.0.0.1:0", &any);
    int fd = socket_listen(&any, 0);
    require(fd >= 0, "cannot listen");
    address_of_socket(fd, address);
    return fd;
}

/* The test is the server, takes the question, and leaves: with a farewell in
 * the middle of the answer, or with a reset. */
static void server_leaves(const struct target *target, bool reset)
{
    char address[ADDRESS_TEXT_MAX];
    char question[6];
    struct child child;
    int files[3];
    int listen_fd = listen_here(address);
    const char *argv[] = {target->client, "-c", address, "hello", NULL};
    struct run run = {.argv = argv};
    run_begin(&run, &child, files);
    require(peer_readable(listen_fd, patience_ms), "the client does not come");
    int fd = accept(listen_fd, NULL, NULL);
    require(fd >= 0, "accept failed");
    peer_receive(fd, question, sizeof question);
    if (reset) {
        peer_reset(fd);
    } else {
        peer_send(fd, "HEL", 3);
        (void)close(fd);
    }
    run_finish(&run, &child, files);
    require(run.status == 1, "the server left: exit status %d", run.status);
    require(count_lines(run.errors) == 1, "one line is due, not: %s",
            run.errors);
    require(reset || strcmp(run.output, "HEL") == 0,
            "what had come was HEL, it printed '%s'", run.output);
    (void)close(listen_fd);
    run_free(&run);
}

static void client_server_leaves(const struct target *target)
{
    server_leaves(target, false);
}

static void client_server_resets(const struct target *target)
{
    server_leaves(target, true);
}

static void client_no_server(const struct target *target)
{
    char address[ADDRESS_TEXT_MAX];
    (void)close(listen_here(address)); /* a port where nobody listens */
    const char *argv[] = {target->client, "-c", address, "hello", NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    require(run.status == 1 && strstr(run.errors, "ECONNREFUSED") != NULL &&
                strstr(run.errors, address) != NULL,
            "exit status %d; it said: %s", run.status, run.errors);
    run_free(&run);
}

static void client_bad_options(const struct target *target)
{
    static const char *const bad[][2] = {{"--connect", "127.0.0.1:80x"},
                                         {"--connect", NULL},
                                         {"--listen", "127.0.0.1:80"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *argv[] = {target->client, bad[i][0], bad[i][1], NULL};
        struct run run = {.argv = argv};
        run_program(&run);
        require(run.status == 2 && count_lines(run.errors) == 1 &&
                    strstr(run.errors, bad[i][0]) != NULL,
                "%s: exit status %d; it said: %s", bad[i][0], run.status,
                run.errors);
        run_free(&run);
    }
}

const struct behaviour client_behaviours[] = {
    {.name = "client_arguments", .run = client_arguments},
    {.name = "client_stdin", .run = client_stdin},
    {.name = "client_empty_stdin", .run = client_empty_stdin},
    {.name = "client_big_stdin", .run = client_big_stdin},
    {.name = "client_escapes", .run = client_escapes},
    {.name = "client_work", .run = client_work},
    {.name = "client_streams_fail", .run = client_streams_fail},
    {.name = "client_server_leaves", .run = client_server_leaves},
    {.name = "client_server_resets", .run = client_server_resets},
    {.name = "client_no_server", .run = client_no_server},
    {.name = "client_bad_options", .run = client_bad_options},
    {.name = NULL}};

/* SPDX-License-Identifier: MIT */
#include "common/server.h"

#include "common/sockets.h"
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors beside the clients': standard streams, listener, epoll or ring,
 * and some to spare. */
enum { OTHER_DESCRIPTORS = 16, DEFAULT_CLIENTS = 4096 };

/* How much of a refused client's question is read, in portions of 4 KiB. */
enum { UNREAD_PORTIONS = 16 };

void server_options_parse(struct server_options *options, int argc, char **argv,
                          const char *model, const char *about,
                          long most_clients, const struct option_spec *more)
{
    *options = (struct server_options){.model = model};
    options->max_clients =
        most_clients < DEFAULT_CLIENTS ? most_clients : DEFAULT_CLIENTS;
    options->service = service_find("upper");
    (void)address_parse("127.0.0.1:8080", &options->listen);
    char clients[64];
    snprintf(clients, sizeof clients, "most clients at a time [%ld]",
             options->max_clients);
    const struct option_spec specs[] = {
        {'l', "listen", "ADDR",
         "HOST:PORT, [V6]:PORT, unix:PATH [127.0.0.1:8080]", OPTION_ADDRESS,
         &options->listen, 0, 0},
        {'s', "service", "NAME", "upper or echo [upper]", OPTION_SERVICE,
         &options->service, 0, 0},
        {'m', "max-clients", "N", clients, OPTION_NUMBER, &options->max_clients,
         1, most_clients},
        {'t', "idle-timeout", "SECONDS",
         "close a client idle for so long [0: never]", OPTION_SECONDS,
         &options->idle_timeout_ms, 0, 86400000},
        {'v', "verbose", NULL, "tell of each client on standard error",
         OPTION_FLAG, &options->verbose, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .about = about,
        .after = "Port 0 takes any free port. Ctrl-C or SIGTERM ends it with a "
                 "summary.",
        .specs = specs,
        .more = more};
    (void)options_parse(argc, argv, &usage);
}

int server_listen(const struct server_options *options, int flags)
{
    char text[ADDRESS_TEXT_MAX];
    (void)socket_raise_descriptor_limit(options->max_clients +
                                        OTHER_DESCRIPTORS);
    int fd = socket_listen(&options->listen, flags);
    if (fd < 0)
        die_errno("listen on %s", address_format(&options->listen, text));
    if (!address_is_local(&options->listen))
        warn("warning: everybody who can reach this machine can connect");
    printf("listening on %s (%s)\n", address_of_socket(fd, text),
           options->model);
    fflush(stdout);
    return fd;
}

void server_tell(const struct server_options *options, int fd, const char *what)
{
    char text[ADDRESS_TEXT_MAX];
    if (!options->verbose)
        return;
    /* The path of a unix client is of its own choice: no command may reach the
     * operator's terminal in it. */
    address_of_peer(fd, text);
    text_clean(text, strlen(text));
    report_line("%s: fd %d (%s) %s\n", report_program_name(), fd, text, what);
}

void server_refuse(const struct server_options *options, int fd,
                   const char *reason, struct stats *stats)
{
    char line[128];
    char unread[4096];
    int length = snprintf(line, sizeof line, "busy: %s\n", reason);
    stats->refused++;
    server_tell(options, fd, reason);
    warn("a client was refused: %s", reason);
    /* Closing with bytes unread would send a reset, and a reset overtakes the
     * message. What has already come is read, up to 64 KiB; nobody waits for
     * more. */
    (void)send(fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < UNREAD_PORTIONS; i++)
        if (recv(fd, unread, sizeof unread, MSG_DONTWAIT) <= 0)
            break;
    (void)close(fd);
}

void server_client_failed(const struct server_options *options, int fd,
                          int error, struct stats *stats)
{
    stats->reset++;
    server_tell(options, fd, errno_name(error));
}

void server_end(const struct server_options *options, const struct stats *stats)
{
    const char *path = address_unix_path(&options->listen);
    if (path != NULL && unlink(path) < 0 && errno != ENOENT)
        warn("unlink %s: %s", path, strerror(errno));
    stats_print(stats);
}

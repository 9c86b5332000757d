/* SPDX-License-Identifier: MIT */
/*
 * What every server does before its lesson begins and after it has ended:
 * options, the listening socket, the ready line; the farewell.
 */
#ifndef COMMON_SERVER_H
#define COMMON_SERVER_H

#include "common/address.h"
#include "common/options.h"
#include "common/report.h"
#include "common/service.h"

#include <stdbool.h>

struct server_options {
    const char *model; /* "select": stands in the ready line */
    struct address listen;
    const struct service *service;
    long max_clients;
    long idle_timeout_ms; /* 0: never */
    bool verbose;
};

/*
 * Reads the command line that all servers share, and `more` (may be NULL; its
 * last name is NULL). `about` says in --help what this server shows.
 * `most_clients` is what --max-clients may be at most, and its default is
 * 4096 or that.
 */
void server_options_parse(struct server_options *options, int argc, char **argv,
                          const char *model, const char *about,
                          long most_clients, const struct option_spec *more);

/*
 * Raises the soft descriptor limit as far as --max-clients needs, listens, and
 * prints `listening on ADDR (model)`. `flags` are added to socket(2)'s type:
 * SOCK_NONBLOCK or 0. Returns the descriptor, *caller closes*; ends the
 * program with a message when it cannot listen.
 */
int server_listen(const struct server_options *options, int flags);

/* With --verbose: one line on standard error about the client on `fd`. */
void server_tell(const struct server_options *options, int fd,
                 const char *what);

/*
 * Tells a client beyond a limit why (`busy: REASON`) and closes `fd`, which it
 * *takes*. Never waits for the client.
 */
void server_refuse(const struct server_options *options, int fd,
                   const char *reason, struct stats *stats);

/*
 * Counts what `error` from recv or send means: a connection that ended in an
 * error is that client's affair alone.
 */
void server_client_failed(const struct server_options *options, int fd,
                          int error, struct stats *stats);

/* Removes the unix socket if there was one, and prints the summary line. */
void server_end(const struct server_options *options,
                const struct stats *stats);

#endif

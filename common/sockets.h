/* SPDX-License-Identifier: MIT */
/*
 * Socket set-up that is the same for every model. Helpers return >= 0, or -1
 * with errno set, and print nothing. See socket(7), tcp(7), unix(7).
 */
#ifndef COMMON_SOCKETS_H
#define COMMON_SOCKETS_H

#include "common/address.h"

#include <errno.h>
#include <stdbool.h>

/*
 * A listening stream socket at `address`, with the longest backlog allowed
 * (the kernel cuts it to net.core.somaxconn). `flags` are added to the type:
 * SOCK_NONBLOCK or 0; SOCK_CLOEXEC always is.
 *
 * - SO_REUSEADDR: a restart need not wait for the last run's TIME_WAIT.
 * - TCP_NODELAY: on Linux an accepted socket inherits it from its listener. An
 *   answer that leaves in two sends must not wait for the client's ACK.
 * - A unix socket file that nobody listens on any more is replaced.
 *
 * Returns the descriptor, *caller closes* (and unlinks a unix path).
 */
int socket_listen(const struct address *address, int flags);

/*
 * A stream socket connected to `address`, TCP_NODELAY set; *caller closes*.
 * With SOCK_NONBLOCK in `flags` the connect may still be under way when it
 * returns: wait for writability, then ask socket_error().
 */
int socket_connect(const struct address *address, int flags);

/* True when `error` says 'not now' and nothing is wrong: the socket would have
 * blocked (EAGAIN; EWOULDBLOCK is the same number on Linux), or a signal came
 * between (EINTR). The caller comes back later. */
static inline bool would_block(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* The pending error of `fd` (SO_ERROR), 0 for none, and clears it. */
int socket_error(int fd);

/* recv and send on `fd` give up with EAGAIN after `ms` without any progress
 * (SO_RCVTIMEO, SO_SNDTIMEO); 0 means never. */
int socket_set_timeout(int fd, long ms);

/* Raises RLIMIT_NOFILE's soft limit to `wanted` or the hard limit, if it is
 * lower. Returns the limit now in force. */
long socket_raise_descriptor_limit(long wanted);

#endif

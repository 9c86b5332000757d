/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets (UDP), and why two servers can never talk for ever.
 *
 * Anybody can forge a datagram that seems to come from another server. If a
 * server answered it, and the other server answered the answer, the two would
 * go on until one is switched off: a datagram has no connection that ends. A
 * mark in the data would help, but the service's bytes are the client's. The
 * mark stands in the IP header instead:
 *
 *   - what a server sends leaves with ANSWER_HOPS hops to go (TTL), and
 *     hops only ever get fewer on the way;
 *   - what a server is sent with no more hops than that, the kernel throws
 *     away (a filter on the socket). A client starts with 64 or more.
 *
 * So an answer is never answered: one forged datagram causes one answer. This
 * holds whatever anybody sends, but only between servers that both use this
 * file. For the small old services that answer everything (echo, chargen,
 * time), see datagram_may_answer(). Limit: a client 32 or more hops away is
 * not heard.
 *
 * Follows ip(7), udp(7), socket(7); RFC 5082 uses hops in the same spirit.
 */
#ifndef COMMON_DATAGRAM_H
#define COMMON_DATAGRAM_H

#include "common/address.h"

#include <stdbool.h>

enum { ANSWER_HOPS = 32, QUESTION_HOPS = 64 };

/* The longest that UDP over IPv4 carries. */
enum { DATAGRAM_MAX = 65507 };

/*
 * A server's socket, bound to `address`, with the mark and the filter. `flags`
 * are SOCK_NONBLOCK or 0. Returns the descriptor, *caller closes*, or -1 with
 * errno; EAFNOSUPPORT for a unix path.
 */
int datagram_bind(const struct address *address, int flags);

/* datagram_bind(), the warning for an open address and the ready line
 * `listening on ADDR (MODEL)`; ends the program with a message on failure. */
int datagram_serve(const struct address *address, const char *model, int flags);

/*
 * A client's socket that hears `address` alone: the kernel throws away what
 * anybody else sends to it, and reports ICMP errors, ECONNREFUSED above all,
 * with the next call. Nothing is sent. Returns the descriptor, *caller
 * closes*, or -1 with errno.
 */
int datagram_connect(const struct address *address, int flags);

/* False when the datagram claims to come from one of the ports below 1024:
 * servers live there, and some of them answer everything. */
bool datagram_may_answer(const struct address *source);

/* How many datagrams the kernel threw away on `fd`: stopped by the filter, or
 * arrived while the buffer was full. 0 when it cannot tell. */
unsigned datagram_dropped(int fd);

/* True when both are the same address and port. */
bool address_equal(const struct address *a, const struct address *b);

#endif

/* SPDX-License-Identifier: MIT */
/* Addresses as people write them: HOST:PORT, [V6]:PORT, unix:PATH. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <sys/socket.h>

/* The longest text is unix: and a path of 107 bytes. */
enum { ADDRESS_TEXT_MAX = 128 };

struct address {
    struct sockaddr_storage bytes;
    socklen_t length;
};

/*
 * Reads `text` into `*address`. HOST is an IPv4 address, `localhost` or `*`
 * (every interface); V6 is an IPv6 address; PORT is 0 to 65535 in decimal.
 * No name is looked up, so no call to a name server can block a lesson.
 * Returns NULL on success, else a sentence that names what is wrong (static).
 */
const char *address_parse(const char *text, struct address *address);

/*
 * Writes `address` into `text` in the form that address_parse() reads.
 * An address that the kernel left unnamed (a unix client) reads `unix:`.
 * Returns `text`.
 */
const char *address_format(const struct address *address,
                           char text[ADDRESS_TEXT_MAX]);

/* The same, for the near (getsockname) and far (getpeername) end of `fd`;
 * "?" when the kernel no longer knows it. */
const char *address_of_socket(int fd, char text[ADDRESS_TEXT_MAX]);
const char *address_of_peer(int fd, char text[ADDRESS_TEXT_MAX]);

/* Nonzero when only this machine can reach `address`. */
int address_is_local(const struct address *address);

/* The path of a unix address, or NULL for any other. Borrowed. */
const char *address_unix_path(const struct address *address);

#endif

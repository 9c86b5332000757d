/* SPDX-License-Identifier: MIT */
#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Digits only: strtol alone would take " 80", "+80" and "80x". */
static int parse_port(const char *text, in_port_t *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -1;
    long value = strtol(text, NULL, 10);
    if (value > 65535)
        return -1;
    *port = htons((in_port_t)value);
    return 0;
}

static const char *parse_unix(const char *path, struct address *address)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->bytes;
    if (*path == '\0')
        return "unix: needs a path, as in unix:/tmp/upper.sock";
    if (strlen(path) >= sizeof un->sun_path)
        return "the path of a unix socket has at most 107 bytes";
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, path);
    address->length = sizeof *un;
    return NULL;
}

static const char *parse_v6(const char *text, struct address *address)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->bytes;
    const char *close = strchr(text, ']');
    char host[INET6_ADDRSTRLEN];
    size_t length = close ? (size_t)(close - text - 1) : sizeof host;
    if (close == NULL || close[1] != ':')
        return "an IPv6 address is written [V6]:PORT, as in [::1]:8080";
    if (length >= sizeof host)
        return "not an IPv6 address between the brackets";
    memcpy(host, text + 1, length);
    host[length] = '\0';
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
        return "not an IPv6 address between the brackets";
    if (parse_port(close + 2, &in6->sin6_port) < 0)
        return "the port is a number from 0 to 65535";
    in6->sin6_family = AF_INET6;
    address->length = sizeof *in6;
    return NULL;
}

static const char *parse_v4(const char *text, struct address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->bytes;
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN];
    size_t length = colon ? (size_t)(colon - text) : sizeof host;
    if (colon == NULL)
        return "needs a port, as in 127.0.0.1:8080";
    if (length >= sizeof host)
        return "not an IPv4 address before the colon";
    memcpy(host, text, length);
    host[length] = '\0';
    if (strcmp(host, "*") == 0)
        in->sin_addr.s_addr = htonl(INADDR_ANY);
    else if (strcmp(host, "localhost") == 0)
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
        return "not an IPv4 address before the colon";
    if (parse_port(colon + 1, &in->sin_port) < 0)
        return "the port is a number from 0 to 65535";
    in->sin_family = AF_INET;
    address->length = sizeof *in;
    return NULL;
}

const char *address_parse(const char *text, struct address *address)
{
    memset(address, 0, sizeof *address);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, address);
    if (text[0] == '[')
        return parse_v6(text, address);
    return parse_v4(text, address);
}

const char *address_format(const struct address *address,
                           char text[ADDRESS_TEXT_MAX])
{
    const struct sockaddr *any = (const struct sockaddr *)&address->bytes;
    const struct sockaddr_in *in = (const struct sockaddr_in *)any;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)any;
    const struct sockaddr_un *un = (const struct sockaddr_un *)any;
    char host[INET6_ADDRSTRLEN];
    switch (any->sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in->sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_MAX, "[%s]:%u", host,
                 ntohs(in6->sin6_port));
        break;
    case AF_UNIX:
        /* A name that fills sun_path has no closing zero byte. */
        snprintf(text, ADDRESS_TEXT_MAX, "unix:%.*s",
                 address->length > offsetof(struct sockaddr_un, sun_path)
                     ? (int)sizeof un->sun_path
                     : 0,
                 un->sun_path);
        break;
    default:
        snprintf(text, ADDRESS_TEXT_MAX, "?");
    }
    return text;
}

const char *address_of_socket(int fd, char text[ADDRESS_TEXT_MAX])
{
    struct address address = {.length = sizeof address.bytes};
    struct sockaddr *any = (struct sockaddr *)&address.bytes;
    if (getsockname(fd, any, &address.length) < 0)
        memset(&address, 0, sizeof address);
    return address_format(&address, text);
}

const char *address_of_peer(int fd, char text[ADDRESS_TEXT_MAX])
{
    struct address address = {.length = sizeof address.bytes};
    struct sockaddr *any = (struct sockaddr *)&address.bytes;
    if (getpeername(fd, any, &address.length) < 0)
        memset(&address, 0, sizeof address);
    return address_format(&address, text);
}

int address_is_local(const struct address *address)
{
    const struct sockaddr *any = (const struct sockaddr *)&address->bytes;
    const struct sockaddr_in *in = (const struct sockaddr_in *)any;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)any;
    switch (any->sa_family) {
    case AF_INET:
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    default:
        return any->sa_family == AF_UNIX;
    }
}

const char *address_unix_path(const struct address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->bytes;
    return un->sun_family == AF_UNIX ? un->sun_path : NULL;
}

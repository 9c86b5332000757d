/* SPDX-License-Identifier: MIT */
#include "common/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static const int on = 1;

static int family_of(const struct address *address)
{
    return ((const struct sockaddr *)&address->bytes)->sa_family;
}

/* Closes `fd` and keeps the errno that led here. */
static int fail(int fd)
{
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static int set_tcp_options(int fd, int family)
{
    if (family == AF_UNIX)
        return 0;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Removes a socket file that a killed server left; a live one, or a file that
 * is no socket, stays. Returns 0 when bind may be tried again. */
static int remove_stale(const struct address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->bytes;
    const char *path = address_unix_path(address);
    struct stat found;
    /* connect says ECONNREFUSED of a regular file too. */
    if (lstat(path, &found) < 0 || !S_ISSOCK(found.st_mode))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int answer = connect(fd, name, address->length);
    int stale = answer < 0 && errno == ECONNREFUSED;
    (void)close(fd);
    return stale ? unlink(path) : -1;
}

static int bind_address(int fd, const struct address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->bytes;
    if (bind(fd, name, address->length) == 0)
        return 0;
    if (family_of(address) != AF_UNIX || errno != EADDRINUSE)
        return -1;
    if (remove_stale(address) < 0) {
        errno = EADDRINUSE;
        return -1;
    }
    return bind(fd, name, address->length);
}

int socket_listen(const struct address *address, int flags)
{
    int family = family_of(address);
    /* [setup:listen] socket, bind, listen: the address now answers. */
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    if (family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return fail(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        set_tcp_options(fd, family) < 0 || bind_address(fd, address) < 0 ||
        listen(fd, SOMAXCONN) < 0)
        return fail(fd);
    return fd;
}

int socket_connect(const struct address *address, int flags)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->bytes;
    int family = family_of(address);
    /* [setup:connect] A socket of our own, and the handshake with the peer. */
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    if (set_tcp_options(fd, family) < 0)
        return fail(fd);
    if (connect(fd, name, address->length) < 0 && errno != EINPROGRESS)
        return fail(fd);
    return fd;
}

int socket_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return errno;
    return error;
}

int socket_set_timeout(int fd, long ms)
{
    struct timeval t = {ms / 1000, ms % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

long socket_raise_descriptor_limit(long wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -1;
    rlim_t most =
        (rlim_t)wanted < limit.rlim_max ? (rlim_t)wanted : limit.rlim_max;
    if (limit.rlim_cur < most) {
        limit.rlim_cur = most;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            return -1;
    }
    return (long)limit.rlim_cur;
}

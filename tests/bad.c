/* SPDX-License-Identifier: MIT */
#include "tests/bad.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/sockets.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, ANSWER_MS = 10 };

uint64_t bad_random(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static int open_to(const char *text)
{
    struct address address;
    return address_parse(text, &address) ? -1 : socket_connect(&address, 0);
}

static void close_with_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

/* Sends without caring. Returns how much went. */
static size_t throw_at(int fd, const void *bytes, size_t length)
{
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* Half of the resets meet a server that reads, half one that writes. */
static int act_rst(const struct bad_client *c)
{
    static char bytes[CHUNK];
    memset(bytes, 'x', sizeof bytes);
    for (long i = 0; i < c->count; i++) {
        int fd = open_to(c->address);
        if (fd < 0)
            continue;
        (void)throw_at(fd, bytes, i % 2 ? sizeof bytes : 1);
        if (i % 4 == 3)
            nap_us(500); /* some of the answer comes, and nobody reads it */
        close_with_reset(fd);
    }
    return -1;
}

/* In turn: leave at once; leave with the answer unread, which is a reset; ask
 * for more than one answer can hold, and the second meets a closed socket:
 * EPIPE, and SIGPIPE. */
static int act_fin(const struct bad_client *c)
{
    static char bytes[CHUNK];
    memset(bytes, 'g', sizeof bytes);
    memcpy(bytes, "gone before the answer\n", 23);
    for (long i = 0; i < c->count; i++) {
        int fd = open_to(c->address);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (fd < 0)
            continue;
        (void)throw_at(fd, bytes, i % 3 == 2 ? sizeof bytes : 23);
        if (i % 3 == 1)
            (void)poll(&p, 1, ANSWER_MS);
        (void)close(fd);
    }
    return -1;
}

static int act_halfclose(const struct bad_client *c)
{
    int fd = -1;
    for (long i = 0; i < c->count; i++) {
        if (fd >= 0)
            (void)close(fd);
        if ((fd = open_to(c->address)) < 0)
            continue;
        (void)throw_at(fd, "half\n", 5);
        (void)shutdown(fd, SHUT_WR);
    }
    return fd;
}

/* A byte, a pause, a byte: for `count` milliseconds. */
static int act_trickle(const struct bad_client *c)
{
    int fd = open_to(c->address);
    for (long ms = 0; fd >= 0 && ms < c->count; ms += 5) {
        (void)throw_at(fd, "t", 1);
        nap_us(5000);
    }
    return fd;
}

/* Sends as much as the server takes, for `count` milliseconds, and reads it
 * all back without looking at it. */
static int act_flood(const struct bad_client *c)
{
    static char bytes[CHUNK];
    int fd = open_to(c->address);
    int64_t until = now_ms() + c->count;
    memset(bytes, 'f', sizeof bytes);
    while (fd >= 0 && now_ms() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
        if (poll(&p, 1, 100) > 0 && (p.revents & POLLOUT))
            (void)throw_at(fd, bytes, sizeof bytes);
        while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            ;
        if (p.revents & (POLLERR | POLLHUP))
            break;
    }
    return fd;
}

static int act_silent(const struct bad_client *c)
{
    int fd = -1;
    for (long i = 0; i < c->count; i++)
        fd = open_to(c->address);
    return fd;
}

static int act_garbage(const struct bad_client *c)
{
    unsigned char bytes[4096];
    uint64_t seed = c->seed;
    int fd = open_to(c->address);
    for (long sent = 0; fd >= 0 && sent < c->count; sent += sizeof bytes) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (unsigned char)bad_random(&seed);
        (void)throw_at(fd, bytes, sizeof bytes);
        while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            ;
    }
    return fd;
}

static int act_oob(const struct bad_client *c)
{
    int fd = open_to(c->address);
    for (long i = 0; fd >= 0 && i < c->count; i++)
        (void)send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT);
    return fd;
}

/* All connected at the same time, all gone at the same time. */
static int act_many(const struct bad_client *c)
{
    int *fds = calloc((size_t)c->count, sizeof *fds);
    for (long i = 0; fds != NULL && i < c->count; i++)
        if ((fds[i] = open_to(c->address)) >= 0)
            (void)throw_at(fds[i], "many\n", 5);
    for (long i = 0; fds != NULL && i < c->count; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(fds);
    return -1;
}

const struct bad_verb bad_verbs[] = {
    {"rst", "connect, ask, reset: COUNT times", 100, act_rst},
    {"fin", "connect, ask, leave before the answer: COUNT times", 100, act_fin},
    {"halfclose", "ask, close one half, stay: COUNT times", 10, act_halfclose},
    {"trickle", "a byte now and then, for COUNT ms", 1000, act_trickle},
    {"flood", "send all that is taken, for COUNT ms", 1000, act_flood},
    {"silent", "connect and say nothing: COUNT times", 50, act_silent},
    {"garbage", "COUNT random bytes", 1000000, act_garbage},
    {"oob", "COUNT urgent bytes", 100, act_oob},
    {"many", "COUNT connections at a time", 200, act_many},
    {.name = NULL}};

int bad_act(const char *name, const char *address, long count, uint64_t seed)
{
    for (const struct bad_verb *v = bad_verbs; v->name != NULL; v++) {
        const struct bad_client client = {address, count ? count : v->usual,
                                          seed};
        if (strcmp(v->name, name) == 0)
            return v->act(&client);
    }
    return -1;
}

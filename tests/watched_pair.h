/* SPDX-License-Identifier: MIT */
/* What the two suites of the selector share: sockets to watch, over the back
 * end whose number is the index of a looped test. */
#ifndef TESTS_WATCHED_PAIR_H
#define TESTS_WATCHED_PAIR_H

#include "tests/unit.h"

#include "multiplexing/selector.h"

#include <sys/socket.h>
#include <unistd.h>

static const char *const backends[] = {"select", "poll", "epoll"};
enum { BACKENDS = 3 };

/* A pair of sockets; `near` is watched, `far` makes it ready. */
struct pair {
    int near, far;
    int calls;
    unsigned events; /* of the last call */
    struct pair *victim;
    void (*act)(struct selector *selector, struct pair *self);
};

static inline struct selector *open_selector(int i)
{
    struct selector *selector = selector_open(backends[i]);
    ck_assert_ptr_nonnull(selector);
    ck_assert_str_eq(selector_name(selector), backends[i]);
    return selector;
}

static inline void on_ready(struct selector *selector, int fd, unsigned events,
                            void *data)
{
    struct pair *pair = data;
    ck_assert_int_eq(fd, pair->near);
    pair->calls++;
    pair->events = events;
    if (pair->act != NULL)
        pair->act(selector, pair);
}

static inline void pair_open(struct pair *pair)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
                     0);
    *pair = (struct pair){.near = fds[0], .far = fds[1]};
}

static inline void pair_close(struct pair *pair)
{
    close(pair->near);
    close(pair->far);
}

static inline void watch(struct selector *selector, struct pair *pair,
                         unsigned events)
{
    ck_assert_int_eq(
        selector_register(selector, pair->near, events, on_ready, pair), 0);
}

static inline void make_readable(const struct pair *pair)
{
    ck_assert_int_eq(send(pair->far, "x", 1, MSG_NOSIGNAL), 1);
}

static inline void take_byte(const struct pair *pair)
{
    char byte;
    ck_assert_int_eq(recv(pair->near, &byte, 1, 0), 1);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a selector asks of its back end. Each of selector_select.c,
 * selector_poll.c and selector_epoll.c has the same functions in the same
 * order, so a diff of two of them shows what differs between the calls.
 */
#ifndef MULTIPLEXING_SELECTOR_BACKEND_H
#define MULTIPLEXING_SELECTOR_BACKEND_H

#include "multiplexing/selector.h"

#include <stddef.h>

/* A descriptor that a wait found ready, and for what. */
struct selector_ready {
    int fd;
    unsigned events;
};

/*
 * All return >= 0, or -1 with errno. The selector adds, changes and removes
 * each descriptor in good order, with `events` not 0, and never within wait.
 */
struct selector_backend {
    const char *name;
    void *(*open)(void); /* its state, or NULL with errno */
    void (*close)(void *state);
    int (*add)(void *state, int fd, unsigned events);
    int (*change)(void *state, int fd, unsigned events);
    void (*remove)(void *state, int fd);
    /* Sleeps, then writes who is ready to `ready`, which has room for every
     * descriptor that was added, and returns how many. */
    int (*wait)(void *state, struct selector_ready *ready, int timeout_ms,
                const sigset_t *mask);
};

extern const struct selector_backend selector_epoll;
extern const struct selector_backend selector_poll;
extern const struct selector_backend selector_select;

/*
 * Returns the array `items`, of `*capacity` items of `size` bytes, moved if
 * need be so that index `needed` exists; what is new is zero. NULL with ENOMEM
 * leaves it as it was.
 */
void *selector_grow(void *items, size_t *capacity, size_t needed, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The selector over select: two sets of bits, copied for every wait, and a
 * scan up to the highest descriptor after it. See select(2).
 */
#include "multiplexing/selector_backend.h"

#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>

struct state {
    fd_set readable, writable; /* what we want to hear of */
    int highest;               /* the highest descriptor in them; -1: none */
};

static void *backend_open(void)
{
    struct state *state = malloc(sizeof *state);
    if (state == NULL)
        return NULL;
    FD_ZERO(&state->readable);
    FD_ZERO(&state->writable);
    state->highest = -1;
    return state;
}

static void backend_close(void *opaque)
{
    free(opaque);
}

static int backend_change(void *opaque, int fd, unsigned events)
{
    struct state *state = opaque;
    FD_CLR(fd, &state->readable);
    FD_CLR(fd, &state->writable);
    if (events & SELECTOR_READ)
        FD_SET(fd, &state->readable);
    if (events & SELECTOR_WRITE)
        FD_SET(fd, &state->writable);
    return 0;
}

static int backend_add(void *opaque, int fd, unsigned events)
{
    struct state *state = opaque;
    /* FD_SET on a higher one would write past the end of the set. */
    if (fd >= FD_SETSIZE) {
        errno = ERANGE;
        return -1;
    }
    if (fd > state->highest)
        state->highest = fd;
    return backend_change(state, fd, events);
}

static void backend_remove(void *opaque, int fd)
{
    struct state *state = opaque;
    (void)backend_change(state, fd, 0); /* cannot fail */
    while (state->highest >= 0 && !FD_ISSET(state->highest, &state->readable) &&
           !FD_ISSET(state->highest, &state->writable))
        state->highest--;
}

static int backend_wait(void *opaque, struct selector_ready *ready,
                        int timeout_ms, const sigset_t *mask)
{
    struct state *state = opaque;
    struct timespec t = timespec_of_us((int64_t)timeout_ms * 1000);
    /* Copies: select leaves in the sets only what is ready. */
    fd_set readable = state->readable, writable = state->writable;
    /* [wait:select] Phase 1: asleep until any descriptor is ready. */
    int count = pselect(state->highest + 1, &readable, &writable, NULL,
                        timeout_ms < 0 ? NULL : &t, mask);
    if (count <= 0)
        return count;
    int found = 0;
    for (int fd = 0; fd <= state->highest; fd++) {
        unsigned events = (FD_ISSET(fd, &readable) ? SELECTOR_READ : 0u) |
                          (FD_ISSET(fd, &writable) ? SELECTOR_WRITE : 0u);
        if (events != 0)
            ready[found++] = (struct selector_ready){fd, events};
    }
    return found;
}

const struct selector_backend selector_select = {
    "select",       backend_open,   backend_close, backend_add,
    backend_change, backend_remove, backend_wait};

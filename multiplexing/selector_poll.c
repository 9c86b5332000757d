/* SPDX-License-Identifier: MIT */
/*
 * The selector over poll: a dense array of what we want, handed over whole
 * for every wait, and a scan of it after. See poll(2).
 */
#include "multiplexing/selector_backend.h"

#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct state {
    struct pollfd *watched; /* [0..count) */
    size_t count, watched_capacity;
    size_t *places; /* watched[places[fd]] is fd's */
    size_t place_capacity;
};

static void *backend_open(void)
{
    return calloc(1, sizeof(struct state));
}

static void backend_close(void *opaque)
{
    struct state *state = opaque;
    free(state->watched);
    free(state->places);
    free(state);
}

static int backend_change(void *opaque, int fd, unsigned events)
{
    struct state *state = opaque;
    state->watched[state->places[fd]].events =
        (short)((events & SELECTOR_READ ? POLLIN : 0) |
                (events & SELECTOR_WRITE ? POLLOUT : 0));
    return 0;
}

static int backend_add(void *opaque, int fd, unsigned events)
{
    struct state *state = opaque;
    void *watched = selector_grow(state->watched, &state->watched_capacity,
                                  state->count, sizeof *state->watched);
    if (watched == NULL)
        return -1;
    state->watched = watched;
    void *places = selector_grow(state->places, &state->place_capacity,
                                 (size_t)fd, sizeof *state->places);
    if (places == NULL)
        return -1;
    state->places = places;
    state->places[fd] = state->count;
    state->watched[state->count++] = (struct pollfd){.fd = fd};
    return backend_change(state, fd, events);
}

static void backend_remove(void *opaque, int fd)
{
    struct state *state = opaque;
    size_t place = state->places[fd];
    state->watched[place] = state->watched[--state->count]; /* fills the gap */
    state->places[state->watched[place].fd] = place;
}

static int backend_wait(void *opaque, struct selector_ready *ready,
                        int timeout_ms, const sigset_t *mask)
{
    struct state *state = opaque;
    struct timespec t = timespec_of_us((int64_t)timeout_ms * 1000);
    /* [wait:poll] Phase 1: asleep until any descriptor is ready. */
    int count = ppoll(state->watched, (nfds_t)state->count,
                      timeout_ms < 0 ? NULL : &t, mask);
    if (count <= 0)
        return count;
    int found = 0;
    for (size_t i = 0; i < state->count; i++) {
        short told = state->watched[i].revents;
        /* POLLERR, POLLHUP and POLLNVAL come unasked. */
        unsigned events = (told & ~POLLOUT ? SELECTOR_READ : 0u) |
                          (told & ~POLLIN ? SELECTOR_WRITE : 0u);
        if (events != 0)
            ready[found++] =
                (struct selector_ready){state->watched[i].fd, events};
    }
    return found;
}

const struct selector_backend selector_poll = {
    "poll",         backend_open,   backend_close, backend_add,
    backend_change, backend_remove, backend_wait};

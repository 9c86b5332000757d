/* SPDX-License-Identifier: MIT */
/*
 * The selector over epoll: the kernel keeps the list of what we want, told
 * once for each change, and only who is ready comes back. See epoll(7).
 */
#include "multiplexing/selector_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What one wait may bring; the kernel begins the next one with the others. */
enum { EVENTS_MOST = 256 };

struct state {
    int epoll_fd;
    struct epoll_event told[EVENTS_MOST];
};

static void *backend_open(void)
{
    struct state *state = malloc(sizeof *state);
    if (state == NULL)
        return NULL;
    /* [setup:epoll_create1] */
    state->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (state->epoll_fd < 0) {
        free(state);
        return NULL;
    }
    return state;
}

static void backend_close(void *opaque)
{
    struct state *state = opaque;
    close(state->epoll_fd);
    free(state);
}

static int control(struct state *state, int operation, int fd, unsigned events)
{
    struct epoll_event event = {
        .events = (events & SELECTOR_READ ? (uint32_t)EPOLLIN : 0) |
                  (events & SELECTOR_WRITE ? (uint32_t)EPOLLOUT : 0),
        .data.fd = fd};
    /* [arm:epoll_ctl] The kernel remembers it until we say otherwise. */
    return epoll_ctl(state->epoll_fd, operation, fd, &event);
}

static int backend_change(void *opaque, int fd, unsigned events)
{
    return control(opaque, EPOLL_CTL_MOD, fd, events);
}

static int backend_add(void *opaque, int fd, unsigned events)
{
    return control(opaque, EPOLL_CTL_ADD, fd, events);
}

static void backend_remove(void *opaque, int fd)
{
    /* Before close: while a child process holds the same socket, the kernel
     * would go on telling of it. EBADF: closed too early, and forgotten. */
    (void)control(opaque, EPOLL_CTL_DEL, fd, 0);
}

static int backend_wait(void *opaque, struct selector_ready *ready,
                        int timeout_ms, const sigset_t *mask)
{
    struct state *state = opaque;
    /* [wait:epoll_pwait] Phase 1: asleep until any descriptor is ready. */
    int count = epoll_pwait(state->epoll_fd, state->told, EVENTS_MOST,
                            timeout_ms, mask);
    for (int i = 0; i < count; i++) {
        uint32_t told = state->told[i].events;
        /* EPOLLERR and EPOLLHUP come unasked. */
        unsigned events = (told & ~(uint32_t)EPOLLOUT ? SELECTOR_READ : 0u) |
                          (told & ~(uint32_t)EPOLLIN ? SELECTOR_WRITE : 0u);
        ready[i] = (struct selector_ready){state->told[i].data.fd, events};
    }
    return count;
}

const struct selector_backend selector_epoll = {
    "epoll",        backend_open,   backend_close, backend_add,
    backend_change, backend_remove, backend_wait};

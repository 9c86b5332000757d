/* SPDX-License-Identifier: MIT */
/*
 * The part of a selector that is the same over every back end: the table of
 * callbacks, and the promise that a turn keeps.
 *
 * A turn first takes the whole list of who is ready, then calls. While it
 * calls, a callback may close a descriptor that is further down the list, and
 * a new one may get the same number. So each registration has a generation,
 * and an item of the list is delivered only to the registration that was there
 * when the wait returned.
 */
#include "multiplexing/selector.h"

#include "multiplexing/selector_backend.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    void (*callback)(struct selector *selector, int fd, unsigned events,
                     void *data); /* NULL: not registered */
    void *data;
    unsigned events;
    unsigned wait_generation; /* when the last wait found it ready */
    unsigned generation;      /* one more with each registration */
};

struct selector {
    const struct selector_backend *backend;
    void *state;
    struct entry *entries; /* the descriptor is the index */
    size_t entry_capacity;
    struct selector_ready *ready; /* what the wait found */
    size_t ready_capacity;
    size_t count; /* registered */
    bool running;
};

static const struct selector_backend *const backends[] = {
    &selector_epoll, &selector_poll, &selector_select, NULL};

void *selector_grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    size_t more = *capacity > 0 ? *capacity : 64;
    if (needed < *capacity)
        return items;
    while (more <= needed)
        more *= 2;
    char *grown = realloc(items, more * size);
    if (grown == NULL)
        return NULL;
    memset(grown + *capacity * size, 0, (more - *capacity) * size);
    *capacity = more;
    return grown;
}

/* Room for the entry of `fd`, and for one more ready descriptor. */
static int make_room(struct selector *s, int fd)
{
    void *entries = selector_grow(s->entries, &s->entry_capacity, (size_t)fd,
                                  sizeof *s->entries);
    if (entries == NULL)
        return -1;
    s->entries = entries;
    void *ready =
        selector_grow(s->ready, &s->ready_capacity, s->count, sizeof *s->ready);
    if (ready == NULL)
        return -1;
    s->ready = ready;
    return 0;
}

/* The entry of `fd`, or NULL with ENOENT when it is not registered. */
static struct entry *find(struct selector *s, int fd)
{
    if (fd >= 0 && (size_t)fd < s->entry_capacity &&
        s->entries[fd].callback != NULL)
        return &s->entries[fd];
    errno = ENOENT;
    return NULL;
}

struct selector *selector_open(const char *name)
{
    struct selector *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    errno = EINVAL;
    for (int i = 0; backends[i] != NULL && s->state == NULL; i++) {
        if (name != NULL && strcmp(name, backends[i]->name) != 0)
            continue;
        s->backend = backends[i];
        s->state = backends[i]->open();
    }
    if (s->state == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void selector_close(struct selector *s)
{
    if (s == NULL)
        return;
    s->backend->close(s->state);
    free(s->entries);
    free(s->ready);
    free(s);
}

const char *selector_name(const struct selector *s)
{
    return s->backend->name;
}

int selector_register(struct selector *s, int fd, unsigned events,
                      void (*callback)(struct selector *selector, int fd,
                                       unsigned events, void *data),
                      void *data)
{
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    if (find(s, fd) != NULL) {
        errno = EEXIST;
        return -1;
    }
    if (make_room(s, fd) < 0)
        return -1;
    /* With no events the back end does not know it: a descriptor that hung up
     * would otherwise be found ready for ever. */
    if (events != 0 && s->backend->add(s->state, fd, events) < 0)
        return -1;
    struct entry *e = &s->entries[fd];
    e->callback = callback;
    e->data = data;
    e->events = events;
    e->generation++;
    s->count++;
    return 0;
}

int selector_modify(struct selector *s, int fd, unsigned events)
{
    struct entry *e = find(s, fd);
    int result = 0;
    if (e == NULL)
        return -1;
    if (e->events == events)
        return 0;
    if (e->events == 0)
        result = s->backend->add(s->state, fd, events);
    else if (events == 0)
        s->backend->remove(s->state, fd);
    else
        result = s->backend->change(s->state, fd, events);
    if (result == 0)
        e->events = events;
    return result;
}

int selector_unregister(struct selector *s, int fd)
{
    struct entry *e = find(s, fd);
    if (e == NULL)
        return -1;
    if (e->events != 0)
        s->backend->remove(s->state, fd);
    e->callback = NULL;
    s->count--;
    return 0;
}

/* Calls the callback of one ready descriptor, if it is still the one that was
 * found ready and still asks for that. True when it was called. */
static bool deliver(struct selector *s, struct selector_ready ready)
{
    struct entry *e = find(s, ready.fd);
    if (e == NULL || e->generation != e->wait_generation)
        return false;
    unsigned events = ready.events & e->events;
    if (events == 0)
        return false;
    e->callback(s, ready.fd, events, e->data);
    return true;
}

int selector_run(struct selector *s, int timeout_ms, const sigset_t *mask)
{
    int called = 0;
    if (s->running) {
        errno = EBUSY;
        return -1;
    }
    int count = s->backend->wait(s->state, s->ready, timeout_ms, mask);
    if (count < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        struct entry *e = &s->entries[s->ready[i].fd];
        e->wait_generation = e->generation;
    }
    s->running = true;
    /* Not by pointer: a callback that registers may move the list. */
    for (int i = 0; i < count; i++)
        called += deliver(s, s->ready[i]);
    s->running = false;
    return called;
}

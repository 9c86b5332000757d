/* SPDX-License-Identifier: MIT */
/*
 * A selector: register(descriptor, events, callback), then run turn after
 * turn. One wait for all descriptors; the callback of each that became ready
 * is called. Behind it stands epoll, poll or select.
 *
 * One thread. A descriptor is borrowed: unregister it, then close it.
 *
 * A callback may register, modify and unregister whatever it likes, itself
 * included: after selector_unregister(fd) nothing that was found ready before
 * reaches its callback, even when the number is registered anew in the same
 * turn. So the data of an unregistered descriptor may be freed at once.
 */
#ifndef MULTIPLEXING_SELECTOR_H
#define MULTIPLEXING_SELECTOR_H

#include <signal.h>

struct selector;

enum selector_events { SELECTOR_READ = 1 << 0, SELECTOR_WRITE = 1 << 1 };

/*
 * Opens a selector over the back end called `name` ("epoll", "poll",
 * "select"), or with NULL over the first of them that this machine has.
 * Returns it, *caller closes*, or NULL with errno: EINVAL for an unknown name.
 */
struct selector *selector_open(const char *name);

/* Releases it, but no descriptor that is still registered. NULL is allowed. */
void selector_close(struct selector *selector);

/* The name of its back end. */
const char *selector_name(const struct selector *selector);

/*
 * Calls `callback` with `data` in each turn that finds `fd` ready for any of
 * `events` (a sum of selector_events; 0: registered, but not looked at). It is
 * told for which; a descriptor that failed or hung up is ready for all that was
 * asked, and recv or send says why.
 * Returns 0, or -1 with errno: EEXIST (registered already), ENOMEM, ERANGE
 * (select: `fd` has no place in a set, it is FD_SETSIZE or more), and those of
 * epoll_ctl(2).
 */
int selector_register(struct selector *selector, int fd, unsigned events,
                      void (*callback)(struct selector *selector, int fd,
                                       unsigned events, void *data),
                      void *data);

/* Asks for `events` instead, from now on: what an earlier callback of this
 * turn no longer asks for is not delivered. Returns 0, or -1 with errno:
 * ENOENT (not registered), and those of selector_register(). */
int selector_modify(struct selector *selector, int fd, unsigned events);

/* Forgets `fd`. Returns 0, or -1 with ENOENT. */
int selector_unregister(struct selector *selector, int fd);

/*
 * One turn: sleeps until a descriptor is ready, at most `timeout_ms`
 * milliseconds (-1: for ever) and with `mask` as signal mask (NULL: the one
 * in force; see pselect(2)), then calls the callbacks. No more than one turn
 * at a time: not from a callback (EBUSY), nor may one close the selector.
 * Returns the number of callbacks called, 0 when the time was up, or -1 with
 * errno: EINTR, and those of the back end.
 */
int selector_run(struct selector *selector, int timeout_ms,
                 const sigset_t *mask);

#endif

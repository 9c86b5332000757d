/* SPDX-License-Identifier: MIT */
/*
 * The two things in a server that happen because time has passed:
 *
 * - Idle clients are looked for (--idle-timeout): from time to time all of
 *   them in one sweep, not each at its own moment, so the cost stays small.
 * - Out of descriptors or memory (EMFILE and its kin), the server stops
 *   accepting for a while. The connection that could not be accepted stays in
 *   the kernel's queue and keeps the listener 'ready': without the pause a
 *   loop would spin. A client that leaves ends the pause early.
 *
 * Times are monotonic milliseconds (clock.h).
 */
#ifndef COMMON_TIMERS_H
#define COMMON_TIMERS_H

#include "common/report.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* How long accepting pauses. */
enum { ACCEPT_PAUSE_MS = 50 };

struct timers {
    long idle_timeout_ms; /* 0: never */
    int64_t sweep_at_ms;  /* the next look for idle clients */
    int64_t accept_at_ms; /* no accept before; 0: at any time */
};

void timers_start(struct timers *timers, long idle_timeout_ms);

/* How long the wait may sleep: milliseconds, or -1 for ever. */
int timers_sleep_ms(const struct timers *timers);

/* The same for the waits that take a timespec: `t` filled, or NULL. */
struct timespec *timers_sleep(const struct timers *timers, struct timespec *t);

/* True when it is time to look for idle clients; sets the next time. */
bool timers_sweep_due(struct timers *timers);

/* True when a client last active at `active_ms` has been idle too long. */
bool timers_idle(const struct timers *timers, int64_t active_ms);

/* False while accepting pauses. A pause that is over is forgotten here: it
 * would let the wait sleep for 0 ms for ever. Ask before timers_sleep(). */
bool timers_may_accept(struct timers *timers);

/*
 * What to do about an accept that failed with `error`: nothing for what passes
 * by itself (EINTR, EAGAIN, ECONNABORTED, a network error of the client that
 * gave up); a warning, a count and the pause for EMFILE, ENFILE, ENOBUFS and
 * ENOMEM; the end of the program for its own faults (EBADF and its kin). For
 * any other, EPERM say, a warning and the pause: the connection may still be
 * in the queue, and fail again at once. See accept(2).
 */
void timers_accept_failed(struct timers *timers, int error,
                          struct stats *stats);

/* A descriptor is free again. */
void timers_client_left(struct timers *timers);

#endif

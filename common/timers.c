/* SPDX-License-Identifier: MIT */
#include "common/timers.h"

#include "common/clock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* A client may live a quarter longer than its timeout; one sweep a second is
 * often enough for long ones, and short ones need it more often. */
static int64_t sweep_interval_ms(const struct timers *timers)
{
    long quarter = timers->idle_timeout_ms / 4;
    return quarter > 1000 ? 1000 : quarter < 1 ? 1 : quarter;
}

void timers_start(struct timers *timers, long idle_timeout_ms)
{
    timers->idle_timeout_ms = idle_timeout_ms;
    timers->accept_at_ms = 0;
    timers->sweep_at_ms = now_ms() + sweep_interval_ms(timers);
}

int timers_sleep_ms(const struct timers *timers)
{
    int64_t until = INT64_MAX;
    if (timers->idle_timeout_ms > 0)
        until = timers->sweep_at_ms;
    if (timers->accept_at_ms > 0 && timers->accept_at_ms < until)
        until = timers->accept_at_ms;
    if (until == INT64_MAX)
        return -1;
    int64_t left = until - now_ms();
    return left > 0 ? (int)left : 0;
}

struct timespec *timers_sleep(const struct timers *timers, struct timespec *t)
{
    int ms = timers_sleep_ms(timers);
    if (ms < 0)
        return NULL;
    *t = timespec_of_us((int64_t)ms * 1000);
    return t;
}

bool timers_sweep_due(struct timers *timers)
{
    if (timers->idle_timeout_ms == 0 || now_ms() < timers->sweep_at_ms)
        return false;
    timers->sweep_at_ms = now_ms() + sweep_interval_ms(timers);
    return true;
}

bool timers_idle(const struct timers *timers, int64_t active_ms)
{
    return timers->idle_timeout_ms > 0 &&
           now_ms() - active_ms >= timers->idle_timeout_ms;
}

bool timers_may_accept(struct timers *timers)
{
    if (timers->accept_at_ms != 0 && now_ms() >= timers->accept_at_ms)
        timers->accept_at_ms = 0;
    return timers->accept_at_ms == 0;
}

/* True when nobody is there, or that client gave up: the next one, please. */
static bool passes_by(int error)
{
    static const int errors[] = {
        EINTR,  EAGAIN,      ECONNABORTED, EPROTO,      ENETDOWN,
        ENONET, ENOPROTOOPT, EHOSTDOWN,    ENETUNREACH, EHOSTUNREACH};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (error == errors[i])
            return true;
    return false;
}

void timers_accept_failed(struct timers *timers, int error, struct stats *stats)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        stats->exhausted++;
        timers->accept_at_ms = now_ms() + ACCEPT_PAUSE_MS;
        warn("accept: %s (%s): new clients wait until one leaves",
             errno_name(error), strerror(error));
        break;
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
        errno = error;
        die_errno("accept");
    default:
        if (passes_by(error))
            break;
        timers->accept_at_ms = now_ms() + ACCEPT_PAUSE_MS;
        warn("accept: %s (%s)", errno_name(error), strerror(error));
    }
}

void timers_client_left(struct timers *timers)
{
    timers->accept_at_ms = 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Monotonic time. clock_gettime(2) is answered in user space by the vDSO on
 * the machines this suite runs on, so reading the clock is no system call and
 * does not disturb what is being watched.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail on Linux */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t now_us(void)
{
    return now_ns() / 1000;
}

static inline int64_t now_ms(void)
{
    return now_ns() / 1000000;
}

static inline struct timespec timespec_of_us(int64_t us)
{
    return (struct timespec){us / 1000000, us % 1000000 * 1000};
}

/* Sleeps for `us` microseconds, or until a signal comes. */
static inline void nap_us(int64_t us)
{
    struct timespec t = timespec_of_us(us);
    (void)nanosleep(&t, NULL); /* EINTR: the caller's loop looks around */
}

#endif

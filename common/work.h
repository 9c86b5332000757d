/* SPDX-License-Identifier: MIT */
/*
 * A small unit of other work, for a client that has something better to do
 * than wait: arithmetic without a system call or memory traffic, about 50
 * microseconds on a machine of the 2020s.
 */
#ifndef COMMON_WORK_H
#define COMMON_WORK_H

#include <stdint.h>

/* Does one unit; returns a number that keeps the compiler from dropping it. */
static inline uint32_t work_unit(void)
{
    volatile uint32_t state = 2463534242u;
    for (int i = 0; i < 30000; i++) {
        uint32_t x = state;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state = x;
    }
    return state;
}

#endif

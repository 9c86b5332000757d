/* SPDX-License-Identifier: MIT */
/*
 * What the interposing library (counters_preload.c) and the bench share: a
 * piece of memory with a counter for each call. The library finds it by the
 * path in the environment variable COUNTERS_VARIABLE.
 *
 * Each thread of the server has a slot of its own, so that counting makes no
 * two of them wait for a cache line; past COUNTER_SLOTS threads share.
 */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_VARIABLE "IOBENCH_COUNTERS"

enum { COUNTER_SLOTS = 256 };

/* Every call that is counted, by the name that lessons use for it: pselect is
 * counted as select, ppoll as poll, epoll_pwait as epoll_wait. */
#define COUNTED_CALLS(X) \
    X(accept)            \
    X(recv)              \
    X(recvmsg)           \
    X(read)              \
    X(readv)             \
    X(pread)             \
    X(send)              \
    X(sendmsg)           \
    X(write)             \
    X(writev)            \
    X(pwrite)            \
    X(select)            \
    X(poll)              \
    X(epoll_wait)        \
    X(epoll_ctl)         \
    X(io_uring_enter)    \
    X(io_uring_register) \
    X(sigwaitinfo)       \
    X(sigsuspend)        \
    X(nanosleep)         \
    X(sched_yield)       \
    X(futex)             \
    X(fcntl)             \
    X(ioctl)             \
    X(setsockopt)        \
    X(getsockopt)        \
    X(shutdown)          \
    X(close)             \
    X(fork)              \
    X(syscall)

#define COUNTER_ENUM(name) COUNTER_##name,
enum counter { COUNTED_CALLS(COUNTER_ENUM) COUNTERS };
#undef COUNTER_ENUM

struct counter_slot {
    _Alignas(64) _Atomic uint64_t calls[COUNTERS];
    _Atomic uint64_t again[COUNTERS]; /* of these, answered EAGAIN */
};

struct counters {
    atomic_int loaded;     /* processes in which the library started */
    atomic_int slots_used; /* may grow past COUNTER_SLOTS */
    struct counter_slot slots[COUNTER_SLOTS];
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The ring: io_uring without a library, from its three system calls and the
 * memory that the program and the kernel share. See io_uring(7).
 *
 *      we fill, at the tail                     the kernel fills, at the tail
 *             |                                        |
 *             v                                        v
 *   submission queue: requests (SQE)         completion queue: results (CQE)
 *             |                                        |
 *             v                                        v
 *   the kernel takes, at the head            we take, at the head
 *
 * Each queue has one writer and one reader, so no lock is needed; uring.c
 * tells which barrier stands for it. `user_data` of a request comes back in
 * its completion, untouched: that is how a result finds its owner.
 *
 * A struct uring belongs to one thread. Needs Linux 5.11.
 */
#ifndef ASYNCIO_URING_H
#define ASYNCIO_URING_H

#include <linux/io_uring.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The headers of a distribution may be older than its kernel. */
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

/* The most that a kernel gives. */
enum { URING_MOST_REQUESTS = 32768, URING_MOST_COMPLETIONS = 65536 };

struct uring {
    int fd;
    unsigned setup; /* the IORING_SETUP_ flags that the kernel accepted */

    /* Submission queue: the head is the kernel's, the tail is ours. */
    atomic_uint *sq_head;
    atomic_uint *sq_tail;
    atomic_uint *sq_flags; /* the kernel tells: completions overflowed */
    unsigned sq_filled;    /* our tail, part of it not yet shown */
    unsigned sq_entries;   /* a power of two */
    struct io_uring_sqe *sqes;

    /* Completion queue: the head is ours, the tail is the kernel's. */
    atomic_uint *cq_head;
    atomic_uint *cq_tail;
    unsigned cq_entries; /* a power of two */
    struct io_uring_cqe *cqes;

    void *queues; /* the mapping that holds both queues */
    size_t queues_size;
    size_t sqes_size;
};

/* The result of one request. */
struct completion {
    uint64_t user_data; /* as the request gave it */
    int result;         /* what the call would return, or a negative errno */
    unsigned flags;     /* IORING_CQE_F_ */
};

/*
 * Makes a ring with room for `entries` requests and `completions` results
 * (at least as many; both are rounded up to a power of two and cut to the
 * kernel's most). `wish` holds IORING_SETUP_ flags that a kernel may lack:
 * where it does, the ring comes without them all and `ring->setup` says so.
 * Returns 0, and *caller closes* with uring_close(); or -1 with errno, see
 * uring_not_available(). ENOSYS also means a kernel older than 5.11.
 */
int uring_open(struct uring *ring, unsigned entries, unsigned completions,
               unsigned wish);

/* Ends the ring. Requests still in flight are cancelled by the kernel some
 * time later: reap them all before, their buffers are the kernel's until
 * then. */
void uring_close(struct uring *ring);

/* Says why io_uring_setup failed with `error`, names the likely cause and the
 * way out, and exits with status 77. */
_Noreturn void uring_not_available(int error);

/*
 * A free request, for the caller to assign as a whole (what the last user left
 * is still in it). It goes to the kernel with the next uring_enter().
 * Returns NULL when the queue is full: call uring_enter() and ask again.
 */
struct io_uring_sqe *uring_request(struct uring *ring);

/*
 * The one system call: hands over all new requests, then sleeps until `wait`
 * completions are there (0: does not sleep), `sleep_ms` milliseconds have
 * passed (-1: no limit) or a signal comes. With `mask` not NULL that is the
 * signal mask during the sleep, as in pselect(2): a signal that is blocked
 * otherwise comes in here and nowhere else.
 * Without new requests, without `wait` and without an overflow it makes no
 * system call at all.
 *
 * Returns the number of requests the kernel took (0 also when the time was up,
 * or completions have to be reaped first), or -1 with errno: EINTR a signal,
 * EAGAIN no memory just now. What the kernel did not take stays in the queue
 * and goes with the next call; nothing is lost or handed over twice.
 */
int uring_enter(struct uring *ring, unsigned wait, int sleep_ms,
                const sigset_t *mask);

/* Takes the oldest completion into `*done`; false when there is none. It looks
 * into memory and makes no system call. */
bool uring_reap(struct uring *ring, struct completion *done);

/* True when results wait in the kernel because the completion queue was full.
 * None is lost: reap, and the next uring_enter() brings them in. */
bool uring_overflowed(const struct uring *ring);

/* io_uring_register(2) on this ring: >= 0, or -1 with errno. */
int uring_register(struct uring *ring, unsigned what, void *argument,
                   unsigned count);

#endif

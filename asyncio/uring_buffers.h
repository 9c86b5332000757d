/* SPDX-License-Identifier: MIT */
/*
 * Provided buffers: a ring of empty buffers that we lend to the kernel. It
 * takes one when bytes have come, not when a recv begins, and tells in the
 * completion which one it took. So a thousand silent connections share a few
 * buffers, where each would else commit its own. See io_uring_register(2),
 * IORING_REGISTER_PBUF_RING.
 *
 * The life of a buffer:
 *   1 ours          a new one, or its answer is sent: give it back
 *   2 lent          it lies in the ring: no look, no change, no free
 *   3 ours          a completion names it: take it; no other completion can,
 *                   until it is lent again
 *
 * The ring has a fixed number of places. Who keeps a buffer for long leaves a
 * place empty, and that would be at the cost of all: so the places may be
 * filled up with new buffers, and a buffer that comes back to a full ring is
 * freed.
 *
 * A struct uring_buffers belongs to the thread of its struct uring. Needs Linux
 * 5.19.
 */
#ifndef ASYNCIO_URING_BUFFERS_H
#define ASYNCIO_URING_BUFFERS_H

#include "asyncio/uring.h"
#include "common/buffer.h"

#include <sys/queue.h>

/* What the kernel allows. */
enum { URING_MOST_BUFFERS = 32768 };

/* A buffer that can be lent. `entry` is for the list of whoever owns it. */
struct uring_buffer {
    STAILQ_ENTRY(uring_buffer) entry;
    struct buffer buffer;
};

/* One place in the memory shared with the kernel, in the kernel's layout. */
struct uring_place {
    uint64_t address;
    uint32_t length;
    uint16_t id; /* comes back in the completion */
    /* No part of a place, and used in the first one only: the tail of the
     * ring, as the kernel sees it. */
    _Atomic uint16_t tail;
};

/* Invariant: lent + free ids = entries; lent_as[id] is NULL for a free id. */
struct uring_buffers {
    struct uring *ring;
    struct uring_place *places;
    unsigned entries; /* a power of two; 0: no ring, nothing can be lent */
    unsigned lent; /* in the ring, or taken by the kernel and not yet by us */
    uint16_t tail; /* ours, part of it not yet shown */
    uint16_t *free_ids;
    struct uring_buffer **lent_as;
};

/*
 * Registers a ring of at least `count` places (rounded up to a power of two,
 * at most URING_MOST_BUFFERS) as group 0 of `ring`, which it borrows, and fills
 * it. Returns 0, and *caller closes*; or -1 with errno, EINVAL where the kernel
 * is too old, and then `*buffers` is one that lends nothing and may be used and
 * closed as any other.
 */
int uring_buffers_open(struct uring_buffers *buffers, struct uring *ring,
                       unsigned count);

/* Frees the ring and what lies in it. No request may be in flight that could
 * take a buffer. */
void uring_buffers_close(struct uring_buffers *buffers);

/* The buffer that a completion with these `flags` names: *caller gives it
 * back*. NULL when it names none. */
struct uring_buffer *uring_buffers_take(struct uring_buffers *buffers,
                                        unsigned flags);

/* *Takes* `buffer`: lends it to the kernel, or frees it when all places are
 * filled. NULL is allowed and does nothing. */
void uring_buffers_give_back(struct uring_buffers *buffers,
                             struct uring_buffer *buffer);

/* Lends a new buffer for each empty place. Returns 0, or -1 with ENOMEM when
 * not even one could be had. */
int uring_buffers_fill_up(struct uring_buffers *buffers);

#endif

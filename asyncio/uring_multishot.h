/* SPDX-License-Identifier: MIT */
/*
 * The books of uring_multishot_server, and how it hands over a batch.
 *
 * Between a send that finishes at once and the sleep there should be no second
 * call. Three things make that possible:
 *
 *   silence     a send at once takes all and says nothing, or falls short (or
 *               fails) and says so. A completion for each would wake us from
 *               the very sleep that we hand it over with.
 *   the end     a no-op, the last request of a batch. The sends before it have
 *   of a batch  finished while they were handed over; so when its completion
 *               is reaped, a send whose completion was not has taken all.
 *   the sleep   the no-op's completion is there at once, so we wait for two,
 *               that one and something new. If there is more to do as soon as
 *               the sends are through, we wait for the no-op's alone.
 */
#ifndef ASYNCIO_URING_MULTISHOT_H
#define ASYNCIO_URING_MULTISHOT_H

#include "asyncio/uring.h"
#include "asyncio/uring_buffers.h"
#include "common/server.h"
#include "common/timers.h"

#include <sys/queue.h>

#ifndef IORING_ACCEPT_MULTISHOT
#define IORING_ACCEPT_MULTISHOT (1U << 0)
#endif
#ifndef IORING_RECV_MULTISHOT
#define IORING_RECV_MULTISHOT (1U << 1)
#endif

enum {
    REQUESTS = 1024, /* handed over with one call, at most */
    BUFFERS = 256,   /* --buffers unless given */
    MOST_BUFFERS = 16384,
    /* Completions at most: for a client the ends of recv, send and cancel, for
     * a buffer that bytes are in it, and these. */
    OTHER_REQUESTS = 2,
    MOST_CLIENTS = (URING_MOST_COMPLETIONS - MOST_BUFFERS - OTHER_REQUESTS) / 3,
    /* So many answers of one client may wait; then we stop reading from it
     * until all are sent. Until a multishot recv has ended, the kernel may
     * still bring what it takes in one go, 32 buffers. */
    MOST_REPLIES = 4
};

/* user_data is a client's address, and in its low bits, which are zero in any
 * address, what was asked for. */
enum { ACCEPT = 1, CANCEL, RECV, SEND, BATCH, KINDS = 7, KIND_BITS = 3 };

/* AT_ONCE: sends what there is room for, and never waits. PATIENT: the kernel
 * waits until there is room. */
enum sending { NOTHING, AT_ONCE, PATIENT };

struct client {
    int fd;
    int index;            /* clients[index] points here */
    bool receiving;       /* a recv is in flight */
    bool stopping;        /* and its cancellation is asked for */
    bool in_line;         /* waits for a buffer to receive into */
    bool slow;            /* took less than was sent: no reading meanwhile */
    bool ended;           /* said all; it leaves with its last answer */
    bool leaving;         /* shut down: what still finishes is not served */
    enum sending sending; /* which send is in flight */
    int reply_count;      /* in `replies` */
    int64_t active_ms;    /* when its last answer went out */
    struct uring_buffer *own; /* one-shot only: the recv in flight fills it */
    STAILQ_HEAD(, uring_buffer) replies; /* unsent, in the order to send */
    TAILQ_ENTRY(client) line;            /* its place in it, with `in_line` */
    TAILQ_ENTRY(client) silent;          /* while it is sending AT_ONCE */
    uint64_t batch;                      /* to which that send belongs */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct uring ring;
    struct uring_buffers buffers;
    long buffer_count;
    bool one_shot;      /* the kernel lacks a part: a request per completion */
    const char *lacks;  /* which part; it is told once the server listens */
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during the wait only */
    int listen_fd;
    bool accepting;     /* an accept is in flight */
    unsigned in_flight; /* requests whose last completion was not reaped */
    /* Sends at once, in the order in which they were handed over. */
    TAILQ_HEAD(silent_clients, client) silent;
    uint64_t batch; /* the number of the batch that is being filled */
    unsigned ends;  /* batches whose end has not been reaped */
    TAILQ_HEAD(, client) line; /* who waits for a buffer, longest first */
    int count;                 /* clients[0..count) are connected */
    struct client **clients;
};

/*
 * Opens the ring and lends the buffers. Where the kernel lacks a part of what
 * multishot needs it sets `one_shot` and `lacks`; without io_uring it ends the
 * program.
 */
void multishot_open(struct server *s);

/* Frees all of that. Nothing may be in flight. */
void multishot_close(struct server *s);

/* A place in the queue for one more request, counted as in flight. */
struct io_uring_sqe *multishot_request(struct server *s);

/* Ends the request in flight with this user_data, be it a multishot one. */
void multishot_cancel(struct server *s, uint64_t user_data);

/* How many buffers lie in the ring. An empty ring is filled up with new ones,
 * when none of its own are about to come back. */
unsigned multishot_lent(struct server *s);

/* The first answer of `c`; there must be one. */
static inline struct buffer *multishot_reply(const struct client *c)
{
    return &STAILQ_FIRST(&c->replies)->buffer;
}

/* The first answer of `c` is sent, or shall be forgotten: its buffer goes back
 * into the ring. */
void multishot_reply_done(struct server *s, struct client *c);

/* The send of `c` that is about to be requested is one at once. */
void multishot_send_at_once(struct server *s, struct client *c);

/* Puts the end behind the sends of this batch, if there are any. */
void multishot_end_batch(struct server *s);

/* Is any answer still to go out? */
bool multishot_replying(const struct server *s);

/* For how many completions to sleep. */
unsigned multishot_completions_due(const struct server *s);

#endif

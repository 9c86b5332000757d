/* SPDX-License-Identifier: MIT */
#include "asyncio/uring_multishot.h"

#include "common/report.h"
#include "common/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void multishot_open(struct server *s)
{
    const unsigned wish =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    s->clients = calloc((size_t)s->options.max_clients, sizeof(void *));
    if (s->clients == NULL)
        die_errno("memory for %ld clients", s->options.max_clients);
    TAILQ_INIT(&s->line);
    TAILQ_INIT(&s->silent);
    unsigned most = 3 * (unsigned)s->options.max_clients +
                    (unsigned)s->buffer_count + OTHER_REQUESTS;
    /* [setup:ring] These wishes say: one thread submits, and the kernel works
     * on finished requests only while that thread waits. So it need not
     * interrupt us, and it wakes us once for many. */
    if (uring_open(&s->ring, REQUESTS, most, wish) < 0)
        uring_not_available(errno);
    /* A kernel that has them (6.1) has multishot accept and recv (6.0), too. */
    s->lacks = "DEFER_TASKRUN (Linux 6.1)";
    s->one_shot = (s->ring.setup & wish) != wish;
    if (s->one_shot)
        return;
    s->lacks = "ring of buffers";
    s->one_shot = uring_buffers_open(&s->buffers, &s->ring,
                                     (unsigned)s->buffer_count) < 0;
}

void multishot_close(struct server *s)
{
    uring_buffers_close(&s->buffers);
    uring_close(&s->ring);
    free(s->clients);
}

struct io_uring_sqe *multishot_request(struct server *s)
{
    struct io_uring_sqe *sqe;
    while ((sqe = uring_request(&s->ring)) == NULL) {
        /* [arm:full] No place left: hand over what is there, do not sleep. */
        if (uring_enter(&s->ring, 0, -1, NULL) < 0 && !would_block(errno))
            die_errno("io_uring_enter");
    }
    s->in_flight++;
    return sqe;
}

void multishot_cancel(struct server *s, uint64_t user_data)
{
    /* [arm:cancel] Two completions: that request's last, ECANCELED, and this
     * one's. What it has brought before is reaped before, and is not lost. */
    *multishot_request(s) =
        (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                              .addr = user_data,
                              .user_data = CANCEL};
}

unsigned multishot_lent(struct server *s)
{
    /* What is sent at once comes back. What slow clients keep does not, and
     * others must not wait for them. */
    if (s->buffers.lent == 0 && TAILQ_EMPTY(&s->silent))
        (void)uring_buffers_fill_up(&s->buffers); /* no memory: later */
    return s->buffers.lent;
}

void multishot_reply_done(struct server *s, struct client *c)
{
    struct uring_buffer *b = STAILQ_FIRST(&c->replies);
    STAILQ_REMOVE_HEAD(&c->replies, entry);
    uring_buffers_give_back(&s->buffers, b);
    c->reply_count--;
}

void multishot_send_at_once(struct server *s, struct client *c)
{
    c->sending = AT_ONCE;
    c->batch = s->batch;
    TAILQ_INSERT_TAIL(&s->silent, c, silent);
}

void multishot_end_batch(struct server *s)
{
    struct client *last = TAILQ_LAST(&s->silent, silent_clients);
    if (last == NULL || last->batch != s->batch)
        return;
    s->ends++;
    /* [arm:end-of-batch] Does nothing, and completes behind all others. */
    *multishot_request(s) = (struct io_uring_sqe){
        .opcode = IORING_OP_NOP, .user_data = s->batch++ << KIND_BITS | BATCH};
}

bool multishot_replying(const struct server *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->clients[i]->reply_count > 0)
            return true;
    return false;
}

/* Is there something to do as soon as the sends at once are through? */
static bool in_a_hurry(const struct server *s)
{
    const struct client *c;
    TAILQ_FOREACH (c, &s->silent, silent)
        if (c->reply_count > 1 || !c->receiving)
            return true;
    return !TAILQ_EMPTY(&s->line) &&
           (!TAILQ_EMPTY(&s->silent) || s->buffers.lent > 0);
}

unsigned multishot_completions_due(const struct server *s)
{
    return s->ends + !in_a_hurry(s);
}

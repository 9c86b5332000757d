/* SPDX-License-Identifier: MIT */
/*
 * uring_multishot_server: one thread asks once and is answered many times.
 *
 * Shows
 *   - multishot: one accept brings all connections, one recv all bytes of a
 *     client. A request is made again only when the kernel says it has ended;
 *   - provided buffers: the kernel takes one from a shared ring when bytes have
 *     come. A silent client holds none;
 *   - one io_uring_enter hands over a batch of answers and sleeps for the next.
 *
 * Who waits, who copies: the kernel does both.
 * Threads and ownership: one thread. The life of a buffer:
 *   1 the kernel's  as long as it lies in the ring (uring_buffers.h)
 *   2 a client's    when a completion of its recv names it: serve, queue
 *   3 the kernel's  as the first of the queue, until all is sent; then 1
 * Needs: Linux 6.1; with less it asks once for each answer, and says so.
 * Limits: a client that we have stopped reading from may hold some 40 buffers.
 * Try it: build/asyncio/uring_multishot_server -v, then uring_client twice
 * Note: notes/07-asynchronous.md      Compare: asyncio/uring_server.c
 */
#include "asyncio/uring_multishot.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nothing of `c` may be in flight: the kernel would write into freed memory,
 * and the completion would bring us a dead pointer. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    while (c->reply_count > 0)
        multishot_reply_done(s, c);
    if (c->in_line)
        TAILQ_REMOVE(&s->line, c, line);
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    s->clients[c->index] = s->clients[--s->count]; /* the last fills the gap */
    s->clients[c->index]->index = c->index;
    free(c);
    s->stats.served++;
    timers_client_left(&s->timers);
}

/* Lets accepting begin: it goes on until the kernel says that it has ended. */
static void accept_next(struct server *s)
{
    s->accepting = true;
    /* [arm:accept] All connections, whenever they come. (With no descriptor
     * free it ends in EMFILE at once, also when nobody knocks.) */
    *multishot_request(s) = (struct io_uring_sqe){
        .opcode = IORING_OP_ACCEPT,
        .ioprio = s->one_shot ? 0 : IORING_ACCEPT_MULTISHOT,
        .fd = s->listen_fd,
        .accept_flags = SOCK_CLOEXEC,
        .user_data = ACCEPT};
}

/* Makes the request in flight finish. Closing the descriptor would not: the
 * kernel holds the socket as long as a request uses it. */
static void shut_client(struct client *c)
{
    c->leaving = true;
    /* [end:shutdown] A recv in flight ends with 0, a send with EPIPE. */
    (void)shutdown(c->fd, SHUT_RDWR); /* ENOTCONN: reset, which is as good */
}

/* Lets a recv begin, or stand in line while the ring is empty. */
static void receive(struct server *s, struct client *c)
{
    c->in_line = !s->one_shot && s->buffers.lent == 0;
    if (c->in_line) {
        TAILQ_INSERT_TAIL(&s->line, c, line);
        return;
    }
    if (s->one_shot && (c->own = malloc(sizeof *c->own)) == NULL) {
        shut_client(c);
        return;
    }
    c->receiving = true;
    struct io_uring_sqe *sqe = multishot_request(s);
    /* [arm:recv] The kernel waits for bytes (phase 1), takes a buffer from the
     * ring and copies them (phase 2): again and again. */
    *sqe = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                 .flags = IOSQE_BUFFER_SELECT,
                                 .ioprio = IORING_RECV_MULTISHOT,
                                 .fd = c->fd,
                                 .user_data = (uintptr_t)c | RECV};
    if (s->one_shot) { /* once, into a buffer of its own */
        sqe->flags = 0;
        sqe->ioprio = 0;
        sqe->addr = (uintptr_t)c->own->buffer.bytes;
        sqe->len = BUFFER_SIZE;
    }
}

/* Lets a send of the first answer begin. One at a time: two sends in flight
 * could overtake each other. */
static void reply(struct server *s, struct client *c)
{
    struct buffer *b = multishot_reply(c);
    bool at_once = !c->slow && !s->one_shot;
    c->active_ms = now_ms();
    c->sending = PATIENT;
    if (at_once)
        multishot_send_at_once(s, c);
    /* [arm:send] The kernel copies what there is room for. At once: it says
     * something only when that was not all. */
    *multishot_request(s) = (struct io_uring_sqe){
        .opcode = IORING_OP_SEND,
        .flags = at_once ? IOSQE_CQE_SKIP_SUCCESS : 0,
        .fd = c->fd,
        .addr = (uintptr_t)buffer_unsent(b),
        .len = (unsigned)buffer_unsent_length(b),
        .msg_flags = MSG_NOSIGNAL | (at_once ? MSG_DONTWAIT | MSG_WAITALL : 0),
        .user_data = (uintptr_t)c | SEND};
}

/* A request of `c` has finished: what is next for it? */
static void go_on(struct server *s, struct client *c)
{
    if (!c->leaving && !c->sending && c->reply_count > 0)
        reply(s, c);
    else if (!c->leaving && !c->ended && !c->receiving && c->reply_count == 0 &&
             !stop_requested())
        receive(s, c);
    /* Too many answers wait: stop its recv, or a client that never reads would
     * take the last buffer. */
    if (c->receiving && !c->stopping && !c->leaving &&
        (c->slow || c->reply_count > MOST_REPLIES || stop_requested())) {
        c->stopping = true;
        multishot_cancel(s, (uintptr_t)c | RECV);
    }
    if (!c->receiving && !c->sending && (c->leaving || c->ended))
        drop_client(s, c);
}

/* An accept has brought `fd`, a connection or a negative errno. */
static void add_client(struct server *s, int fd)
{
    if (fd < 0) {
        if (fd != -ECANCELED) /* stop_accepting() wanted that */
            timers_accept_failed(&s->timers, -fd, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients) {
        server_refuse(&s->options, fd, "too many clients", &s->stats);
        return;
    }
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        server_refuse(&s->options, fd, "out of memory", &s->stats);
        return;
    }
    c->fd = fd;
    c->index = s->count;
    c->active_ms = now_ms();
    STAILQ_INIT(&c->replies);
    s->clients[s->count++] = c;
    server_tell(&s->options, fd, "connected");
    go_on(s, c);
}

/* A recv has brought `n`, bytes in `b` or a negative errno. */
static void received(struct server *s, struct client *c, int n,
                     struct uring_buffer *b)
{
    if (n <= 0 || c->leaving || stop_requested()) {
        uring_buffers_give_back(&s->buffers, b);
        c->ended |= n == 0;
        /* ENOBUFS: the ring was empty. ECANCELED: go_on() wanted that. */
        if (n < 0 && n != -ENOBUFS && n != -ECANCELED && !would_block(-n) &&
            !c->leaving) {
            server_client_failed(&s->options, c->fd, -n, &s->stats);
            shut_client(c);
        }
        return;
    }
    s->stats.bytes_in += (size_t)n;
    buffer_fill(&b->buffer, (size_t)n);
    /* [work:service] */
    s->options.service->apply(b->buffer.bytes, (size_t)n);
    STAILQ_INSERT_TAIL(&c->replies, b, entry);
    c->reply_count++;
}

/* The send of `c` has finished with `n`, bytes or a negative errno. */
static void sent(struct server *s, struct client *c, int n)
{
    struct buffer *b = multishot_reply(c);
    if (c->sending == AT_ONCE)
        TAILQ_REMOVE(&s->silent, c, silent);
    else
        c->active_ms = now_ms(); /* it took its time */
    c->sending = NOTHING;
    if (n < 0 && !would_block(-n)) {
        if (!c->leaving)
            server_client_failed(&s->options, c->fd, -n, &s->stats);
        shut_client(c);
        return;
    }
    if (n > 0) {
        s->stats.bytes_out += (size_t)n;
        buffer_sent(b, (size_t)n);
    }
    if (buffer_unsent_length(b) > 0)
        c->slow = true; /* the rest goes when there is room */
    else
        multishot_reply_done(s, c);
    c->slow = c->slow && c->reply_count > 0;
}

/* Batch number `batch` is through: who has said nothing has sent all. */
static void believe_silence(struct server *s, uint64_t batch)
{
    struct client *c;
    s->ends--;
    while ((c = TAILQ_FIRST(&s->silent)) != NULL && c->batch <= batch) {
        s->in_flight--;
        sent(s, c, (int)buffer_unsent_length(multishot_reply(c)));
        go_on(s, c);
    }
}

static void drop_idle(struct server *s)
{
    for (int i = s->count - 1; i >= 0; i--) {
        struct client *c = s->clients[i];
        if (!c->leaving && timers_idle(&s->timers, c->active_ms)) {
            s->stats.idle++;
            shut_client(c);
            go_on(s, c);
        }
    }
}

/* All completions that are there. No system call is made for them. */
static void reap(struct server *s)
{
    struct completion done;
    /* [reap:completion] Each finds its owner by the pointer that we wrote into
     * its request. A descriptor would not do: its number may be another
     * client's by now. */
    while (uring_reap(&s->ring, &done)) {
        unsigned kind = done.user_data & KINDS;
        struct client *c = (struct client *)(uintptr_t)(done.user_data - kind);
        bool last = !(done.flags & IORING_CQE_F_MORE);
        s->in_flight -= last;
        if (kind == ACCEPT) {
            s->accepting = !last;
            add_client(s, done.result);
        } else if (kind == RECV) {
            struct uring_buffer *b =
                c->own ? c->own : uring_buffers_take(&s->buffers, done.flags);
            c->own = NULL;
            c->receiving = !last;
            c->stopping &= !last;
            received(s, c, done.result, b);
            go_on(s, c);
        } else if (kind == SEND) {
            sent(s, c, done.result);
            go_on(s, c);
        } else if (kind == BATCH) {
            believe_silence(s, done.user_data >> KIND_BITS);
        }
    }
}

/* Who found the ring empty may ask again, as many as there are buffers. */
static void serve_line(struct server *s)
{
    for (unsigned n = multishot_lent(s); n > 0 && !TAILQ_EMPTY(&s->line); n--) {
        struct client *c = TAILQ_FIRST(&s->line);
        TAILQ_REMOVE(&s->line, c, line);
        receive(s, c);
    }
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        if (!s->accepting && timers_may_accept(&s->timers))
            accept_next(s);
        serve_line(s);
        multishot_end_batch(s);
        /* [wait+copy:enter] Hands over all new requests and sleeps until
         * something has come. The kernel waits for all clients, and copies. */
        if (uring_enter(&s->ring, multishot_completions_due(s),
                        timers_sleep_ms(&s->timers), &s->wait_mask) < 0 &&
            !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
}

/* Answers under way may go out as long as the grace lasts. */
static void finish_replies(struct server *s)
{
    for (int i = s->count - 1; i >= 0; i--)
        go_on(s, s->clients[i]); /* it is read from no more */
    while (multishot_replying(s) && stop_grace_ms() > 0) {
        multishot_end_batch(s);
        /* [end:replies] The kernel sends for all of them. */
        if (uring_enter(&s->ring, 1, stop_grace_ms(), NULL) < 0 &&
            !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
    for (int i = 0; i < s->count; i++)
        farewell_say(s->clients[i]->fd, NULL);
    farewell_wait(&s->stats);
}

static void end_turn(struct server *s)
{
    multishot_end_batch(s);
    /* [end:enter] Until the kernel has given something back. */
    if (uring_enter(&s->ring, 1, -1, NULL) < 0 && !would_block(errno))
        die_errno("io_uring_enter");
    reap(s);
}

/* In flight the accept would hold the port, for a moment after our end too. */
static void stop_accepting(struct server *s)
{
    if (s->accepting)
        multishot_cancel(s, ACCEPT);
    while (s->accepting)
        end_turn(s);
    close(s->listen_fd); /* from now on a newcomer is refused */
}

/* No request may outlive its client, so all are made to finish first. */
static void drop_all(struct server *s)
{
    finish_replies(s);
    for (int i = s->count - 1; i >= 0; i--) {
        shut_client(s->clients[i]);
        go_on(s, s->clients[i]);
    }
    while (s->in_flight > 0)
        end_turn(s);
}

int main(int argc, char **argv)
{
    static struct server s = {.buffer_count = BUFFERS};
    const struct option_spec more[] = {
        {'b', "buffers", "N", "buffers shared by all clients [256]",
         OPTION_NUMBER, &s.buffer_count, 1, MOST_BUFFERS},
        {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "uring-multishot",
                         "io_uring: asked once, answered many times.",
                         MOST_CLIENTS, more);
    stop_catch(&s.wait_mask);
    multishot_open(&s);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, 0);
    if (s.one_shot)
        warn("one-shot, a request for each completion: no %s", s.lacks);
    serve(&s);
    stop_let_second_in();
    stop_accepting(&s);
    drop_all(&s);
    multishot_close(&s);
    server_end(&s.options, &s.stats);
    return 0;
}

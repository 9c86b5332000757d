/* SPDX-License-Identifier: MIT */
/*
 * uring_multishot_server: one thread that asks once and is answered many
 * times.
 *
 * Shows
 *   - multishot: one accept brings all connections, one recv all bytes of a
 *     client. A request is made again only when the kernel says it has ended;
 *   - provided buffers: the kernel takes one from a shared ring when bytes have
 *     come. A silent client holds none;
 *   - one io_uring_enter for a whole batch: the answers of the last batch go
 *     out, and the same call sleeps until the next one is there.
 *
 * Who waits, who copies: the kernel does both.
 * Threads and ownership: one thread. The life of a buffer:
 *   1 the kernel's  as long as it lies in the ring (uring_buffers.h)
 *   2 a client's    when a completion of its recv names it: serve, queue
 *   3 the kernel's  as the first of the queue, until its send has finished;
 *                   with an unsent rest back to 2
 *   4 the kernel's  when all is sent: back into the ring
 * A client is freed when neither its recv nor its send is in flight.
 * Needs: Linux 6.1; with less it asks once for each answer, and says so;
 * without io_uring it exits with 77.
 * Limits: a client that is not read from may hold some 40 buffers.
 * Try it: build/asyncio/uring_multishot_server -v, then uring_client twice
 * Note: notes/07-asynchronous.md      Compare: asyncio/uring_server.c
 */
#include "asyncio/uring.h"
#include "asyncio/uring_buffers.h"
#include "common/clock.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    /* So many answers of one client may wait; then it is not read from until
     * all are sent. Until a multishot recv has ended, the kernel may still
     * bring what it takes in one go, 32 buffers. */
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
    int index;      /* clients[index] points here */
    bool receiving; /* a recv is in flight */
    bool stopping;  /* and its cancellation is asked for */
    bool in_line;   /* waits for a buffer to receive into */
    bool slow;      /* took less than was sent: no reading meanwhile */
    bool hurried;   /* there is something to do right after its send at once */
    bool ended;     /* said all; it leaves with its last answer */
    bool leaving;   /* shut down: what still finishes is not served */
    enum sending sending;     /* which send is in flight */
    int reply_count;          /* in `replies` */
    int64_t active_ms;        /* when its last answer went out */
    struct uring_buffer *own; /* one-shot only: the recv in flight fills it */
    STAILQ_HEAD(, uring_buffer) replies; /* unsent, in the order to send */
    TAILQ_ENTRY(client) line;
    uint64_t batch; /* that its send at once belongs to */
    TAILQ_ENTRY(client) silent;
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct uring ring;
    struct uring_buffers buffers;
    long buffer_count;
    bool one_shot;      /* the kernel lacks a part: a request per completion */
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during the wait only */
    int listen_fd;
    bool accepting;     /* an accept is in flight */
    unsigned in_flight; /* requests whose last completion was not reaped */
    /* Sends at once, in the order in which they were handed over. */
    TAILQ_HEAD(silent_clients, client) silent;
    uint64_t batch;   /* the number of the batch that is being filled */
    unsigned ends;    /* batches whose end has not been reaped */
    unsigned hurried; /* sends at once with something to do right after */
    TAILQ_HEAD(, client) line; /* who waits for a buffer, longest first */
    int count;                 /* clients[0..count) are connected */
    struct client **clients;
};

/* Nothing of `c` may be in flight: the kernel would write into freed memory,
 * and the completion would bring us a dead pointer. */
static void drop_client(struct server *s, struct client *c)
{
    struct uring_buffer *b;
    server_tell(&s->options, c->fd, "leaves");
    while ((b = STAILQ_FIRST(&c->replies)) != NULL) {
        STAILQ_REMOVE_HEAD(&c->replies, entry);
        uring_buffers_give_back(&s->buffers, b);
    }
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

/* A place in the queue for one more request. */
static struct io_uring_sqe *new_request(struct server *s)
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

/* Lets accepting begin: it goes on until the kernel says that it has ended. */
static void accept_next(struct server *s)
{
    s->accepting = true;
    /* [arm:accept] All connections, whenever they come. (With no descriptor
     * free it ends in EMFILE at once, also when nobody knocks.) */
    *new_request(s) = (struct io_uring_sqe){
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

/* One recv into a buffer of the client's own, as uring_server does. */
static void receive_once(struct server *s, struct client *c)
{
    c->own = malloc(sizeof *c->own);
    if (c->own == NULL) {
        shut_client(c);
        return;
    }
    c->receiving = true;
    /* [arm:recv-once] The buffer is committed now, whenever bytes come. */
    *new_request(s) =
        (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                              .fd = c->fd,
                              .addr = (uintptr_t)c->own->buffer.bytes,
                              .len = BUFFER_SIZE,
                              .user_data = (uintptr_t)c | RECV};
}

/* Lets a recv begin, or stand in line while the ring is empty. */
static void receive(struct server *s, struct client *c)
{
    if (s->one_shot) {
        receive_once(s, c);
        return;
    }
    c->in_line = s->buffers.lent == 0;
    if (c->in_line) {
        TAILQ_INSERT_TAIL(&s->line, c, line);
        return;
    }
    c->receiving = true;
    /* [arm:recv] The kernel waits for bytes (phase 1), takes a buffer from the
     * ring and copies them (phase 2): again and again. */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                            .flags = IOSQE_BUFFER_SELECT,
                                            .ioprio = IORING_RECV_MULTISHOT,
                                            .fd = c->fd,
                                            .user_data = (uintptr_t)c | RECV};
}

/* A multishot recv goes on, whether the client reads its answers or not: it
 * would fill the ring's last buffer for a client that only writes. */
static void stop_receiving(struct server *s, struct client *c)
{
    c->stopping = true;
    /* [arm:cancel] The recv ends with ECANCELED; what it has brought until
     * then is in the completions before that, and is not lost. */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                                            .addr = (uintptr_t)c | RECV,
                                            .user_data = CANCEL};
}

/* Lets a send of the first answer begin. One at a time: two sends in flight
 * could overtake each other. */
static void reply(struct server *s, struct client *c)
{
    struct buffer *b = &STAILQ_FIRST(&c->replies)->buffer;
    bool at_once = !c->slow && !s->one_shot;
    c->sending = at_once ? AT_ONCE : PATIENT;
    c->active_ms = now_ms();
    if (at_once) {
        c->batch = s->batch;
        TAILQ_INSERT_TAIL(&s->silent, c, silent);
    }
    /* [arm:send] The kernel copies what there is room for. At once: it says
     * something only when that was not all. */
    *new_request(s) = (struct io_uring_sqe){
        .opcode = IORING_OP_SEND,
        .flags = at_once ? IOSQE_CQE_SKIP_SUCCESS : 0,
        .fd = c->fd,
        .addr = (uintptr_t)buffer_unsent(b),
        .len = (unsigned)buffer_unsent_length(b),
        .msg_flags = MSG_NOSIGNAL | (at_once ? MSG_DONTWAIT | MSG_WAITALL : 0),
        .user_data = (uintptr_t)c | SEND};
}

/* When may silence be believed? A request that does nothing goes behind the
 * sends of each batch. They all finish while they are handed over, so when its
 * completion is there, so are those of the sends that fell short. */
static void end_batch(struct server *s)
{
    struct client *last = TAILQ_LAST(&s->silent, silent_clients);
    if (last == NULL || last->batch != s->batch)
        return;
    s->ends++;
    /* [arm:nop] */
    *new_request(s) = (struct io_uring_sqe){
        .opcode = IORING_OP_NOP, .user_data = s->batch++ << KIND_BITS | BATCH};
}

/* A request of `c` has finished: what is next for it? */
static void go_on(struct server *s, struct client *c)
{
    if (!c->leaving && !c->sending && c->reply_count > 0)
        reply(s, c);
    else if (!c->leaving && !c->ended && !c->receiving && c->reply_count == 0)
        receive(s, c);
    if (c->receiving && !c->stopping && !c->leaving &&
        (c->slow || c->reply_count > MOST_REPLIES))
        stop_receiving(s, c);
    if (c->sending == AT_ONCE && !c->hurried &&
        (c->reply_count > 1 || !c->receiving)) {
        c->hurried = true;
        s->hurried++;
    }
    if (!c->receiving && !c->sending && (c->leaving || c->ended))
        drop_client(s, c);
}

/* An accept has brought `fd`, a connection or a negative errno. */
static void add_client(struct server *s, int fd)
{
    if (fd < 0) {
        if (fd != -ECANCELED) /* drop_all() wanted that */
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
    if (n <= 0 || c->leaving) {
        uring_buffers_give_back(&s->buffers, b);
        c->ended |= n == 0;
        /* ENOBUFS: the ring was empty. ECANCELED: stop_receiving(). Both are
         * no fault of the client, and go_on() knows what is next. */
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
    struct uring_buffer *b = STAILQ_FIRST(&c->replies);
    if (c->sending == AT_ONCE)
        TAILQ_REMOVE(&s->silent, c, silent);
    c->sending = NOTHING;
    s->hurried -= c->hurried;
    c->hurried = false;
    if (n < 0 && !would_block(-n)) {
        if (!c->leaving)
            server_client_failed(&s->options, c->fd, -n, &s->stats);
        shut_client(c);
        return;
    }
    if (n > 0) {
        s->stats.bytes_out += (size_t)n;
        buffer_sent(&b->buffer, (size_t)n);
    }
    /* No room for all: the rest is sent when there is, and nobody waits. */
    c->slow = c->slow || buffer_unsent_length(&b->buffer) > 0;
    if (buffer_unsent_length(&b->buffer) > 0)
        return;
    STAILQ_REMOVE_HEAD(&c->replies, entry);
    uring_buffers_give_back(&s->buffers, b);
    c->reply_count--;
    c->slow = c->slow && c->reply_count > 0;
}

/* Batch number `batch` is through: who has said nothing has sent all. */
static void believe_silence(struct server *s, uint64_t batch)
{
    struct client *c;
    while ((c = TAILQ_FIRST(&s->silent)) != NULL && c->batch <= batch) {
        struct buffer *b = &STAILQ_FIRST(&c->replies)->buffer;
        s->in_flight--;
        sent(s, c, (int)buffer_unsent_length(b));
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
            c->stopping = c->stopping && !last;
            received(s, c, done.result, b);
            go_on(s, c);
        } else if (kind == SEND) {
            sent(s, c, done.result);
            go_on(s, c);
        } else if (kind == BATCH) {
            s->ends--;
            believe_silence(s, done.user_data >> KIND_BITS);
        }
    }
}

/* Who found the ring empty may ask again, as many as there are buffers. */
static void serve_line(struct server *s)
{
    struct client *c;
    /* What is at once on its way comes back. What slow clients keep does not,
     * and others must not wait for them: it is replaced. */
    if (s->buffers.lent == 0 && TAILQ_EMPTY(&s->silent) &&
        !TAILQ_EMPTY(&s->line))
        (void)uring_buffers_fill_up(&s->buffers); /* no memory: later */
    for (unsigned n = s->buffers.lent; n > 0; n--) {
        if ((c = TAILQ_FIRST(&s->line)) == NULL)
            break;
        TAILQ_REMOVE(&s->line, c, line);
        receive(s, c);
    }
}

/*
 * How many completions to sleep for. The end of a batch comes within the call,
 * and to wake for that would cost a second call: so one more. But not while
 * there is something to do as soon as the sends are through.
 */
static unsigned completions_due(const struct server *s)
{
    bool hurry =
        s->hurried > 0 || (!TAILQ_EMPTY(&s->line) &&
                           (!TAILQ_EMPTY(&s->silent) || s->buffers.lent > 0));
    return s->ends + !hurry;
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        if (!s->accepting && timers_may_accept(&s->timers))
            accept_next(s);
        serve_line(s);
        end_batch(s);
        unsigned due = completions_due(s);
        /* [wait+copy:enter] Hands over all new requests and sleeps until
         * something has come. The kernel waits for all clients, and copies. */
        if (uring_enter(&s->ring, due, timers_sleep_ms(&s->timers),
                        &s->wait_mask) < 0 &&
            !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
}

/* No request may outlive its client, so all are made to finish first. Nor may
 * the accept: in flight it would hold the port for some milliseconds after
 * our end, and a restart would find it in use. */
static void drop_all(struct server *s)
{
    if (s->accepting) {
        /* [end:cancel] Two completions: the accept's, ECANCELED, and this. */
        *new_request(s) =
            (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                                  .addr = ACCEPT,
                                  .user_data = CANCEL};
    }
    while (s->in_flight > 0 || s->count > 0) {
        /* Again and again: the accept may have brought more before its end. */
        for (int i = s->count - 1; i >= 0; i--) {
            if (!s->clients[i]->leaving) {
                shut_client(s->clients[i]);
                go_on(s, s->clients[i]);
            }
        }
        end_batch(s);
        /* [end:enter] Until the kernel has given everything back. */
        if (uring_enter(&s->ring, s->in_flight > 0, -1, NULL) < 0 &&
            !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
}

static void open_ring(struct server *s)
{
    const unsigned wish =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    unsigned most = 3 * (unsigned)s->options.max_clients +
                    (unsigned)s->buffer_count + OTHER_REQUESTS;
    /* [setup:ring] These wishes say: one thread submits, and the kernel works
     * on finished requests only while that thread waits. So it need not
     * interrupt us, and it wakes us once for many. */
    if (uring_open(&s->ring, REQUESTS, most, wish) < 0)
        uring_not_available(errno);
    /* A kernel that has them (6.1) has multishot accept and recv (6.0), too. */
    s->one_shot = (s->ring.setup & wish) != wish;
    if (s->one_shot)
        warn("no DEFER_TASKRUN (Linux 6.1): one-shot, a request for each "
             "completion");
    else if (uring_buffers_open(&s->buffers, &s->ring,
                                (unsigned)s->buffer_count) < 0) {
        s->one_shot = true;
        warn("no ring of buffers: %s (%s): one-shot, a request for each "
             "completion",
             errno_name(errno), strerror(errno));
    }
}

int main(int argc, char **argv)
{
    static struct server s = {.buffer_count = BUFFERS};
    const struct option_spec more[] = {
        {'b', "buffers", "N", "buffers shared by all clients [256]",
         OPTION_NUMBER, &s.buffer_count, 1, MOST_BUFFERS},
        {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "uring-multishot",
                         "Multishot io_uring: asked once, answered many "
                         "times.",
                         MOST_CLIENTS, more);
    s.clients = calloc((size_t)s.options.max_clients, sizeof(void *));
    if (s.clients == NULL)
        die_errno("memory for %ld clients", s.options.max_clients);
    TAILQ_INIT(&s.line);
    TAILQ_INIT(&s.silent);
    stop_catch(&s.wait_mask);
    open_ring(&s);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, 0);
    serve(&s);
    stop_let_second_in();
    drop_all(&s);
    uring_buffers_close(&s.buffers);
    uring_close(&s.ring);
    close(s.listen_fd);
    free(s.clients);
    server_end(&s.options, &s.stats);
    return 0;
}

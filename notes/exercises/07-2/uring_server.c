/* SPDX-License-Identifier: MIT */
/*
 * uring_server: one thread that hands out requests and reads their results.
 *
 * Exercise 07-2. Something is wrong with it: README.md beside it tells what
 * people see. Mend it here; `make exercise-07-2` says whether it helps.
 * Compare: asyncio/uring_server.c, when you have given up.
 */
#include "asyncio/uring.h"
#include "common/buffer.h"
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

enum {
    REQUESTS = 1024, /* handed over with one call, at most */
    /* In flight at most: one request a client, the accept, its cancellation.
     * With a place for each the completion queue cannot overflow. */
    OTHER_REQUESTS = 2,
    MOST_CLIENTS = URING_MOST_COMPLETIONS - OTHER_REQUESTS
};

/* user_data says whose a request is: clients[i] writes FIRST_CLIENT + i. */
enum { ACCEPT = 1, CANCEL = 2, FIRST_CLIENT = 3 };

struct client {
    int fd;
    int index;            /* clients[index] points here */
    bool sending;         /* the one request in flight is a send, not a recv */
    bool leaving;         /* shut down: what still finishes is not served */
    int64_t active_ms;    /* when its last answer had gone out whole */
    struct buffer buffer; /* committed as long as the client is connected */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct uring ring;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during the wait only */
    int listen_fd;
    bool accepting;     /* an accept is in flight */
    unsigned in_flight; /* requests whose completion has not been reaped */
    int count;          /* clients[0..count) are connected */
    struct client **clients;
};

/* Nothing of `c` may be in flight: the kernel would write into freed memory. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    s->clients[c->index] = s->clients[--s->count]; /* the last fills the gap */
    s->clients[c->index]->index = c->index;
    s->clients[s->count] = NULL; /* nobody any more */
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

/* Lets an accept begin: one is in flight all the time, but for a pause. */
static void accept_next(struct server *s)
{
    s->accepting = true;
    /* [arm:accept] The next connection, whenever it comes. (With no descriptor
     * free it ends in EMFILE at once, also when nobody knocks.) */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
                                            .fd = s->listen_fd,
                                            .accept_flags = SOCK_CLOEXEC,
                                            .user_data = ACCEPT};
}

static uint64_t tag_of(const struct client *c)
{
    return FIRST_CLIENT + (uint64_t)c->index;
}

/* Lets a recv begin. */
static void receive(struct server *s, struct client *c)
{
    c->sending = false;
    /* [arm:recv] The kernel waits for bytes (phase 1) and copies them (phase
     * 2): the buffer is the kernel's now. */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                            .fd = c->fd,
                                            .addr = (uintptr_t)c->buffer.bytes,
                                            .len = BUFFER_SIZE,
                                            .user_data = tag_of(c)};
}

/* Lets a send of what is unsent begin; with nothing unsent, the next recv. */
static void reply(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    if (buffer_unsent_length(b) == 0) {
        c->active_ms = now_ms();
        receive(s, c);
        return;
    }
    c->sending = true;
    /* [arm:send] The kernel waits until there is room, and copies what fits. */
    *new_request(s) =
        (struct io_uring_sqe){.opcode = IORING_OP_SEND,
                              .fd = c->fd,
                              .addr = (uintptr_t)buffer_unsent(b),
                              .len = (unsigned)buffer_unsent_length(b),
                              .msg_flags = MSG_NOSIGNAL,
                              .user_data = tag_of(c)};
}

/* An accept has finished: `fd` is a connection or a negative errno. */
static void add_client(struct server *s, int fd)
{
    s->accepting = false;
    if (fd < 0) {
        if (fd != -ECANCELED) /* drop_all() wanted that */
            timers_accept_failed(&s->timers, -fd, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients) {
        server_refuse(&s->options, fd, "too many clients", &s->stats);
        return;
    }
    struct client *c = malloc(sizeof *c); /* unused pages cost nothing */
    if (c == NULL) {
        server_refuse(&s->options, fd, "out of memory", &s->stats);
        return;
    }
    c->fd = fd;
    c->index = s->count;
    c->leaving = false;
    c->active_ms = now_ms();
    s->clients[s->count++] = c;
    server_tell(&s->options, fd, "connected");
    receive(s, c);
}

/* The request of `c` has finished with `n`, bytes or a negative errno: its
 * buffer is ours again. False when this client's conversation is over. */
static bool finish(struct server *s, struct client *c, int n)
{
    struct buffer *b = &c->buffer;
    if (c->sending && n > 0) {
        s->stats.bytes_out += (size_t)n;
        buffer_sent(b, (size_t)n);
    }
    if (c->leaving || n == 0)
        return false;
    if (n < 0 && !would_block(-n)) {
        server_client_failed(&s->options, c->fd, -n, &s->stats);
        return false;
    }
    if (n > 0 && !c->sending) {
        s->stats.bytes_in += (size_t)n;
        buffer_fill(b, (size_t)n);
        /* [work:service] */
        s->options.service->apply(b->bytes, (size_t)n);
    }
    if (n < 0 && !c->sending)
        receive(s, c);
    else
        reply(s, c);
    return true;
}

/* Makes the request in flight finish. Closing the descriptor would not: the
 * kernel holds the socket as long as a request uses it. */
static void shut_client(struct client *c)
{
    c->leaving = true;
    /* [end:shutdown] A recv in flight ends with 0, a send with EPIPE. */
    (void)shutdown(c->fd, SHUT_RDWR); /* ENOTCONN: reset, which is as good */
}

static void drop_idle(struct server *s)
{
    for (int i = 0; i < s->count; i++) {
        struct client *c = s->clients[i];
        if (!c->leaving && timers_idle(&s->timers, c->active_ms)) {
            s->stats.idle++;
            shut_client(c);
        }
    }
}

/* All completions that are there. No system call is made for them. */
static void reap(struct server *s)
{
    struct completion done;
    /* [reap:completion] Each finds its owner by the number that we wrote into
     * its request. */
    while (uring_reap(&s->ring, &done)) {
        struct client *c = done.user_data < FIRST_CLIENT
                               ? NULL
                               : s->clients[done.user_data - FIRST_CLIENT];
        s->in_flight--;
        if (done.user_data == ACCEPT)
            add_client(s, done.result);
        else if (done.user_data != CANCEL && !finish(s, c, done.result))
            drop_client(s, c);
    }
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        if (!s->accepting && timers_may_accept(&s->timers))
            accept_next(s);
        /* [wait+copy:enter] Hands over all new requests and sleeps until one
         * has finished. The kernel waits for all clients, and copies. */
        if (uring_enter(&s->ring, 1, timers_sleep_ms(&s->timers),
                        &s->wait_mask) < 0 &&
            !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
}

static bool replying(const struct server *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->clients[i]->sending)
            return true;
    return false;
}

/* Sends in flight may finish as long as the grace lasts. */
static void finish_replies(struct server *s)
{
    while (replying(s) && stop_grace_ms() > 0) {
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

/* No request may outlive its client, so all are made to finish first. Nor may
 * the accept: in flight it would hold the port for some milliseconds after
 * our end, and a restart would find it in use. */
static void drop_all(struct server *s)
{
    finish_replies(s);
    if (s->accepting) {
        /* [end:cancel] Two completions: the accept's, ECANCELED, and this. */
        *new_request(s) =
            (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                                  .addr = ACCEPT,
                                  .user_data = CANCEL};
    }
    while (s->in_flight > 0) {
        /* Again and again: an accept may have finished before its cancel. */
        for (int i = 0; i < s->count; i++)
            if (!s->clients[i]->leaving)
                shut_client(s->clients[i]);
        /* [end:enter] Until the kernel has given everything back. */
        if (uring_enter(&s->ring, 1, -1, NULL) < 0 && !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
}

static void open_ring(struct server *s)
{
    unsigned most = (unsigned)s->options.max_clients + OTHER_REQUESTS;
    /* [setup:ring] These wishes say: one thread submits, and the kernel works
     * on finished requests only while that thread waits. So it need not
     * interrupt us, and it wakes us once for many. */
    if (uring_open(&s->ring, REQUESTS, most,
                   IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) < 0)
        uring_not_available(errno);
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "uring",
                         "io_uring: the kernel waits and copies, for one "
                         "thread.",
                         MOST_CLIENTS, NULL);
    s.clients = calloc((size_t)s.options.max_clients, sizeof(void *));
    if (s.clients == NULL)
        die_errno("memory for %ld clients", s.options.max_clients);
    stop_catch(&s.wait_mask);
    open_ring(&s);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, 0);
    serve(&s);
    stop_let_second_in();
    drop_all(&s);
    uring_close(&s.ring);
    close(s.listen_fd);
    free(s.clients);
    server_end(&s.options, &s.stats);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * uring_server: one thread that asks for results, and learns of them later.
 *
 * Shows
 *   - no call here accepts, receives or sends: a request for each is written
 *     into a queue in shared memory, its completion is read from another;
 *   - a completion says 'done', where select says 'ready': the copy is made;
 *   - one io_uring_enter hands over all new requests and waits: with many busy
 *     clients, one system call for a whole batch of messages.
 *
 * Who waits, who copies: the kernel does both. This thread sleeps in
 * io_uring_enter only for want of anything else to do.
 * Threads and ownership: one thread. Each client has a buffer of its own, and
 * exactly one request in flight:
 *   1. add_client: the client is made; the buffer is ours and empty;
 *   2. request_receive: from here it is the kernel's, nobody else may touch it;
 *   3. receive: the completion has come, it is ours; the service is applied;
 *   4. request_reply: the kernel's again, until
 *   5. reply: ours; back to 4 with an unsent rest, else to 2.
 *   A client that must go in step 2 or 4 is shut down: that completes its
 *   request. Only then drop_client closes and frees.
 * Needs Linux 5.11 (6.1 for its best); without io_uring it exits with 77.
 * Limits: an idle client holds its buffer; see uring_multishot_server.
 * Try it: build/asyncio/uring_server, and build/asyncio/uring_client twice
 * Note: notes/07-asynchronous.md
 * Compare: multiplexing/select_server.c, asyncio/aio_server.c
 */
#include "asyncio/uring.h"
#include "common/buffer.h"
#include "common/clock.h"
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

/* user_data of the requests that belong to no client: no pointer is so low. */
enum { ACCEPT_DONE = 1, CANCEL_DONE = 2 };

struct client {
    int fd;
    int place;         /* it is clients[place] */
    bool replying;     /* its request is a send, else a recv */
    bool leaving;      /* shut down: dropped when its request is done */
    int64_t active_ms; /* when its last answer had gone out whole */
    struct buffer buffer;
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct uring ring;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during the wait only */
    int listen_fd;
    bool accepting; /* an accept is in flight */
    int in_flight;  /* requests whose completion has not come */
    int count;      /* clients[0..count) are connected */
    struct client **clients;
};

/* No client's request is in flight: its descriptor and memory are ours. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    struct client *last = s->clients[--s->count];
    s->clients[c->place] = last; /* the last one fills the gap */
    last->place = c->place;
    free(c);
    s->stats.served++;
    timers_client_left(&s->timers);
}

/* Closing would leave its request in flight for ever: shut down, it ends. */
static void dismiss_client(struct client *c)
{
    c->leaving = true;
    /* [end:shutdown] A recv in flight completes with 0, a send with EPIPE. */
    (void)shutdown(c->fd, SHUT_RDWR); /* ENOTCONN: it has ended already */
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

static void request_accept(struct server *s)
{
    s->accepting = true;
    /* [arm:accept] The next connection, whenever it comes. */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
                                            .fd = s->listen_fd,
                                            .accept_flags = SOCK_CLOEXEC,
                                            .user_data = ACCEPT_DONE};
}

static void request_receive(struct server *s, struct client *c)
{
    c->replying = false;
    /* [arm:recv] The next bytes, into this buffer: the kernel's from now on. */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                            .fd = c->fd,
                                            .addr = (uintptr_t)c->buffer.bytes,
                                            .len = BUFFER_SIZE,
                                            .user_data = (uintptr_t)c};
}

static void request_reply(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    c->replying = true;
    /* [arm:send] The unsent bytes, when there is room: the kernel's, too. */
    *new_request(s) =
        (struct io_uring_sqe){.opcode = IORING_OP_SEND,
                              .fd = c->fd,
                              .addr = (uintptr_t)buffer_unsent(b),
                              .len = (unsigned)buffer_unsent_length(b),
                              .msg_flags = MSG_NOSIGNAL,
                              .user_data = (uintptr_t)c};
}

/* An accept is done: `fd` is the connection, or a negative errno. */
static void add_client(struct server *s, int fd)
{
    s->accepting = false;
    if (fd < 0) {
        if (fd != -ECANCELED)
            timers_accept_failed(&s->timers, -fd, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients || stop_requested()) {
        server_refuse(&s->options, fd,
                      stop_requested() ? "the server ends" : "too many clients",
                      &s->stats);
        return;
    }
    struct client *c = malloc(sizeof *c);
    if (c == NULL) {
        server_refuse(&s->options, fd, "out of memory", &s->stats);
        return;
    }
    c->fd = fd;
    c->leaving = false;
    c->active_ms = now_ms();
    c->place = s->count++;
    s->clients[c->place] = c;
    server_tell(&s->options, fd, "connected");
    request_receive(s, c);
}

/* A recv is done: `n` bytes are in the buffer, or it is a negative errno.
 * False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c, int n)
{
    struct buffer *b = &c->buffer;
    if (n < 0 && would_block(-n)) {
        request_receive(s, c);
        return true;
    }
    if (n < 0)
        server_client_failed(&s->options, c->fd, -n, &s->stats);
    if (n <= 0)
        return false;
    s->stats.bytes_in += (size_t)n;
    buffer_fill(b, (size_t)n);
    /* [work:service] */
    s->options.service->apply(b->bytes, (size_t)n);
    request_reply(s, c);
    return true;
}

/* A send is done: `n` bytes are out, or it is a negative errno; what did not
 * fit is sent next. False when the client is gone. */
static bool reply(struct server *s, struct client *c, int n)
{
    struct buffer *b = &c->buffer;
    if (n < 0 && !would_block(-n)) {
        server_client_failed(&s->options, c->fd, -n, &s->stats);
        return false;
    }
    if (n > 0) {
        s->stats.bytes_out += (size_t)n;
        buffer_sent(b, (size_t)n);
    }
    if (buffer_unsent_length(b) > 0) {
        request_reply(s, c);
        return true;
    }
    c->active_ms = now_ms();
    request_receive(s, c);
    return true;
}

static void drop_idle(struct server *s)
{
    for (int i = s->count - 1; i >= 0; i--) {
        struct client *c = s->clients[i];
        if (!c->leaving && timers_idle(&s->timers, c->active_ms)) {
            s->stats.idle++;
            dismiss_client(c);
        }
    }
}

/* Goes through all completions that are there. No system call. */
static void reap(struct server *s)
{
    struct completion done;
    /* [reap:completion] Each one finds its owner by what we wrote into the
     * request. A descriptor would not do: its number may be another's now. */
    while (uring_reap(&s->ring, &done)) {
        s->in_flight--;
        if (done.user_data == CANCEL_DONE)
            continue;
        if (done.user_data == ACCEPT_DONE) {
            add_client(s, done.result);
            continue;
        }
        struct client *c = (struct client *)(uintptr_t)done.user_data;
        bool open = !c->leaving && (c->replying ? reply(s, c, done.result)
                                                : receive(s, c, done.result));
        if (!open)
            drop_client(s, c);
    }
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (!s->accepting && timers_may_accept(&s->timers))
            request_accept(s);
        /* [wait+copy:enter] Hands over all new requests. The kernel waits for
         * every client and copies; this thread sleeps until one is done. */
        if (uring_enter(&s->ring, 1, timers_sleep_ms(&s->timers),
                        &s->wait_mask) < 0 &&
            !would_block(errno))
            die_errno("io_uring_enter");
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        reap(s);
    }
}

/* The kernel may not keep a buffer or the listener beyond our end: an accept
 * left in flight would hold the port for some milliseconds after the exit. */
static void take_back_all(struct server *s)
{
    if (s->accepting) {
        /* [end:cancel] The accept completes with ECANCELED, the cancellation
         * with a completion of its own. */
        *new_request(s) =
            (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                                  .addr = ACCEPT_DONE,
                                  .user_data = CANCEL_DONE};
    }
    for (int i = 0; i < s->count; i++)
        dismiss_client(s->clients[i]);
    while (s->in_flight > 0) {
        /* [end:enter] Asleep until the last request is done. */
        if (uring_enter(&s->ring, 1, -1, NULL) < 0 && !would_block(errno))
            die_errno("io_uring_enter");
        reap(s);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "uring",
                         "One thread; the kernel waits and copies (io_uring).",
                         MOST_CLIENTS, NULL);
    s.clients = calloc((size_t)s.options.max_clients, sizeof(struct client *));
    if (s.clients == NULL)
        die_errno("memory for %ld clients", s.options.max_clients);
    stop_catch(&s.wait_mask);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    /* [setup:ring] One thread submits, and the kernel finishes requests only
     * while that thread waits, so it never interrupts it (since 6.1). */
    if (uring_open(&s.ring, REQUESTS,
                   (unsigned)s.options.max_clients + OTHER_REQUESTS,
                   IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) < 0)
        uring_not_available(errno);
    s.listen_fd = server_listen(&s.options, 0);
    serve(&s);
    stop_let_second_in();
    take_back_all(&s);
    uring_close(&s.ring);
    close(s.listen_fd);
    free(s.clients);
    server_end(&s.options, &s.stats);
    return 0;
}

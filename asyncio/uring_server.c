/* SPDX-License-Identifier: MIT */
/*
 * uring_server: one thread that hands out requests and reads their results
 * from memory.
 *
 * Shows
 *   - no call here accepts, receives or sends. A request for each is written
 *     into a queue in shared memory, its completion is read from another;
 *   - a completion says 'done' where select says 'ready': the copy is made;
 *   - one io_uring_enter hands over all new requests and waits: with many busy
 *     clients, one system call for a whole batch of messages.
 *
 * Who waits, who copies: the kernel does both.
 * Threads and ownership: one thread. The life of a client's buffer:
 *   1 ours          until it is named in a request (receive)
 *   2 the kernel's  until the completion: no look, no change, no free
 *   3 ours          again: serve, name it in the next request (reply)
 *   4 the kernel's  until that completion; with an unsent rest back to 3,
 *                   else to 1
 * Needs: Linux 5.11, 6.1 for its best; without io_uring it exits with 77.
 * Limits: an idle client holds its buffer; uring_multishot_server mends it.
 * Try it: build/asyncio/uring_server, then build/asyncio/uring_client twice
 * Note: notes/07-asynchronous.md
 * Compare: asyncio/aio_server.c, multiplexing/select_server.c
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

/* user_data of the requests that belong to no client: no pointer is so low. */
enum { ACCEPT = 1, CANCEL = 2 };

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

/* Nothing of `c` may be in flight: the kernel would write into freed memory,
 * and the completion would bring us a dead pointer. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
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

/* Lets a recv begin; after a stop, none: then nothing of `c` is in flight. */
static void receive(struct server *s, struct client *c)
{
    c->sending = false;
    if (stop_requested())
        return;
    /* [arm:recv] The kernel waits for bytes (phase 1) and copies them (phase
     * 2): the buffer is the kernel's now. */
    *new_request(s) = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                            .fd = c->fd,
                                            .addr = (uintptr_t)c->buffer.bytes,
                                            .len = BUFFER_SIZE,
                                            .user_data = (uintptr_t)c};
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
                              .user_data = (uintptr_t)c};
}

/* An accept has finished: `fd` is a connection or a negative errno. */
static void add_client(struct server *s, int fd)
{
    s->accepting = false;
    if (fd < 0) {
        if (fd != -ECANCELED) /* stop_accepting() wanted that */
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
    if (!c->sending && stop_requested())
        return true; /* asked after the stop */
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
    /* [reap:completion] Each finds its owner by the pointer that we wrote into
     * its request. A descriptor would not do: its number may be another
     * client's by now. */
    while (uring_reap(&s->ring, &done)) {
        struct client *c = (struct client *)(uintptr_t)done.user_data;
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

static void end_turn(struct server *s)
{
    /* [end:enter] Until the kernel has given something back. */
    if (uring_enter(&s->ring, 1, -1, NULL) < 0 && !would_block(errno))
        die_errno("io_uring_enter");
    reap(s);
}

/* In flight the accept would hold the port, for a moment after our end too. */
static void stop_accepting(struct server *s)
{
    if (s->accepting) {
        /* [end:cancel] Two completions: the accept's, ECANCELED, and this. */
        *new_request(s) =
            (struct io_uring_sqe){.opcode = IORING_OP_ASYNC_CANCEL,
                                  .addr = ACCEPT,
                                  .user_data = CANCEL};
    }
    while (s->accepting)
        end_turn(s);
    close(s->listen_fd); /* from now on a newcomer is refused */
}

/* No request may outlive its client, so all are made to finish first. */
static void drop_all(struct server *s)
{
    finish_replies(s);
    for (int i = 0; i < s->count; i++)
        shut_client(s->clients[i]);
    while (s->in_flight > 0)
        end_turn(s);
    while (s->count > 0) /* those that had nothing in flight */
        drop_client(s, s->clients[0]);
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
    stop_accepting(&s);
    drop_all(&s);
    uring_close(&s.ring);
    free(s.clients);
    server_end(&s.options, &s.stats);
    return 0;
}

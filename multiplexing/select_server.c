/* SPDX-License-Identifier: MIT */
/*
 * select_server: one thread, one sleep for all clients.
 *
 * Shows
 *   - select sleeps on many sockets at once and returns when any is ready;
 *   - the sets are filled anew for every call, and scanned after it: the work
 *     grows with the highest descriptor, ready or not;
 *   - FD_SETSIZE: a descriptor of 1024 or more has no place in a set. Writing
 *     it there would corrupt memory, so such a client is refused.
 *
 * Who waits, who copies: this thread sleeps in select (wait), for all clients
 * at once; then its own recv copies, and that call does not sleep.
 * Threads and ownership: one thread. A client holds a buffer only while a part
 * of its answer is unsent, and is not read from meanwhile.
 * Limits: FD_SETSIZE; one slow service call would stall everybody.
 * Try it
 *   build/multiplexing/select_server
 *   build/multiplexing/select_client          (in other terminals, twice)
 * Note: notes/05-multiplexing.md
 * Compare: nonblocking/polling_server.c, multiplexing/poll_server.c
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    int64_t active_ms;     /* when its last answer had gone out whole */
    struct buffer *buffer; /* NULL unless a part of an answer is unsent */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct buffer_shelf shelf;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during select only */
    int listen_fd;
    int count; /* clients[0..count) are connected */
    struct client clients[FD_SETSIZE];
};

static void drop_client(struct server *s, int i)
{
    struct client *c = &s->clients[i];
    server_tell(&s->options, c->fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    *c = s->clients[--s->count]; /* the last one fills the gap */
    s->stats.served++;
    timers_client_left(&s->timers);
}

static void add_client(struct server *s)
{
    /* [copy:accept] The listener is ready: this does not sleep. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        timers_accept_failed(&s->timers, errno, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients) {
        server_refuse(&s->options, fd, "too many clients", &s->stats);
        return;
    }
    if (fd >= FD_SETSIZE) {
        server_refuse(&s->options, fd, "select has no room past FD_SETSIZE",
                      &s->stats);
        return;
    }
    s->clients[s->count++] = (struct client){.fd = fd, .active_ms = now_ms()};
    server_tell(&s->options, fd, "connected");
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    struct buffer *b = buffer_take(&s->shelf);
    if (b == NULL)
        return false;
    /* [copy:recv] Bytes are there: our call copies them, and does not sleep. */
    ssize_t n = recv(c->fd, b->bytes, BUFFER_SIZE, 0);
    if (n <= 0) {
        buffer_give_back(&s->shelf, b);
        if (n < 0 && would_block(errno))
            return true;
        if (n < 0)
            server_client_failed(&s->options, c->fd, errno, &s->stats);
        return false;
    }
    s->stats.bytes_in += (size_t)n;
    buffer_fill(b, (size_t)n);
    /* [work:service] */
    s->options.service->apply(b->bytes, (size_t)n);
    c->buffer = b;
    return true;
}

/* Bytes out; what does not fit stays. False when the client is gone. */
static bool reply(struct server *s, struct client *c)
{
    struct buffer *b = c->buffer;
    if (b == NULL)
        return true;
    /* [copy:send] Into the kernel's buffer, as much as there is room for. */
    ssize_t n =
        send(c->fd, buffer_unsent(b), buffer_unsent_length(b), MSG_NOSIGNAL);
    if (n < 0 && would_block(errno))
        return true;
    if (n < 0) {
        server_client_failed(&s->options, c->fd, errno, &s->stats);
        return false;
    }
    s->stats.bytes_out += (size_t)n;
    buffer_sent(b, (size_t)n);
    if (buffer_unsent_length(b) == 0) {
        buffer_give_back(&s->shelf, b);
        c->buffer = NULL;
        c->active_ms = now_ms();
    }
    return true;
}

static void drop_idle(struct server *s)
{
    for (int i = s->count - 1; i >= 0; i--) {
        if (timers_idle(&s->timers, s->clients[i].active_ms)) {
            s->stats.idle++;
            drop_client(s, i);
        }
    }
}

/* Says in the sets what we want to hear of. Returns the highest descriptor. */
static int fill_sets(struct server *s, fd_set *readable, fd_set *writable)
{
    int highest = s->listen_fd;
    FD_ZERO(readable);
    FD_ZERO(writable);
    if (timers_may_accept(&s->timers))
        FD_SET(s->listen_fd, readable);
    for (int i = 0; i < s->count; i++) {
        struct client *c = &s->clients[i];
        /* With an answer unsent: wait for room, and read no more. */
        FD_SET(c->fd, c->buffer ? writable : readable);
        if (c->fd > highest)
            highest = c->fd;
    }
    return highest;
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        fd_set readable, writable;
        struct timespec t;
        int highest = fill_sets(s, &readable, &writable);
        /* [wait:select] Phase 1 for everybody: this thread sleeps until any
         * client has bytes or room, or a new one knocks. */
        int ready = pselect(highest + 1, &readable, &writable, NULL,
                            timers_sleep(&s->timers, &t), &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("pselect");
        if (ready <= 0)
            continue;
        /* From the end, so that the client that fills a gap was seen. */
        for (int i = s->count - 1; i >= 0; i--) {
            struct client *c = &s->clients[i];
            if (!FD_ISSET(c->fd, c->buffer ? &writable : &readable))
                continue;
            bool open = c->buffer ? reply(s, c) : receive(s, c) && reply(s, c);
            if (!open)
                drop_client(s, i);
        }
        if (FD_ISSET(s->listen_fd, &readable))
            add_client(s);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "select",
                         "One thread sleeps in select for all clients.",
                         FD_SETSIZE, NULL);
    stop_catch(&s.wait_mask);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    if (s.listen_fd >= FD_SETSIZE) /* whoever started us left so many open */
        die(EXIT_CANNOT_START, "select has no room past FD_SETSIZE");
    serve(&s);
    close(s.listen_fd); /* from now on a newcomer is refused */
    stop_let_second_in();
    for (int i = 0; i < s.count; i++)
        farewell_say(s.clients[i].fd, s.clients[i].buffer);
    farewell_wait(&s.stats);
    while (s.count > 0)
        drop_client(&s, s.count - 1);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

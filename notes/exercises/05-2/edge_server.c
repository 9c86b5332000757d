/* SPDX-License-Identifier: MIT */
/*
 * edge_server: one thread, epoll, and it is told of changes only.
 *
 * Exercise 05-2. Something is wrong with it: README.md beside it tells what
 * people see. Mend it here; `make exercise-05-2` says whether it helps.
 * Compare: multiplexing/epoll_server.c, when you have given up.
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one wake-up may bring; and what we ask for, once. */
#define EVENTS_MOST 256
#define EVERY_EDGE  (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

struct client {
    int fd;
    int place;             /* clients[place] is this one */
    int64_t active_ms;     /* when its last answer had gone out whole */
    struct buffer *buffer; /* NULL unless a part of an answer is unsent */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct buffer_shelf shelf;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during the wait only */
    int listen_fd;
    int count; /* clients[0..count) are connected */
    struct client **clients;
    int epoll_fd;
    bool paused; /* epoll does not look at listen_fd */
};

static void drop_client(struct server *s, int i)
{
    struct client *c = s->clients[i];
    server_tell(&s->options, c->fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    s->clients[i] = s->clients[--s->count]; /* the last one fills the gap */
    s->clients[i]->place = i;
    free(c);
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
    struct client *c = malloc(sizeof *c);
    struct epoll_event event = {.events = EVERY_EDGE, .data.ptr = c};
    /* [arm:add] Once: there is nothing to change later. */
    if (c == NULL || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        server_refuse(&s->options, fd, "no memory to watch it", &s->stats);
        free(c);
        return;
    }
    *c = (struct client){.fd = fd, .place = s->count, .active_ms = now_ms()};
    s->clients[s->count++] = c;
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
        if (timers_idle(&s->timers, s->clients[i]->active_ms)) {
            s->stats.idle++;
            drop_client(s, i);
        }
    }
}

/* Epoll has told that something is new with this client. */
static void hear(struct server *s, struct client *c)
{
    bool open = c->buffer ? reply(s, c) : receive(s, c) && reply(s, c);
    if (!open)
        drop_client(s, c->place);
}

/* The listener is told of by level, and each turn takes one: while accepting
 * pauses epoll does not look at it. */
static void watch_listener(struct server *s)
{
    bool pause = !timers_may_accept(&s->timers);
    struct epoll_event event = {.events = pause ? 0 : EPOLLIN};
    if (pause == s->paused)
        return;
    /* [arm:pause] */
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &event) < 0)
        die_errno("epoll_ctl");
    s->paused = pause;
}

static void serve(struct server *s)
{
    struct epoll_event events[EVENTS_MOST] = {{.events = EPOLLIN}};
    /* [arm:listener] Its pointer is NULL: no client. */
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &events[0]) < 0)
        die_errno("epoll_ctl");
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        watch_listener(s);
        /* [wait:epoll_pwait] Phase 1 for everybody: this thread sleeps until
         * something changes. */
        int ready = epoll_pwait(s->epoll_fd, events, EVENTS_MOST,
                                timers_sleep_ms(&s->timers), &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("epoll_pwait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL)
                add_client(s);
            else
                hear(s, events[i].data.ptr);
        }
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "epoll",
                         "One thread sleeps in epoll for all clients.", 100000,
                         NULL);
    size_t most = (size_t)s.options.max_clients;
    s.clients = calloc(most, sizeof *s.clients);
    if (s.clients == NULL)
        die_errno("memory for %zu clients", most);
    /* [setup:epoll_create1] The list of what we want, in the kernel. */
    s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s.epoll_fd < 0)
        die_errno("epoll_create1");
    stop_catch(&s.wait_mask);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    serve(&s);
    stop_let_second_in();
    while (s.count > 0)
        drop_client(&s, s.count - 1);
    close(s.listen_fd);
    close(s.epoll_fd);
    free(s.clients);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * event_server: one sleep for all clients, and a callback for each event.
 *
 * Shows
 *   - a selector (selector.h) hides which call sleeps: select, poll or epoll;
 *     the server only says what it wants to hear of and what to call then;
 *   - the loop no longer looks for who is ready: on_accept and on_client are
 *     called. A library like libevent or libuv is built so;
 *   - --backend shows that the choice changes the cost, and not the server.
 *
 * Who waits, who copies: this thread sleeps in the selector (wait), for all
 * clients at once; then its own recv copies, and that call does not sleep.
 * Threads and ownership: one thread. A client holds a buffer only while a part
 * of its answer is unsent, and is not read from meanwhile. Its memory is the
 * selector's to hand to on_client, from register to unregister.
 * Limits: one slow service call would stall everybody.
 * Try it
 *   build/multiplexing/event_server --backend select
 *   build/multiplexing/select_client          (in other terminals, twice)
 * Note: notes/05-multiplexing.md
 * Compare: multiplexing/epoll_server.c, multiplexing/selector.c
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"
#include "multiplexing/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    struct server *server;
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
    struct selector *selector;
    int listen_fd;
    int count; /* clients[0..count) are connected */
    struct client **clients;
};

static void drop_client(struct server *s, int i)
{
    struct client *c = s->clients[i];
    server_tell(&s->options, c->fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* From here on no callback can be called for it, and it may be freed. */
    (void)selector_unregister(s->selector, c->fd); /* it is registered */
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    s->clients[i] = s->clients[--s->count]; /* the last one fills the gap */
    s->clients[i]->place = i;
    free(c);
    s->stats.served++;
    timers_client_left(&s->timers);
}

static void on_client(struct selector *selector, int fd, unsigned events,
                      void *data);

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
    if (c == NULL ||
        selector_register(s->selector, fd, SELECTOR_READ, on_client, c) < 0) {
        server_refuse(&s->options, fd, "the selector has no room", &s->stats);
        free(c);
        return;
    }
    *c = (struct client){
        .server = s, .fd = fd, .place = s->count, .active_ms = now_ms()};
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

/* Tells the selector what we want to hear of next. */
static bool watch(struct server *s, struct client *c)
{
    /* With an answer unsent: wait for room, and read no more. */
    return selector_modify(s->selector, c->fd,
                           c->buffer ? SELECTOR_WRITE : SELECTOR_READ) == 0;
}

/* The selector's call: this client has bytes, or room for its answer. */
static void on_client(struct selector *selector, int fd, unsigned events,
                      void *data)
{
    struct client *c = data;
    struct server *s = c->server;
    (void)selector, (void)fd, (void)events; /* the client knows */
    bool open = c->buffer ? reply(s, c) : receive(s, c) && reply(s, c);
    if (!open || !watch(s, c))
        drop_client(s, c->place);
}

/* The selector's call: a new client knocks. */
static void on_accept(struct selector *selector, int fd, unsigned events,
                      void *data)
{
    (void)selector, (void)fd, (void)events;
    add_client(data);
}

static void serve(struct server *s)
{
    if (selector_register(s->selector, s->listen_fd, SELECTOR_READ, on_accept,
                          s) < 0)
        die_errno("watch the listener");
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        /* While accepting pauses the listener is not looked at; and if there
         * is no memory to look at it again, the pause goes on. */
        bool may_accept = timers_may_accept(&s->timers);
        if (selector_modify(s->selector, s->listen_fd,
                            may_accept ? SELECTOR_READ : 0) < 0)
            timers_accept_failed(&s->timers, ENOMEM, &s->stats);
        /* [wait:turn] Phase 1 for everybody: this thread sleeps inside, until
         * any client has bytes or room, or a new one knocks. */
        if (selector_run(s->selector, timers_sleep_ms(&s->timers),
                         &s->wait_mask) < 0 &&
            errno != EINTR)
            die_errno("%s", selector_name(s->selector));
    }
    (void)selector_unregister(s->selector, s->listen_fd); /* it is there */
}

int main(int argc, char **argv)
{
    static struct server s;
    const char *backend = NULL;
    const struct option_spec more[] = {{'b', "backend", "NAME",
                                        "select, poll or epoll [the best]",
                                        OPTION_TEXT, &backend, 0, 0},
                                       {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "events",
                         "One thread sleeps in a selector, which calls back.",
                         100000, more);
    size_t most = (size_t)s.options.max_clients;
    s.clients = calloc(most, sizeof *s.clients);
    if (s.clients == NULL)
        die_errno("memory for %zu clients", most);
    s.selector = selector_open(backend);
    if (s.selector == NULL && errno == EINVAL)
        die(EXIT_USAGE, "--backend: no back end is called '%s'", backend);
    if (s.selector == NULL)
        die_errno("open a selector");
    stop_catch(&s.wait_mask);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    serve(&s);
    close(s.listen_fd); /* from now on a newcomer is refused */
    stop_let_second_in();
    for (int i = 0; i < s.count; i++)
        farewell_say(s.clients[i]->fd, s.clients[i]->buffer);
    farewell_wait(&s.stats);
    while (s.count > 0)
        drop_client(&s, s.count - 1);
    selector_close(s.selector);
    free(s.clients);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

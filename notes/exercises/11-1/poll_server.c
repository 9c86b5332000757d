/* SPDX-License-Identifier: MIT */
/*
 * poll_server: one thread, one sleep for all clients, however many.
 *
 * Exercise 11-1. Something is wrong with it: README.md beside it tells what
 * people see. Mend it here; `make exercise-11-1` says whether it helps.
 * Compare: multiplexing/poll_server.c, when you have given up.
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    int64_t active_ms; /* when its last answer had gone out whole */
    char *answer;      /* what is unsent of its answers; owned */
    size_t unsent;     /* bytes */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during ppoll only */
    int listen_fd;
    int count; /* clients[0..count) are connected */
    struct client *clients;
    struct pollfd *watched; /* [0] the listener, [i + 1] clients[i] */
};

static void drop_client(struct server *s, int i)
{
    struct client *c = &s->clients[i];
    server_tell(&s->options, c->fd, "leaves");
    free(c->answer);
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    *c = s->clients[--s->count]; /* the last one fills the gap */
    s->watched[i + 1] = s->watched[s->count + 1];
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
    s->watched[s->count + 1] = (struct pollfd){.fd = fd, .events = POLLIN};
    s->clients[s->count++] = (struct client){.fd = fd, .active_ms = now_ms()};
    server_tell(&s->options, fd, "connected");
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    char bytes[BUFFER_SIZE];
    /* [copy:recv] Bytes are there: our call copies them, and does not sleep. */
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && would_block(errno))
        return true;
    if (n < 0)
        server_client_failed(&s->options, c->fd, errno, &s->stats);
    if (n <= 0)
        return false;
    s->stats.bytes_in += (size_t)n;
    /* [work:service] */
    s->options.service->apply(bytes, (size_t)n);
    /* Behind what is still unsent. */
    char *grown = realloc(c->answer, c->unsent + (size_t)n);
    if (grown == NULL)
        return false;
    memcpy(grown + c->unsent, bytes, (size_t)n);
    c->answer = grown;
    c->unsent += (size_t)n;
    return true;
}

/* Bytes out; what does not fit stays. False when the client is gone. */
static bool reply(struct server *s, struct client *c)
{
    if (c->unsent == 0)
        return true;
    size_t length = c->unsent < BUFFER_SIZE ? c->unsent : BUFFER_SIZE;
    /* [copy:send] Into the kernel's buffer, as much as there is room for. */
    ssize_t n = send(c->fd, c->answer, length, MSG_NOSIGNAL);
    if (n < 0 && would_block(errno))
        return true;
    if (n < 0) {
        server_client_failed(&s->options, c->fd, errno, &s->stats);
        return false;
    }
    s->stats.bytes_out += (size_t)n;
    c->unsent -= (size_t)n;
    memmove(c->answer, c->answer + n, c->unsent);
    if (c->unsent == 0)
        c->active_ms = now_ms();
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

/* Says in its entry what we want to hear of clients[i] next. */
static void watch(struct server *s, int i)
{
    struct client *c = &s->clients[i];
    /* With an answer unsent: wait for room, too. */
    s->watched[i + 1].events = c->unsent > 0 ? POLLIN | POLLOUT : POLLIN;
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        struct timespec t;
        /* poll passes over a negative descriptor, even one that hung up. */
        s->watched[0].fd = timers_may_accept(&s->timers) ? s->listen_fd : -1;
        /* [wait:poll] Phase 1 for everybody: this thread sleeps until any
         * client has bytes or room, or a new one knocks. */
        int ready = ppoll(s->watched, (nfds_t)s->count + 1,
                          timers_sleep(&s->timers, &t), &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("ppoll");
        if (ready <= 0)
            continue;
        /* From the end, so that the client that fills a gap was seen. */
        for (int i = s->count - 1; i >= 0; i--) {
            struct client *c = &s->clients[i];
            short revents = s->watched[i + 1].revents;
            if (revents == 0)
                continue;
            /* POLLERR and POLLHUP come unasked: recv says why. */
            bool open = (revents == POLLOUT || receive(s, c)) && reply(s, c);
            if (open)
                watch(s, i);
            else
                drop_client(s, i);
        }
        if (s->watched[0].revents != 0)
            add_client(s);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "poll",
                         "One thread sleeps in poll for all clients.", 100000,
                         NULL);
    size_t most = (size_t)s.options.max_clients;
    s.clients = calloc(most, sizeof *s.clients);
    s.watched = calloc(most + 1, sizeof *s.watched);
    if (s.clients == NULL || s.watched == NULL)
        die_errno("memory for %zu clients", most);
    s.watched[0].events = POLLIN;
    stop_catch(&s.wait_mask);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    serve(&s);
    stop_let_second_in();
    while (s.count > 0)
        drop_client(&s, s.count - 1);
    close(s.listen_fd);
    free(s.watched);
    free(s.clients);
    server_end(&s.options, &s.stats);
    return 0;
}

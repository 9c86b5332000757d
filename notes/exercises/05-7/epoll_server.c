/* SPDX-License-Identifier: MIT */
/*
 * epoll_server: one thread, one sleep for all clients, and no scan. When all
 * places are taken, who has been silent for longest makes room.
 *
 * Exercise 05-7. Something is wrong with it: README.md beside it tells what
 * people see. Mend it here; `make exercise-05-7` says whether it helps.
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

enum { EVENTS_MOST = 256 }; /* what one wake-up may bring */

struct client {
    bool here;             /* somebody has this number */
    int place;             /* numbers[place] is this one's */
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
    int epoll_fd;
    bool paused;            /* epoll does not look at listen_fd */
    struct client *clients; /* clients[fd], for every number up to `most` */
    int most;
    int *numbers; /* numbers[0..count) are connected */
    int count;
};

static void drop_client(struct server *s, int fd)
{
    struct client *c = &s->clients[fd];
    server_tell(&s->options, fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(fd);
    s->numbers[c->place] = s->numbers[--s->count]; /* the last fills the gap */
    s->clients[s->numbers[c->place]].place = c->place;
    *c = (struct client){.here = false};
    s->stats.served++;
    timers_client_left(&s->timers);
}

/* Who has been silent for longest has to go. */
static void make_room(struct server *s)
{
    int longest = s->numbers[0];
    for (int i = 1; i < s->count; i++)
        if (s->clients[s->numbers[i]].active_ms < s->clients[longest].active_ms)
            longest = s->numbers[i];
    s->stats.idle++;
    drop_client(s, longest);
}

static void add_client(struct server *s)
{
    if (s->count == s->options.max_clients)
        make_room(s);
    /* [copy:accept] The listener is ready: this does not sleep. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        timers_accept_failed(&s->timers, errno, &s->stats);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    /* [arm:add] The kernel remembers it until we say otherwise. */
    if (fd >= s->most ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        server_refuse(&s->options, fd, "no room to watch it", &s->stats);
        return;
    }
    s->clients[fd] =
        (struct client){.here = true, .place = s->count, .active_ms = now_ms()};
    s->numbers[s->count++] = fd;
    server_tell(&s->options, fd, "connected");
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, int fd)
{
    struct client *c = &s->clients[fd];
    struct buffer *b = buffer_take(&s->shelf);
    if (b == NULL)
        return false;
    /* [copy:recv] Bytes are there: our call copies them, and does not sleep. */
    ssize_t n = recv(fd, b->bytes, BUFFER_SIZE, 0);
    if (n <= 0) {
        buffer_give_back(&s->shelf, b);
        if (n < 0 && would_block(errno))
            return true;
        if (n < 0)
            server_client_failed(&s->options, fd, errno, &s->stats);
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
static bool reply(struct server *s, int fd)
{
    struct client *c = &s->clients[fd];
    struct buffer *b = c->buffer;
    if (b == NULL)
        return true;
    /* [copy:send] Into the kernel's buffer, as much as there is room for. */
    ssize_t n =
        send(fd, buffer_unsent(b), buffer_unsent_length(b), MSG_NOSIGNAL);
    if (n < 0 && would_block(errno))
        return true;
    if (n < 0) {
        server_client_failed(&s->options, fd, errno, &s->stats);
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
        if (timers_idle(&s->timers, s->clients[s->numbers[i]].active_ms)) {
            s->stats.idle++;
            drop_client(s, s->numbers[i]);
        }
    }
}

/* One client's turn. */
static void serve_client(struct server *s, int fd)
{
    struct client *c = &s->clients[fd];
    bool had_rest = c->buffer != NULL;
    bool open = had_rest ? reply(s, fd) : receive(s, fd) && reply(s, fd);
    /* With an answer unsent: wait for room, and read no more. */
    struct epoll_event event = {.events = c->buffer ? EPOLLOUT : EPOLLIN,
                                .data.fd = fd};
    /* [arm:change] A rare call: most answers go out whole. */
    if (open && had_rest != (c->buffer != NULL))
        open = epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0;
    if (!open)
        drop_client(s, fd);
}

static void hear(struct server *s, const struct epoll_event *event)
{
    int fd = event->data.fd;
    if (fd == s->listen_fd)
        add_client(s);
    else if (!s->clients[fd].here)
        return; /* dropped since epoll told of it */
    else if (event->events & (EPOLLERR | EPOLLHUP))
        drop_client(s, fd); /* its connection is lost */
    else
        serve_client(s, fd);
}

/* Out of descriptors: the listener may stay ready, and we do not spin. */
static void pause_accepting(struct server *s)
{
    bool pause = !timers_may_accept(&s->timers);
    struct epoll_event event = {.events = pause ? 0 : EPOLLIN,
                                .data.fd = s->listen_fd};
    if (pause == s->paused)
        return;
    /* [arm:pause] */
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &event) < 0)
        die_errno("epoll_ctl");
    s->paused = pause;
}

static void serve(struct server *s)
{
    struct epoll_event events[EVENTS_MOST] = {
        {.events = EPOLLIN, .data.fd = s->listen_fd}};
    /* [arm:listener] */
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &events[0]) < 0)
        die_errno("epoll_ctl");
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        pause_accepting(s);
        /* [wait:epoll_pwait] Phase 1 for everybody: this thread sleeps until
         * any client has bytes or room, or a new one knocks. */
        int ready = epoll_pwait(s->epoll_fd, events, EVENTS_MOST,
                                timers_sleep_ms(&s->timers), &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("epoll_pwait");
        for (int i = 0; i < ready; i++)
            hear(s, &events[i]);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "epoll",
                         "One thread sleeps in epoll for all clients.", 100000,
                         NULL);
    s.most =
        (int)s.options.max_clients + 64; /* the files that are no clients */
    s.clients = calloc((size_t)s.most, sizeof *s.clients);
    s.numbers = calloc((size_t)s.most, sizeof *s.numbers);
    if (s.clients == NULL || s.numbers == NULL)
        die_errno("memory for %d clients", s.most);
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
        drop_client(&s, s.numbers[s.count - 1]);
    close(s.epoll_fd);
    close(s.listen_fd);
    free(s.numbers);
    free(s.clients);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * epoll_server: one thread, one sleep for all clients, and no scan.
 *
 * Shows
 *   - epoll sleeps on many sockets at once and returns those that are ready;
 *   - the kernel keeps the list of what we want: told once by epoll_ctl, not
 *     at each call. A wake-up costs the same beside 10 idle clients or 15,000;
 *   - level-triggered: 'is ready', told again until it is no longer so.
 *     --edge: 'became ready', told once; what is left to do is ours to keep.
 *
 * Who waits, who copies: this thread sleeps in epoll (wait), for all clients
 * at once; then its own recv copies, and that call does not sleep.
 * Threads and ownership: one thread. A client holds a buffer only while a part
 * of its answer is unsent, and is not read from meanwhile. A dropped client is
 * freed at the end of the turn: until then a list may still point to it.
 * Limits: one slow service call would stall everybody.
 * Try it
 *   build/multiplexing/epoll_server --edge
 *   build/multiplexing/select_client          (in other terminals, twice)
 * Note: notes/05-multiplexing.md
 * Compare: multiplexing/poll_server.c, multiplexing/event_server.c
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one wake-up may bring; what one client may do in a turn with --edge;
 * and what --edge asks for, once. */
#define EVENTS_MOST 256
#define STEPS_MOST  8
#define EVERY_EDGE  (EPOLLIN | EPOLLOUT | EPOLLET)

struct client {
    int fd;                /* -1: dropped in this turn */
    int place;             /* clients[place] is this one */
    int64_t active_ms;     /* when its last answer had gone out whole */
    struct buffer *buffer; /* NULL unless a part of an answer is unsent */
    uint32_t armed;        /* what epoll was last told to look for */
    uint32_t told;         /* what it told us and we have not used up */
    uint32_t ran_short;    /* where the last count was below what we asked */
    struct client *next;   /* in the list of the dropped */
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
    struct client **ready; /* [0..ready_count) have something to do */
    int ready_count;
    struct client *dropped; /* freed at the end of the turn */
    int epoll_fd;
    bool edge;
    bool paused; /* epoll does not look at listen_fd */
};

static void drop_client(struct server *s, int i)
{
    struct client *c = s->clients[i];
    server_tell(&s->options, c->fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* [end:close] The descriptor is free, and the next client may get it. epoll
     * forgets it too, for nobody else holds this socket; had a child process
     * inherited it, EPOLL_CTL_DEL would have to come first. */
    close(c->fd);
    s->clients[i] = s->clients[--s->count]; /* the last one fills the gap */
    s->clients[i]->place = i;
    c->fd = -1;
    c->next = s->dropped;
    s->dropped = c;
    s->stats.served++;
    timers_client_left(&s->timers);
}

/* Not in drop_client: what epoll told of a client earlier in the turn must
 * find a dropped one, not freed memory and not the next owner of its fd. */
static void free_dropped(struct server *s)
{
    while (s->dropped != NULL) {
        struct client *c = s->dropped;
        s->dropped = c->next;
        free(c);
    }
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
    struct epoll_event event = {.events = s->edge ? EVERY_EDGE : EPOLLIN,
                                .data.ptr = c};
    /* [arm:add] The kernel remembers it until we say otherwise. */
    if (c == NULL || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        server_refuse(&s->options, fd, "no memory to watch it", &s->stats);
        free(c);
        return;
    }
    *c = (struct client){.fd = fd, .place = s->count, .active_ms = now_ms()};
    c->armed = event.events;
    s->clients[s->count++] = c;
    server_tell(&s->options, fd, "connected");
}

/* What epoll told, recv and send use up. EAGAIN after a short count: no more
 * until epoll tells again. EAGAIN at once: epoll said 'ready' and the call
 * 'not'; lest an edge be lost, watch() will have epoll look once more. */
static void use_up(struct client *c, uint32_t what, ssize_t n, size_t asked)
{
    if (n < 0 && errno == EAGAIN) {
        c->told &= ~what;
        if (!(c->ran_short & what))
            c->armed = 0;
    }
    if (n >= 0)
        c->ran_short = (c->ran_short & ~what) | ((size_t)n < asked ? what : 0);
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    struct buffer *b = buffer_take(&s->shelf);
    if (b == NULL)
        return false;
    /* [copy:recv] Bytes are there: our call copies them, and does not sleep. */
    ssize_t n = recv(c->fd, b->bytes, BUFFER_SIZE, 0);
    use_up(c, EPOLLIN, n, BUFFER_SIZE);
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
    use_up(c, EPOLLOUT, n, buffer_unsent_length(b));
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

/* Tells epoll what we want to hear of next, when that has changed. */
static bool watch(struct server *s, struct client *c)
{
    /* With an answer unsent: wait for room, and read no more. */
    uint32_t level = c->buffer ? EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = s->edge ? EVERY_EDGE : level,
                                .data.ptr = c};
    if (c->armed == event.events)
        return true;
    /* [arm:change] A rare call: most answers go out whole. */
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
        return false;
    c->armed = event.events;
    return true;
}

/* The listener is level-triggered with --edge too: each turn accepts one, and
 * who still waits in the queue must be told again. */
static void pause_accepting(struct server *s)
{
    bool pause = !timers_may_accept(&s->timers);
    struct epoll_event event = {.events = pause ? 0 : EPOLLIN};
    if (pause == s->paused)
        return;
    /* [arm:pause] Not looked at, it may stay ready and we do not spin. */
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &event) < 0)
        die_errno("epoll_ctl");
    s->paused = pause;
}

/* True when epoll has told of what this client waits for. */
static bool has_work(const struct client *c)
{
    return (c->told & (c->buffer ? EPOLLOUT : EPOLLIN)) != 0;
}

/* A client is in ready[] while it has work, and once. */
static void hear(struct server *s, struct client *c, uint32_t events)
{
    bool was_ready = has_work(c);
    /* EPOLLERR and EPOLLHUP come unasked: recv or send says why. */
    if (events & (EPOLLERR | EPOLLHUP))
        events |= EPOLLIN | EPOLLOUT;
    c->told |= events;
    c->ran_short &= ~events;
    if (!was_ready && has_work(c))
        s->ready[s->ready_count++] = c;
}

/* One turn for everybody in ready[]; who still has work stays in it. */
static void take_turns(struct server *s)
{
    int count = s->ready_count;
    s->ready_count = 0;
    for (int turn = 0; turn < count; turn++) {
        struct client *c = s->ready[turn];
        if (c->fd < 0)
            continue; /* dropped as idle since epoll told of it */
        bool open = c->buffer ? reply(s, c) : receive(s, c) && reply(s, c);
        /* Until EAGAIN, or nobody will tell us of the rest: a fourth call for
         * each message. (A short count often says the same, see epoll(7), but
         * not when the end of input came with the bytes.) A busy client must
         * not keep the others waiting: some steps, then the next one. */
        for (int i = 0; s->edge && i < STEPS_MOST && open && has_work(c); i++)
            open = c->buffer ? reply(s, c) : receive(s, c);
        if (!s->edge)
            c->told = 0; /* what is still so, epoll tells again */
        if (!open || !watch(s, c))
            drop_client(s, c->place);
        else if (has_work(c))
            s->ready[s->ready_count++] = c;
    }
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
        pause_accepting(s);
        /* [wait:epoll_pwait] Phase 1 for everybody: this thread sleeps until
         * any client has bytes or room, or a new one knocks. */
        int ready =
            epoll_pwait(s->epoll_fd, events, EVENTS_MOST,
                        s->ready_count > 0 ? 0 : timers_sleep_ms(&s->timers),
                        &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("epoll_pwait");
        bool knocks = false;
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (c == NULL)
                knocks = true;
            else if (c->fd >= 0)
                hear(s, c, events[i].events);
        }
        take_turns(s);
        if (knocks)
            add_client(s);
        free_dropped(s);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    const struct option_spec more[] = {
        {'e', "edge", NULL, "edge-triggered: told once, when it changes",
         OPTION_FLAG, &s.edge, 0, 0},
        {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "epoll",
                         "One thread sleeps in epoll for all clients.", 100000,
                         more);
    size_t most = (size_t)s.options.max_clients;
    s.clients = calloc(most, sizeof *s.clients);
    s.ready = calloc(most, sizeof *s.ready);
    if (s.clients == NULL || s.ready == NULL)
        die_errno("memory for %zu clients", most);
    if (s.edge)
        s.options.model = "epoll-edge";
    /* [setup:epoll_create1] The list of what we want, in the kernel. */
    s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s.epoll_fd < 0)
        die_errno("epoll_create1");
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
    free_dropped(&s);
    close(s.epoll_fd);
    free(s.ready);
    free(s.clients);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * sigio_server: one thread; a signal says which client is ready.
 *
 * Shows
 *   - O_ASYNC asks for a signal when a socket gets ready; with F_SETSIG it is
 *     a real-time signal, which queues and names the descriptor (si_fd);
 *   - the signal says 'ready' once, when something changes: for bytes that
 *     already lie there it does not come again. So whoever was named is asked
 *     until the answer is EAGAIN, in turns, so that nobody is held up;
 *   - the queue is short (RLIMIT_SIGPENDING). When it overflows, the kernel
 *     sends one plain SIGIO that names nobody: then everybody is asked once.
 *
 * Who waits, who copies: this thread sleeps in sigtimedwait (wait), for all
 * clients at once; then its own recv copies. SIGINT and SIGTERM come there too.
 * Threads and ownership: one thread, and no handler: the signals stay blocked.
 * A signal may outlive its descriptor and name the next owner of the number.
 * It is only a hint: it costs one recv in vain.
 * Limits: a system call for each signal; a signal for each segment that comes.
 * Try it
 *   build/multiplexing/sigio_server
 *   build/multiplexing/sigio_client           (in other terminals, twice)
 * Note: notes/06-signal-driven.md
 * Compare: multiplexing/select_server.c
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many signals and newcomers are taken before the clients get their turn;
 * and how many descriptors there are beside the clients'. */
enum { SIGNALS_A_TURN = 256, ACCEPTS_A_TURN = 16, OTHER_DESCRIPTORS = 64 };

struct client {
    int fd;                /* -1: nobody has this descriptor */
    bool ready;            /* on the list: not yet asked until EAGAIN */
    bool drained;          /* its last count was short */
    int64_t active_ms;     /* when its last answer had gone out whole */
    struct buffer *buffer; /* NULL unless a part of an answer is unsent */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct buffer_shelf shelf;
    sigset_t signals; /* all that we wait for; blocked, so they queue */
    unsigned long overflows;
    int listen_fd;
    bool knocking; /* the listener is not yet asked until EAGAIN */
    int count;     /* of clients */
    int size;
    struct client *clients; /* [0..size), found by descriptor */
    int ready_count;
    int *ready; /* the descriptors of those who are ready */
};

static void mark_ready(struct server *s, int fd)
{
    if (fd == s->listen_fd)
        s->knocking = true;
    if (fd < 0 || fd >= s->size || s->clients[fd].fd < 0)
        return;
    s->clients[fd].drained = false;
    if (s->clients[fd].ready)
        return;
    s->clients[fd].ready = true;
    s->ready[s->ready_count++] = fd;
}

/* Asks for a signal whenever `fd` gets ready; to this thread, since only it
 * waits for signals. -1 with errno when the kernel refuses. */
static int arm(int fd)
{
    struct f_owner_ex owner = {F_OWNER_TID, gettid()};
    /* [arm:F_SETSIG] Which signal: one that queues and tells si_fd. */
    if (fcntl(fd, F_SETSIG, SIGRTMIN) < 0)
        return -1;
    /* [arm:F_SETOWN] To whom. */
    if (fcntl(fd, F_SETOWN_EX, &owner) < 0)
        return -1;
    /* [arm:O_ASYNC] From now on. What is there already is not told. */
    return fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
}

/* Its place on the ready list, if it has one, is the caller's to clear. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* [end:close] The descriptor is free, and the next client may get it. Its
     * signals that still queue will name that one: harmless, see above. */
    close(c->fd);
    c->fd = -1;
    s->count--;
    s->stats.served++;
    timers_client_left(&s->timers);
}

static void add_client(struct server *s)
{
    /* [copy:accept] Somebody knocks, or EAGAIN: that was the last one. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        s->knocking = errno != EAGAIN;
        timers_accept_failed(&s->timers, errno, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients) {
        server_refuse(&s->options, fd, "too many clients", &s->stats);
        return;
    }
    if (fd >= s->size || arm(fd) < 0) {
        server_refuse(&s->options, fd, "no signals for it", &s->stats);
        return;
    }
    s->clients[fd] = (struct client){.fd = fd, .active_ms = now_ms()};
    s->count++;
    server_tell(&s->options, fd, "connected");
    mark_ready(s, fd); /* its first bytes may have come before we armed */
}

/* recv or send has said 'not now'. After a short recv that is plain: a signal
 * will tell of more. Else we were just told 'ready', and the two contradict
 * each other. Most likely the signal was for bytes that we have read already;
 * if not, to forget the client would be for ever: so we look once. */
static bool still_ready(struct client *c, short events)
{
    struct pollfd look = {.fd = c->fd, .events = events};
    if (errno == EINTR)
        return true;
    if (events == POLLIN && c->drained)
        return false;
    /* [wait:poll] One look, 0 ms: no sleep. */
    return poll(&look, 1, 0) != 0;
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    struct buffer *b = buffer_take(&s->shelf);
    if (b == NULL)
        return false;
    /* [copy:recv] Our call copies, and does not sleep. Only EAGAIN ends the
     * turn: behind a short count the end of input may lie, and its signal may
     * be spent already. */
    ssize_t n = recv(c->fd, b->bytes, BUFFER_SIZE, 0);
    if (n <= 0) {
        buffer_give_back(&s->shelf, b);
        if (n < 0 && would_block(errno)) {
            c->ready = still_ready(c, POLLIN);
            return true;
        }
        if (n < 0)
            server_client_failed(&s->options, c->fd, errno, &s->stats);
        return false;
    }
    c->drained = n < BUFFER_SIZE;
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
    /* [copy:send] Into the kernel's buffer; EAGAIN: a signal tells of room. */
    ssize_t n =
        send(c->fd, buffer_unsent(b), buffer_unsent_length(b), MSG_NOSIGNAL);
    if (n < 0 && would_block(errno)) {
        c->ready = still_ready(c, POLLOUT);
        return true;
    }
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
    for (int fd = 0; fd < s->size; fd++) {
        struct client *c = &s->clients[fd];
        if (c->fd >= 0 && !c->ready && timers_idle(&s->timers, c->active_ms)) {
            s->stats.idle++;
            drop_client(s, c);
        }
    }
}

/* Signals were lost, and with them who is ready: everybody may be. */
static void suspect_all(struct server *s)
{
    warn("the signal queue overflowed (%lu so far): all %d clients are asked",
         ++s->overflows, s->count);
    mark_ready(s, s->listen_fd);
    for (int fd = 0; fd < s->size; fd++)
        mark_ready(s, fd);
}

/* Sleeps until the first signal comes, unless there is work, and takes what
 * else is in the queue. */
static void take_signals(struct server *s)
{
    const struct timespec at_once = {0, 0};
    struct timespec t;
    siginfo_t info;
    bool work =
        s->ready_count > 0 || (s->knocking && timers_may_accept(&s->timers));
    const struct timespec *sleep =
        work ? &at_once : timers_sleep(&s->timers, &t);
    for (int i = 0; i < SIGNALS_A_TURN; i++, sleep = &at_once) {
        /* [wait:sigtimedwait] Phase 1 for everybody: this thread sleeps until
         * a signal comes. The lowest number comes first: SIGINT, SIGTERM,
         * SIGIO, and then ours in the order of the events. */
        int sign = sigtimedwait(&s->signals, &info, sleep);
        if (sign < 0 && errno != EAGAIN && errno != EINTR)
            die_errno("sigtimedwait");
        if (sign < 0)
            return;
        if (sign == SIGINT || sign == SIGTERM)
            stop_request(sign);
        else if (sign == SIGIO)
            suspect_all(s);
        else
            mark_ready(s, info.si_fd);
    }
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        take_signals(s);
        /* One step for each who is ready. From the end, so that the one that
         * fills a gap was seen. */
        for (int i = s->ready_count - 1; i >= 0; i--) {
            struct client *c = &s->clients[s->ready[i]];
            bool open = c->buffer ? reply(s, c) : receive(s, c) && reply(s, c);
            if (!open)
                drop_client(s, c);
            if (!open || !c->ready)
                s->ready[i] = s->ready[--s->ready_count];
        }
        for (int i = 0; i < ACCEPTS_A_TURN && s->knocking; i++)
            if (timers_may_accept(&s->timers))
                add_client(s);
    }
}

/* The signals queue from here on; a table with a place for each descriptor. */
static void prepare(struct server *s)
{
    sigset_t without;
    stop_catch(&without);
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGTERM);
    sigaddset(&s->signals, SIGIO);
    sigaddset(&s->signals, SIGRTMIN);
    /* [setup:sigprocmask] Blocked: a SIGIO nobody waits for would kill us. */
    if (sigprocmask(SIG_BLOCK, &s->signals, NULL) < 0)
        die_errno("sigprocmask");
    s->size = (int)s->options.max_clients + OTHER_DESCRIPTORS;
    s->clients = calloc((size_t)s->size, sizeof *s->clients);
    s->ready = calloc((size_t)s->size, sizeof *s->ready);
    if (s->clients == NULL || s->ready == NULL)
        die_errno("memory for %ld clients", s->options.max_clients);
    for (int fd = 0; fd < s->size; fd++)
        s->clients[fd].fd = -1;
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "sigio",
                         "One thread sleeps until a signal says who is ready.",
                         100000, NULL);
    prepare(&s);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    if (arm(s.listen_fd) < 0)
        die_errno("F_SETSIG");
    s.knocking = true; /* somebody may have come before we armed */
    serve(&s);
    close(s.listen_fd); /* from now on a newcomer is refused */
    stop_let_second_in();
    for (int fd = 0; fd < s.size; fd++)
        if (s.clients[fd].fd >= 0)
            farewell_say(fd, s.clients[fd].buffer);
    farewell_wait(&s.stats);
    for (int fd = 0; fd < s.size; fd++)
        if (s.clients[fd].fd >= 0)
            drop_client(&s, &s.clients[fd]);
    free(s.clients);
    free(s.ready);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

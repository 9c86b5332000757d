/* SPDX-License-Identifier: MIT */
/*
 * chat_server (multiplexing): group chat, one thread, one poll.
 *
 * Shows
 *   - one thread hears all and speaks to all: the members are shared by
 *     nobody, so there is no lock, and no two things happen at once;
 *   - the trap: a send that sleeps for one slow reader would stop everybody.
 *     So it never sleeps (MSG_DONTWAIT). What a reader has not taken waits in
 *     the kernel, until the send buffer (--backlog) is full; then he is
 *     dropped;
 *   - the operator's keyboard is one more descriptor in the same poll.
 *
 * Who waits, who copies: this thread sleeps in poll (wait), for all clients,
 * the listener and the keyboard at once; then its own recv and read copy.
 * Threads and ownership: one thread.
 * Limits: one line costs a send for each member, one after the other; many who
 * paste at once can push readers out.
 * Try it
 *   build/multiplexing/chat_server
 *   build/multiplexing/select_client --talk   (in other terminals)
 * Note: notes/10-chat.md
 * Compare: blocking/chat_server.c, multiplexing/poll_server.c
 */
#include "common/chat.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Places in the array of what is watched; the clients come after. */
enum { LISTENER, KEYBOARD, FIRST_CLIENT };

struct client {
    struct chat_member member;
    int fd;
    int64_t active_ms; /* when it last said something */
    int64_t rest_ms;   /* it spoke too fast: not heard before; 0: heard */
    struct chat_input input;
};

struct server {
    struct chat_options options;
    struct timers timers;
    sigset_t wait_mask; /* lets SIGINT and SIGTERM in, during poll only */
    int listen_fd;
    struct chat_input operator_input;
    struct chat_room room;
    struct stats stats;
    int count; /* clients[0..count) are connected */
    struct client **clients;
    struct pollfd *watched; /* [i + FIRST_CLIENT] is clients[i] */
};

static struct server server;

static void drop_client(struct server *s, int i)
{
    struct client *c = s->clients[i];
    server_tell(&s->options.server, c->fd, "leaves");
    chat_leave(&s->room, &c->member);
    /* [end:close] Off the list first: nobody sends to a reused number. */
    close(c->fd);
    s->stats.served++;
    s->clients[i] = s->clients[--s->count]; /* the last one fills the gap */
    s->watched[i + FIRST_CLIENT] = s->watched[s->count + FIRST_CLIENT];
    free(c);
    timers_client_left(&s->timers);
}

/* Gives the client a place in the room. False when there is no memory to be
 * had: then `fd` is still the caller's. */
static bool start_client(struct server *s, int fd)
{
    struct client *c = malloc(sizeof *c);
    if (c == NULL)
        return false;
    *c = (struct client){.fd = fd, .active_ms = now_ms()};
    s->watched[s->count + FIRST_CLIENT] =
        (struct pollfd){.fd = fd, .events = POLLIN};
    s->clients[s->count++] = c;
    server_tell(&s->options.server, fd, "connected");
    chat_join(&s->room, &c->member);
    return true;
}

static void add_client(struct server *s)
{
    /* [copy:accept] The listener is ready: this does not sleep. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        timers_accept_failed(&s->timers, errno, &s->stats);
        return;
    }
    (void)chat_bound_backlog(fd, s->options.backlog_kib);
    if (s->count == s->options.server.max_clients)
        server_refuse(&s->options.server, fd, "too many clients", &s->stats);
    else if (!start_client(s, fd))
        server_refuse(&s->options.server, fd, "no memory left", &s->stats);
}

/* Passes on what the client says in `length` new bytes, or rests it. */
static void hear(struct server *s, struct client *c, size_t length)
{
    int pause_ms = chat_hear(&s->room, &c->member, &c->input, length);
    c->rest_ms = pause_ms > 0 ? now_ms() + pause_ms : 0;
}

/* Bytes in, lines passed on. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    size_t room;
    char *place = chat_input_place(&c->input, &room);
    /* [copy:recv] Bytes are there: our call copies them, and does not sleep. */
    ssize_t n = recv(c->fd, place, room, 0);
    if (n < 0 && would_block(errno))
        return true;
    if (n < 0) {
        server_client_failed(&s->options.server, c->fd, errno, &s->stats);
        c->member.gone = "connection lost";
        return false;
    }
    c->active_ms = now_ms();
    s->stats.bytes_in += (size_t)n;
    hear(s, c, (size_t)n);
    if (n == 0)
        chat_hear_end(&s->room, &c->member, &c->input);
    return n > 0 && c->member.gone == NULL;
}

/* Bytes out, all of them or the client is dropped. */
static void deliver(struct chat_member *to, const char *text, size_t length)
{
    struct server *s = &server;
    struct client *c = (struct client *)to; /* its first member */
    /* [copy:send] Into the kernel's buffer if there is room; never asleep. */
    ssize_t n = send(c->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    s->stats.bytes_out += n > 0 ? (size_t)n : 0;
    if (n == (ssize_t)length)
        return;
    if (n >= 0 || would_block(errno)) {
        to->gone = "does not read";
        chat_forget_unread(c->fd);
    } else {
        to->gone = "connection lost";
    }
    server_client_failed(&s->options.server, c->fd, n < 0 ? errno : EAGAIN,
                         &s->stats);
    /* [end:shutdown] The next poll finds it readable: at its end, to leave. */
    (void)shutdown(c->fd, SHUT_RDWR); /* ENOTCONN: it is gone already */
}

static void drop_idle(struct server *s)
{
    for (int i = s->count - 1; i >= 0; i--) {
        struct client *c = s->clients[i];
        if (timers_idle(&s->timers, c->active_ms)) {
            s->stats.idle++;
            c->member.gone = "silent for too long";
            drop_client(s, i);
        }
    }
}

/* Those who rested long enough are heard again. Returns how long poll may
 * sleep, in milliseconds; -1 for ever. */
static int wake_resting(struct server *s)
{
    int sleep_ms = timers_sleep_ms(&s->timers);
    for (int i = 0; i < s->count; i++) {
        struct client *c = s->clients[i];
        if (c->rest_ms > 0 && now_ms() >= c->rest_ms)
            hear(s, c, 0);
        /* poll passes over a negative descriptor, even one that hung up. */
        bool resting = c->rest_ms > 0 && c->member.gone == NULL;
        s->watched[i + FIRST_CLIENT].fd = resting ? -1 : c->fd;
        if (resting && (sleep_ms < 0 || sleep_ms > CHAT_PAUSE_MS))
            sleep_ms = CHAT_PAUSE_MS;
    }
    return sleep_ms;
}

/* The keyboard is ready: half a line stops nobody, the rest of it comes when
 * it comes. At its end, or an error, it is watched no more. */
static void hear_operator(struct server *s)
{
    size_t room;
    char *place = chat_input_place(&s->operator_input, &room);
    /* [copy:read] */
    ssize_t n = read(STDIN_FILENO, place, room);
    if (n >= 0)
        chat_hear_operator(&s->room, &s->operator_input, (size_t)n);
    if (n == 0 || (n < 0 && !would_block(errno)))
        s->watched[KEYBOARD].fd = -1; /* poll passes over it */
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        int sleep_ms = wake_resting(s);
        struct timespec t = timespec_of_us((int64_t)sleep_ms * 1000);
        bool accepting = timers_may_accept(&s->timers);
        s->watched[LISTENER].fd = accepting ? s->listen_fd : -1;
        /* [wait:poll] Phase 1 for everybody: this thread sleeps until any
         * client has bytes, a new one knocks, or a line is typed. */
        int ready = ppoll(s->watched, (nfds_t)s->count + FIRST_CLIENT,
                          sleep_ms < 0 ? NULL : &t, &s->wait_mask);
        if (ready < 0 && errno != EINTR)
            die_errno("ppoll");
        if (ready <= 0)
            continue;
        /* From the end, so that the client that fills a gap has been looked at
         * already. */
        for (int i = s->count - 1; i >= 0; i--)
            if (s->watched[i + FIRST_CLIENT].revents != 0 &&
                !receive(s, s->clients[i]))
                drop_client(s, i);
        if (s->watched[KEYBOARD].revents != 0)
            hear_operator(s);
        if (s->watched[LISTENER].revents != 0)
            add_client(s);
    }
}

/* What was said before the stop still reaches its readers. */
static void drop_all(struct server *s)
{
    for (int i = 0; i < s->count; i++) {
        s->clients[i]->member.gone = "the server stops";
        farewell_say(s->clients[i]->fd, NULL);
    }
    farewell_wait(&s->stats);
    while (s->count > 0)
        drop_client(s, s->count - 1);
}

/* Room for every client that --max-clients allows. */
static void make_room(struct server *s)
{
    size_t most = (size_t)s->options.server.max_clients;
    s->clients = calloc(most, sizeof(struct client *));
    s->watched = calloc(most + FIRST_CLIENT, sizeof *s->watched);
    if (s->clients == NULL || s->watched == NULL)
        die_errno("memory for %zu clients", most);
    s->watched[LISTENER].events = POLLIN;
    s->watched[KEYBOARD] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    chat_room_open(&s->room, deliver);
}

int main(int argc, char **argv)
{
    struct server *s = &server;
    chat_options_parse(&s->options, argc, argv, "chat, poll",
                       "Group chat: one thread sleeps in poll for all.",
                       100000);
    stop_catch(&s->wait_mask);
    make_room(s);
    timers_start(&s->timers, s->options.server.idle_timeout_ms);
    s->listen_fd = server_listen(&s->options.server, SOCK_NONBLOCK);
    serve(s);
    close(s->listen_fd); /* from now on a newcomer is refused */
    stop_let_second_in();
    drop_all(s);
    free(s->watched);
    free(s->clients);
    server_end(&s->options.server, &s->stats);
    return 0;
}

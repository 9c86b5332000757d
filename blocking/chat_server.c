/* SPDX-License-Identifier: MIT */
/*
 * chat_server (blocking): group chat, a thread for each client.
 *
 * Shows
 *   - threads that must talk to each other: what one client says, its thread
 *     sends to all others. From here on there is shared state, and a lock;
 *   - the trap: a send that sleeps for one slow reader, with the lock held,
 *     would stop everybody. So it never sleeps (MSG_DONTWAIT). What a reader
 *     has not taken waits in the kernel, until the send buffer (--backlog) is
 *     full; then he is dropped;
 *   - the operator's keyboard is one more sleeper, so it needs a thread too.
 *
 * Who waits, who copies: each client's thread sleeps in recv, the operator's in
 * read, the main thread in accept (wait); the same calls copy.
 * Threads and ownership: `lock` guards room and members (name, gone, place in
 * the list), `count` and `stats`. Input and active_ms are their thread's own.
 * Under the lock any thread may send to a member's descriptor or shut it down.
 * Only its own thread closes it, once it is off the list.
 * Limits: one lock for all; many who paste at once can push readers out.
 * Try it
 *   build/blocking/chat_server
 *   build/multiplexing/select_client --talk   (in other terminals)
 * Note: notes/10-chat.md
 * Compare: multiplexing/chat_server.c, blocking/thread_server.c
 */
#include "common/chat.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STACK_KIB = 64 };

struct client {
    struct chat_member member; /* guarded by the lock */
    int fd;
    int64_t active_ms; /* when it last said something */
    struct chat_input input;
};

struct server {
    struct chat_options options;
    struct timers timers; /* the main thread's; all read its timeout */
    int listen_fd;
    pthread_t operator;
    struct chat_input operator_input;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t left;  /* signalled when `count` falls */
    struct chat_room room;
    struct stats stats;
    int count; /* threads that serve a client */
};

static struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .left = PTHREAD_COND_INITIALIZER};

static void *serve_client(void *client);

/* The last that anybody does with `c`. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options.server, c->fd, "leaves");
    farewell_linger(c->fd);
    pthread_mutex_lock(&s->lock);
    chat_leave(&s->room, &c->member);
    /* [end:close] Off the list first: nobody sends to a reused number. */
    close(c->fd);
    s->stats.served++;
    s->count--;
    free(c);
    pthread_cond_signal(&s->left);
    pthread_mutex_unlock(&s->lock);
}

/* Gives the client a thread and a place in the room; the lock is held, so the
 * thread cannot say anything before it has its place. False when there is no
 * memory or no thread to be had: then `fd` is still the caller's. */
static bool start_client(struct server *s, int fd)
{
    struct client *c = malloc(sizeof *c);
    pthread_attr_t attributes;
    pthread_t thread;
    if (c == NULL)
        return false;
    *c = (struct client){.fd = fd, .active_ms = now_ms()};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_KIB * 1024);
    /* [setup:pthread_create] From here on the client is its thread's. */
    int error = pthread_create(&thread, &attributes, serve_client, c);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        free(c);
        return false;
    }
    s->count++;
    chat_join(&s->room, &c->member);
    return true;
}

static void add_client(struct server *s)
{
    /* [wait+copy:accept] The main thread sleeps here until somebody connects;
     * a stop shuts the listener down, and accept returns. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int error = errno;
    if (fd < 0 && stop_requested())
        return; /* before the lock: others may hold it again and again */
    if (fd >= 0) {
        (void)socket_set_timeout(fd, s->options.server.idle_timeout_ms);
        (void)chat_bound_backlog(fd, s->options.backlog_kib);
    }
    pthread_mutex_lock(&s->lock);
    if (fd < 0)
        timers_accept_failed(&s->timers, error, &s->stats);
    else if (fd >= 0 && s->count == s->options.server.max_clients)
        server_refuse(&s->options.server, fd, "too many clients", &s->stats);
    else if (fd >= 0 && !start_client(s, fd))
        server_refuse(&s->options.server, fd, "no thread left", &s->stats);
    pthread_mutex_unlock(&s->lock);
    if (!timers_may_accept(&s->timers))
        nap_us(ACCEPT_PAUSE_MS * 1000);
}

/* What a recv that gave up with `error` means. True: try it again. */
static bool carry_on(struct server *s, struct client *c, int error)
{
    if (error == EINTR)
        return !stop_requested();
    if (error == EAGAIN && !timers_idle(&s->timers, c->active_ms))
        return true;
    pthread_mutex_lock(&s->lock);
    if (error == EAGAIN) { /* SO_RCVTIMEO has run out */
        s->stats.idle++;
        c->member.gone = "silent for too long";
    } else {
        server_client_failed(&s->options.server, c->fd, error, &s->stats);
        c->member.gone = "connection lost";
    }
    pthread_mutex_unlock(&s->lock);
    return false;
}

/* Bytes in, lines passed on. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    size_t room;
    char *place = chat_input_place(&c->input, &room);
    ssize_t n;
    do {
        /* [wait+copy:recv] Phase 1 and 2 in one call: this thread sleeps until
         * its client has bytes, then they are copied. The others run on. */
        n = recv(c->fd, place, room, 0);
    } while (n < 0 && carry_on(s, c, errno));
    if (n < 0)
        return false;
    c->active_ms = now_ms();
    /* [wait:lock] One speaks at a time; so all hear the same order. */
    pthread_mutex_lock(&s->lock);
    s->stats.bytes_in += (size_t)n;
    int pause_ms = chat_hear(&s->room, &c->member, &c->input, (size_t)n);
    while (pause_ms > 0) {
        pthread_mutex_unlock(&s->lock);
        /* [wait:nanosleep] It spoke too fast: its own thread alone rests. */
        nap_us(pause_ms * 1000);
        pthread_mutex_lock(&s->lock);
        pause_ms = chat_hear(&s->room, &c->member, &c->input, 0);
    }
    if (n == 0)
        chat_hear_end(&s->room, &c->member, &c->input);
    bool open = n > 0 && c->member.gone == NULL;
    pthread_mutex_unlock(&s->lock);
    return open;
}

/* Bytes out, all of them or the client is dropped; the lock is held. */
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
    /* [end:shutdown] Its own thread sleeps in recv: this wakes it, to leave. */
    (void)shutdown(c->fd, SHUT_RDWR); /* ENOTCONN: it is gone already */
}

/* One thread's life. */
static void *serve_client(void *client)
{
    struct server *s = &server;
    struct client *c = client;
    server_tell(&s->options.server, c->fd, "connected");
    while (receive(s, c))
        ;
    drop_client(s, c);
    return NULL;
}

/* The operator's thread: whoever types slowly, or half a line, stops nobody. */
static void *serve_operator(void *nothing)
{
    struct server *s = &server;
    ssize_t n = 1;
    (void)nothing;
    while (n > 0 && !stop_requested()) {
        size_t room;
        char *place = chat_input_place(&s->operator_input, &room);
        do {
            /* [wait+copy:read] Asleep until a line is typed. */
            n = read(STDIN_FILENO, place, room);
        } while (n < 0 && errno == EINTR && !stop_requested());
        if (n < 0 && !stop_requested())
            warn("no operator any more: %s", errno_name(errno));
        pthread_mutex_lock(&s->lock);
        if (n >= 0)
            chat_hear_operator(&s->room, &s->operator_input, (size_t)n);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static void interrupt(int signal_number)
{
    (void)signal_number; /* that read returns, with EINTR, is all we want */
}

static void start_operator(struct server *s)
{
    const struct sigaction action = {.sa_handler = interrupt};
    if (sigaction(SIGUSR1, &action, NULL) < 0)
        die_errno("sigaction");
    /* [setup:pthread_create-operator] */
    errno = pthread_create(&s->operator, NULL, serve_operator, NULL);
    if (errno != 0)
        die_errno("a thread for the operator");
}

/* A keyboard is no socket: shutdown wakes nobody there, only a signal does.
 * It may come just before read falls asleep, and be lost: so again, until the
 * thread is gone. */
static void end_operator(struct server *s)
{
    while (pthread_tryjoin_np(s->operator, NULL) == EBUSY) {
        (void)pthread_kill(s->operator, SIGUSR1);
        nap_us(10000);
    }
}

static void serve(struct server *s)
{
    while (!stop_requested())
        add_client(s);
    end_operator(s);
    pthread_mutex_lock(&s->lock);
    struct chat_member *m;
    TAILQ_FOREACH (m, &s->room.members, entry) {
        m->gone = "the server stops";
        /* [end:shutdown-all] Every thread that sleeps in recv returns. For
         * reading only: after SHUT_RDWR a byte from the client would be
         * answered with a reset, and what is still on its way to it would be
         * lost. */
        (void)shutdown(((struct client *)m)->fd, SHUT_RD);
    }
    while (s->count > 0)
        pthread_cond_wait(&s->left, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

int main(int argc, char **argv)
{
    struct server *s = &server;
    chat_options_parse(&s->options, argc, argv, "chat, threads",
                       "Group chat: a thread sleeps for each client.", 100000);
    stop_catch(NULL);
    chat_room_open(&s->room, deliver);
    timers_start(&s->timers, s->options.server.idle_timeout_ms);
    s->listen_fd = server_listen(&s->options.server, 0);
    stop_wakes(STOP_LISTENER, s->listen_fd);
    start_operator(s);
    serve(s);
    stop_wakes(STOP_LISTENER, -1);
    close(s->listen_fd);
    server_end(&s->options.server, &s->stats);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * thread_server: a thread sleeps for each client.
 *
 * Shows
 *   - the code of the serial server, run once for each client: simple to read,
 *     since every thread sees one conversation from beginning to end;
 *   - the price is a stack and a kernel thread for each client, not CPU: a
 *     sleeping thread costs none. Stacks are small here (--stack-kib);
 *   - how to stop threads that sleep in recv: closing the descriptor does not
 *     wake them, shutdown does; then they are counted out.
 *
 * Who waits, who copies: each client's thread sleeps in recv (wait); the same
 * call copies. The main thread sleeps in accept.
 * Threads and ownership: a client belongs to its thread, buffer and counts
 * too. `lock` guards what all share: the list, `count` and `stats`. Only the
 * owner closes a descriptor, and only after it left the list: whoever finds a
 * client in the list, under the lock, may shut its descriptor down.
 * Limits: --max-clients; beyond it pool_server or one thread with epoll.
 * Try it
 *   build/blocking/thread_server
 *   build/blocking/blocking_client            (in other terminals, twice)
 * Note: notes/03-blocking.md
 * Compare: blocking/serial_server.c
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    int64_t active_ms;  /* when its last answer had gone out whole */
    struct stats stats; /* its own; added to the server's at the end */
    struct server *server;
    LIST_ENTRY(client) entry; /* guarded by server->lock */
};

struct server {
    struct server_options options;
    struct timers timers; /* the main thread's; all read its timeout */
    long stack_kib;
    int listen_fd;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t left;  /* signalled when `count` falls */
    LIST_HEAD(, client) clients;
    struct stats stats;
    int count;
};

static void *serve_client(void *client);

/* The last that anybody does with `c`. */
static void drop_client(struct client *c)
{
    struct server *s = c->server;
    server_tell(&s->options, c->fd, "leaves");
    farewell_linger(c->fd);
    pthread_mutex_lock(&s->lock);
    LIST_REMOVE(c, entry);
    /* [end:close] Off the list first: nobody shuts down a reused number. */
    close(c->fd);
    c->stats.served = 1;
    stats_add(&s->stats, &c->stats);
    s->count--;
    free(c);
    pthread_cond_signal(&s->left);
    pthread_mutex_unlock(&s->lock);
}

/* Puts the client on the list and gives it a thread; the lock is held, so the
 * thread cannot leave before it is counted. False when there is no memory or
 * no thread to be had: then `fd` is still the caller's. */
static bool start_client(struct server *s, int fd)
{
    struct client *c = malloc(sizeof *c);
    pthread_attr_t attributes;
    pthread_t thread;
    if (c == NULL)
        return false;
    *c = (struct client){.fd = fd, .active_ms = now_ms(), .server = s};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, (size_t)s->stack_kib * 1024);
    LIST_INSERT_HEAD(&s->clients, c, entry);
    s->count++;
    /* [setup:pthread_create] From here on the client is its thread's. */
    int error = pthread_create(&thread, &attributes, serve_client, c);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        return true;
    LIST_REMOVE(c, entry);
    s->count--;
    free(c);
    return false;
}

static void add_client(struct server *s)
{
    /* [wait+copy:accept] The main thread sleeps here until somebody connects;
     * a stop shuts the listener down, and accept returns. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int error = errno;
    if (fd >= 0)
        (void)socket_set_timeout(fd, s->options.idle_timeout_ms);
    pthread_mutex_lock(&s->lock);
    if (fd < 0 && !stop_requested())
        timers_accept_failed(&s->timers, error, &s->stats);
    else if (fd >= 0 && s->count == s->options.max_clients)
        server_refuse(&s->options, fd, "too many clients", &s->stats);
    else if (fd >= 0 && !start_client(s, fd))
        server_refuse(&s->options, fd, "no thread left", &s->stats);
    pthread_mutex_unlock(&s->lock);
    if (!timers_may_accept(&s->timers))
        nap_us(ACCEPT_PAUSE_MS * 1000);
}

/* What a call that gave up with `error` means. True: try it again. */
static bool carry_on(struct client *c, int error)
{
    struct server *s = c->server;
    if (error == EINTR) /* a stop shuts it for reading: recv will tell */
        return stop_grace_ms() > 0;
    if (error == EAGAIN && !timers_idle(&s->timers, c->active_ms))
        return true;
    if (error == EAGAIN) /* SO_RCVTIMEO or SO_SNDTIMEO has run out */
        c->stats.idle++;
    else
        server_client_failed(&s->options, c->fd, error, &c->stats);
    return false;
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct client *c, struct buffer *b)
{
    ssize_t n;
    do {
        /* [wait+copy:recv] Phase 1 and 2 in one call: this thread sleeps until
         * its client has bytes, then they are copied. The others run on. */
        n = recv(c->fd, b->bytes, BUFFER_SIZE, 0);
    } while (n < 0 && carry_on(c, errno));
    if (n <= 0)
        return false;
    c->stats.bytes_in += (size_t)n;
    buffer_fill(b, (size_t)n);
    /* [work:service] */
    c->server->options.service->apply(b->bytes, (size_t)n);
    return true;
}

/* Bytes out, all of them. False when the client is gone. */
static bool reply(struct client *c, struct buffer *b)
{
    while (buffer_unsent_length(b) > 0) {
        /* [copy:send] Sleeps only when the kernel's buffer has no room: a
         * client that does not read. */
        ssize_t n = send(c->fd, buffer_unsent(b), buffer_unsent_length(b),
                         MSG_NOSIGNAL);
        int error = n < 0 ? errno : EAGAIN; /* a part: the time ran out */
        if (n > 0) {
            c->stats.bytes_out += (size_t)n;
            buffer_sent(b, (size_t)n);
        }
        if (buffer_unsent_length(b) > 0 && !carry_on(c, error))
            return false;
    }
    c->active_ms = now_ms();
    return true;
}

/* One thread's life: the serial server's inner loop. */
static void *serve_client(void *client)
{
    struct client *c = client;
    struct buffer buffer; /* on this thread's stack */
    server_tell(&c->server->options, c->fd, "connected");
    while (receive(c, &buffer) && reply(c, &buffer))
        ;
    drop_client(c);
    return NULL;
}

static void shut_clients(struct server *s, int how)
{
    struct client *c;
    LIST_FOREACH (c, &s->clients, entry) {
        /* [end:shutdown] SHUT_RD: every thread that sleeps in recv returns,
         * who sleeps in send finishes. SHUT_RDWR: these return, too. */
        (void)shutdown(c->fd, how); /* ENOTCONN: it is gone already */
    }
}

static void serve(struct server *s)
{
    struct timespec until;
    while (!stop_requested())
        add_client(s);
    pthread_mutex_lock(&s->lock);
    shut_clients(s, SHUT_RD);
    /* With these arguments it cannot fail. */
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_GRACE_MS / 1000;
    while (s->count > 0 &&
           pthread_cond_timedwait(&s->left, &s->lock, &until) == 0)
        ;
    shut_clients(s, SHUT_RDWR);
    while (s->count > 0)
        pthread_cond_wait(&s->left, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

int main(int argc, char **argv)
{
    static struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .left = PTHREAD_COND_INITIALIZER,
                              .stack_kib = 64};
    const struct option_spec more[] = {{'k', "stack-kib", "KIB",
                                        "each thread's stack [64]",
                                        OPTION_NUMBER, &s.stack_kib, 32, 65536},
                                       {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "threads",
                         "A thread sleeps for each client.", 100000, more);
    stop_catch(NULL);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, 0);
    stop_wakes(STOP_LISTENER, s.listen_fd);
    serve(&s);
    stop_wakes(STOP_LISTENER, -1);
    close(s.listen_fd);
    server_end(&s.options, &s.stats);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * pool_server: N threads serve N clients; the next one waits for its turn.
 *
 * Shows
 *   - the threads are made once: no client pays for a pthread_create, and
 *     however many clients come, there are N stacks;
 *   - a bounded queue (a mutex and two condition variables) between the thread
 *     that accepts and those that serve. Full, it makes the acceptor wait;
 *   - the price: N silent clients hold up all others;
 *   - a signal does not wake a thread that sleeps on a condition variable. So
 *     the main thread waits for SIGTERM, and wakes each sleep by its means.
 *
 * Who waits, who copies: each worker sleeps in recv (wait), for one client;
 * the same call copies. A worker without a client sleeps on `not_empty`.
 * Threads and ownership: `lock` guards all that stands below it. A connection
 * belongs to the acceptor until it is in the queue, and to the worker that
 * takes it out from then on. Only the worker closes it, and only after it left
 * the list: whoever finds a client in the list, under the lock, may shut its
 * descriptor down.
 * Try it
 *   build/blocking/pool_server --workers 2
 *   build/blocking/blocking_client      (in other terminals, three times)
 * Note: notes/03-blocking.md
 * Compare: blocking/thread_server.c
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
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* Clients that are accepted and wait for a worker. */
enum { QUEUE_SIZE = 16, WORKERS_MAX = 256 };

struct client {
    int fd;
    int64_t active_ms;  /* when its last answer had gone out whole */
    struct stats stats; /* its own; added to the server's at the end */
    struct server *server;
    LIST_ENTRY(client) entry; /* guarded by server->lock */
};

struct server {
    struct server_options options;
    struct timers timers; /* the acceptor's; all read its timeout */
    long stack_kib;
    long worker_count;
    int listen_fd;
    sigset_t stops;              /* SIGINT and SIGTERM: blocked everywhere */
    pthread_mutex_t lock;        /* guards what follows */
    pthread_cond_t not_empty;    /* a client is in the queue, or `stopping` */
    pthread_cond_t not_full;     /* a place is free there, or `stopping` */
    int queue[QUEUE_SIZE];       /* a ring of `queued` descriptors */
    int first, queued;           /* the one that waits longest; how many */
    LIST_HEAD(, client) clients; /* those with a worker */
    struct stats stats;
    int count; /* clients in the queue or with a worker */
    bool stopping;
};

/* The worker is done with `c`, and free for the next. */
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
    pthread_mutex_unlock(&s->lock);
}

/* The producer's half: `fd` to the end of the queue, once there is a place.
 * The lock is held. False when the server stops first: `fd` is still ours. */
static bool put_client(struct server *s, int fd)
{
    while (s->queued == QUEUE_SIZE && !s->stopping) {
        /* [wait:not_full] Nobody accepts meanwhile: the kernel's queue fills. A
         * loop, since another may run first between the signal and us. */
        pthread_cond_wait(&s->not_full, &s->lock);
    }
    if (s->stopping)
        return false;
    s->queue[(s->first + s->queued++) % QUEUE_SIZE] = fd;
    s->count++;
    pthread_cond_signal(&s->not_empty);
    return true;
}

/* The consumer's half: the client that waits longest, put on the list in the
 * same breath, so that a stop finds it either here or there. */
static bool take_client(struct server *s, struct client *c)
{
    pthread_mutex_lock(&s->lock);
    while (s->queued == 0 && !s->stopping) {
        /* [wait:not_empty] A worker without a client sleeps here. */
        pthread_cond_wait(&s->not_empty, &s->lock);
    }
    bool taken = !s->stopping;
    if (taken) {
        *c = (struct client){
            .fd = s->queue[s->first], .active_ms = now_ms(), .server = s};
        s->first = (s->first + 1) % QUEUE_SIZE;
        s->queued--;
        LIST_INSERT_HEAD(&s->clients, c, entry);
        pthread_cond_signal(&s->not_full);
    }
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static void add_client(struct server *s)
{
    /* [wait+copy:accept] The acceptor sleeps here until somebody connects;
     * a stop shuts the listener down, and accept returns. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int error = errno;
    if (fd >= 0)
        (void)socket_set_timeout(fd, s->options.idle_timeout_ms);
    pthread_mutex_lock(&s->lock);
    if (fd < 0 && !s->stopping)
        timers_accept_failed(&s->timers, error, &s->stats);
    else if (fd >= 0 && s->count == s->options.max_clients)
        server_refuse(&s->options, fd, "too many clients", &s->stats);
    else if (fd >= 0 && !put_client(s, fd))
        server_refuse(&s->options, fd, "the server stops", &s->stats);
    pthread_mutex_unlock(&s->lock);
    if (!timers_may_accept(&s->timers))
        nap_us(ACCEPT_PAUSE_MS * 1000);
}

/* What a call that gave up with `error` means. True: try it again. */
static bool carry_on(struct client *c, int error)
{
    struct server *s = c->server;
    if (error == EINTR)
        return true;
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

/* A worker's life: the serial server's loop, with the queue for accept. */
static void *serve_clients(void *server)
{
    struct server *s = server;
    struct client c;
    struct buffer buffer; /* on this thread's stack */
    while (take_client(s, &c)) {
        server_tell(&s->options, c.fd, "has a worker");
        while (receive(&c, &buffer) && reply(&c, &buffer))
            ;
        drop_client(&c);
    }
    return NULL;
}

/* The acceptor's life. */
static void *accept_clients(void *server)
{
    struct server *s = server;
    bool stopping = false;
    while (!stopping) {
        add_client(s);
        pthread_mutex_lock(&s->lock);
        stopping = s->stopping;
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static pthread_t start_thread(struct server *s, void *(*life)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)s->stack_kib * 1024);
    /* [setup:pthread_create] All threads that there will ever be. */
    errno = pthread_create(&thread, &attributes, life, s);
    if (errno != 0)
        die_errno("a thread");
    pthread_attr_destroy(&attributes);
    return thread;
}

/* Wakes everybody, whatever they sleep in. */
static void stop_threads(struct server *s)
{
    struct client *c;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->not_empty);
    pthread_cond_broadcast(&s->not_full);
    /* [end:shutdown] The acceptor returns from accept, and every worker that
     * sleeps in recv from that; who sleeps in send has the grace. */
    (void)shutdown(s->listen_fd, SHUT_RDWR);
    LIST_FOREACH (c, &s->clients, entry)
        (void)shutdown(c->fd, SHUT_RD); /* ENOTCONN: it is gone already */
    while (!LIST_EMPTY(&s->clients) && stop_grace_ms() > 0) {
        pthread_mutex_unlock(&s->lock);
        nap_us(2000);
        pthread_mutex_lock(&s->lock);
    }
    LIST_FOREACH (c, &s->clients, entry)
        (void)shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
}

static void serve(struct server *s)
{
    pthread_t acceptor, workers[WORKERS_MAX];
    int signal_number;
    for (int i = 0; i < s->worker_count; i++)
        workers[i] = start_thread(s, serve_clients);
    acceptor = start_thread(s, accept_clients);
    /* [wait:sigwait] The main thread sleeps here until it is told to stop. */
    while (sigwait(&s->stops, &signal_number) != 0)
        ;
    stop_request(signal_number);
    stop_let_second_in();
    stop_threads(s);
    pthread_join(acceptor, NULL);
    for (int i = 0; i < s->worker_count; i++)
        pthread_join(workers[i], NULL);
    for (; s->queued > 0; s->queued--, s->first++)
        server_refuse(&s->options, s->queue[s->first % QUEUE_SIZE],
                      "the server stops", &s->stats);
}

int main(int argc, char **argv)
{
    static struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .not_empty = PTHREAD_COND_INITIALIZER,
                              .not_full = PTHREAD_COND_INITIALIZER,
                              .stack_kib = 64,
                              .worker_count = 4};
    const struct option_spec more[] = {
        {'w', "workers", "N", "threads, and clients at a time [4]",
         OPTION_NUMBER, &s.worker_count, 1, WORKERS_MAX},
        {'k', "stack-kib", "KIB", "each thread's stack [64]", OPTION_NUMBER,
         &s.stack_kib, 32, 65536},
        {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "pool",
                         "N threads serve N clients; the next one waits.",
                         100000, more);
    sigset_t others;
    stop_catch(&others);
    sigemptyset(&s.stops);
    sigaddset(&s.stops, SIGINT);
    sigaddset(&s.stops, SIGTERM);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, 0);
    serve(&s);
    close(s.listen_fd);
    server_end(&s.options, &s.stats);
    return 0;
}

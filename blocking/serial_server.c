/* SPDX-License-Identifier: MIT */
/*
 * serial_server: one client at a time. The contrast to all the others.
 *
 * Shows
 *   - the shortest server there is: accept, serve to the end, accept;
 *   - why nobody writes it so: while one client is silent the process sleeps
 *     in recv for that client alone. The next one is connected (the kernel
 *     shakes hands without us) and waits, unserved, in the accept queue.
 *
 * Who waits, who copies: the process sleeps in recv (wait); the same call
 * copies.
 * Threads and ownership: one thread, one buffer.
 * Limits: everybody waits for the slowest. --idle-timeout bounds how long.
 * Try it
 *   build/blocking/serial_server
 *   build/blocking/blocking_client            (in other terminals, twice)
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
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    int64_t active_ms; /* when its last answer had gone out whole */
    struct buffer buffer;
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    int listen_fd;
    struct client client; /* the one and only */
};

static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    farewell_linger(c->fd);
    stop_wakes(STOP_CLIENT, -1);
    /* [end:close] Now the next one in the queue gets its turn. */
    close(c->fd);
    s->stats.served++;
}

/* Takes the next client. False when there is none: look around again. */
static bool add_client(struct server *s, struct client *c)
{
    /* [wait+copy:accept] The process sleeps here until somebody connects;
     * a stop shuts the listener down, and accept returns. */
    c->fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (c->fd < 0) {
        if (!stop_requested())
            timers_accept_failed(&s->timers, errno, &s->stats);
        if (!timers_may_accept(&s->timers))
            nap_us(ACCEPT_PAUSE_MS * 1000);
        return false;
    }
    stop_wakes(STOP_CLIENT, c->fd);
    (void)socket_set_timeout(c->fd, s->options.idle_timeout_ms);
    c->active_ms = now_ms();
    server_tell(&s->options, c->fd, "connected");
    return true;
}

/* What a call that gave up with `error` means. True: try it again. */
static bool carry_on(struct server *s, struct client *c, int error)
{
    if (error == EINTR) /* a stop has shut it for reading: it will tell */
        return stop_grace_ms() > 0;
    if (error == EAGAIN && !timers_idle(&s->timers, c->active_ms))
        return true;
    if (error == EAGAIN) /* SO_RCVTIMEO or SO_SNDTIMEO has run out */
        s->stats.idle++;
    else
        server_client_failed(&s->options, c->fd, error, &s->stats);
    return false;
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    ssize_t n;
    do {
        /* [wait+copy:recv] Phase 1 and 2 in one call: asleep until this client
         * has bytes, then copied. Nobody else is heard meanwhile. */
        n = recv(c->fd, b->bytes, BUFFER_SIZE, 0);
    } while (n < 0 && carry_on(s, c, errno));
    if (n <= 0)
        return false;
    s->stats.bytes_in += (size_t)n;
    buffer_fill(b, (size_t)n);
    /* [work:service] */
    s->options.service->apply(b->bytes, (size_t)n);
    return true;
}

/* Bytes out, all of them. False when the client is gone. */
static bool reply(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    while (buffer_unsent_length(b) > 0) {
        /* [copy:send] Sleeps only when the kernel's buffer has no room: a
         * client that does not read. */
        ssize_t n = send(c->fd, buffer_unsent(b), buffer_unsent_length(b),
                         MSG_NOSIGNAL);
        int error = n < 0 ? errno : EAGAIN; /* a part: the time ran out */
        if (n > 0) {
            s->stats.bytes_out += (size_t)n;
            buffer_sent(b, (size_t)n);
        }
        if (buffer_unsent_length(b) > 0 && !carry_on(s, c, error))
            return false;
    }
    c->active_ms = now_ms();
    return true;
}

static void serve(struct server *s)
{
    struct client *c = &s->client;
    while (!stop_requested()) {
        if (!add_client(s, c))
            continue;
        while (receive(s, c) && reply(s, c))
            ;
        drop_client(s, c);
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    server_options_parse(&s.options, argc, argv, "serial",
                         "One client at a time: the second waits for the "
                         "first.",
                         1, NULL);
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

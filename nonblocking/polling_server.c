/* SPDX-License-Identifier: MIT */
/*
 * polling_server: one thread that never sleeps, and asks every socket again
 * and again.
 *
 * Shows
 *   - with O_NONBLOCK no call sleeps: 'nothing there' is the answer EAGAIN;
 *   - one thread serves many clients, at the price of a whole CPU: with n
 *     silent clients each round makes n + 1 calls in vain;
 *   - --nap MICROSECONDS sleeps between two rounds: less CPU, more delay. No
 *     value is right for both; that is why select was invented.
 *
 * Who waits, who copies: nobody sleeps, the loop asks (wait); its own recv,
 * the one that finds bytes, copies.
 * Threads and ownership: one thread. A client holds a buffer only while a part
 * of its answer is unsent, and is not read from meanwhile.
 * Limits: burns its CPU on purpose.
 * Try it
 *   build/nonblocking/polling_server --nap 1000
 *   build/nonblocking/polling_client          (in other terminals, twice)
 * Note: notes/04-nonblocking.md
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
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    int64_t active_ms;     /* when its last answer had gone out whole */
    struct buffer *buffer; /* NULL unless a part of an answer is unsent */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    struct buffer_shelf shelf;
    long nap_us;
    int listen_fd;
    int count; /* clients[0..count) are connected */
    struct client *clients;
};

static void drop_client(struct server *s, int i)
{
    struct client *c = &s->clients[i];
    server_tell(&s->options, c->fd, "leaves");
    buffer_give_back(&s->shelf, c->buffer);
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    *c = s->clients[--s->count]; /* the last one fills the gap */
    s->stats.served++;
    timers_client_left(&s->timers);
}

static void add_client(struct server *s)
{
    /* [copy:accept] Asked in every round; EAGAIN: nobody knocks. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        timers_accept_failed(&s->timers, errno, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients) {
        server_refuse(&s->options, fd, "too many clients", &s->stats);
        return;
    }
    s->clients[s->count++] = (struct client){.fd = fd, .active_ms = now_ms()};
    server_tell(&s->options, fd, "connected");
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    struct buffer *b = buffer_take(&s->shelf);
    if (b == NULL)
        return false;
    /* [wait:recv] Nothing there: EAGAIN at once, and we ask again next round.
     * The call that finds bytes copies them. */
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
        if (timers_idle(&s->timers, s->clients[i].active_ms)) {
            s->stats.idle++;
            drop_client(s, i);
        }
    }
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        /* No sleep here: each turn of this loop asks everybody once. */
        if (timers_may_accept(&s->timers))
            add_client(s);
        /* From the end, so that the client that fills a gap was seen. */
        for (int i = s->count - 1; i >= 0; i--) {
            struct client *c = &s->clients[i];
            bool open = c->buffer ? reply(s, c) : receive(s, c) && reply(s, c);
            if (!open)
                drop_client(s, i);
        }
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
        if (s->nap_us > 0) {
            /* [wait:nap] Asleep, but not for any client: whoever has bytes now
             * waits until the nap is over. */
            nap_us(s->nap_us);
        }
    }
}

int main(int argc, char **argv)
{
    static struct server s;
    const struct option_spec more[] = {{'n', "nap", "MICROSECONDS",
                                        "sleep between two rounds [0: never]",
                                        OPTION_NUMBER, &s.nap_us, 0, 1000000},
                                       {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "nonblocking",
                         "One thread asks every socket again and again; "
                         "nobody sleeps.",
                         100000, more);
    s.clients = calloc((size_t)s.options.max_clients, sizeof *s.clients);
    if (s.clients == NULL)
        die_errno("memory for %ld clients", s.options.max_clients);
    stop_catch(NULL);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    serve(&s);
    close(s.listen_fd); /* from now on a newcomer is refused */
    for (int i = 0; i < s.count; i++)
        farewell_say(s.clients[i].fd, s.clients[i].buffer);
    farewell_wait(&s.stats);
    while (s.count > 0)
        drop_client(&s, s.count - 1);
    free(s.clients);
    buffer_shelf_free(&s.shelf);
    server_end(&s.options, &s.stats);
    return 0;
}

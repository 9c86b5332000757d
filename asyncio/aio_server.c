/* SPDX-License-Identifier: MIT */
/*
 * aio_server: POSIX AIO. One thread hands out reads and is told when they are
 * done.
 *
 * Shows
 *   - aio_read returns at once; when the signal comes the bytes are already in
 *     our buffer. There is no aio_accept: the listener sends SIGIO;
 *   - two other ways to be told (--notify): by a thread, or by aio_suspend;
 *   - glibc's AIO is hidden threads asleep in read, 20 unless aio_init says
 *     more: with 20 silent clients the 21st waits until one of them leaves.
 *
 * Who waits, who copies: a helper thread of the C library does both.
 * Threads and ownership: one thread of ours. The life of a client's buffer:
 *   1 ours    until aio_read
 *   2 theirs  until we are told of its end: no look, no change, no free
 *   3 ours    again: serve, send what the kernel has room for
 *   4 theirs  if a rest is unsent: aio_write, until its end; then 1
 * Limits: a thread for each client; the signal queue (see notify_most); when
 *   no thread can be made for --notify thread, who has left is never dropped.
 * Try it
 *   build/asyncio/aio_server
 *   build/asyncio/aio_client          (in other terminals, twice)
 * Note: notes/07-asynchronous.md
 * Compare: multiplexing/select_server.c, asyncio/uring_server.c
 */
#include "asyncio/aio_notify.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* After so many accepts in a row the clients have their turn. */
enum { ACCEPTS_IN_A_ROW = 64 };

struct client {
    int fd;
    int index;            /* clients[index] points here */
    bool sending;         /* `request` is an aio_write, not an aio_read */
    bool leaving;         /* shut down: what still finishes is not served */
    int64_t active_ms;    /* when its last answer had gone out whole */
    struct aiocb request; /* the one in flight: the library's, see above */
    struct buffer buffer; /* committed as long as the client is connected */
};

struct server {
    struct server_options options;
    struct stats stats;
    struct timers timers;
    int notify;       /* how requests tell of their end: SIGEV_SIGNAL ... */
    sigset_t signals; /* what sigtimedwait takes; blocked everywhere else */
    int listen_fd;
    bool knocking; /* accept has not yet said that nobody is there */
    int count;     /* clients[0..count) are connected */
    struct client **clients;
    const struct aiocb **requests; /* of clients[i] at [i + 1], for suspend */
};

static bool receive(struct server *s, struct client *c);

/* Nothing of `c` may be in flight: the library would write into freed memory,
 * and the signal would bring us a dead pointer. */
static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    /* [end:close] The descriptor is free, and the next client may get it. */
    close(c->fd);
    s->clients[c->index] = s->clients[--s->count]; /* the last fills the gap */
    s->clients[c->index]->index = c->index;
    s->requests[c->index + 1] = &s->clients[c->index]->request;
    free(c);
    s->stats.served++;
    timers_client_left(&s->timers);
}

static void add_client(struct server *s)
{
    /* [copy:accept] SIGIO said that somebody knocks; it merges, so we ask
     * until EAGAIN. The new socket blocks: a helper shall sleep in its read. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        s->knocking = errno != EAGAIN;
        timers_accept_failed(&s->timers, errno, &s->stats);
        return;
    }
    if (s->count == s->options.max_clients) {
        server_refuse(&s->options, fd, "too many clients", &s->stats);
        return;
    }
    struct client *c = malloc(sizeof *c); /* unused pages cost nothing */
    if (c == NULL) {
        server_refuse(&s->options, fd, "out of memory", &s->stats);
        return;
    }
    c->fd = fd;
    c->index = s->count;
    c->leaving = false;
    c->active_ms = now_ms();
    s->clients[s->count++] = c;
    s->requests[s->count] = &c->request;
    server_tell(&s->options, fd, "connected");
    if (!receive(s, c))
        drop_client(s, c);
}

/* What both kinds of request say: where, how much, and whom to tell. */
static void fill_request(struct server *s, struct client *c, size_t length)
{
    c->request = (struct aiocb){.aio_fildes = c->fd,
                                .aio_buf = c->buffer.bytes + c->buffer.start,
                                .aio_nbytes = length,
                                .aio_sigevent = notify_event(s->notify, c)};
}

static bool failed(struct server *s, struct client *c, int error)
{
    server_client_failed(&s->options, c->fd, error, &s->stats);
    return false;
}

/* Lets a read begin. False when it could not: nothing is in flight then. */
static bool receive(struct server *s, struct client *c)
{
    c->sending = false;
    buffer_fill(&c->buffer, 0);
    fill_request(s, c, BUFFER_SIZE);
    /* [arm:aio_read] Returns at once. A helper thread sleeps until bytes are
     * there (phase 1) and copies them (phase 2): the buffer is theirs now.
     * On EAGAIN (no thread could be made) only this client is dropped. */
    return aio_read(&c->request) == 0 || failed(s, c, errno);
}

/* Bytes out; what does not fit by aio_write. Without a rest the next read
 * begins. False when the client is gone. */
static bool reply(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    /* [copy:send] Into the kernel's buffer, as much as there is room for. */
    ssize_t n = send(c->fd, buffer_unsent(b), buffer_unsent_length(b),
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !would_block(errno))
        return failed(s, c, errno);
    if (n > 0) {
        s->stats.bytes_out += (size_t)n;
        buffer_sent(b, (size_t)n);
    }
    if (buffer_unsent_length(b) == 0) {
        c->active_ms = now_ms();
        return receive(s, c);
    }
    c->sending = true;
    fill_request(s, c, buffer_unsent_length(b));
    /* [arm:aio_write] A helper sleeps until the client has read enough. Only
     * because no read is pending: glibc runs the requests of one descriptor
     * one after the other, and a write behind a read would wait for input. */
    return aio_write(&c->request) == 0 || failed(s, c, errno);
}

/* The request of `c` has finished: its buffer is ours again. False when this
 * client's conversation is over. */
static bool finish(struct server *s, struct client *c)
{
    int error = aio_error(&c->request);
    /* [reap:aio_return] What read or write returned in the helper thread. */
    ssize_t n = aio_return(&c->request);
    struct buffer *b = &c->buffer;
    if (c->sending && n > 0) {
        s->stats.bytes_out += (size_t)n;
        buffer_sent(b, (size_t)n);
    }
    if (c->leaving || n == 0)
        return false;
    if (n < 0)
        return failed(s, c, error);
    if (!c->sending) {
        s->stats.bytes_in += (size_t)n;
        buffer_fill(b, (size_t)n);
        /* [work:service] */
        s->options.service->apply(b->bytes, (size_t)n);
    }
    return reply(s, c);
}

/* Makes the request in flight finish. Closing the descriptor would not: the
 * helper would sleep on. Nor can aio_cancel stop what is running. */
static void shut_client(struct client *c)
{
    c->leaving = true;
    /* [end:shutdown] In the helper read returns 0, and write EPIPE. */
    (void)shutdown(c->fd, SHUT_RDWR); /* ENOTCONN: reset, which is as good */
}

static void drop_idle(struct server *s)
{
    for (int i = s->count - 1; i >= 0; i--) {
        struct client *c = s->clients[i];
        if (!timers_idle(&s->timers, c->active_ms))
            continue;
        if (!c->leaving)
            s->stats.idle++;
        shut_client(c);
        /* Dropped when its end is told. One case tells nothing: the signal
         * queue was full, and glibc turned the finished read into EAGAIN. A
         * read from a blocking socket never says EAGAIN itself, so that is how
         * we know it. */
        if (aio_error(&c->request) == EAGAIN)
            drop_client(s, c);
    }
}

/* Everybody who knocks, in portions. Returns how long the wait may sleep. */
static struct timespec *add_clients(struct server *s, struct timespec *t)
{
    for (int i = 0; i < ACCEPTS_IN_A_ROW; i++) {
        if (!s->knocking || !timers_may_accept(&s->timers))
            return timers_sleep(&s->timers, t);
        add_client(s);
    }
    *t = (struct timespec){0, 0};
    return t;
}

static void serve(struct server *s)
{
    while (!stop_requested()) {
        struct timespec t;
        siginfo_t info;
        int number;
        struct timespec *sleep_time = add_clients(s, &t);
        if (s->notify == SIGEV_SIGNAL) {
            /* [wait:sigtimedwait] This thread sleeps until a request has
             * finished, a new client knocks, or we are asked to stop. */
            number = sigtimedwait(&s->signals, &info, sleep_time);
        } else {
            number = notify_wait(s->notify, s->requests, s->count, &info,
                                 sleep_time);
        }
        if (number < 0 && !would_block(errno))
            die_errno("wait");
        if (number == SIGINT || number == SIGTERM)
            stop_request(number);
        else if (number == SIGIO)
            s->knocking = true;
        /* Anybody may send the signal with kill(1): it brings no pointer. */
        else if (number == FINISHED && info.si_code == SI_ASYNCIO &&
                 !finish(s, info.si_value.sival_ptr))
            drop_client(s, info.si_value.sival_ptr);
        if (timers_sweep_due(&s->timers))
            drop_idle(s);
    }
}

/* No request may outlive its client, so all are made to finish first. Their
 * signals stay blocked and unread: aio_suspend tells as well. */
static void drop_all(struct server *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->clients[i]->sending)
            notify_finish(&s->clients[i]->request);
    for (int i = 0; i < s->count; i++)
        farewell_say(s->clients[i]->fd, NULL);
    farewell_wait(&s->stats);
    for (int i = 0; i < s->count; i++)
        shut_client(s->clients[i]);
    while (s->count > 0) {
        struct client *c = s->clients[s->count - 1];
        const struct aiocb *one[] = {&c->request};
        while (aio_error(&c->request) == EINPROGRESS) {
            /* [wait:aio_suspend] Until the helper has come back. */
            (void)aio_suspend(one, 1, NULL); /* EINTR: asked again */
        }
        (void)finish(s, c); /* false: it is leaving */
        drop_client(s, c);
    }
}

/* Everything that must be so before the first request. */
static void prepare(struct server *s)
{
    long most = notify_most(s->notify);
    if (most == 0)
        die(EXIT_CANNOT_START, "RLIMIT_SIGPENDING leaves no room for signals: "
                               "raise it, or use --notify suspend");
    if (s->options.max_clients > most) {
        s->options.max_clients = most;
        warn("at most %ld clients, for want of RLIMIT_SIGPENDING", most);
    }
    s->clients = calloc((size_t)s->options.max_clients, sizeof(void *));
    s->requests = calloc((size_t)s->options.max_clients + 1, sizeof(void *));
    if (s->clients == NULL || s->requests == NULL)
        die_errno("memory for %ld clients", s->options.max_clients);
    /* [setup:aio_init] A thread for each client. It must come before the first
     * request: later it is ignored. */
    aio_init(&(struct aioinit){.aio_threads = (int)s->options.max_clients + 1,
                               .aio_num = (int)s->options.max_clients + 1,
                               .aio_idle_time = HELPER_IDLE_SECONDS});
    stop_catch(&s->signals); /* SIGINT and SIGTERM: the wait takes them */
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGTERM);
    sigaddset(&s->signals, SIGIO);
    sigaddset(&s->signals, FINISHED);
    /* With these arguments it cannot fail. */
    (void)sigprocmask(SIG_BLOCK, &s->signals, NULL);
    if (notify_start(s->notify, &s->signals) < 0)
        die_errno("--notify");
}

/* The listener sends SIGIO to this process when somebody knocks. */
static void watch_listener(struct server *s)
{
    s->knocking = true; /* who came before is not told of */
    /* [arm:sigio] Not FINISHED (F_SETSIG): one queued signal for each knock
     * could fill the queue. SIGIO merges, and takes one place at most. */
    if (fcntl(s->listen_fd, F_SETOWN, getpid()) < 0 ||
        fcntl(s->listen_fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
        die_errno("fcntl");
}

int main(int argc, char **argv)
{
    static struct server s;
    const char *notify = "signal";
    const struct option_spec more[] = {{'n', "notify", "HOW",
                                        "signal, thread or suspend [signal]",
                                        OPTION_TEXT, &notify, 0, 0},
                                       {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "aio",
                         "POSIX AIO: helper threads of the C library read, "
                         "and a signal tells when.",
                         10000, more);
    if ((s.notify = notify_find(notify)) < 0)
        die(EXIT_USAGE, "--notify: '%s' is no way: signal, thread or suspend",
            notify);
    prepare(&s);
    timers_start(&s.timers, s.options.idle_timeout_ms);
    s.listen_fd = server_listen(&s.options, SOCK_NONBLOCK);
    watch_listener(&s);
    serve(&s);
    close(s.listen_fd); /* from now on a newcomer is refused */
    stop_let_second_in();
    drop_all(&s);
    free(s.clients);
    free(s.requests);
    server_end(&s.options, &s.stats);
    return 0;
}

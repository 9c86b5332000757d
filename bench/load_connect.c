/* SPDX-License-Identifier: MIT */
/*
 * Making the connections, active and idle ones alike.
 *
 * Each sends one request and waits for its answer: only that proves that the
 * server has taken it. A finished handshake does not: the kernel makes it for
 * the server's backlog. At most CONNECTS_AT_ONCE are under way, so that no
 * backlog overflows; where one does, the kernel repeats the SYN after 1 s, and
 * such a connect is counted.
 *
 * A connection is told apart by both addresses and both ports, so one source
 * address reaches one server at most as often as there are local ports. Past
 * CONNECTS_PER_SOURCE the load comes from 127.0.0.2, and so on.
 */
#include "bench/load_internal.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    CONNECTS_AT_ONCE = 64,
    CONNECTS_PER_SOURCE = 20000,
    LAST_SOURCE = 250,
    IDLE_GREETING = 64, /* bytes of an idle connection's only request */
};
#define SYN_RETRY_NS INT64_C(900000000)

static bool is_loopback_v4(const struct address *address)
{
    const struct sockaddr *any = (const struct sockaddr *)&address->bytes;
    return any->sa_family == AF_INET && address_is_local(address);
}

/* The port is chosen by connect, which knows the whole pair of addresses;
 * chosen by bind it would be taken for every server at once. */
static int bind_source(int fd, int last_byte)
{
    const int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000000u + (unsigned)last_byte);
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0)
        return -1;
    return bind(fd, (const struct sockaddr *)&from, sizeof from);
}

static int try_connect(const struct load *l)
{
    const struct address *to = &l->plan->address;
    const int on = 1;
    int family = ((const struct sockaddr *)&to->bytes)->sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if ((family != AF_UNIX &&
         setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) ||
        (is_loopback_v4(to) && bind_source(fd, l->source) < 0) ||
        (connect(fd, (const struct sockaddr *)&to->bytes, to->length) < 0 &&
         errno != EINPROGRESS)) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* A port that is the server's own, while the server is not there: the kernel
 * then connects the socket with itself, and it would answer what it asks. */
static bool is_self_connected(int fd)
{
    struct sockaddr_storage near, far;
    socklen_t near_length = sizeof near, far_length = sizeof far;
    memset(&near, 0, sizeof near), memset(&far, 0, sizeof far);
    if (getsockname(fd, (struct sockaddr *)&near, &near_length) < 0 ||
        getpeername(fd, (struct sockaddr *)&far, &far_length) < 0)
        return false;
    return near.ss_family != AF_UNIX && near_length == far_length &&
           memcmp(&near, &far, near_length) == 0;
}

/* True when the fault may be of this source address alone. */
static bool next_source(struct load *l, int error)
{
    if ((error != EADDRNOTAVAIL && error != EADDRINUSE) ||
        !is_loopback_v4(&l->plan->address) || l->source >= LAST_SOURCE)
        return false;
    l->source++;
    return true;
}

/* Begins one connection. */
static void begin(struct load *l, struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    int fd;
    if (l->made % CONNECTS_PER_SOURCE == 0 && l->made > 0)
        l->source++;
    l->made++;
    while ((fd = try_connect(l)) < 0 && next_source(l, errno))
        ;
    c->fd = fd;
    c->state = CONNECTING;
    c->wants_room = true;
    c->sent_ns = now_ns();
    if (fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        const char *hint = errno == EADDRNOTAVAIL
                               ? ": no local port is free for this address"
                               : "";
        load_first_fault(l, "connect: %s (%s)%s", errno_name(errno),
                         strerror(errno), hint);
        connection_fail(l, c, LOAD_CONNECT, "");
    }
}

/* The handshake is over, one way or the other: ask for the first time. */
static void greet(struct load *l, struct connection *c)
{
    int error = socket_error(c->fd);
    if (error != 0) {
        load_first_fault(l, "connect: %s (%s)", errno_name(error),
                         strerror(error));
        connection_fail(l, c, LOAD_CONNECT, "");
        return;
    }
    if (is_self_connected(c->fd)) {
        connection_fail(l, c, LOAD_CONNECT,
                        "it is connected with itself, the server is gone");
        return;
    }
    if (now_ns() - c->sent_ns >= SYN_RETRY_NS)
        l->result->syn_retries++;
    connection_ask(l, c, 0);
}

static void connect_turn(struct load *l, int64_t until_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int64_t left = until_ns - now_ns();
    int n = epoll_wait(l->epoll_fd, events, EVENTS_AT_ONCE,
                       left > 0 ? (int)(left / 1000000) + 1 : 0);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->state == CONNECTING)
            greet(l, c);
        else if (c->state != GONE)
            connection_event(l, c, events[i].events);
    }
}

int load_connect_all(struct load *l)
{
    const struct load_plan *plan = l->plan;
    /* As long as answers keep coming it may take its time. */
    int64_t until = now_ns() + plan->patience * 1000000;
    long seen = 0;
    l->source = 1;
    while (l->greeted < l->count && load_fault_count(l->result) == 0) {
        while (l->made < l->count && l->made - l->greeted < CONNECTS_AT_ONCE) {
            struct connection *c = &l->connections[l->made];
            c->place = (uint32_t)(l->made * 7919) % PATTERN_SPAN;
            c->length = (uint32_t)plan->bytes;
            if (l->made >= plan->active && c->length > IDLE_GREETING)
                c->length = IDLE_GREETING;
            begin(l, c);
        }
        connect_turn(l, until);
        if (l->greeted > seen)
            until = now_ns() + plan->patience * 1000000;
        else if (now_ns() >= until)
            break;
        seen = l->greeted;
    }
    l->result->sources = (unsigned long)l->source;
    if (l->greeted == l->count)
        return 0;
    load_first_fault(l,
                     "only %ld of %ld connections got an answer within "
                     "%lld ms",
                     l->greeted, l->count, (long long)plan->patience);
    l->result->faults[LOAD_CONNECT]++;
    return -1;
}

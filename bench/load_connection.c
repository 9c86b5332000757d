/* SPDX-License-Identifier: MIT */
/*
 * One connection of the load: send a request, take the answer, compare it.
 *
 * Requests are pieces of one pattern that holds all 256 byte values in a
 * shuffled order, and each begins at another place. The right answer is the
 * same piece of a second copy, to which the service was applied once. So an
 * answer is checked with one memcmp, and an answer that belongs to another
 * connection or to the request before is wrong as well.
 */
#include "bench/load_internal.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"

#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

void load_first_fault(struct load *l, const char *format, ...)
{
    va_list arguments;
    if (l->result->first_fault[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(l->result->first_fault, sizeof l->result->first_fault, format,
              arguments);
    va_end(arguments);
}

void connection_fail(struct load *l, struct connection *c,
                     enum load_fault fault, const char *words)
{
    long number = c - l->connections;
    load_first_fault(l, "connection %ld: %s", number + 1, words);
    l->result->faults[fault]++;
    if (c->state == ASKING)
        l->asking--;
    if (number < l->plan->active)
        l->gone++;
    c->state = GONE;
    (void)close(c->fd);
    c->fd = -1;
}

static void watch(struct load *l, struct connection *c, bool wants_room)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (wants_room)
        event.events |= EPOLLOUT;
    if (c->wants_room == wants_room)
        return;
    c->wants_room = wants_room;
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
        connection_fail(l, c, LOAD_RESET, "epoll_ctl failed");
}

static void send_rest(struct load *l, struct connection *c)
{
    ssize_t n = send(c->fd, l->pattern + c->place + c->sent,
                     c->length - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !would_block(errno)) {
        char words[64];
        snprintf(words, sizeof words, "send: %s", errno_name(errno));
        connection_fail(l, c, LOAD_RESET, words);
        return;
    }
    if (n > 0)
        c->sent += (uint32_t)n;
    watch(l, c, c->sent < c->length);
}

void connection_ask(struct load *l, struct connection *c, int64_t due_ns)
{
    c->state = ASKING;
    c->place = (c->place + 4099) % PATTERN_SPAN; /* odd: every place in turn */
    c->sent = c->got = 0;
    c->wrong = false;
    c->sent_ns = now_ns();
    c->due_ns = due_ns ? due_ns : c->sent_ns;
    l->asking++;
    send_rest(l, c);
}

/* Says what is wrong with the `n` bytes in the scratch buffer. */
static void describe_wrong(struct load *l, const struct connection *c, size_t n)
{
    const char *right = l->expected + c->place + c->got;
    const char *asked = l->pattern + c->place + c->got;
    size_t i = 0, left = c->length - c->got;
    if (n >= 5 && memcmp(l->scratch, "busy:", 5) == 0) {
        int length = (int)strcspn(l->scratch, "\r\n");
        l->result->refused = true;
        load_first_fault(l, "the server refused a client: %.*s",
                         length < (int)n ? length : (int)n, l->scratch);
        return;
    }
    if (n <= left && memcmp(l->scratch, asked, n) == 0) {
        load_first_fault(l, "the answer is the question unchanged: is its "
                            "service echo (--service echo)?");
        return;
    }
    while (i < n && i < left && l->scratch[i] == right[i])
        i++;
    if (i >= left)
        load_first_fault(l,
                         "an answer was longer than its question of %u "
                         "bytes",
                         c->length);
    else
        load_first_fault(l,
                         "byte %zu of an answer was 0x%02x and must be "
                         "0x%02x",
                         c->got + i + 1, (unsigned char)l->scratch[i],
                         (unsigned char)right[i]);
}

static void take_answer(struct load *l, struct connection *c, size_t n)
{
    size_t left = c->state == ASKING ? c->length - c->got : 0;
    if (n > left ||
        memcmp(l->scratch, l->expected + c->place + c->got, n) != 0) {
        describe_wrong(l, c, n);
        c->wrong = true;
    }
    if (n > left || l->result->refused) {
        connection_fail(l, c, LOAD_WRONG, "more bytes than were asked for");
        return;
    }
    c->got += (uint32_t)n;
    if (c->got < c->length)
        return;
    c->state = QUIET;
    l->asking--;
    if (c->wrong)
        l->result->faults[LOAD_WRONG]++;
    load_answered(l, c);
}

static void receive(struct load *l, struct connection *c)
{
    ssize_t n = recv(c->fd, l->scratch, sizeof l->scratch, MSG_DONTWAIT);
    if (n > 0) {
        take_answer(l, c, (size_t)n);
    } else if (n == 0) {
        connection_fail(l, c, LOAD_CLOSED, "the server closed it");
    } else if (!would_block(errno)) {
        char words[64];
        snprintf(words, sizeof words, "recv: %s", errno_name(errno));
        connection_fail(l, c, LOAD_RESET, words);
    }
}

void connection_event(struct load *l, struct connection *c, uint32_t events)
{
    if (c->state == ASKING && c->sent < c->length && (events & EPOLLOUT))
        send_rest(l, c);
    if (c->state != GONE && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        receive(l, c);
}

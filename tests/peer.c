/* SPDX-License-Identifier: MIT */
#include "tests/peer.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

int patience_ms = 30000;
const struct service *peer_service;
void (*peer_last_words)(char *text, size_t size);

const char *peer_fault(const char *format, ...)
{
    static char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (peer_last_words != NULL)
        peer_last_words(text + strlen(text), sizeof text - strlen(text));
    return text;
}

/* What the service makes of one byte. */
static unsigned char answer_to(unsigned char byte)
{
    if (peer_service == NULL)
        peer_service = service_find("upper");
    char answer = (char)byte;
    peer_service->apply(&answer, 1);
    return (unsigned char)answer;
}

/* Waits until `fd` is ready for one of `events`; returns what poll says. */
static short wait_for(int fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t until = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = until - now_ms();
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n >= 0)
            return n > 0 ? p.revents : 0;
        require(errno == EINTR, "poll: %s", errno_name(errno));
    }
}

int peer_connect_with(const char *text, int receive_buffer)
{
    struct address address;
    const char *fault = address_parse(text, &address);
    require(fault == NULL, "address '%s': %s", text, fault);
    const struct sockaddr *name = (const struct sockaddr *)&address.bytes;
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0, "socket: %s", errno_name(errno));
    if (receive_buffer > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                         sizeof receive_buffer);
    /* A full backlog makes this wait, and the test's own timeout ends it. */
    int answer = connect(fd, name, address.length);
    require(answer == 0, "connect to %s: %s", text, errno_name(errno));
    /* What a test sends in pieces goes out in pieces: Nagle's algorithm would
     * hold back all but the first. A unix socket has none, and refuses this. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

int peer_connect(const char *address)
{
    return peer_connect_with(address, 0);
}

int peer_connect_tight(const char *address)
{
    return peer_connect_with(address, 1); /* the kernel takes its least */
}

void peer_loosen(int fd)
{
    const int size = 256 * 1024;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* Sends what fits now. Returns how many bytes went. */
static size_t send_some(int fd, const void *bytes, size_t length)
{
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    require(n >= 0 || would_block(errno), "send: %s", errno_name(errno));
    return n > 0 ? (size_t)n : 0;
}

/* Receives what is there; -1 when nothing is, 0 at the end of input. */
static ssize_t receive_some(int fd, void *bytes, size_t length)
{
    ssize_t n = recv(fd, bytes, length, MSG_DONTWAIT);
    require(n >= 0 || would_block(errno), "recv: %s", errno_name(errno));
    return n;
}

void peer_send(int fd, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        require(wait_for(fd, POLLOUT, patience_ms) != 0,
                "the server takes nothing: %zu bytes are unsent", length);
        size_t n = send_some(fd, next, length);
        next += n;
        length -= n;
    }
}

size_t peer_receive_all(int fd, void *bytes, size_t size)
{
    size_t got = 0;
    ssize_t n = -1;
    while (n != 0 && got < size) {
        require(wait_for(fd, POLLIN, patience_ms) != 0,
                "nothing came after %zu bytes, not even the end", got);
        n = receive_some(fd, (char *)bytes + got, size - got);
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

void peer_receive(int fd, void *bytes, size_t length)
{
    size_t got = 0;
    while (got < length) {
        require(wait_for(fd, POLLIN, patience_ms) != 0,
                "no answer: %zu of %zu bytes came", got, length);
        ssize_t n = receive_some(fd, (char *)bytes + got, length - got);
        require(n != 0, "end of input after %zu of %zu bytes", got, length);
        got += n > 0 ? (size_t)n : 0;
    }
}

void peer_expect_end(int fd)
{
    char byte;
    ssize_t n;
    do {
        require(wait_for(fd, POLLIN, patience_ms) != 0,
                "the end of input did not come");
    } while ((n = receive_some(fd, &byte, 1)) < 0);
    require(n == 0, "a byte 0x%02x came where the end was expected",
            (unsigned char)byte);
}

void peer_finish(int fd)
{
    require(shutdown(fd, SHUT_WR) == 0, "shutdown: %s", errno_name(errno));
}

void peer_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

void peer_wait_hangup(int fd)
{
    require(wait_for(fd, POLLRDHUP, patience_ms) != 0,
            "the server keeps a connection that it should close");
}

void peer_read_until_hangup(int fd, size_t bytes, int every_ms)
{
    char chunk[CHUNK];
    int64_t until = now_ms() + patience_ms;
    require(bytes <= sizeof chunk, "peer_read_until_hangup: too many bytes");
    while (wait_for(fd, POLLRDHUP, every_ms) == 0) {
        require(now_ms() < until, "the server keeps one who reads too slowly");
        (void)recv(fd, chunk, bytes, MSG_DONTWAIT);
    }
}

bool peer_readable(int fd, int timeout_ms)
{
    return wait_for(fd, POLLIN, timeout_ms) != 0;
}

void peer_ask(int fd, const char *text)
{
    char answer[1024];
    size_t length = strlen(text);
    require(length <= sizeof answer, "peer_ask: too long a text");
    peer_send(fd, text, length);
    peer_receive(fd, answer, length);
    for (size_t i = 0; i < length; i++)
        require((unsigned char)answer[i] == answer_to((unsigned char)text[i]),
                "'%.60s' was answered by '%.*s'", text, (int)length, answer);
}

unsigned char stream_byte(uint64_t place)
{
    uint64_t x = (place + 1) * 0x9e3779b97f4a7c15u;
    return (unsigned char)(x >> 56);
}

void stream_fill(unsigned char *bytes, uint64_t place, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = stream_byte(place + i);
}

void stream_check(const unsigned char *bytes, uint64_t place, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char sent = stream_byte(place + i);
        unsigned char due = answer_to(sent);
        require(bytes[i] == due,
                "byte %llu of the stream: sent 0x%02x, got 0x%02x",
                (unsigned long long)(place + i), sent, bytes[i]);
    }
}

void peer_send_stream(int fd, uint64_t from, uint64_t to)
{
    unsigned char chunk[CHUNK];
    while (from < to) {
        size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        stream_fill(chunk, from, n);
        peer_send(fd, chunk, n);
        from += n;
    }
}

void peer_receive_stream(int fd, uint64_t from, uint64_t to)
{
    unsigned char chunk[CHUNK];
    while (from < to) {
        size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        peer_receive(fd, chunk, n);
        stream_check(chunk, from, n);
        from += n;
    }
}

void peer_exchange_stream(int fd, uint64_t length)
{
    unsigned char chunk[CHUNK];
    uint64_t sent = 0, got = 0;
    while (got < length) {
        short want = (short)(sent < length ? POLLIN | POLLOUT : POLLIN);
        short ready = wait_for(fd, want, patience_ms);
        require(ready != 0, "the stream stands still at byte %llu of %llu",
                (unsigned long long)got, (unsigned long long)length);
        if (ready & POLLOUT) {
            uint64_t left = length - sent;
            size_t n = left < CHUNK ? (size_t)left : CHUNK;
            stream_fill(chunk, sent, n);
            sent += send_some(fd, chunk, n);
            continue;
        }
        ssize_t n = receive_some(fd, chunk, sizeof chunk);
        require(n != 0, "end of input after %llu of %llu bytes",
                (unsigned long long)got, (unsigned long long)length);
        if (n > 0)
            stream_check(chunk, got, (size_t)n);
        got += n > 0 ? (uint64_t)n : 0;
    }
}

uint64_t peer_stuff(int fd, uint64_t from, uint64_t to)
{
    unsigned char chunk[CHUNK];
    while (from < to && wait_for(fd, POLLOUT, PAUSE_MS) != 0) {
        size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        stream_fill(chunk, from, n);
        from += send_some(fd, chunk, n);
    }
    return from;
}

uint64_t peer_push(int fd, uint64_t from, uint64_t to)
{
    unsigned char chunk[CHUNK];
    while (from < to) {
        size_t n = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        stream_fill(chunk, from, n);
        size_t went = send_some(fd, chunk, n);
        if (went == 0)
            break;
        from += went;
    }
    return from;
}

/* SPDX-License-Identifier: MIT */
/*
 * The other end of the line, as a test plays it: a well or badly behaved
 * client. Every call has a deadline (patience_ms), and a call that cannot do
 * what its name says fails the running Check test with a message. Nothing
 * here returns an error.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include "common/service.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long what must happen may take: long enough for a loaded machine and a
 * sanitizer, since only a fault waits so long. Broken twins get less. */
extern int patience_ms;

/* What the service makes of the bytes; at first the one called upper. */
extern const struct service *peer_service;

/* How long 'nothing happens any more' is watched. */
enum { PAUSE_MS = 200 };

/* Fails the running test with a printf message unless `condition` holds. */
#define require(condition, ...)                          \
    do {                                                 \
        if (!(condition))                                \
            ck_abort_msg("%s", peer_fault(__VA_ARGS__)); \
    } while (0)

/* The message, and what the subject of the test has to say about it (that it
 * has ended, and its last words). Static until the next call. */
const char *peer_fault(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
extern void (*peer_last_words)(char *text, size_t size);

/* Connects to `address` (HOST:PORT, [V6]:PORT, unix:PATH). Returns the
 * descriptor; *caller closes*, or a process that ends does. */
int peer_connect(const char *address);

/* The same with the smallest receive buffer, so that an unread answer stops
 * the sender soon. */
int peer_connect_tight(const char *address);

/* Gives such a connection a buffer of some size, to read on: between a sender
 * with a lot and the smallest buffer, TCP may go at the pace of its timers,
 * some hundred bytes each 200 ms. */
void peer_loosen(int fd);

/* The same as peer_connect() with a receive buffer of about so many bytes. */
int peer_connect_with(const char *address, int receive_buffer);

void peer_send(int fd, const void *bytes, size_t length);

/* Receives exactly `length` bytes. */
void peer_receive(int fd, void *bytes, size_t length);

/* Receives until the end of input; at most `size` bytes. Returns how many. */
size_t peer_receive_all(int fd, void *bytes, size_t size);

/* The next thing that comes must be the end of input. */
void peer_expect_end(int fd);

/* Half-close: no more questions, answers still welcome. */
void peer_finish(int fd);

/* Closes `fd` with a reset instead of a farewell. *Takes* `fd`. */
void peer_reset(int fd);

/* Waits until the connection is dead or at its end, whatever is unread. */
void peer_wait_hangup(int fd);

/* The same for one who reads `bytes` at most, every so often. */
void peer_read_until_hangup(int fd, size_t bytes, int every_ms);

/* True when something can be received now. */
bool peer_readable(int fd, int timeout_ms);

/* Sends `text` and expects what the service makes of it. */
void peer_ask(int fd, const char *text);

/*
 * A stream whose byte at every place is known: all 256 values occur, and a
 * byte lost, doubled or moved anywhere shows in the comparison.
 */
unsigned char stream_byte(uint64_t place);
void stream_fill(unsigned char *bytes, uint64_t place, size_t length);

/* Checks received bytes against what the service makes of the stream. */
void stream_check(const unsigned char *bytes, uint64_t place, size_t length);

/* Sends bytes [from, to) of the stream without reading any answer. */
void peer_send_stream(int fd, uint64_t from, uint64_t to);

/* Receives bytes [from, to) of the answer and compares them. */
void peer_receive_stream(int fd, uint64_t from, uint64_t to);

/* Sends bytes [0, length) and receives their answer. Writing comes first, and
 * reading only when the far side takes no more: so it has to write its answer
 * in portions. */
void peer_exchange_stream(int fd, uint64_t length);

/* Sends the stream from `from` on without reading, until the far side takes no
 * more for PAUSE_MS or `to` is reached. Returns where it stopped. */
uint64_t peer_stuff(int fd, uint64_t from, uint64_t to);

/* Sends what fits now of [from, to), without waiting. Returns where it
 * stopped. */
uint64_t peer_push(int fd, uint64_t from, uint64_t to);

#endif

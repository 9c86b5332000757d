/* SPDX-License-Identifier: MIT */
/*
 * The one buffer that a connection may hold: 16 KiB of question, turned into
 * its answer in place. While any of it is unsent the server reads no more from
 * that client, so memory is bounded and a slow client keeps only itself
 * waiting.
 *
 * Invariant: start <= end <= BUFFER_SIZE; bytes[start..end) are still unsent.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

enum { BUFFER_SIZE = 16 * 1024 };

struct buffer {
    size_t start;
    size_t end;
    char bytes[BUFFER_SIZE];
};

/* Makes `buffer` hold the `length` bytes that just arrived at bytes[0]. */
static inline void buffer_fill(struct buffer *buffer, size_t length)
{
    buffer->start = 0;
    buffer->end = length;
}

static inline const char *buffer_unsent(const struct buffer *buffer)
{
    return buffer->bytes + buffer->start;
}

static inline size_t buffer_unsent_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

/* `length` of the unsent bytes are on their way. */
static inline void buffer_sent(struct buffer *buffer, size_t length)
{
    buffer->start += length;
}

/*
 * A readiness server needs a buffer only from 'bytes are here' to 'the answer
 * is sent', which is nearly always within one turn of its loop. So an idle
 * client holds none, and one spare serves them all in turn; only a client that
 * does not read its answer keeps one.
 */
struct buffer_shelf {
    struct buffer *spare;
};

/* Returns an empty buffer (*caller gives it back*), or NULL with ENOMEM. */
struct buffer *buffer_take(struct buffer_shelf *shelf);

/* Takes `buffer` back. NULL is allowed and does nothing. */
void buffer_give_back(struct buffer_shelf *shelf, struct buffer *buffer);

/* Frees the spare. */
void buffer_shelf_free(struct buffer_shelf *shelf);

#endif

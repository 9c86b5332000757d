/* SPDX-License-Identifier: MIT */
/*
 * The ring of buffers. It has one writer, us, and one reader, the kernel, so
 * what uring.c says of queues holds here too: we write a place, then the tail
 * with release; whoever sees the new tail sees the place.
 *
 * The kernel's head is shown nowhere. Which places may be written again is
 * counted instead: a place is filled only while there is a free id, so there
 * are never more buffers between head and tail than places.
 */
#include "asyncio/uring_buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Newer than the headers of some distributions, so given here: the numbers and
 * the layout are the kernel's, and never change. */
enum { REGISTER_BUFFER_RING = 22, UNREGISTER_BUFFER_RING = 23 };

struct registration {
    uint64_t address;
    uint32_t entries;
    uint16_t group;
    uint16_t flags;
    uint64_t reserved[3];
};

_Static_assert(sizeof(struct uring_place) == 16, "the kernel's layout");
_Static_assert(sizeof(struct registration) == 40, "the kernel's layout");

static size_t places_size(const struct uring_buffers *b)
{
    return b->entries * sizeof *b->places;
}

/* Memory for the places, by pages as the kernel wants it, and our books. */
static int allocate(struct uring_buffers *b)
{
    b->free_ids = malloc(b->entries * sizeof *b->free_ids);
    b->lent_as = calloc(b->entries, sizeof(struct uring_buffer *));
    b->places = mmap(NULL, places_size(b), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->places == MAP_FAILED)
        b->places = NULL;
    if (b->free_ids == NULL || b->lent_as == NULL || b->places == NULL)
        return -1;
    for (unsigned i = 0; i < b->entries; i++)
        b->free_ids[i] = (uint16_t)i;
    return 0;
}

static void release(struct uring_buffers *b)
{
    if (b->places != NULL)
        (void)munmap(b->places, places_size(b));
    free(b->free_ids);
    free(b->lent_as);
    memset(b, 0, sizeof *b);
}

int uring_buffers_open(struct uring_buffers *b, struct uring *ring,
                       unsigned count)
{
    memset(b, 0, sizeof *b);
    b->ring = ring;
    b->entries = 1;
    while (b->entries < count && b->entries < URING_MOST_BUFFERS)
        b->entries *= 2;
    if (allocate(b) == 0) {
        struct registration r = {.address = (uintptr_t)b->places,
                                 .entries = b->entries};
        /* [setup:buffers] From now on the kernel reads these places. */
        if (uring_register(ring, REGISTER_BUFFER_RING, &r, 1) == 0) {
            if (uring_buffers_fill_up(b) == 0)
                return 0;
            uring_buffers_close(b);
            errno = ENOMEM;
            return -1;
        }
    }
    int saved = errno;
    release(b);
    errno = saved;
    return -1;
}

void uring_buffers_close(struct uring_buffers *b)
{
    struct registration r = {.group = 0};
    if (b->entries == 0)
        return;
    /* [end:buffers] */
    (void)uring_register(b->ring, UNREGISTER_BUFFER_RING, &r, 1);
    for (unsigned i = 0; i < b->entries; i++)
        free(b->lent_as[i]);
    release(b);
}

/* Puts `buffer` into the next place; there must be an empty one. The kernel
 * sees it only after show(). */
static void lend(struct uring_buffers *b, struct uring_buffer *buffer)
{
    uint16_t id = b->free_ids[b->entries - ++b->lent];
    struct uring_place *place = &b->places[b->tail++ & (b->entries - 1)];
    /* Not assigned as a whole: the first place holds the shown tail. */
    place->address = (uintptr_t)buffer->buffer.bytes;
    place->length = BUFFER_SIZE;
    place->id = id;
    b->lent_as[id] = buffer;
}

static void show(struct uring_buffers *b)
{
    atomic_store_explicit(&b->places[0].tail, b->tail, memory_order_release);
}

struct uring_buffer *uring_buffers_take(struct uring_buffers *b, unsigned flags)
{
    if (!(flags & IORING_CQE_F_BUFFER))
        return NULL;
    uint16_t id = (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);
    struct uring_buffer *buffer = b->lent_as[id];
    b->lent_as[id] = NULL;
    b->free_ids[b->entries - b->lent--] = id;
    return buffer;
}

void uring_buffers_give_back(struct uring_buffers *b,
                             struct uring_buffer *buffer)
{
    if (buffer == NULL || b->lent == b->entries) {
        free(buffer);
        return;
    }
    lend(b, buffer);
    show(b);
}

int uring_buffers_fill_up(struct uring_buffers *b)
{
    while (b->lent < b->entries) {
        /* Pages that nobody writes to cost nothing. */
        struct uring_buffer *buffer = malloc(sizeof *buffer);
        if (buffer == NULL)
            break;
        lend(b, buffer);
    }
    if (b->lent == 0)
        return -1;
    show(b);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "common/buffer.h"

#include <stdlib.h>

struct buffer *buffer_take(struct buffer_shelf *shelf)
{
    struct buffer *buffer = shelf->spare;
    if (buffer == NULL)
        buffer = malloc(sizeof *buffer);
    if (buffer == NULL)
        return NULL;
    shelf->spare = NULL;
    buffer_fill(buffer, 0);
    return buffer;
}

void buffer_give_back(struct buffer_shelf *shelf, struct buffer *buffer)
{
    if (shelf->spare == NULL)
        shelf->spare = buffer;
    else
        free(buffer);
}

void buffer_shelf_free(struct buffer_shelf *shelf)
{
    free(shelf->spare);
    shelf->spare = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * Chat lines: the first byte of the input says in what portions the rest comes
 * from one of two members. Nobody may hear a control character, or a line that
 * has no end.
 */
#include "common/chat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void deliver(struct chat_member *to, const char *text, size_t length)
{
    (void)to;
    if (length == 0 || text[length - 1] != '\n')
        abort();
    for (size_t i = 0; i + 1 < length; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\n') ||
            text[i] == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chat_room room;
    struct chat_member members[2] = {{.gone = NULL}, {.gone = NULL}};
    static struct chat_input inputs[2];
    memset(inputs, 0, sizeof inputs);
    chat_room_open(&room, deliver);
    chat_join(&room, &members[0]);
    chat_join(&room, &members[1]);
    size_t portion = size > 0 ? (size_t)data[0] + 1 : 1;
    for (size_t at = 1, turn = 0; at < size; turn++) {
        struct chat_input *input = &inputs[turn % 2];
        size_t space;
        char *place = chat_input_place(input, &space);
        size_t n = size - at < portion ? size - at : portion;
        n = n < space ? n : space;
        memcpy(place, data + at, n);
        at += n;
        while (chat_hear(&room, &members[turn % 2], input, n) > 0) {
            members[turn % 2].paid_ms = 0; /* as if the time had passed */
            n = 0;
        }
        if (input->length >= CHAT_LINE_MAX)
            abort();
    }
    chat_leave(&room, &members[0]);
    chat_leave(&room, &members[1]);
    return 0;
}

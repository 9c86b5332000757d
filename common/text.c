/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include <stdbool.h>

size_t text_character_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The rules of RFC 3629 for the second byte, and no C1 control (U+0080 to
 * U+009F), no U+2028/U+2029 and no U+202A-E, U+2066-9: those turn the
 * direction of what stands around them. */
static bool is_shown(const unsigned char *c, size_t length)
{
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return false;
    if (c[0] == 0xc2 && c[1] < 0xa0)
        return false;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f))
        return false;
    if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return false;
    if (c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae)
        return false;
    return !(c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

size_t text_printable(const unsigned char *text, size_t length)
{
    size_t whole = length > 0 ? text_character_length(text[0]) : 0;
    if (whole == 1)
        return text[0] >= 0x20 && text[0] < 0x7f;
    return whole <= length && whole > 0 && is_shown(text, whole) ? whole : 0;
}

void text_clean(char *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        size_t whole =
            text_printable((const unsigned char *)text + i, length - i);
        if (whole == 0) {
            text[i] = text[i] == '\t' ? ' ' : '?';
            whole = 1;
        }
        i += whole;
    }
}

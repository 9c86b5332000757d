/* SPDX-License-Identifier: MIT */
/*
 * Text from a stranger: what of it may be shown. Printable characters of
 * well-formed UTF-8 may; control characters (C0, DEL, C1), bytes that are no
 * UTF-8, and what breaks lines or turns the direction of writing may not.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>

/* How many bytes the character has that begins with `first`, 1 to 4; 0 when
 * no character begins so. */
size_t text_character_length(unsigned char first);

/*
 * How many bytes the character at `text` has, of which `length` bytes are
 * there, if it may be shown as it is; else 0. Newline and tab are controls
 * here: who lets them pass says so.
 */
size_t text_printable(const unsigned char *text, size_t length);

/* Puts a space for every tab, and '?' for every other byte that may not be
 * shown, in `length` bytes at `text`. */
void text_clean(char *text, size_t length);

#endif

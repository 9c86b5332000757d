/* SPDX-License-Identifier: MIT */
/*
 * The headings of all notes, and the links to them: each link must have its
 * heading, but the heading may come later than the link.
 */
#ifndef NOTES_BOOK_HEADINGS_H
#define NOTES_BOOK_HEADINGS_H

/* Adds a heading of `note` (plain text, which is borrowed). Returns its id,
 * unique in the note; the caller frees. */
char *headings_add(const char *note, const char *text);

/* `from` links to the heading `id` of `note`. */
void headings_want(const char *from, const char *note, const char *id);

/* Tells the links without a heading as faults. Forgets all. */
void headings_check(void);

#endif

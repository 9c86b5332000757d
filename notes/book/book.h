/* SPDX-License-Identifier: MIT */
/*
 * The book's weaver: from the notes (Markdown) and the sources that they cite
 * to pages that hold all they need. What does not hold (a mark that is not
 * there, a dead link) is told with book_fault() and fails the weaving.
 *
 * Threads and ownership: one thread. Sources and pages live until the end.
 */
#ifndef NOTES_BOOK_BOOK_H
#define NOTES_BOOK_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* --- faults and text: text.c ---------------------------------------------- */

/* One line about what is wrong in `where`, on standard error; counted. */
void book_fault(const char *where, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
unsigned book_faults(void);

/* The bytes of the file and a NUL; NULL with errno when it cannot be read, and
 * EISDIR when it is no regular file. The caller frees. */
char *text_read(const char *path);

/* Writes `length` bytes at `text` so that they are text in HTML. */
void text_put(FILE *out, const char *text, size_t length);

/* `length` bytes of HTML as plain text: no tags, no entities. The caller
 * frees. */
char *text_plain(const char *html, size_t length);

/* A memory stream whose text goes to `*text` at fclose(); dies when there is
 * no memory. The caller frees `*text`. */
FILE *text_stream(char **text);

/* `from` joined with the relative link `to`: "notes/05.md" and "../a/b.c" give
 * "a/b.c". The caller frees. */
char *text_resolve(const char *from, const char *to);

/* Behind the last slash. */
const char *text_base(const char *path);

/* --- sources and their marks: source.c, code.c ---------------------------- */

/* `[wait:select]` in a source: its comment and the statement below. */
struct mark {
    char name[64];      /* "wait:select" */
    size_t first, last; /* its lines; the first line of a file is 0 */
};

struct source {
    char *path; /* from the root of the project */
    char *text;
    char **lines; /* into `text`; without their newlines */
    size_t line_count;
    struct mark *marks; /* in the order of their lines */
    size_t mark_count;
    struct source *next;
};

/* The source, read at the first call for it; NULL with errno. */
struct source *source_open(const char *path);
/* NULL when it has none of that name. */
const struct mark *source_mark(const struct source *source, const char *name,
                               size_t length);
void source_free_all(void);

/* The mark's phase as the name of a CSS class: "wait+copy" is "wait-copy". */
const char *mark_phase(const struct mark *mark, char phase[16]);

/* Writes the lines from `first` to `last` with their numbers and colours, each
 * mark as one block; its id, when `with_ids`, is PATH:PHASE:SLUG. */
void code_put(FILE *out, const struct source *source, size_t first, size_t last,
              bool with_ids);

/* --- one page: page.c ----------------------------------------------------- */

enum { CITED_MAX = 64 };

struct page {
    const char *note; /* "notes/05-multiplexing.md" */
    char *file;       /* "05-multiplexing.html" */
    char *title;      /* HTML */
    char *body;       /* HTML */
    const struct source *cited[CITED_MAX];
    size_t cited_count;
    bool listed; /* in the contents: a chapter, not a solution */
};

struct book {
    struct page *pages; /* in the order of reading */
    size_t page_count;
    char *style;  /* book.css */
    char *script; /* book.js */
};

/* Remembers that the page shows this source. */
void page_cite(struct page *page, const struct source *source);
/* Begins a link into the page's own sources, which from now on have this one:
 * to the mark, or with NULL to the file. */
void anchor_open(FILE *out, struct page *page, const struct source *source,
                 const struct mark *mark);
/* The page of this note; NULL when it is none of the book's. */
struct page *book_page(const struct book *book, const char *note);
/* Writes FOLDER/FILE. -1 with errno. */
int page_write(const struct book *book, size_t number, const char *folder);
/* Writes one page with the sources, numbered, to print. -1 with errno. */
int handout_write(const struct book *book, char *const *paths, int count,
                  const char *path);

/* --- from Markdown to a page's body --------------------------------------- */

/* Renders the Markdown by cmark. The caller frees; NULL after a fault. */
char *markdown_render(const char *where, const char *text);

/* Fills title, body and cited of a page from what cmark made of its note. */
void weave_page(const struct book *book, struct page *page, const char *html);

/* Writes an excerpt; `info` are the words of its fence with '@' for blanks,
 * `code` its `length` bytes of HTML as cmark made them. */
void excerpt_put(FILE *out, struct page *page, const char *info,
                 const char *code, size_t length);

/* Writes the drawing inline: its styles hold for it alone, its ids are its
 * own. `number` is one for each figure of a page. -1 with errno. */
int svg_put(FILE *out, const char *path, int number);

#endif

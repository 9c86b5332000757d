/* SPDX-License-Identifier: MIT */
/*
 * headings: ids as the viewers of Markdown make them: small letters, blanks to
 * dashes, no punctuation; the second of the same words ends in -1.
 */
#include "notes/book/headings.h"
#include "common/report.h"
#include "notes/book/book.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct heading {
    char *from; /* who links to it; NULL: it is there */
    char *note;
    char *id;
    struct heading *next;
};

static struct heading *headings;

static void add(const char *from, const char *note, const char *id)
{
    struct heading *heading = calloc(1, sizeof *heading);
    if (heading == NULL)
        die_errno("headings");
    heading->from = from ? strdup(from) : NULL;
    heading->note = strdup(note);
    heading->id = strdup(id);
    heading->next = headings;
    headings = heading;
}

static bool is_there(const char *note, const char *id)
{
    for (const struct heading *h = headings; h != NULL; h = h->next)
        if (h->from == NULL && strcmp(h->note, note) == 0 &&
            strcmp(h->id, id) == 0)
            return true;
    return false;
}

/* How many bytes of punctuation beyond ASCII begin here: the middle dot,
 * dashes, quotation marks, arrows. */
static size_t punctuation(const unsigned char *text)
{
    if (text[0] == 0xc2 && text[1] == 0xb7)
        return 2;
    if (text[0] == 0xe2 && text[1] == 0x80 && text[2] >= 0x90)
        return 3;
    if (text[0] == 0xe2 && text[1] == 0x86 && text[2] >= 0x90)
        return 3;
    return 0;
}

char *headings_add(const char *note, const char *text)
{
    char *id;
    char *unique = NULL;
    FILE *out = text_stream(&id);
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t skipped = punctuation(at);
        at += skipped;
        if (skipped > 0)
            continue;
        if (isalnum(*at) || *at == '_' || *at == '-' || *at >= 0x80)
            fputc(tolower(*at), out);
        else if (*at == ' ')
            fputc('-', out);
        at++;
    }
    fclose(out);
    for (int n = 0; n == 0 || is_there(note, unique); n++) {
        free(unique);
        FILE *numbered = text_stream(&unique);
        fprintf(numbered, n ? "%s-%d" : "%s", id, n);
        fclose(numbered);
    }
    free(id);
    add(NULL, note, unique);
    return unique;
}

void headings_want(const char *from, const char *note, const char *id)
{
    add(from, note, id);
}

void headings_check(void)
{
    for (const struct heading *h = headings; h != NULL; h = h->next)
        if (h->from != NULL && !is_there(h->note, h->id))
            book_fault(h->from, "%s has no heading #%s", h->note, h->id);
    while (headings != NULL) {
        struct heading *next = headings->next;
        free(headings->from);
        free(headings->note);
        free(headings->id);
        free(headings);
        headings = next;
    }
}

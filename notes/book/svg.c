/* SPDX-License-Identifier: MIT */
/*
 * svg: a drawing as a part of the page. Inline, its text can be searched and
 * printed; but styles in a page hold for all of it, and ids must be unique. So
 * each selector gets the figure's own class before it, and each id its prefix.
 */
#include "notes/book/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Writes "a, b" as ".f1 a, .f1 b". */
static void put_selectors(FILE *out, const char *text, const char *end,
                          int number)
{
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;
        while (text < stop && (*text == ' ' || *text == '\n'))
            fputc(*text++, out);
        fprintf(out, ".f%d %.*s%s", number, (int)(stop - text), text,
                comma ? "," : "");
        text = comma ? comma + 1 : end;
    }
}

/* Writes what is between braces, from `at` to `end`, url(#x) renamed. */
static void put_renamed(FILE *out, const char *at, const char *end, int number)
{
    static const char *const before[] = {"url(#", " id=\"", "href=\"#"};
    while (at < end) {
        size_t length = 0;
        for (size_t i = 0; i < 3 && length == 0; i++)
            if (strncmp(at, before[i], strlen(before[i])) == 0)
                length = strlen(before[i]);
        if (length > 0)
            fprintf(out, "%.*sf%d-", (int)length, at, number);
        else
            fputc(*at, out);
        at += length > 0 ? length : 1;
    }
}

/* Writes rules up to `end`; those within an @-rule, too. */
static void put_rules(FILE *out, const char *at, const char *end, int number)
{
    while (at < end) {
        const char *next = at + strspn(at, " \n");
        const char *brace = memchr(at, '{', (size_t)(end - at));
        if (*next == '}' && next < end) { /* of an @-rule */
            fputs("}\n", out);
            at = next + 1;
            continue;
        }
        if (brace == NULL)
            break;
        if (*next == '@') {
            fprintf(out, "%.*s{", (int)(brace - at), at);
            at = brace + 1;
            continue;
        }
        put_selectors(out, at, brace, number);
        const char *close = memchr(brace, '}', (size_t)(end - brace));
        close = close ? close + 1 : end;
        put_renamed(out, brace, close, number);
        at = close;
    }
}

int svg_put(FILE *out, const char *path, int number)
{
    char *text = text_read(path);
    if (text == NULL)
        return -1;
    const char *svg = strstr(text, "<svg");
    if (svg == NULL) {
        free(text);
        errno = EINVAL;
        return -1;
    }
    fprintf(out, "<svg class=\"f%d\"", number);
    const char *at = svg + strlen("<svg");
    const char *style;
    while ((style = strstr(at, "<style>")) != NULL) {
        const char *end = strstr(style, "</style>");
        if (end == NULL)
            break;
        style += strlen("<style>");
        put_renamed(out, at, style, number);
        put_rules(out, style, end, number);
        at = end;
    }
    put_renamed(out, at, at + strlen(at), number);
    free(text);
    return 0;
}

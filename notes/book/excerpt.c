/* SPDX-License-Identifier: MIT */
/*
 * excerpt: ```c src=PATH#phase:slug-2+6, the lines around a mark (here from 2
 * above it to 6 below). What the page shows comes from the file; the note must
 * say the same.
 */
#include "notes/book/book.h"

#include <stdlib.h>
#include <string.h>

struct excerpt {
    const struct source *source;
    const struct mark *mark;
    size_t first, last; /* lines */
};

/* Takes "+6" or "-2" off the end of `name`. Returns the number, or 0. */
static unsigned take_count(char *name, char sign)
{
    unsigned count = 0;
    char *at = strrchr(name, sign);
    if (at == NULL || at[1 + strspn(at + 1, "0123456789")] != '\0')
        return 0;
    if (sscanf(at + 1, "%u", &count) == 1)
        *at = '\0';
    return count;
}

/* Reads the words of the fence. False after a fault. */
static bool read_info(const struct page *page, const char *info,
                      struct excerpt *excerpt)
{
    char path[256], name[64];
    if (sscanf(strstr(info, "src="), "src=%255[^#@]#%63[^@]", path, name) !=
        2) {
        book_fault(page->note, "an excerpt reads src=path#phase:slug+6");
        return false;
    }
    unsigned after = take_count(name, '+');
    unsigned before = take_count(name, '-');
    excerpt->source = source_open(path);
    if (excerpt->source != NULL)
        excerpt->mark = source_mark(excerpt->source, name, strlen(name));
    if (excerpt->mark == NULL || before > excerpt->mark->first) {
        book_fault(page->note, "an excerpt of %s#%s, which is not there", path,
                   name);
        return false;
    }
    excerpt->first = excerpt->mark->first - before;
    excerpt->last = excerpt->mark->first + after;
    return true;
}

/* Tells when the note's own text, HTML, is not that of the file. */
static void compare(const struct page *page, const struct excerpt *excerpt,
                    const char *code, size_t length)
{
    const struct source *source = excerpt->source;
    char *real;
    FILE *out = text_stream(&real);
    for (size_t i = excerpt->first;
         i <= excerpt->last && i < source->line_count; i++)
        fprintf(out, "%s\n", source->lines[i]);
    fclose(out);
    char *said = text_plain(code, length);
    if (strcmp(real, said) != 0)
        book_fault(page->note, "the excerpt differs from %s#%s", source->path,
                   excerpt->mark->name);
    free(said);
    free(real);
}

void excerpt_put(FILE *out, struct page *page, const char *info,
                 const char *code, size_t length)
{
    struct excerpt excerpt = {.source = NULL};
    if (!read_info(page, info, &excerpt))
        return;
    compare(page, &excerpt, code, length);
    fputs("<figure class=\"excerpt\">\n<figcaption>", out);
    anchor_open(out, page, excerpt.source, excerpt.mark);
    fprintf(out, "<code>%s#%s</code></a></figcaption>\n<pre class=\"code\">",
            excerpt.source->path, excerpt.mark->name);
    code_put(out, excerpt.source, excerpt.first, excerpt.last, false);
    fputs("</pre>\n</figure>", out);
}

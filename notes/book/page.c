/* SPDX-License-Identifier: MIT */
/*
 * page: a chapter on the left and the sources that it cites on the right, in
 * one file. Style and script are within, and the page forbids itself every
 * request (Content-Security-Policy): it opens without a network, from anywhere.
 */
#include "notes/book/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void page_cite(struct page *page, const struct source *source)
{
    for (size_t i = 0; i < page->cited_count; i++)
        if (page->cited[i] == source)
            return;
    if (page->cited_count == CITED_MAX) {
        book_fault(page->note, "cites more than %d files", CITED_MAX);
        return;
    }
    page->cited[page->cited_count++] = source;
}

void anchor_open(FILE *out, struct page *page, const struct source *source,
                 const struct mark *mark)
{
    char phase[16];
    page_cite(page, source);
    if (mark == NULL)
        fprintf(out, "<a class=\"anchor file\" href=\"#%s\">", source->path);
    else
        fprintf(out, "<a class=\"anchor %s\" href=\"#%s:%s\">",
                mark_phase(mark, phase), source->path, mark->name);
}

struct page *book_page(const struct book *book, const char *note)
{
    for (size_t i = 0; i < book->page_count; i++)
        if (strcmp(book->pages[i].note, note) == 0)
            return &book->pages[i];
    return NULL;
}

static void put_head(FILE *out, const struct book *book, const char *title,
                     const char *kind)
{
    char *plain = text_plain(title, strlen(title));
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
          "'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
          "base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, "
          "initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          out);
    text_put(out, plain, strlen(plain));
    fprintf(out,
            "</title>\n<style>\n%s</style>\n</head>\n<body class=\"%s\">\n",
            book->style, kind);
    free(plain);
}

static void put_contents(FILE *out, const struct book *book, size_t number)
{
    fputs("<details class=\"contents\"><summary>Contents</summary>\n<ul>\n",
          out);
    for (size_t i = 0; i < book->page_count; i++) {
        const struct page *page = &book->pages[i];
        if (!page->listed && i != number)
            continue;
        fprintf(out, "<li><a href=\"%s\"%s>%s</a></li>\n", page->file,
                i == number ? " aria-current=\"page\"" : "", page->title);
    }
    fputs("</ul>\n</details>\n", out);
}

/* The listed page next to this one, or NULL. */
static const struct page *neighbour(const struct book *book, size_t number,
                                    int step)
{
    if (!book->pages[number].listed)
        return NULL;
    for (size_t i = number + (size_t)step; i < book->page_count;
         i += (size_t)step)
        if (book->pages[i].listed)
            return &book->pages[i];
    return NULL;
}

static void put_turn(FILE *out, const struct page *page, const char *rel,
                     const char *arrow)
{
    if (page != NULL)
        fprintf(out, "<a rel=\"%s\" href=\"%s\"><span>%s</span> %s</a>\n", rel,
                page->file, arrow, page->title);
}

/* The keys that do something on this page. */
static void put_keys(FILE *out, const struct page *page)
{
    fputs("<span class=\"keys\">", out);
    if (page->cited_count > 0)
        fputs("<kbd>j</kbd> <kbd>k</kbd> next, previous anchor ", out);
    if (strstr(page->body, "<figure class=\"drawn\">"))
        fputs("<kbd>f</kbd> large figure ", out);
    fputs("<kbd>/</kbd> search</span>\n", out);
}

static void put_bar(FILE *out, const struct book *book, size_t number)
{
    fputs("<header>\n", out);
    put_contents(out, book, number);
    fprintf(out,
            "<strong>%s</strong>\n"
            "<form role=\"search\"><label for=\"find\">Search</label>"
            "<input id=\"find\" type=\"search\" autocomplete=\"off\" "
            "placeholder=\"on this page\"><output for=\"find\"></output>"
            "</form>\n",
            book->pages[number].title);
    put_keys(out, &book->pages[number]);
    fputs("</header>\n", out);
}

/* A file's name on its tab: its last part, unless another one has it too. */
static const char *tab_name(const struct page *page, size_t number)
{
    const char *base = text_base(page->cited[number]->path);
    for (size_t i = 0; i < page->cited_count; i++)
        if (i != number && strcmp(base, text_base(page->cited[i]->path)) == 0)
            return page->cited[number]->path;
    return base;
}

static void put_marks(FILE *out, const struct source *source)
{
    char phase[16];
    if (source->mark_count == 0)
        return;
    fputs("<p class=\"marks\">\n", out);
    for (size_t i = 0; i < source->mark_count; i++)
        fprintf(out, "<a class=\"chip %s\" href=\"#%s:%s\">%s</a>\n",
                mark_phase(&source->marks[i], phase), source->path,
                source->marks[i].name, source->marks[i].name);
    fputs("</p>\n", out);
}

static void put_source(FILE *out, const struct source *source)
{
    fprintf(out, "<section class=\"source\" id=\"%s\">\n<h2>%s</h2>\n",
            source->path, source->path);
    put_marks(out, source);
    fputs("<pre class=\"code\">", out);
    code_put(out, source, 0, source->line_count, true);
    fputs("</pre>\n</section>\n", out);
}

static void put_sources(FILE *out, const struct page *page)
{
    fputs("<aside aria-label=\"Sources\">\n<nav class=\"files\">\n", out);
    for (size_t i = 0; i < page->cited_count; i++)
        fprintf(out, "<a href=\"#%s\" title=\"%s\">%s</a>\n",
                page->cited[i]->path, page->cited[i]->path, tab_name(page, i));
    fputs("</nav>\n<div class=\"sources\">\n", out);
    for (size_t i = 0; i < page->cited_count; i++)
        put_source(out, page->cited[i]);
    fputs("</div>\n</aside>\n", out);
}

/* Opens FOLDER/FILE. */
static FILE *open_in(const char *folder, const char *file)
{
    char path[512];
    int length = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return fopen(path, "we");
}

static int finish(FILE *out)
{
    bool failed = ferror(out);
    return fclose(out) != 0 || failed ? -1 : 0;
}

int page_write(const struct book *book, size_t number, const char *folder)
{
    const struct page *page = &book->pages[number];
    FILE *out = open_in(folder, page->file);
    if (out == NULL)
        return -1;
    put_head(out, book, page->title, page->cited_count ? "beside" : "alone");
    put_bar(out, book, number);
    fprintf(out, "<main>\n%s<nav class=\"turn\">\n", page->body);
    put_turn(out, neighbour(book, number, -1), "prev", "&larr;");
    put_turn(out, neighbour(book, number, 1), "next", "&rarr;");
    fputs("</nav>\n</main>\n", out);
    if (page->cited_count > 0)
        put_sources(out, page);
    fprintf(out, "<script>\n%s</script>\n</body>\n</html>\n", book->script);
    return finish(out);
}

static void put_handout_contents(FILE *out, char *const *paths, int count)
{
    fputs("<h1>Sources, numbered, with their marks</h1>\n"
          "<p>A mark <code>[phase:slug]</code> stands above the statement that "
          "makes the call; notes, traces and figures name it.</p>\n<ul>\n",
          out);
    for (int i = 0; i < count; i++)
        fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", paths[i], paths[i]);
    fputs("</ul>\n", out);
}

int handout_write(const struct book *book, char *const *paths, int count,
                  const char *path)
{
    FILE *out = fopen(path, "we");
    if (out == NULL)
        return -1;
    put_head(out, book, "Sources, numbered, with their marks", "handout");
    put_handout_contents(out, paths, count);
    for (int i = 0; i < count; i++) {
        const struct source *source = source_open(paths[i]);
        if (source != NULL)
            put_source(out, source);
        else
            book_fault(paths[i], "%s", strerror(errno));
    }
    fputs("</body>\n</html>\n", out);
    return finish(out);
}

/* SPDX-License-Identifier: MIT */
/*
 * weave: the book as pages to read beside the source, or a handout to print.
 *
 * Shows, for each note, the chapter on the left and the sources that it cites
 * on the right, with every mark that the chapter names tied to its lines.
 *
 * Run from the root of the project: links and marks are looked up from there.
 * A link, a mark, a heading or a figure that is not there is told, each in a
 * line, and the status is 1; the pages are written all the same.
 * Threads and ownership: one thread; cmark is a child process for each note.
 * Needs: cmark, for the notes.
 * Try it
 *   make book       and open build/book/index.html
 *   make handout    and open build/handout/index.html
 */
#include "common/options.h"
#include "common/report.h"
#include "notes/book/book.h"
#include "notes/book/headings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "notes/solutions/04-1.md" is solutions-04-1.html; README is the index. */
static char *page_file(const char *note)
{
    char *file;
    FILE *out = text_stream(&file);
    const char *name = strncmp(note, "notes/", 6) == 0 ? note + 6 : note;
    const char *end = strrchr(name, '.');
    if (strcmp(name, "README.md") == 0)
        name = "index", end = name + strlen(name);
    for (; *name != '\0' && name != end; name++)
        fputc(*name == '/' ? '-' : *name, out);
    fputs(".html", out);
    fclose(out);
    return file;
}

/* The index, the chapters by their numbers, the rest, what lies in folders. */
static int rank(const struct page *page)
{
    if (strcmp(page->file, "index.html") == 0)
        return 0;
    if (!page->listed)
        return 3;
    return page->file[0] >= '0' && page->file[0] <= '9' ? 1 : 2;
}

static int compare_pages(const void *a, const void *b)
{
    const struct page *one = a, *two = b;
    int difference = rank(one) - rank(two);
    return difference ? difference : strcmp(one->note, two->note);
}

static void list_pages(struct book *book, char **notes, int count)
{
    book->pages = calloc((size_t)count, sizeof *book->pages);
    if (book->pages == NULL)
        die_errno("pages");
    for (int i = 0; i < count; i++) {
        struct page *page = &book->pages[book->page_count++];
        const char *slash = strchr(notes[i], '/');
        page->note = notes[i];
        page->file = page_file(notes[i]);
        page->listed = slash == NULL || strchr(slash + 1, '/') == NULL;
    }
    qsort(book->pages, book->page_count, sizeof *book->pages, compare_pages);
}

static void weave_note(const struct book *book, struct page *page)
{
    char *text = text_read(page->note);
    char *html = text ? markdown_render(page->note, text) : NULL;
    if (text == NULL)
        book_fault(page->note, "%s", strerror(errno));
    weave_page(book, page, html ? html : "<h1>?</h1>");
    free(html);
    free(text);
}

static void weave_all(struct book *book, const char *folder)
{
    for (size_t i = 0; i < book->page_count; i++)
        weave_note(book, &book->pages[i]);
    headings_check();
    for (size_t i = 0; i < book->page_count; i++)
        if (page_write(book, i, folder) < 0)
            die_errno("%s/%s", folder, book->pages[i].file);
}

static void free_book(struct book *book)
{
    for (size_t i = 0; i < book->page_count; i++) {
        free(book->pages[i].file);
        free(book->pages[i].title);
        free(book->pages[i].body);
    }
    free(book->pages);
    free(book->style);
    free(book->script);
    source_free_all();
}

int main(int argc, char **argv)
{
    const char *into = "build/book", *handout = NULL;
    const char *parts = "notes/book";
    const struct option_spec specs[] = {
        {'o', "into", "FOLDER", "where the pages go", OPTION_TEXT, &into, 0, 0},
        {0, "handout", "FILE", "numbered sources on one page instead",
         OPTION_TEXT, &handout, 0, 0},
        {0, "parts", "FOLDER", "where book.css and book.js are", OPTION_TEXT,
         &parts, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "NOTE.md ...",
        .about = "Weaves notes and sources into pages to read side by side.",
        .specs = specs};
    struct book book = {.page_count = 0};
    char path[512];
    int first = options_parse(argc, argv, &usage);
    if (first == argc)
        die(EXIT_USAGE, "which notes? (see --help)");
    snprintf(path, sizeof path, "%s/book.css", parts);
    if ((book.style = text_read(path)) == NULL)
        die_errno("%s", path);
    snprintf(path, sizeof path, "%s/book.js", parts);
    if ((book.script = text_read(path)) == NULL)
        die_errno("%s", path);
    if (handout == NULL) {
        list_pages(&book, argv + first, argc - first);
        weave_all(&book, into);
    } else if (handout_write(&book, argv + first, argc - first, handout) < 0) {
        die_errno("%s", handout);
    }
    free_book(&book);
    return book_faults() > 0 ? 1 : 0;
}

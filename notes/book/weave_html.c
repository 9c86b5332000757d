/* SPDX-License-Identifier: MIT */
/*
 * weave_html: what cmark made of a note, with everything tied to its place:
 * links to marks lead into the page's own sources, links to notes to their
 * pages; headings get ids; figures stand inline; excerpts come from the file.
 */
#include "notes/book/book.h"
#include "notes/book/headings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct weaver {
    const struct book *book;
    struct page *page;
    FILE *out;
    const char *at; /* what is still to be woven */
    int figures;
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The text between `open` (where `at` is) and `close`, as a plain copy; `*end`
 * is behind `close`. NULL when it is not there. The caller frees. */
static char *between(const char *at, const char *open, const char *close,
                     const char **end)
{
    const char *stop;
    if (!begins(at, open) || !(stop = strstr(at + strlen(open), close)))
        return NULL;
    at += strlen(open);
    *end = stop + strlen(close);
    return text_plain(at, (size_t)(stop - at));
}

/* The mark that the label FILE.c#phase:slug names, after the faults were told.
 * NULL when it names none. */
static const struct mark *named_mark(struct weaver *w,
                                     const struct source *source,
                                     const char *label)
{
    const char *base = text_base(source->path);
    const char *hash = strchr(label, '#');
    if (hash == NULL || strchr(hash, ':') == NULL)
        return NULL;
    if (strlen(base) != (size_t)(hash - label) || !begins(label, base)) {
        book_fault(w->page->note, "`%s` leads to %s", label, source->path);
        return NULL;
    }
    const struct mark *mark = source_mark(source, hash + 1, strlen(hash + 1));
    if (mark == NULL)
        book_fault(w->page->note, "%s has no mark [%s]", source->path,
                   hash + 1);
    return mark;
}

/* A link to another note, or into this one: `path` is from the root. */
static void link_note(struct weaver *w, const char *path, const char *hash)
{
    const struct page *page = book_page(w->book, path);
    if (page == NULL) {
        book_fault(w->page->note, "dead link: %s", path);
        fputs("<a>", w->out);
        return;
    }
    fprintf(w->out, "<a href=\"%s%s", page == w->page ? "" : page->file,
            page == w->page && *hash == '\0' ? "#" : hash);
    fputs("\">", w->out);
    if (*hash != '\0')
        headings_want(w->page->note, path, hash + 1);
}

/* A link to a file of the project: a source, or a folder, which no page can
 * show. `label` is the link's text when it is code. */
static void link_source(struct weaver *w, const char *path, const char *label)
{
    const struct source *source = source_open(path);
    if (source != NULL) {
        anchor_open(w->out, w->page, source,
                    label ? named_mark(w, source, label) : NULL);
        return;
    }
    if (errno != EISDIR)
        book_fault(w->page->note, "dead link: %s", path);
    fputs("<a>", w->out);
}

static bool is_note(const char *path)
{
    size_t length = strlen(path);
    return begins(path, "notes/") && length > 3 &&
           strcmp(path + length - 3, ".md") == 0;
}

/* At `<a href="`. The text of the link and its </a> are copied later. */
static bool weave_link(struct weaver *w)
{
    const char *end;
    char *target = between(w->at, "<a href=\"", "\">", &end);
    if (target == NULL)
        return false;
    const char *after;
    char *label = between(end, "<code>", "</code></a>", &after);
    if (strstr(target, "://") || begins(target, "mailto:")) {
        fputs("<a rel=\"external noreferrer\" href=\"", w->out);
        text_put(w->out, target, strlen(target));
        fputs("\">", w->out);
    } else {
        char *hash = strdup(strchrnul(target, '#'));
        target[strcspn(target, "#")] = '\0';
        char *path = *target ? text_resolve(w->page->note, target)
                             : strdup(w->page->note);
        if (is_note(path))
            link_note(w, path, hash);
        else
            link_source(w, path, label);
        free(path);
        free(hash);
    }
    if (label != NULL) { /* or its <code> would be taken for a mark's */
        fputs("<code>", w->out);
        text_put(w->out, label, strlen(label));
        fputs("</code></a>", w->out);
        end = after;
    }
    w->at = end;
    free(label);
    free(target);
    return true;
}

/* At `<p><img`: a figure, alone in its paragraph. */
static bool weave_figure(struct weaver *w)
{
    const char *end, *close;
    char *target = between(w->at, "<p><img src=\"", "\"", &end);
    if (target == NULL)
        return false;
    char *alt = between(end, " alt=\"", "\" /></p>", &close);
    char *path = text_resolve(w->page->note, target);
    if (alt == NULL) {
        book_fault(w->page->note, "%s: a figure stands in a paragraph alone",
                   target);
        close = end;
    }
    fputs("<figure class=\"drawn\">\n", w->out);
    if (svg_put(w->out, path, ++w->figures) < 0)
        book_fault(w->page->note, "%s: %s", path,
                   errno == EINVAL ? "no SVG drawing" : strerror(errno));
    fputs("</figure>\n", w->out);
    free(path);
    free(alt);
    free(target);
    w->at = close;
    return true;
}

/* At `<h2>`: the heading gets the id that links to it use. */
static bool weave_heading(struct weaver *w)
{
    char close[] = "</h1>";
    char level = w->at[2];
    if (w->at[1] != 'h' || level < '1' || level > '6' || w->at[3] != '>')
        return false;
    close[3] = level;
    const char *text = w->at + 4;
    const char *end = strstr(text, close);
    if (end == NULL)
        return false;
    char *plain = text_plain(text, (size_t)(end - text));
    char *id = headings_add(w->page->note, plain);
    fprintf(w->out, "<h%c id=\"%s\">", level, id);
    if (level == '1' && w->page->title == NULL)
        w->page->title = strndup(text, (size_t)(end - text));
    free(id);
    free(plain);
    w->at = text;
    return true;
}

/* Does the source have the mark of this label, FILE.c#phase:slug? */
static const struct mark *labelled(const struct source *source,
                                   const char *label, const char *hash)
{
    const char *base = text_base(source->path);
    if (strlen(base) != (size_t)(hash - label) || !begins(label, base))
        return NULL;
    return source_mark(source, hash + 1, strlen(hash + 1));
}

/* The one source that has the mark of this label: of those that the page
 * shows, else of all rooms. NULL when it is none or, `*several`, not one. */
static const struct source *bearer(const struct page *page, const char *label,
                                   const char *hash, bool *several)
{
    static const char *const rooms[] = {"blocking",     "nonblocking",
                                        "multiplexing", "asyncio",
                                        "common",       "bench"};
    const struct source *found = NULL;
    for (size_t i = 0; i < page->cited_count; i++) {
        if (labelled(page->cited[i], label, hash) == NULL)
            continue;
        *several = found != NULL;
        found = page->cited[i];
    }
    for (size_t i = 0; found == NULL && i < sizeof rooms / sizeof rooms[0];
         i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%.*s", rooms[i], (int)(hash - label),
                 label);
        const struct source *source = source_open(path);
        if (source != NULL && labelled(source, label, hash) != NULL)
            found = source;
    }
    return *several ? NULL : found;
}

/* FILE.c#phase:slug: its hash; NULL for any other text. */
static const char *label_hash(const char *label)
{
    const char *hash = strchr(label, '#');
    if (hash == NULL || hash - label < 3 || hash[-2] != '.' ||
        !strchr("ch", hash[-1]) || strpbrk(label, " /") || !strchr(hash, ':'))
        return NULL;
    return hash;
}

/* At `<code>`: a mark that is named without a link becomes one all the same,
 * unless several files of that name have it. */
static bool weave_code(struct weaver *w)
{
    const char *end;
    char *label = between(w->at, "<code>", "</code>", &end);
    if (label == NULL)
        return false;
    bool several = false;
    const char *hash = label_hash(label);
    const struct source *source =
        hash ? bearer(w->page, label, hash, &several) : NULL;
    if (source != NULL)
        anchor_open(w->out, w->page, source, labelled(source, label, hash));
    else if (hash != NULL && !several)
        book_fault(w->page->note, "no source has the mark `%s`", label);
    bool option = *label == '-' && !strchr(label, ' ');
    fputs(option ? "<code class=\"option\">" : "<code>", w->out);
    text_put(w->out, label, strlen(label));
    fprintf(w->out, "</code>%s", source ? "</a>" : "");
    free(label);
    w->at = end;
    return true;
}

/* At `<pre><code class="language-...">`, the info with '@' for blanks. */
static bool weave_fence(struct weaver *w)
{
    const char *code;
    char *info = between(w->at, "<pre><code class=\"language-", "\">", &code);
    const char *end = info ? strstr(code, "</code></pre>") : NULL;
    if (end == NULL) {
        free(info);
        return false;
    }
    if (strstr(info, "@src=")) {
        excerpt_put(w->out, w->page, info, code, (size_t)(end - code));
    } else {
        const char *kind = strstr(info, "@try")      ? "try"
                           : strstr(info, "@expect") ? "expect"
                                                     : "plain";
        fprintf(w->out, "<pre class=\"%s\"><code>%.*s</code></pre>", kind,
                (int)(end - code), code);
    }
    free(info);
    w->at = end + strlen("</code></pre>");
    return true;
}

/* Other <pre>: nothing in it is woven. */
static bool weave_pre(struct weaver *w)
{
    const char *end = begins(w->at, "<pre>") ? strstr(w->at, "</pre>") : NULL;
    if (end == NULL)
        return false;
    fwrite(w->at, 1, (size_t)(end - w->at), w->out);
    w->at = end;
    return true;
}

static bool weave_expect(struct weaver *w)
{
    if (!begins(w->at, "<p>Expect:"))
        return false;
    fputs("<p class=\"expect\">", w->out);
    w->at += strlen("<p>");
    return true;
}

void weave_page(const struct book *book, struct page *page, const char *html)
{
    static bool (*const weave[])(struct weaver *) = {
        weave_link, weave_figure, weave_heading, weave_fence,
        weave_pre,  weave_code,   weave_expect};
    struct weaver w = {.book = book, .page = page, .at = html};
    w.out = text_stream(&page->body);
    while (*w.at != '\0') {
        bool woven = false;
        if (*w.at == '<')
            for (size_t i = 0; i < sizeof weave / sizeof weave[0] && !woven;
                 i++)
                woven = weave[i](&w);
        if (!woven)
            fputc(*w.at++, w.out);
    }
    fclose(w.out);
    if (page->title == NULL) {
        book_fault(page->note, "no title: a note begins with a heading");
        page->title = strdup(page->note);
    }
}

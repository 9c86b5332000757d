/* SPDX-License-Identifier: MIT */
/*
 * code: lines of a source as HTML. As much colour as a reader needs to tell
 * comments, words of the language and literals apart; a mark and its statement
 * are one block in the colour of the phase.
 *
 *   <span class="mark wait" id="..."><i data-n="88"></i>...
 *
 * The number is an attribute, so what is copied from the page is the code.
 */
#include "notes/book/book.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    "break",     "case",    "char",     "const",   "continue", "default",
    "do",        "else",    "enum",     "extern",  "false",    "for",
    "goto",      "if",      "inline",   "int",     "long",     "return",
    "short",     "signed",  "sizeof",   "static",  "struct",   "switch",
    "true",      "typedef", "unsigned", "void",    "volatile", "while",
    "_Noreturn", "bool",    "size_t",   "ssize_t", "NULL"};

static bool is_word_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

static void put_class(FILE *out, const char *class, const char *text,
                      size_t length)
{
    fprintf(out, "<span class=\"%s\">", class);
    text_put(out, text, length);
    fputs("</span>", out);
}

/* Writes a comment, its mark told apart. */
static void put_comment(FILE *out, const char *text, size_t length)
{
    const char *end = text + length;
    const char *close = NULL;
    if (length > 4 && strncmp(text, "/* [", 4) == 0)
        close = memchr(text, ']', length);
    fputs("<span class=\"c\">", out);
    if (close != NULL && memchr(text, ':', (size_t)(close - text))) {
        text_put(out, text, 3);
        put_class(out, "tag", text + 3, (size_t)(close - text) - 2);
        text = close + 1;
    }
    text_put(out, text, (size_t)(end - text));
    fputs("</span>", out);
}

/* How long the comment at `text` is, on this line. */
static size_t comment_length(const char *text, bool begun, bool *open)
{
    if (!begun && text[1] == '/')
        return strlen(text);
    const char *end = strstr(begun ? text : text + 2, "*/");
    *open = end == NULL;
    return end ? (size_t)(end - text) + 2 : strlen(text);
}

static size_t literal_length(const char *text)
{
    size_t i = 1;
    while (text[i] != '\0' && text[i] != text[0])
        i += text[i] == '\\' && text[i + 1] != '\0' ? 2 : 1;
    return text[i] != '\0' ? i + 1 : i;
}

/* Writes a word of code, or the one character that is none. Returns its
 * length. */
static size_t put_word(FILE *out, const char *text)
{
    size_t length = 0;
    while (is_word_part(text[length]))
        length++;
    if (length == 0) {
        text_put(out, text, 1);
        return 1;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            put_class(out, "k", text, length);
            return length;
        }
    }
    text_put(out, text, length);
    return length;
}

static void put_line(FILE *out, const char *line, bool *in_comment)
{
    const char *at = line;
    if (*in_comment) {
        size_t length = comment_length(at, true, in_comment);
        put_comment(out, at, length);
        at += length;
    } else if (*at == '#') {
        size_t length = 1 + strspn(at + 1, " abcdefghijklmnopqrstuvwxyz");
        put_class(out, "p", at, length);
        at += length;
    }
    while (*at != '\0') {
        size_t length;
        if (at[0] == '/' && (at[1] == '*' || at[1] == '/')) {
            length = comment_length(at, false, in_comment);
            put_comment(out, at, length);
        } else if (*at == '"' || *at == '\'') {
            length = literal_length(at);
            put_class(out, "s", at, length);
        } else {
            length = put_word(out, at);
        }
        at += length;
    }
}

static bool is_c(const char *path)
{
    size_t length = strlen(path);
    return length > 2 && path[length - 2] == '.' &&
           strchr("ch", path[length - 1]);
}

/* Is a comment open before this line? */
static bool comment_open(const struct source *source, size_t line)
{
    char *unused;
    bool open = false;
    FILE *out = text_stream(&unused);
    for (size_t i = 0; i < line; i++)
        put_line(out, source->lines[i], &open);
    fclose(out);
    free(unused);
    return open;
}

static void open_mark(FILE *out, const struct source *source,
                      const struct mark *mark, bool with_id)
{
    char phase[16];
    fprintf(out, "<span class=\"mark %s\"", mark_phase(mark, phase));
    if (with_id)
        fprintf(out, " id=\"%s:%s\"", source->path, mark->name);
    fputc('>', out);
}

void code_put(FILE *out, const struct source *source, size_t first, size_t last,
              bool with_ids)
{
    const struct mark *mark = source->marks;
    const struct mark *end = mark + source->mark_count;
    bool c = is_c(source->path);
    bool in_comment = c && comment_open(source, first);
    while (mark < end && mark->first < first)
        mark++;
    for (size_t i = first; i <= last && i < source->line_count; i++) {
        if (mark < end && mark->first == i)
            open_mark(out, source, mark, with_ids);
        fprintf(out, "<i data-n=\"%zu\"></i>", i + 1);
        if (c)
            put_line(out, source->lines[i], &in_comment);
        else
            text_put(out, source->lines[i], strlen(source->lines[i]));
        fputc('\n', out);
        if (mark < end && mark->first <= i && (mark->last == i || i == last)) {
            fputs("</span>", out);
            mark++;
        }
    }
}

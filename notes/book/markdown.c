/* SPDX-License-Identifier: MIT */
/*
 * markdown: a note through cmark, which reads CommonMark. Three things that the
 * notes use are not in it, and are prepared before:
 *   - a fence's words: cmark keeps the first alone, so `c src=x` is handed
 *     over as the one word `c@src=x`;
 *   - tables: written as HTML around cells that cmark still reads. A cell is in
 *     a <span>, so that "1." or "-" in it begins no list;
 *   - Chinese words: a browser chooses their glyphs, and a voice their sound,
 *     by the language, so they stand in a <span> that names it.
 */
#include "common/report.h"
#include "notes/book/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_fence(const char *line)
{
    return strncmp(line + strspn(line, " "), "```", 3) == 0;
}

/* "```c src=x" as "```c@src=x". */
static void put_fence(FILE *out, const char *line)
{
    size_t indent = strspn(line, " ");
    fprintf(out, "%.*s", (int)indent, line);
    for (const char *at = line + indent; *at != '\0'; at++)
        fputc(*at == ' ' ? '@' : *at, out);
    fputc('\n', out);
}

/* "| --- | :-: |": the line below the head of a table. */
static bool is_rule(const char *line)
{
    return line[0] == '|' && strchr(line, '-') &&
           line[strspn(line, "|-: ")] == '\0';
}

/* The end of the cell at `at`: the next bar that is neither in a code span nor
 * behind a backslash, or NULL. */
static const char *cell_end(const char *at)
{
    bool code = false;
    for (; *at != '\0'; at++) {
        if (*at == '`')
            code = !code;
        else if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '|' && !code)
            return at;
    }
    return NULL;
}

/* How long the Chinese words at `at` are, with what is between them; 0: none.
 * A character or its punctuation has three bytes: U+3000 to U+9FFF and U+FF00
 * to U+FFFF. */
static size_t chinese_length(const char *at)
{
    const unsigned char *c = (const unsigned char *)at;
    size_t length = 0;
    for (size_t i = 0;;) {
        if ((c[i] >= 0xe3 && c[i] <= 0xe9) ||
            (c[i] == 0xef && c[i + 1] >= 0xbc))
            length = i += 3;
        else if (length > 0 && c[i] != '\0' && strchr(" (),/", c[i]))
            i++;
        else
            return length;
    }
}

/* Writes `length` bytes of a note, Chinese words in their <span>; but not in
 * code, where it would be shown. */
static void put_text(FILE *out, const char *text, size_t length)
{
    bool code = false;
    for (size_t i = 0; i < length;) {
        size_t chinese = code ? 0 : chinese_length(text + i);
        code ^= text[i] == '`';
        if (chinese > 0)
            fprintf(out, "<span lang=\"zh-Hans\">%.*s</span>", (int)chinese,
                    text + i);
        else
            fputc(text[i], out);
        i += chinese > 0 ? chinese : 1;
    }
}

static void put_row(FILE *out, const char *line, const char *cell)
{
    const char *end;
    fputs("<tr>\n", out);
    for (const char *at = line + 1; (end = cell_end(at)) != NULL;
         at = end + 1) {
        const char *from = at + strspn(at, " ");
        const char *to = end;
        while (to > from && to[-1] == ' ')
            to--;
        fprintf(out, "<%s>\n\n<span>", cell);
        put_text(out, from, to > from ? (size_t)(to - from) : 0);
        fprintf(out, "</span>\n\n</%s>\n", cell);
    }
    fputs("</tr>\n", out);
}

/* Writes the table whose head is `head`; what is left of the note begins at
 * `*rest`. */
static void put_table(FILE *out, const char *head, char **rest)
{
    fputs("\n<table>\n<thead>\n", out);
    put_row(out, head, "th");
    fputs("</thead>\n<tbody>\n", out);
    (void)strsep(rest, "\n"); /* the rule */
    while (*rest != NULL && **rest == '|')
        put_row(out, strsep(rest, "\n"), "td");
    fputs("</tbody>\n</table>\n\n", out);
}

/* A table's head is followed by a rule. */
static bool begins_table(const char *line, const char *rest)
{
    if (line[0] != '|' || rest == NULL)
        return false;
    char *next = strndup(rest, strcspn(rest, "\n"));
    bool rule = next != NULL && is_rule(next);
    free(next);
    return rule;
}

static void prepare(FILE *out, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        die_errno("strdup");
    bool in_fence = false;
    char *rest = copy;
    char *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (is_fence(line)) {
            put_fence(out, line);
            in_fence = !in_fence;
        } else if (!in_fence && begins_table(line, rest)) {
            put_table(out, line, &rest);
        } else if (in_fence) {
            fprintf(out, "%s\n", line);
        } else {
            put_text(out, line, strlen(line));
            fputc('\n', out);
        }
    }
    free(copy);
}

/* Runs cmark from one file to another. Returns its wait status. */
static int run_cmark(FILE *in, FILE *out)
{
    int status = -1;
    pid_t child = fork();
    if (child < 0)
        die_errno("fork");
    if (child == 0) {
        if (dup2(fileno(in), STDIN_FILENO) < 0 ||
            dup2(fileno(out), STDOUT_FILENO) < 0)
            _exit(126);
        execlp("cmark", "cmark", "--unsafe", (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die_errno("waitpid");
    return status;
}

static char *read_all(FILE *in)
{
    char *text;
    char part[8192];
    size_t n;
    FILE *out = text_stream(&text);
    rewind(in);
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        fwrite(part, 1, n, out);
    fclose(out);
    return text;
}

char *markdown_render(const char *where, const char *text)
{
    char *html = NULL;
    FILE *in = tmpfile();
    FILE *out = tmpfile();
    if (in == NULL || out == NULL)
        die_errno("tmpfile");
    prepare(in, text);
    fflush(in);
    rewind(in);
    int status = run_cmark(in, out);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        die(EXIT_CANNOT_START, "needs cmark: install the package cmark");
    if (status != 0)
        book_fault(where, "cmark failed, wait status %d", status);
    else
        html = read_all(out);
    fclose(in);
    fclose(out);
    return html;
}

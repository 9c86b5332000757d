/* SPDX-License-Identifier: MIT */
/* text: files, paths and HTML as text. See book.h. */
#include "common/report.h"
#include "notes/book/book.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned faults;

void book_fault(const char *where, const char *format, ...)
{
    va_list arguments;
    faults++;
    fprintf(stderr, "%s: ", where);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

unsigned book_faults(void)
{
    return faults;
}

FILE *text_stream(char **text)
{
    static size_t length; /* the texts have no NUL in them: nobody asks */
    FILE *out = open_memstream(text, &length);
    if (out == NULL)
        die_errno("open_memstream");
    return out;
}

char *text_read(const char *path)
{
    struct stat status;
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return NULL;
    if (fstat(fileno(in), &status) < 0 || !S_ISREG(status.st_mode)) {
        fclose(in);
        errno = EISDIR;
        return NULL;
    }
    char *text;
    FILE *out = text_stream(&text);
    char part[8192];
    size_t n;
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        fwrite(part, 1, n, out);
    fclose(in);
    if (fclose(out) != 0)
        die_errno("%s", path);
    return text;
}

void text_put(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(text[i], out);
        }
    }
}

/* The character behind an entity that cmark or text_put() writes. */
static char entity(const char *html, size_t *length)
{
    static const struct {
        const char *name;
        char character;
    } table[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        *length = strlen(table[i].name);
        if (strncmp(html, table[i].name, *length) == 0)
            return table[i].character;
    }
    *length = 1;
    return *html;
}

char *text_plain(const char *html, size_t length)
{
    const char *end = html + length;
    char *plain;
    FILE *out = text_stream(&plain);
    while (html < end) {
        size_t step = 1;
        if (*html == '<') {
            const char *close = memchr(html, '>', (size_t)(end - html));
            step = close ? (size_t)(close - html) + 1 : 1;
        } else {
            fputc(entity(html, &step), out);
        }
        html += step;
    }
    fclose(out);
    return plain;
}

const char *text_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Takes "." and "x/.." out of a path, in place. */
static void tidy(char *path)
{
    char *parts[64];
    size_t count = 0;
    char *rest = NULL;
    for (char *part = strtok_r(path, "/", &rest); part != NULL;
         part = strtok_r(NULL, "/", &rest)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0 && count > 0 &&
            strcmp(parts[count - 1], "..") != 0)
            count--;
        else if (count < sizeof parts / sizeof parts[0])
            parts[count++] = part;
    }
    char *end = path;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(parts[i]);
        if (i > 0)
            *end++ = '/';
        memmove(end, parts[i], length); /* never to the right */
        end += length;
    }
    *end = '\0';
}

char *text_resolve(const char *from, const char *to)
{
    size_t folder = (size_t)(text_base(from) - from);
    char *path;
    FILE *out = text_stream(&path);
    fwrite(from, 1, folder, out);
    fputs(to, out);
    fclose(out);
    tidy(path);
    return path;
}

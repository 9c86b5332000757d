/* SPDX-License-Identifier: MIT */
/*
 * The phase marks of the sources: a comment that begins `[wait:select]`. A
 * call belongs to the nearest mark above its line in the same function; a line
 * that begins with `}` ends a function, as everywhere in this suite.
 */
#include "bench/trace_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct marks {
    struct marks *next;
    char *path; /* as asked for */
    char *text; /* NULL: could not be read */
    int lines;
    char **line; /* [1..lines], cut at the newlines */
};

static char *read_whole(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    size_t size = (size_t)status.st_size, got = 0;
    char *text = malloc(size + 1);
    ssize_t n;
    while (text && got < size && (n = read(fd, text + got, size - got)) > 0)
        got += (size_t)n;
    if (text)
        text[got] = '\0';
    return text;
}

/*
 * Opens the source at `path`. When the tree has moved since it was built: the
 * end of the path below one of the folders that the program lies in.
 */
static int open_source(const char *path, const char *program)
{
    char folder[2048], candidate[4352];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(folder, sizeof folder, "%s", program);
    char *slash;
    while (fd < 0 && (slash = strrchr(folder, '/')) && slash != folder) {
        *slash = '\0';
        for (const char *end = path; end && fd < 0; end = strchr(end, '/')) {
            end += *end == '/';
            snprintf(candidate, sizeof candidate, "%s/%.2000s", folder, end);
            fd = open(candidate, O_RDONLY | O_CLOEXEC);
        }
    }
    return fd;
}

static bool cut_into_lines(struct marks *m)
{
    int count = 1;
    for (const char *c = m->text; *c; c++)
        count += *c == '\n';
    m->line = calloc((size_t)count + 1, sizeof *m->line);
    if (m->line == NULL)
        return false;
    for (char *at = m->text; at; m->lines++) {
        m->line[m->lines + 1] = at;
        if ((at = strchr(at, '\n')))
            *at++ = '\0';
    }
    return true;
}

static struct marks *load(struct trace *t, const char *path,
                          const char *program)
{
    struct marks *m;
    for (m = t->marks; m; m = m->next)
        if (strcmp(m->path, path) == 0)
            return m;
    if ((m = calloc(1, sizeof *m)) == NULL ||
        (m->path = strdup(path)) == NULL) {
        free(m);
        return NULL;
    }
    int fd = open_source(path, program);
    if (fd >= 0) {
        m->text = read_whole(fd);
        (void)close(fd);
        if (m->text && !cut_into_lines(m)) {
            free(m->text);
            m->text = NULL;
        }
    }
    m->next = t->marks;
    t->marks = m;
    return m;
}

/* The mark in one line of source, kept in the trace; or NULL. */
static const char *mark_in(struct trace *t, const char *line)
{
    const char *comment = strstr(line, "/* [");
    if (comment == NULL)
        return NULL;
    comment += 4;
    size_t length = strcspn(comment, "]");
    size_t phase = strcspn(comment, ":");
    if (comment[length] != ']' || phase >= length || length > 60)
        return NULL;
    for (int i = 0; trace_phases[i]; i++)
        if (strlen(trace_phases[i]) == phase &&
            strncmp(trace_phases[i], comment, phase) == 0)
            return trace_keep_format(t, "%.*s", (int)length, comment);
    return NULL;
}

const char *marks_find(struct trace *t, const char *path, int line,
                       const char *program, bool *readable)
{
    struct marks *m = load(t, path, program);
    *readable = m && m->text && line <= m->lines;
    if (!*readable)
        return NULL;
    for (int i = line; i > 0; i--) {
        if (m->line[i][0] == '}' && i != line)
            return NULL;
        const char *mark = mark_in(t, m->line[i]);
        if (mark)
            return mark;
    }
    return NULL;
}

void marks_free(struct trace *t)
{
    while (t->marks) {
        struct marks *m = t->marks;
        t->marks = m->next;
        free(m->line);
        free(m->text);
        free(m->path);
        free(m);
    }
}

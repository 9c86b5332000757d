/* SPDX-License-Identifier: MIT */
/*
 * source: the cited files, their lines and their marks. A mark holds from its
 * comment to the end of the statement below it, as tests/check_marks has it.
 */
#include "common/report.h"
#include "notes/book/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct source *sources;

static void split_lines(struct source *source)
{
    size_t count = 1;
    for (const char *at = source->text; *at != '\0'; at++)
        count += *at == '\n';
    source->lines = calloc(count, sizeof *source->lines);
    if (source->lines == NULL)
        die_errno("%s", source->path);
    for (char *line = source->text; *line != '\0';) {
        char *end = strchrnul(line, '\n');
        source->lines[source->line_count++] = line;
        line = *end == '\n' ? end + 1 : end;
        *end = '\0';
    }
}

/* How long the mark `phase:slug` at `text` is, up to its bracket; 0: none. */
static size_t mark_length(const char *text)
{
    size_t phase = strspn(text, "abcdefghijklmnopqrstuvwxyz+");
    if (phase == 0 || text[phase] != ':')
        return 0;
    size_t slug = strspn(text + phase + 1,
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_+-");
    size_t length = phase + 1 + slug;
    if (slug == 0 || text[length] != ']')
        return 0;
    return length < sizeof((struct mark *)NULL)->name ? length : 0;
}

/* The last character of a line that is neither blank nor in a comment behind
 * it; 0 when there is none. */
static char last_of_code(const char *line)
{
    const char *comment = strstr(line, "/*");
    const char *end = comment ? comment : line + strlen(line);
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return end > line ? end[-1] : 0;
}

/* The last line of the statement below the comment that begins at `line`. */
static size_t statement_end(const struct source *source, size_t line)
{
    while (line < source->line_count && !strstr(source->lines[line], "*/"))
        line++;
    while (line + 1 < source->line_count) {
        char last = last_of_code(source->lines[++line]);
        if (last != 0 && strchr(";{}:", last))
            return line;
    }
    return source->line_count - 1;
}

static void find_marks(struct source *source)
{
    source->marks = calloc(source->line_count + 1, sizeof *source->marks);
    if (source->marks == NULL)
        die_errno("%s", source->path);
    for (size_t i = 0; i < source->line_count; i++) {
        const char *at = strstr(source->lines[i], "/* [");
        size_t length = at ? mark_length(at + 4) : 0;
        if (length == 0)
            continue;
        struct mark *mark = &source->marks[source->mark_count++];
        memcpy(mark->name, at + 4, length);
        mark->first = i;
        mark->last = statement_end(source, i);
        if (source->mark_count > 1 && mark[-1].last >= i)
            mark[-1].last = i - 1;
    }
}

struct source *source_open(const char *path)
{
    for (struct source *source = sources; source; source = source->next)
        if (strcmp(source->path, path) == 0)
            return source;
    char *text = text_read(path);
    if (text == NULL)
        return NULL;
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL || (source->path = strdup(path)) == NULL)
        die_errno("%s", path);
    source->text = text;
    split_lines(source);
    find_marks(source);
    source->next = sources;
    sources = source;
    return source;
}

const struct mark *source_mark(const struct source *source, const char *name,
                               size_t length)
{
    for (size_t i = 0; i < source->mark_count; i++)
        if (strlen(source->marks[i].name) == length &&
            memcmp(source->marks[i].name, name, length) == 0)
            return &source->marks[i];
    return NULL;
}

void source_free_all(void)
{
    while (sources != NULL) {
        struct source *next = sources->next;
        free(sources->path);
        free(sources->text);
        free(sources->lines);
        free(sources->marks);
        free(sources);
        sources = next;
    }
}

const char *mark_phase(const struct mark *mark, char phase[16])
{
    size_t length = strcspn(mark->name, ":");
    if (length > 15)
        length = 15;
    memcpy(phase, mark->name, length);
    phase[length] = '\0';
    for (char *at = phase; *at != '\0'; at++)
        if (*at == '+')
            *at = '-';
    return phase;
}

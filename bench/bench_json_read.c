/* SPDX-License-Identifier: MIT */
/* A small JSON reader (RFC 8259): it knows no numbers and no schema, only
 * where each value stands. */
#include "bench/bench_result.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 256, VALUE_SIZE = 512, DEPTH = 16 };

struct walker {
    const char *at;
    const char *fault;
    char path[PATH_SIZE];
    int depth;
    void (*on_value)(const char *path, const char *value, void *data);
    void *data;
};

static void walk_value(struct walker *w);

static void fail(struct walker *w, const char *fault)
{
    if (w->fault == NULL)
        w->fault = fault;
}

static char skip_blanks(struct walker *w)
{
    w->at += strspn(w->at, " \t\r\n");
    return *w->at;
}

static bool take(struct walker *w, char c)
{
    bool here = skip_blanks(w) == c;
    w->at += here;
    return here;
}

/* \u00e9 becomes '?': no text that iobench writes needs more. */
static char unescape(struct walker *w)
{
    char c = *w->at++;
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'u':
        for (int i = 0; i < 4 && isxdigit((unsigned char)*w->at); i++)
            w->at++;
        return '?';
    case '"':
    case '\\':
    case '/':
        return c;
    default:
        fail(w, "an unknown escape in a string");
        w->at -= c == '\0';
        return '?';
    }
}

static void read_string(struct walker *w, char *text, size_t size)
{
    size_t length = 0;
    if (!take(w, '"')) {
        fail(w, "a string was expected");
        text[0] = '\0';
        return;
    }
    while (*w->at != '"' && *w->at != '\0' && w->fault == NULL) {
        char c = *w->at++;
        if (c == '\\')
            c = unescape(w);
        if (length < size - 1)
            text[length++] = c;
    }
    text[length] = '\0';
    if (*w->at == '"')
        w->at++;
    else
        fail(w, "a string without end");
}

/* Goes into a part of the value: `name` is added to the path meanwhile. */
static void walk_part(struct walker *w, const char *separator, const char *name,
                      const char *close)
{
    size_t length = strlen(w->path);
    snprintf(w->path + length, PATH_SIZE - length, "%s%s%s",
             length > 0 || separator[0] == '[' ? separator : "", name, close);
    walk_value(w);
    w->path[length] = '\0';
}

static void walk_object(struct walker *w)
{
    char name[64];
    if (take(w, '}'))
        return;
    do {
        read_string(w, name, sizeof name);
        if (!take(w, ':'))
            fail(w, "a colon was expected");
        walk_part(w, ".", name, "");
    } while (w->fault == NULL && take(w, ','));
    if (!take(w, '}'))
        fail(w, "an object without end");
}

static void walk_array(struct walker *w)
{
    char name[24];
    int i = 0;
    if (take(w, ']'))
        return;
    do {
        snprintf(name, sizeof name, "%d", i++);
        walk_part(w, "[", name, "]");
    } while (w->fault == NULL && take(w, ','));
    if (!take(w, ']'))
        fail(w, "an array without end");
}

static void walk_word(struct walker *w)
{
    char value[64];
    size_t length = strspn(w->at, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
    if (length == 0 || length >= sizeof value) {
        fail(w, "a value was expected");
        return;
    }
    memcpy(value, w->at, length);
    value[length] = '\0';
    w->at += length;
    w->on_value(w->path, value, w->data);
}

static void walk_value(struct walker *w)
{
    char value[VALUE_SIZE];
    if (w->fault != NULL)
        return;
    if (++w->depth > DEPTH) {
        fail(w, "values nested too deeply");
    } else if (skip_blanks(w) == '"') {
        read_string(w, value, sizeof value);
        w->on_value(w->path, value, w->data);
    } else if (take(w, '{')) {
        walk_object(w);
    } else if (take(w, '[')) {
        walk_array(w);
    } else {
        walk_word(w);
    }
    w->depth--;
}

const char *json_walk(const char *text,
                      void (*on_value)(const char *path, const char *value,
                                       void *data),
                      void *data)
{
    struct walker w = {.at = text, .on_value = on_value, .data = data};
    walk_value(&w);
    if (skip_blanks(&w) != '\0')
        fail(&w, "something stands behind the end");
    return w.fault;
}

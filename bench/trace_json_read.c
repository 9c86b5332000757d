/* SPDX-License-Identifier: MIT */
/*
 * Reads what trace_json.c writes. Any JSON layout will do, and unknown keys
 * are skipped; texts are unescaped in place, so they live in the file's bytes.
 */
#include "bench/trace_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16 };

struct parser {
    char *at;
    bool failed;
};

static void fail(struct parser *p)
{
    p->failed = true;
}

/* The next character that is no blank, without taking it. */
static char peek(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
    return *p->at;
}

static bool take(struct parser *p, char wanted)
{
    if (p->failed || peek(p) != wanted)
        return false;
    p->at++;
    return true;
}

static char unescape(struct parser *p)
{
    char letter = *p->at++;
    unsigned code;
    switch (letter) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'u':
        /* We write single bytes so, 1 to 255; others are not ours. */
        if (sscanf(p->at, "%4x", &code) != 1 || code == 0 || code > 255)
            break;
        p->at += 4;
        return (char)code;
    case '"':
    case '\\':
    case '/':
        return letter;
    default:
        break;
    }
    fail(p);
    return '?';
}

/* Takes a string; NULL when there is none. */
static char *take_text(struct parser *p)
{
    if (!take(p, '"')) {
        fail(p);
        return NULL;
    }
    char *text = p->at, *to = p->at;
    while (!p->failed && *p->at != '"') {
        if (*p->at == '\0')
            fail(p);
        else if (*p->at == '\\')
            p->at++, *to++ = unescape(p);
        else
            *to++ = *p->at++;
    }
    if (p->failed)
        return NULL;
    p->at++;
    *to = '\0';
    return text;
}

static int64_t take_number(struct parser *p)
{
    char *end;
    (void)peek(p);
    errno = 0;
    long long value = strtoll(p->at, &end, 10);
    if (end == p->at || errno != 0)
        fail(p);
    p->at = end;
    return value;
}

/* Any value that nobody wants. */
static void skip_value(struct parser *p, int depth)
{
    char open = peek(p);
    char close = open == '{' ? '}' : ']';
    if (depth == DEEPEST) {
        fail(p);
    } else if (open == '"') {
        (void)take_text(p);
    } else if (open == '{' || open == '[') {
        p->at++;
        while (!p->failed && !take(p, close)) {
            if (open == '{' && (take_text(p), !take(p, ':')))
                fail(p);
            if (!p->failed)
                skip_value(p, depth + 1);
            if (!take(p, ',') && peek(p) != close)
                fail(p);
        }
    } else {
        size_t length = strcspn(p->at, ",]} \t\r\n");
        if (length == 0)
            fail(p);
        p->at += length;
    }
}

static const struct json_key *find_key(const struct json_key *keys,
                                       const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

static void set_text(struct parser *p, void *record, const struct json_key *key)
{
    const char *text = take_text(p);
    memcpy((char *)record + key->offset, &text, sizeof text);
}

static void take_kind(struct parser *p, struct trace_event *event)
{
    const char *kind = take_text(p);
    for (int i = TRACE_CALL; i <= TRACE_END; i++) {
        if (kind && strcmp(kind, trace_kind_names[i]) == 0) {
            event->kind = (enum trace_kind)i;
            return;
        }
    }
    fail(p);
}

static void take_member(struct parser *p, struct trace_event *event,
                        struct trace_site *site)
{
    const struct json_key *key;
    const char *name = take_text(p);
    if (name == NULL || !take(p, ':'))
        fail(p);
    else if (strcmp(name, "kind") == 0)
        take_kind(p, event);
    else if (strcmp(name, "line") == 0)
        site->line = (int)take_number(p);
    else if ((key = find_key(trace_number_keys, name)))
        json_set_number(event, key, take_number(p));
    else if ((key = find_key(trace_text_keys, name)))
        set_text(p, event, key);
    else if ((key = find_key(trace_site_keys, name)))
        set_text(p, site, key);
    else
        skip_value(p, 0);
}

static void take_event(struct parser *p, struct trace_event *event,
                       struct trace_site *site)
{
    *event = (struct trace_event){.fd = -1, .site = site};
    *site = (struct trace_site){.line = 0};
    if (!take(p, '{'))
        fail(p);
    while (!p->failed && !take(p, '}')) {
        take_member(p, event, site);
        if (!take(p, ',') && peek(p) != '}')
            fail(p);
    }
    if (event->name == NULL)
        event->name = "";
}

static void take_events(struct parser *p, struct trace_recording *r)
{
    size_t room = 0;
    if (!take(p, '['))
        fail(p);
    while (!p->failed && !take(p, ']')) {
        if (r->count == room) {
            room = room ? 2 * room : 256;
            void *events = realloc(r->events, room * sizeof *r->events);
            r->events = events ? events : r->events;
            void *sites = realloc(r->sites, room * sizeof *r->sites);
            r->sites = sites ? sites : r->sites;
            if (events == NULL || sites == NULL) {
                fail(p);
                return;
            }
        }
        take_event(p, &r->events[r->count], &r->sites[r->count]);
        r->count++;
        if (!take(p, ',') && peek(p) != ']')
            fail(p);
    }
}

static void take_recording(struct parser *p, struct trace_recording *r)
{
    bool ours = false;
    if (!take(p, '{'))
        fail(p);
    while (!p->failed && !take(p, '}')) {
        const char *name = take_text(p), *text;
        if (name == NULL || !take(p, ':')) {
            fail(p);
        } else if (strcmp(name, "format") == 0) {
            text = take_text(p);
            ours = text && strcmp(text, "iotrace") == 0;
        } else if (strcmp(name, "program") == 0) {
            text = take_text(p);
            snprintf(r->program, sizeof r->program, "%s", text ? text : "");
        } else if (strcmp(name, "events") == 0) {
            take_events(p, r);
        } else {
            skip_value(p, 0);
        }
        if (!take(p, ',') && peek(p) != '}')
            fail(p);
    }
    if (!ours)
        fail(p);
}

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "re");
    char *bytes = NULL;
    size_t length = 0, n;
    if (in == NULL)
        return NULL;
    do {
        char *more = realloc(bytes, length + 65537);
        if (more == NULL)
            break;
        bytes = more;
        n = fread(bytes + length, 1, 65536, in);
        length += n;
        bytes[length] = '\0';
    } while (n > 0);
    if (ferror(in)) {
        free(bytes);
        bytes = NULL;
    }
    (void)fclose(in);
    return bytes;
}

int trace_read_json(const char *path, struct trace_recording *recording)
{
    *recording = (struct trace_recording){.count = 0};
    recording->memory = read_file(path);
    if (recording->memory == NULL)
        return -1;
    struct parser p = {.at = recording->memory};
    take_recording(&p, recording);
    /* The arrays moved while they grew: now they stay. */
    for (size_t i = 0; i < recording->count; i++)
        recording->events[i].site = &recording->sites[i];
    if (!p.failed)
        return 0;
    trace_recording_free(recording);
    errno = EBADMSG;
    return -1;
}

void trace_recording_free(struct trace_recording *recording)
{
    free(recording->events);
    free(recording->sites);
    free(recording->memory);
    *recording = (struct trace_recording){.count = 0};
}

/* SPDX-License-Identifier: MIT */
/*
 * Events in a file. JSON (RFC 8259), an event a line for the line tools:
 *
 *   {"format": "iotrace", "version": 1, "program": "select_server", "events": [
 *   {"kind": "call", "begin_ns": 1200, ...},
 *   ...
 *   ]}
 * Times are nanoseconds since the trace began. A key whose
 * text is unknown is left out; numbers are always there.
 *
 *   kind       "call", "signal", "begin" or "end" (of a thread or process)
 *   begin_ns   when the call was made
 *   end_ns     when it returned; -1: it did not
 *   sleep_ns   how long it slept in between; 0: it did not
 *   pid, tid   process and thread
 *   number     of the call on the machine that was traced, or of the signal
 *   name       "recvfrom", "SIGTERM"
 *   result     >= 0, or -error; for "end" the wait status
 *   error      errno value; 0: success
 *   fd         descriptor it acts on; -1: none
 *   line       of the source; 0: unknown
 *   fd_text, text, outcome, story, program, file, path, function, phase,
 *   anchor, origin   as in trace.h
 */
#include "bench/trace_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const trace_kind_names[] = {"call", "signal", "begin", "end"};

const struct json_key trace_number_keys[] = {
    {"begin_ns", offsetof(struct trace_event, begin_ns), 8},
    {"end_ns", offsetof(struct trace_event, end_ns), 8},
    {"sleep_ns", offsetof(struct trace_event, sleep_ns), 8},
    {"pid", offsetof(struct trace_event, pid), sizeof(pid_t)},
    {"tid", offsetof(struct trace_event, tid), sizeof(pid_t)},
    {"number", offsetof(struct trace_event, number), sizeof(long)},
    {"result", offsetof(struct trace_event, result), 8},
    {"error", offsetof(struct trace_event, error), sizeof(int)},
    {"fd", offsetof(struct trace_event, fd), sizeof(int)},
    {NULL, 0, 0}};

const struct json_key trace_text_keys[] = {
    {"name", offsetof(struct trace_event, name), 0},
    {"fd_text", offsetof(struct trace_event, fd_text), 0},
    {"text", offsetof(struct trace_event, text), 0},
    {"outcome", offsetof(struct trace_event, outcome), 0},
    {"story", offsetof(struct trace_event, story), 0},
    {NULL, 0, 0}};

const struct json_key trace_site_keys[] = {
    {"program", offsetof(struct trace_site, program), 0},
    {"file", offsetof(struct trace_site, file), 0},
    {"path", offsetof(struct trace_site, path), 0},
    {"function", offsetof(struct trace_site, function), 0},
    {"phase", offsetof(struct trace_site, phase), 0},
    {"anchor", offsetof(struct trace_site, anchor), 0},
    {"origin", offsetof(struct trace_site, origin), 0},
    {NULL, 0, 0}};

int64_t json_get_number(const void *record, const struct json_key *key)
{
    const char *at = (const char *)record + key->offset;
    int32_t small;
    int64_t large;
    if (key->size == 8) {
        memcpy(&large, at, 8);
        return large;
    }
    memcpy(&small, at, 4);
    return small;
}

void json_set_number(void *record, const struct json_key *key, int64_t value)
{
    char *at = (char *)record + key->offset;
    int32_t small = (int32_t)value;
    if (key->size == 8)
        memcpy(at, &value, 8);
    else
        memcpy(at, &small, 4);
}

/* Bytes beyond ASCII stand as code points of their own value: whatever a file
 * name holds, the result is valid JSON. */
static void put_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c >= 0x20 && *c < 0x7f)
            (void)fputc(*c, out);
        else
            fprintf(out, "\\u%04x", *c);
    }
    (void)fputc('"', out);
}

static void put_texts(FILE *out, const void *record,
                      const struct json_key *keys)
{
    for (; keys->name; keys++) {
        const char *text;
        memcpy(&text, (const char *)record + keys->offset, sizeof text);
        if (text == NULL)
            continue;
        fprintf(out, ", \"%s\": ", keys->name);
        put_text(out, text);
    }
}

static void put_event(FILE *out, const struct trace_event *event)
{
    fprintf(out, "{\"kind\": \"%s\"", trace_kind_names[event->kind]);
    for (const struct json_key *k = trace_number_keys; k->name; k++)
        fprintf(out, ", \"%s\": %lld", k->name,
                (long long)json_get_number(event, k));
    put_texts(out, event, trace_text_keys);
    fprintf(out, ", \"line\": %d", event->site ? event->site->line : 0);
    if (event->site)
        put_texts(out, event->site, trace_site_keys);
    fprintf(out, "}");
}

int trace_write_json(const char *path, const char *program,
                     const struct trace_event *events, size_t count)
{
    FILE *out = fopen(path, "we");
    if (out == NULL)
        return -1;
    fprintf(out, "{\"format\": \"iotrace\", \"version\": 1, \"program\": ");
    put_text(out, program);
    fprintf(out, ", \"events\": [\n");
    for (size_t i = 0; i < count; i++) {
        put_event(out, &events[i]);
        fprintf(out, i + 1 < count ? ",\n" : "\n");
    }
    fprintf(out, "]}\n");
    int failed = ferror(out);
    return fclose(out) != 0 || failed ? -1 : 0;
}

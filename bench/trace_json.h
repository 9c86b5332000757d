/* SPDX-License-Identifier: MIT */
/* The keys of an event in a file, for the writer and the reader; private to
 * the two. The schema is described in trace_json.c. */
#ifndef BENCH_TRACE_JSON_H
#define BENCH_TRACE_JSON_H

#include "bench/trace.h"

#include <stddef.h>

struct json_key {
    const char *name; /* NULL ends a table */
    size_t offset;
    size_t size; /* of a number: 4 or 8 bytes */
};

extern const char *const trace_kind_names[];      /* as enum trace_kind */
extern const struct json_key trace_number_keys[]; /* of struct trace_event */
extern const struct json_key trace_text_keys[];   /* of struct trace_event */
extern const struct json_key trace_site_keys[];   /* of struct trace_site */

int64_t json_get_number(const void *record, const struct json_key *key);
void json_set_number(void *record, const struct json_key *key, int64_t value);

#endif

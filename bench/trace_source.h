/* SPDX-License-Identifier: MIT */
/* Lines of source for addresses; private to the tracer. */
#ifndef BENCH_TRACE_SOURCE_H
#define BENCH_TRACE_SOURCE_H

#include "bench/trace_private.h"

/* A line of the source, in a function or in one inlined into it. */
struct place {
    const char *function; /* NULL: unknown */
    const char *path;     /* NULL: unknown */
    int line;
};

/* What is known of one address: the innermost inlined function first. */
struct answer {
    struct answer *next;
    uint64_t address;
    size_t count;
    struct place *places;
};

/* NULL when memory ran out; a count of 0 when addr2line could not be asked. */
const struct answer *addr2line_ask(struct trace *t, const struct elf_file *file,
                                   uint64_t address);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The service that every server offers: a pure function on bytes. It keeps no
 * state between calls and no framing, so a stream may be cut anywhere and the
 * answer is the same.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stddef.h>

struct service {
    const char *name;
    /* Replaces `length` bytes at `bytes` by the answer, which is as long. */
    void (*apply)(char *bytes, size_t length);
};

/* The service called `name` (upper, echo), or NULL. Static, never freed. */
const struct service *service_find(const char *name);

#endif

/* SPDX-License-Identifier: MIT */
#include "bench/cast.h"

#include "common/clock.h"
#include "common/report.h"
#include "common/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENOUGH_MS = 5000 };

static struct member *start(struct cast *cast, const char *name,
                            const char *const *args)
{
    int keyboard[2];
    if (cast->count == CAST_MEMBERS)
        die(EXIT_USAGE, "more members than CAST_MEMBERS");
    struct member *m = &cast->members[cast->count++];
    *m = (struct member){.name = name, .program = args[0]};
    for (int i = 0; args[i] != NULL && i < CAST_ARGS - 1; i++)
        m->argv[i] = (char *)args[i];
    m->argv[0] = (char *)spawn_path(args[0], m->path);
    if (pipe2(keyboard, O_CLOEXEC) < 0)
        die_errno("a keyboard for %s", name);
    if (traced_start_reading(&m->traced, m->argv, keyboard[0]) < 0)
        die(EXIT_NOT_AVAILABLE, "%s: no trace: %s", args[0], m->traced.fault);
    (void)close(keyboard[0]);
    m->keyboard = keyboard[1];
    return m;
}

struct member *cast_serve(struct cast *cast, const char *const *args)
{
    struct member *m = start(cast, "server", args);
    if (spawn_wait_ready(&m->traced.child, ENOUGH_MS) < 0)
        die(EXIT_CANNOT_START, "%s does not start", args[0]);
    return m;
}

struct member *cast_enter(struct cast *cast, const char *name,
                          const char *const *args)
{
    return start(cast, name, args);
}

void cast_hear(struct member *member, const char *text)
{
    struct child *child = &member->traced.child;
    int64_t until_ms = now_ms() + ENOUGH_MS;
    for (;;) {
        char *found = strstr(child->words + member->heard, text);
        struct pollfd said = {.fd = child->output, .events = POLLIN};
        int64_t left = until_ms - now_ms();
        if (found) {
            member->heard = (size_t)(found - child->words) + strlen(text);
            return;
        }
        size_t room = sizeof child->words - 1 - child->words_length;
        ssize_t n = -1;
        if (left > 0 && room > 0 && poll(&said, 1, (int)left) > 0)
            n = read(child->output, child->words + child->words_length, room);
        if (stop_requested() || n <= 0)
            die(EXIT_CANNOT_START, "%s did not say: %s", member->name, text);
        child->words_length += (size_t)n;
        child->words[child->words_length] = '\0';
    }
}

void cast_begin(struct cast *cast)
{
    cast->line_count = 0;
    cast->began_ns = now_ns();
}

void cast_listen(int ms)
{
    int64_t until_ms = now_ms() + ms;
    for (int64_t left = ms; left > 0; left = until_ms - now_ms()) {
        nap_us((left < 20 ? left : 20) * 1000);
        if (stop_requested())
            die(EXIT_CANNOT_START, "stopped; nothing was drawn");
    }
}

void cast_type(struct cast *cast, struct member *member, const char *line)
{
    char text[128];
    int length = snprintf(text, sizeof text, "%s\n", line);
    if (cast->line_count < CAST_LINES)
        cast->lines_ns[cast->line_count++] = now_ns();
    if (write(member->keyboard, text, (size_t)length) != length)
        die_errno("%s cannot type", member->name);
}

void cast_signal(const struct member *member, int number)
{
    (void)kill(trace_pid(member->traced.trace), number);
}

void cast_close(struct cast *cast)
{
    cast->ended_ns = now_ns();
    for (int i = cast->count - 1; i >= 0; i--) {
        struct member *m = &cast->members[i];
        (void)close(m->keyboard); /* a client ends by the end of its input */
        traced_end(&m->traced, i == 0 ? SIGTERM : 0);
    }
}

void cast_free(struct cast *cast)
{
    for (int i = 0; i < cast->count; i++)
        traced_free(&cast->members[i].traced);
    *cast = (struct cast){.count = 0};
}

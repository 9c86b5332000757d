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

struct member *cast_enter(struct cast *cast, const char *name,
                          const char *const *args)
{
    int keyboard[2];
    if (cast->count == CAST_MEMBERS)
        die(EXIT_USAGE, "more members than CAST_MEMBERS");
    struct member *m = &cast->members[cast->count++];
    *m = (struct member){.name = name, .program = args[0]};
    for (int i = 0; args[i] != NULL; i++) {
        if (i == CAST_ARGS - 1)
            die(EXIT_USAGE, "more arguments than CAST_ARGS");
        m->argv[i] = (char *)args[i];
    }
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
    struct member *m = cast_enter(cast, "server", args);
    if (spawn_wait_ready(&m->traced.child, ENOUGH_MS) < 0)
        die(EXIT_CANNOT_START, "%s does not start", args[0]);
    return m;
}

/* Ctrl-C: the traced programs end with this one. */
static void end_if_stopped(void)
{
    if (stop_requested())
        die(128 + SIGINT, "stopped; nothing was drawn");
}

/* Reads once what the member says on either stream; false after `until_ms` or
 * at the end of both. */
static bool listen_to(struct member *member, int64_t until_ms)
{
    struct child *child = &member->traced.child;
    struct pollfd said[] = {{child->output, POLLIN, 0},
                            {child->error, POLLIN, 0}};
    int64_t left = until_ms - now_ms();
    size_t room = sizeof child->words - 1 - child->words_length;
    if (left <= 0 || room == 0 || poll(said, 2, (int)left) <= 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ssize_t n =
            said[i].revents & POLLIN
                ? read(said[i].fd, child->words + child->words_length, room)
                : 0;
        if (n <= 0)
            continue;
        child->words_length += (size_t)n;
        child->words[child->words_length] = '\0';
        return true;
    }
    return false;
}

const char *cast_hear(struct member *member, const char *text)
{
    struct child *child = &member->traced.child;
    int64_t until_ms = now_ms() + ENOUGH_MS;
    for (;;) {
        char *found = strstr(child->words + member->heard, text);
        if (found) {
            found += strlen(text);
            member->heard = (size_t)(found - child->words);
            return found;
        }
        bool said = listen_to(member, until_ms);
        end_if_stopped();
        if (!said)
            die(EXIT_CANNOT_START, "%s did not say: %s", member->name, text);
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
        end_if_stopped();
    }
}

void cast_type(struct cast *cast, struct member *member, const char *line)
{
    size_t length = strlen(line);
    if (member == cast->members && cast->line_count < CAST_LINES)
        cast->lines_ns[cast->line_count++] = now_ns();
    if (write(member->keyboard, line, length) != (ssize_t)length ||
        write(member->keyboard, "\n", 1) != 1)
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
        int64_t until_ms = now_ms() + ENOUGH_MS;
        (void)close(m->keyboard); /* a client ends by the end of its input */
        if (i == 0)
            cast_signal(m, SIGTERM);
        while (listen_to(m, until_ms))
            m->traced.child.words_length = 0; /* nobody asks for it any more */
        traced_end(&m->traced, now_ms() < until_ms ? 0 : SIGKILL);
    }
}

void cast_free(struct cast *cast)
{
    for (int i = 0; i < cast->count; i++)
        traced_free(&cast->members[i].traced);
    *cast = (struct cast){.count = 0};
}

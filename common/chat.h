/* SPDX-License-Identifier: MIT */
/*
 * The chat that both chat servers offer: lines, names, commands. Everything
 * but the I/O: this file reads no socket and writes none, and knows no lock.
 *
 *   a line             goes to all others as `ana: the line`
 *   /nick NAME         takes another name
 *   /who               lists who is there
 *   /quit              leaves
 *   `* ...`            is the server's own notice, `server: ...` its operator
 *
 * Nobody can speak in another's name: a line never holds a newline or another
 * control character, always stands behind its speaker's name, and a name is
 * 1 to 16 letters, digits, '-' and '_', unique whatever its case, and not
 * `server`.
 */
#ifndef COMMON_CHAT_H
#define COMMON_CHAT_H

#include "common/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { CHAT_LINE_MAX = 512, CHAT_NAME_MAX = 16 };

/* How fast one may speak: 20 lines at once, then one in 10 ms. Whoever pastes
 * a file waits for himself; otherwise a burst would fill the buffers of readers
 * who do read, only not within the same millisecond, and they would be
 * dropped. */
enum { CHAT_LINE_MS = 10, CHAT_BURST_MS = 200, CHAT_PAUSE_MS = 50 };

/* A longest name, ": ", a longest line, newline and zero byte, and some. */
enum { CHAT_TEXT_MAX = CHAT_LINE_MAX + 2 * CHAT_NAME_MAX + 64 };

/* What has come from one member and is no whole line yet.
 * Invariant between two calls: length < CHAT_LINE_MAX. */
struct chat_input {
    size_t length;
    bool skipping; /* the rest of a line that was too long */
    char bytes[CHAT_LINE_MAX];
};

/* Embedded in the server's own struct, as its first member. */
struct chat_member {
    char name[CHAT_NAME_MAX + 1];
    /* Each line moves it CHAT_LINE_MS on, from now at least; CHAT_BURST_MS
     * ahead of now: rest. */
    int64_t paid_ms;
    const char *gone; /* why it leaves ("" by its own will); NULL: it stays */
    TAILQ_ENTRY(chat_member) entry;
};

struct chat_room {
    /*
     * Sends `length` bytes of `text` to a member, without ever waiting for it:
     * a member that cannot take them gets a reason in `gone`, and the server
     * drops it soon. It must not call chat_leave(): the list is being walked.
     */
    void (*deliver)(struct chat_member *to, const char *text, size_t length);
    TAILQ_HEAD(, chat_member) members;
    int count;
    unsigned long guests; /* so many came, and got a number as a name */
};

struct chat_options {
    struct server_options server; /* service is NULL: a chat has none */
    long backlog_kib;             /* see chat_bound_backlog() */
};

/* Reads the command line that both chat servers share. */
void chat_options_parse(struct chat_options *options, int argc, char **argv,
                        const char *model, const char *about,
                        long most_clients);

/* Our send buffer for the reader at `fd`: SO_SNDBUF is `kib` KiB (the kernel
 * doubles it); the reader's own receive buffer comes on top. 0, or -1 with
 * errno. */
int chat_bound_backlog(int fd, long kib);

/* Closing `fd` throws away what its reader has not taken. */
void chat_forget_unread(int fd);

void chat_room_open(struct chat_room *room,
                    void (*deliver)(struct chat_member *, const char *,
                                    size_t));

/* Gives the member a name, greets it and tells the others. Borrows `member`
 * until chat_leave(). */
void chat_join(struct chat_room *room, struct chat_member *member);

/* Takes the member off the list and tells the others why it left. */
void chat_leave(struct chat_room *room, struct chat_member *member);

/* Where the next bytes go, and how many fit there: at least one. */
char *chat_input_place(struct chat_input *input, size_t *room);

/*
 * Does what the member says in the whole lines that are there, of which
 * `length` bytes are new. Returns 0 when it has heard all; then receive more.
 * Else the member has spoken too fast: call again, with `length` 0, after so
 * many milliseconds, and receive nothing from it before. Hears nothing from a
 * member that is gone.
 */
int chat_hear(struct chat_room *room, struct chat_member *member,
              struct chat_input *input, size_t length);

/* At the end of input: what is there is the last line. */
void chat_hear_end(struct chat_room *room, struct chat_member *member,
                   struct chat_input *input);

/* The same for the operator, who only speaks: to all, as `server`. `length` 0
 * is the end of input. */
void chat_hear_operator(struct chat_room *room, struct chat_input *input,
                        size_t length);

#endif

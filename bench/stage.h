/* SPDX-License-Identifier: MIT */
/*
 * A stage: one server, and players who are real programs with a keyboard that
 * a script types on. What anybody says is printed, with the time and the name,
 * as it comes. Everything on it ends with the program that made it.
 */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include "bench/spawn.h"

#include <stdbool.h>
#include <stdint.h>

enum { STAGE_PLAYERS = 6, STAGE_LINE = 1024 };

struct player {
    const char *name;   /* NULL: this place is free */
    struct child child; /* pid 0: not a program, or ended */
    int keyboard;       /* the writing end of its standard input, or -1 */
    char address[ADDRESS_TEXT_MAX]; /* shown as its name in what is said */
    const char *folded; /* lines that hold this are counted, not printed */
    int folded_count;
    size_t length;
    char line[STAGE_LINE]; /* [0..length): said, and no whole line yet */
};

struct stage {
    double pace;
    bool quiet; /* nothing is printed: the script sets and clears it */
    int64_t began_ms;
    struct player players[STAGE_PLAYERS];
};

/* An empty stage; the pace is $PACE, or 1. SIGINT and SIGTERM end it. */
void stage_open(struct stage *stage);

/* Starts `argv` (argv[0] below the build folder, NULL at the end) as a player
 * with a keyboard. Ends the program with a message when it cannot. */
struct player *stage_enter(struct stage *stage, const char *name,
                           const char *const *argv);

/* The same for a server: waits for its ready line. Its address is in
 * `child.ready`. It has no keyboard. */
struct player *stage_serve(struct stage *stage, const char *name,
                           const char *const *argv);

/* A line of explanation. */
void stage_note(const struct stage *stage, const char *text);

/* Prints what `player` does, `ana   types  hello`, on two lines at most. */
void stage_tell(struct stage *stage, const struct player *player,
                const char *does, const char *what);

/* Types a line, and shows it unless `quietly`. */
void stage_type(struct stage *stage, struct player *player, const char *line,
                bool quietly);

/* Lets `ms` (times the pace) pass and prints what is said. */
void stage_listen(struct stage *stage, int ms);

/* The same until `player` has said a line that holds `text`, at most 5
 * seconds. Returns the line (good until the next call), or NULL. */
const char *stage_listen_for(struct stage *stage, struct player *player,
                             const char *text);

/* Sends a signal; with SIGKILL the player is gone afterwards. */
void stage_signal(struct stage *stage, struct player *player, int number);

/* Ends the player with SIGTERM (a `server`, then its last line is printed) or
 * by the end of its input, and frees its place. */
void stage_leave(struct stage *stage, struct player *player);

/* Ends everybody. Returns the exit status for the program. */
int stage_close(struct stage *stage);

#endif

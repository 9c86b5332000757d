/* SPDX-License-Identifier: MIT */
/*
 * A cast: a server and its clients, real programs with a keyboard that a script
 * types on, each under a tracer of its own. Afterwards one figure shows them
 * side by side, on one clock: who slept where, who said what to whom.
 *
 *   (all zeros) -> cast_serve -> cast_enter ... -> cast_begin -> cast_type ...
 *               -> cast_close -> cast_figure -> cast_free (all zeros again)
 *
 * What cannot be played ends the program with a message; the traced programs
 * end with it.
 */
#ifndef BENCH_CAST_H
#define BENCH_CAST_H

#include "bench/figure.h"
#include "bench/traced.h"

enum { CAST_MEMBERS = 5, CAST_ARGS = 10, CAST_LINES = 8 };

struct member {
    const char *name;
    const char *program; /* "blocking/udp_server" */
    char path[512];
    char *argv[CAST_ARGS];
    struct traced traced;
    int keyboard; /* the writing end of its standard input */
    size_t heard; /* what cast_hear has looked through of child.words */
};

struct cast {
    int count; /* members[0] is the server */
    struct member members[CAST_MEMBERS];
    bool questions; /* whatever a client sends waits for an answer */
    int64_t began_ns, ended_ns; /* what is drawn; CLOCK_MONOTONIC */
    int line_count;
    int64_t lines_ns[CAST_LINES]; /* when one was typed at the server's own
                                     keyboard, on the same clock */
};

/* Starts the server `args` (args[0] below the build folder, NULL at the end;
 * borrowed) and waits until it is ready: its address is in child.ready. */
struct member *cast_serve(struct cast *cast, const char *const *args);

/* Starts a client called `name` (borrowed). */
struct member *cast_enter(struct cast *cast, const char *name,
                          const char *const *args);

/* Waits until `member` has said `text`, after what was heard before, at most 5
 * s. Returns what follows it; more of that may still come. */
const char *cast_hear(struct member *member, const char *text);

/* Here the figure begins: what was before is not drawn. */
void cast_begin(struct cast *cast);

/* Lets `ms` go by; a stop that was asked for ends the program. */
void cast_listen(int ms);

/* Types `line`, or sends a signal. */
void cast_type(struct cast *cast, struct member *member, const char *line);
void cast_signal(const struct member *member, int number);

/* Here the figure ends; then everybody ends, the server last. */
void cast_close(struct cast *cast);

/* Draws what happened: a lane for each thread that made a marked call, and on a
 * client's lane what it sent and got. *Caller frees* with figure_free. */
void cast_figure(struct cast *cast, const char *title, struct figure *figure);
void cast_free(struct cast *cast);

/* What stands between the quotes of a call in words (`fd 4, "hello\n", 6`): the
 * newline at the end left out, long ones cut. Returns `words`, empty where
 * there are none. */
const char *cast_words(const char *from, char words[FIGURE_TEXT_MAX]);

#endif

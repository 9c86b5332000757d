/* SPDX-License-Identifier: MIT */
/*
 * For the tests of the programs that talk: a program with a keyboard, what it
 * says while it runs, and datagrams. As in peer.h, failure fails the test.
 */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "common/address.h"
#include "tests/peer.h"
#include "tests/subject.h"

enum { LINE_SIZE = 2048 };

struct program {
    struct child child;
    int keyboard; /* the writing end of its standard input; -1 when closed */
};

/* Starts `argv` (argv[0] below the build folder, NULL at the end); standard
 * error goes where standard output goes. */
void program_start(struct program *program, const char *const *argv);

/* The same, and waits for its ready line. */
void program_serve(struct program *program, const char *const *argv);

void program_type(const struct program *program, const char *text);
void program_close_keyboard(struct program *program);

/* Waits until it has said `text`. Returns how many milliseconds that took. */
long program_says(struct program *program, const char *text);

/* Sends `signal_number` (0: none) and expects it to end with `status`. What it
 * said is in child.words. */
void program_end(struct program *program, int signal_number, int status);

/* How much CPU time it used while the test slept for `ms`. */
long program_cpu_while_idle_ms(const struct program *program, int ms);

/* The number before `word` in what it said: "3 lost" is 3 for "lost". */
unsigned long child_count(const struct child *child, const char *word);
unsigned long program_count(const struct program *program, const char *word);

/* The next line without its newline. Returns `line`. */
const char *peer_line(int fd, char line[LINE_SIZE]);

void peer_say(int fd, const char *text);

/* The next line must be `text`. */
void expect_line(int fd, const char *text);

/* Some line must hold `text`; what comes before it is passed over. */
void expect_line_with(int fd, const char *text);

/* A datagram socket: connected to `to`, or bound to a free port of 127.0.0.1
 * when `to` is NULL, and then its address is in `*own`. */
int datagram_open(const char *to, struct address *own);

/* The next datagram, as text with a zero byte behind it. `source` may be NULL.
 * Returns its length. */
size_t datagram_get(int fd, char text[LINE_SIZE], struct address *source);
void datagram_put(int fd, const void *bytes, size_t length,
                  const struct address *to);

/* One question on a connected socket, and its answer. */
void datagram_ask(int fd, const char *question, const char *answer);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What every client does around its lesson: the command line, the next message
 * to send, the reply on the screen, and the account of how it waited.
 */
#ifndef COMMON_CLIENT_H
#define COMMON_CLIENT_H

#include "common/address.h"
#include "common/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message is at most this long: the socket buffers on the way hold that
 * much in both directions, so a client that sends all before it reads cannot
 * lock itself and the server up. A longer line goes out in pieces. */
enum { MESSAGE_SIZE = 4096 };

struct client_options {
    struct address connect;
    bool work; /* --work: do other work wherever the model lets it */
    char **words;
    int word_count; /* 0: messages are the lines of standard input */
};

/* Reads the command line that all clients share. `about` says in --help what
 * this client shows. */
void client_options_parse(struct client_options *options, int argc, char **argv,
                          const char *about);

/* The same, and a table of options that only this client has. */
void client_options_parse_more(struct client_options *options, int argc,
                               char **argv, const char *about,
                               const struct option_spec *more);

/*
 * Connects and returns the descriptor, *caller closes*; ends the program with
 * a message when it cannot. It waits for the handshake whatever `flags`
 * (SOCK_NONBLOCK or 0) say: the lesson is how to wait for an answer.
 */
int client_connect(const struct client_options *options, int flags);

/*
 * The next message, a line with its newline, from the operands or from
 * standard input (with a prompt when that is a terminal). `next` counts the
 * operands used; it starts at 0.
 * Returns its length in bytes, or 0 at the end of input; ends the program with
 * a message when it cannot read.
 */
size_t client_next_message(const struct client_options *options, int *next,
                           char message[MESSAGE_SIZE]);

/*
 * Shows bytes from the network on standard output, at once; ends the program
 * with a message when it cannot. Newline, tab and printable
 * UTF-8 pass; everything else, C0 and C1 control characters above all, is
 * shown as \x1b, so that no peer can command the terminal.
 * `tail` keeps a character that was cut in two; it starts zeroed.
 */
struct reply_tail {
    unsigned char bytes[4];
    size_t length;
};
void client_show(struct reply_tail *tail, const char *bytes, size_t length);

/* Shows what is left of a character that never came whole. */
void client_show_end(struct reply_tail *tail);

/* How a client spent the time in which its reply was not there yet. */
struct waiting {
    int64_t waited_us;
    unsigned long replies;
    unsigned long in_vain; /* answers EAGAIN or EINPROGRESS */
    unsigned long units;   /* work_unit()s done meanwhile */
};

/* With --work: prints the account on standard error. `how` says what the model
 * did while it waited, "asleep in recv, free for nothing else". */
void client_account(const struct client_options *options,
                    const struct waiting *waiting, const char *how);

/* The peer closed before the whole answer had come: says so, exit 1. */
_Noreturn void client_cut_off(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a program says about itself: how it ends when it cannot start, what it
 * warns of, and the counts in its last line.
 *
 * All messages go to standard error behind the program's name; a failed call
 * is named with its errno NAME and text, `EADDRINUSE (Address already in use)`.
 */
#ifndef COMMON_REPORT_H
#define COMMON_REPORT_H

/* Exit statuses of every program here. 77 is the test harness's word for
 * "this machine lacks what I need": not a failure of the program. */
enum { EXIT_CANNOT_START = 1, EXIT_USAGE = 2, EXIT_NOT_AVAILABLE = 77 };

/* Takes the last part of argv[0] as the name in messages. Borrows `argv0`. */
void report_name_program(const char *argv0);
const char *report_program_name(void);

/* The symbol of an errno value: "ECONNRESET"; "E?" for an unknown one. */
const char *errno_name(int error);

/* `program: MESSAGE: ENAME (text)` from errno, then exit 1. */
_Noreturn void die_errno(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* `program: MESSAGE`, then exit with `status`. */
_Noreturn void die(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A line on standard error, with its newline; forgotten when there is no room
 * for it (a pipe that nobody reads, a stopped terminal): no server may stand
 * still for its own messages. May be called from any thread.
 */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * `program: MESSAGE`, at most one line a second: what falls between is counted
 * and told with the next line. A hostile client must not fill a disk with
 * messages. May be called from any thread.
 */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a server counts about its clients. One owner, or a lock (its file says
 * which). Bytes are those of the service, after accept and before close. */
struct stats {
    unsigned long served;    /* clients taken and let go again */
    unsigned long refused;   /* clients turned away at a limit */
    unsigned long reset;     /* connections that ended in an error */
    unsigned long idle;      /* clients closed by --idle-timeout */
    unsigned long exhausted; /* accepts that failed for want of a resource */
    unsigned long long bytes_in;
    unsigned long long bytes_out;
};

/* Adds every count of `more` to `sum`. */
void stats_add(struct stats *sum, const struct stats *more);

/* Prints the summary line on standard output. */
void stats_print(const struct stats *stats);

#endif

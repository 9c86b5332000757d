/* SPDX-License-Identifier: MIT */
/*
 * A server under torture, and the five things that must hold after whatever
 * was done to it:
 *
 *   it lives          and ends in order when it is told to
 *   descriptors       are as many as before
 *   memory            has grown by no more than the case allows
 *   the CPU           is at rest when nobody asks (but for who polls)
 *   its clients       a fresh one gets its answer within 100 ms of the
 *                     fault's end (more only on a machine so busy that the
 *                     server waits for a CPU, or a client of an untouched
 *                     server waits, too); a bystander, there all the time,
 *                     lost nothing
 *
 * A failure fails the running Check test, as in peer.h.
 */
#ifndef TESTS_VICTIM_H
#define TESTS_VICTIM_H

#include "tests/peer.h"
#include "tests/probe.h"
#include "tests/subject.h"

struct victim {
    const struct target *target;
    struct server server;
    pid_t pid;
    struct bystander bystander;
    bool watched; /* the bystander is there */
    int descriptors, children;
    long peak_kib;
    long allowed_kib; /* how much memory the case may cost; change it */
};

/* What a case wants otherwise than usual. */
enum victim_wish { NO_BYSTANDER = 1 << 0 };

/* Starts the server, serves a first client, notes what there is, and lets the
 * bystander in (not where only one client is served at a time). */
void victim_start(struct victim *victim, const struct target *target,
                  const struct start *start, unsigned wishes);

/* The fault has ended, and its clients are closed: checks the five. The
 * bystander has left afterwards. */
void victim_check(struct victim *victim);

/* For 100 ms nobody asks anything: the server must be at rest, too. */
void victim_rests(const struct victim *victim);

/* Waits until it has nobody any more but the bystander. */
void victim_lets_go(const struct victim *victim);

/* It is told to end, and must, with status 0 and a summary (NULL: ignored). */
void victim_end(struct victim *victim, struct summary *summary);

/* victim_check() and victim_end(). */
void victim_finish(struct victim *victim);

/* Another client of the same kind. *Caller closes*. */
int victim_connect(const struct victim *victim);

/* Asks a question over `fd` and expects its answer. */
void victim_ask(const struct victim *victim, int fd);

/* The process and all that descend from it. Returns how many. */
int process_family(pid_t pid, pid_t *family, int most);

/* The CPU time of all of them, in microseconds. */
int64_t family_cpu_us(pid_t pid);

/* What a running cell tells beside held and fell. */
struct verdict {
    enum { CELL_NOT_RUN, CELL_HELD, CELL_FELL, CELL_SKIPPED } state;
    char reason[600]; /* of a fall or a skip */
    char note[120];   /* something measured or counted */
    int64_t fresh_us; /* the fresh client's longest wait ... */
    int64_t busy_us;  /* ... and what the machine had to do with it */
    int injections;   /* errors that strace has put in */
};
extern struct verdict *verdict;

/* Leaves the running cell as not applicable, with the reason. */
_Noreturn void skip_cell(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Errors that the kernel does not make on demand, put between a running
 * server and the kernel by strace. It is attached when the server already
 * serves, so the first call counted is the server's own and not the dynamic
 * loader's; when it is detached the fault has ended. It writes down each error
 * that it put in: one that was never injected proves nothing.
 */
#ifndef TESTS_INJECTOR_H
#define TESTS_INJECTOR_H

#include "bench/spawn.h"

#include <stdbool.h>

struct injector {
    struct child strace;
    char log[64]; /* what it traced */
};

/* With `on` an error comes so many times in a row. Not for ever: a call that
 * is being failed when strace leaves would return ENOSYS. */
enum { INJECTED_IN_A_ROW = 8 };

/* The Nth call (counted from 1, for each thread of its own), and with `on`
 * those that follow. `what` is error=EINTR, signal=SIGTERM ... */
struct injection {
    const char *call;
    const char *what;
    int nth;
    bool on;
};

/* Attaches to the process and its children; leaves the cell as not applicable
 * where strace may not. */
void injector_attach(struct injector *injector, pid_t pid,
                     const struct injection *injection);

/* How often it has injected so far. */
int injector_count(const struct injector *injector);

/* True when a signal of `what` signal=... has been delivered. */
bool injector_signalled(const struct injector *injector);

/* Detaches and removes the log. Returns how often it has injected. */
int injector_detach(struct injector *injector);

/* True when strace is here and works. */
bool injector_works(void);

/* For a server that ends while strace is attached: the leak checker of a
 * sanitizer is a tracer, too, and there can be but one. */
void injector_stays_to_the_end(void);

/* strace's words that start a program with an injection: argv[0..8]. */
enum { INJECTOR_WORDS = 9 };
void injector_words(const struct injection *injection, const char *log,
                    char text[2][128], const char *argv[INJECTOR_WORDS]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Stopping: SIGINT (Ctrl-C) and SIGTERM ask a server to end its loop and say
 * good-bye; a second one ends it at once with status 130 or 143. SIGPIPE is
 * ignored: a client that went away must not take the server with it.
 *
 * The hard part is the race between 'may I go on?' and 'go to sleep': a signal
 * that comes between the two would be seen by nobody. Each model closes it
 * with what it has:
 *
 *   pselect, ppoll, epoll_pwait,   stop_catch(&mask): the two signals stay
 *   io_uring_enter                 blocked, and only the wait, given `mask`,
 *                                  lets them in. See pselect(2).
 *   sigwaitinfo                    the signal is what the wait returns.
 *   a blocking accept or recv      stop_wakes(fd): the handler shuts the
 *                                  socket down, and a socket stays shut down
 *                                  however late the call comes.
 */
#ifndef COMMON_STOP_H
#define COMMON_STOP_H

#include <signal.h>
#include <stdbool.h>

/*
 * Installs the handlers (without SA_RESTART, so that a sleeping call returns
 * EINTR). With `wait_mask` not NULL it also blocks SIGINT and SIGTERM in this
 * thread and the threads it makes, and stores the mask that lets them in.
 */
void stop_catch(sigset_t *wait_mask);

/* True once a signal has come. A loop that never sleeps, as its waits always
 * find something ready, learns of it here within a fraction of a second. */
bool stop_requested(void);

/*
 * Replies that are under way when a stop comes may still be finished, for so
 * long. stop_grace_ms() is what is left of it: STOP_GRACE_MS before a stop, 0
 * when it is over.
 */
enum { STOP_GRACE_MS = 2000 };
int stop_grace_ms(void);

/* For a program that takes its signals itself (sigwaitinfo): notes that
 * `signal_number` came. */
void stop_request(int signal_number);

/*
 * When a stop is requested, shut `fd` down for reading: whoever sleeps in its
 * accept or recv, now or later, returns; who sleeps in send has the grace, and
 * then returns too. Up to two sockets; each slot keeps its last one, and -1
 * empties it. Also acts at once when the stop came earlier. Borrows `fd`: call
 * again with -1 before closing it.
 */
enum stop_slot { STOP_LISTENER, STOP_CLIENT, STOP_SLOTS };
void stop_wakes(enum stop_slot slot, int fd);

/* After the loop: lets a blocked second signal in again. */
void stop_let_second_in(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * How POSIX AIO tells that a request has finished. There are three ways, and
 * each is a value of sigev_notify:
 *
 *   signal   SIGEV_SIGNAL  a queued signal with a pointer; the server takes it
 *                          with sigwaitinfo, so that way stands in the server
 *   thread   SIGEV_THREAD  the library makes a thread that calls a function;
 *                          where it cannot, nobody is told: glibc overlooks it
 *   suspend  SIGEV_NONE    nobody is told; aio_suspend sleeps until one of a
 *                          list has finished, and we look for which
 *
 * This file makes the other two look like the first. See sigevent(7).
 */
#ifndef ASYNCIO_AIO_NOTIFY_H
#define ASYNCIO_AIO_NOTIFY_H

#include <aio.h>
#include <signal.h>
#include <time.h>

/* The signal of a finished request. The real-time signals are queued, one for
 * each, and carry a pointer; those with a lower number merge into one. */
#define FINISHED SIGRTMIN

/* How long a helper thread stays for the next request (aio_init). The thread
 * sanitizer knows only threads that we make, and falls when one that it does
 * not know makes another: under it none may stay. */
#ifdef __SANITIZE_THREAD__
enum { HELPER_IDLE_SECONDS = -1 };
#else
enum { HELPER_IDLE_SECONDS = 1 };
#endif

/* The SIGEV_ value for "signal", "thread" or "suspend"; -1 for another word. */
int notify_find(const char *name);

/* At most so many requests may be in flight at a time; 0: none. */
long notify_most(int notify);

/* Prepares for `notify`, once, before the first request. `signals` are those
 * that the wait must take, and are blocked. 0, or -1 with errno. */
int notify_start(int notify, const sigset_t *signals);

/* What a request says of how its end is to be told; `data` comes back with
 * it. Borrowed until then. */
struct sigevent notify_event(int notify, void *data);

/*
 * sigtimedwait(2) for the two other ways. `requests` are those in flight, from
 * requests[1] to requests[count]; requests[0] is for use in here.
 * Returns FINISHED with info->si_value and the si_code SI_ASYNCIO, or another
 * of `signals`; -1 with EAGAIN after `timeout` (NULL: never) or EINTR: ask
 * again. FINISHED with another si_code was sent by hand and means nothing.
 */
int notify_wait(int notify, const struct aiocb **requests, int count,
                siginfo_t *info, const struct timespec *timeout);

/* After a stop: waits until `request` has finished, or the grace is over. The
 * helpers of all other requests work meanwhile. */
void notify_finish(const struct aiocb *request);

#endif

/* SPDX-License-Identifier: MIT */
#include "common/stop.h"

#include "common/clock.h"
#include "common/report.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a busy loop looks for a signal: after both. */
enum { LOOK_AFTER_CALLS = 64, LOOK_AFTER_MS = 100 };

/* Atomic, not a volatile sig_atomic_t: threads that did not take the signal
 * read it too. An atomic_int has no lock, so the handler may write it. */
static atomic_int stop;
static bool let_in_by_waits; /* the two are blocked but for the waits */
static _Atomic int64_t stopped_ms;
static atomic_int wakes[STOP_SLOTS] = {-1, -1};

/*
 * The slot is stored first and the flag tested after it, while the handler
 * sets the flag first and looks into the slot after that: whichever comes
 * first, one of the two sees the other and shuts the socket down.
 */
static void shut_slots(int how)
{
    for (int i = 0; i < STOP_SLOTS; i++) {
        int fd = atomic_load(&wakes[i]);
        if (fd >= 0)
            (void)shutdown(fd, how); /* ENOTCONN: it is shut already */
    }
}

/* Everything called here is async-signal-safe: see signal-safety(7). */
static void handle_stop(int signal_number)
{
    int saved = errno;
    if (stop)
        _exit(128 + signal_number);
    stopped_ms = now_ms();
    stop = signal_number;
    shut_slots(SHUT_RD);
    /* When the grace is over, whoever still sleeps in send is woken, too. */
    (void)alarm(STOP_GRACE_MS / 1000);
    errno = saved;
}

static void handle_alarm(int signal_number)
{
    int saved = errno;
    (void)signal_number;
    shut_slots(SHUT_RDWR);
    errno = saved;
}

void stop_catch(sigset_t *wait_mask)
{
    struct sigaction action = {.sa_handler = handle_stop};
    struct sigaction late = {.sa_handler = handle_alarm};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t stops;
    sigemptyset(&action.sa_mask);
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    if (sigaction(SIGINT, &action, NULL) < 0 ||
        sigaction(SIGTERM, &action, NULL) < 0 ||
        sigaction(SIGALRM, &late, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        die_errno("sigaction");
    if (wait_mask == NULL)
        return;
    errno = pthread_sigmask(SIG_BLOCK, &stops, wait_mask);
    if (errno != 0)
        die_errno("pthread_sigmask");
    sigdelset(wait_mask, SIGINT);
    sigdelset(wait_mask, SIGTERM);
    let_in_by_waits = true;
}

/*
 * pselect and its kin let a signal in only when they sleep. One that finds
 * something ready at once does not, and with busy clients that may be so each
 * time: the stop would never be seen. So a loop that goes round fast looks for
 * a pending signal itself; seldom, for each look is a system call.
 */
static void look_for_signal(void)
{
    static _Thread_local unsigned calls;
    static _Thread_local int64_t looked_ms;
    sigset_t pending;
    if (++calls < LOOK_AFTER_CALLS)
        return;
    int64_t now = now_ms();
    if (now - looked_ms < LOOK_AFTER_MS)
        return;
    calls = 0;
    looked_ms = now;
    if (sigpending(&pending) == 0 &&
        (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM)))
        stop_let_second_in();
}

bool stop_requested(void)
{
    if (let_in_by_waits && !stop)
        look_for_signal();
    return stop != 0;
}

int stop_grace_ms(void)
{
    int64_t left = stop ? stopped_ms + STOP_GRACE_MS - now_ms() : STOP_GRACE_MS;
    return left > 0 ? (int)left : 0;
}

void stop_request(int signal_number)
{
    stopped_ms = now_ms();
    stop = signal_number;
}

void stop_wakes(enum stop_slot slot, int fd)
{
    atomic_store(&wakes[slot], fd);
    if (stop && fd >= 0)
        (void)shutdown(fd, SHUT_RD);
}

void stop_let_second_in(void)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    /* With these arguments it cannot fail. */
    (void)pthread_sigmask(SIG_UNBLOCK, &stops, NULL);
}

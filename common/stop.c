/* SPDX-License-Identifier: MIT */
#include "common/stop.h"

#include "common/report.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static atomic_int wakes[STOP_SLOTS] = {-1, -1};

/*
 * The slot is stored first and the flag tested after it, while the handler
 * sets the flag first and looks into the slot after that: whichever comes
 * first, one of the two sees the other and shuts the socket down.
 */
static void shut_slots(void)
{
    for (int i = 0; i < STOP_SLOTS; i++) {
        int fd = atomic_load(&wakes[i]);
        if (fd >= 0)
            (void)shutdown(fd, SHUT_RDWR); /* ENOTCONN: it is shut already */
    }
}

/* Everything called here is async-signal-safe: see signal-safety(7). */
static void handle_stop(int signal_number)
{
    int saved = errno;
    if (stop)
        _exit(128 + signal_number);
    stop = signal_number;
    shut_slots();
    errno = saved;
}

void stop_catch(sigset_t *wait_mask)
{
    struct sigaction action = {.sa_handler = handle_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t stops;
    sigemptyset(&action.sa_mask);
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    if (sigaction(SIGINT, &action, NULL) < 0 ||
        sigaction(SIGTERM, &action, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        die_errno("sigaction");
    if (wait_mask == NULL)
        return;
    errno = pthread_sigmask(SIG_BLOCK, &stops, wait_mask);
    if (errno != 0)
        die_errno("pthread_sigmask");
    sigdelset(wait_mask, SIGINT);
    sigdelset(wait_mask, SIGTERM);
}

bool stop_requested(void)
{
    return stop != 0;
}

void stop_request(int signal_number)
{
    stop = signal_number;
}

void stop_wakes(enum stop_slot slot, int fd)
{
    atomic_store(&wakes[slot], fd);
    if (stop && fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
}

void stop_let_second_in(void)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    (void)pthread_sigmask(SIG_UNBLOCK, &stops, NULL); /* cannot fail so */
}

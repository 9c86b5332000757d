/* SPDX-License-Identifier: MIT */
/*
 * Threads and ownership: the functions of aio_notify.h belong to the server's
 * one thread. told_in_thread() runs in a thread of the library's, on_signal()
 * in any: they touch nothing but the pipe and the two flags. So the pipe (and
 * the signalfd) stays open until the program ends: one may still come late.
 */
#include "asyncio/aio_notify.h"

#include "common/clock.h"
#include "common/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

int notify_find(const char *name)
{
    if (strcmp(name, "signal") == 0)
        return SIGEV_SIGNAL;
    if (strcmp(name, "thread") == 0)
        return SIGEV_THREAD;
    return strcmp(name, "suspend") == 0 ? SIGEV_NONE : -1;
}

/*
 * The queue of signals is bounded (RLIMIT_SIGPENDING, for all programs of a
 * user together). When it is full glibc cannot send FINISHED, and makes the
 * finished read an EAGAIN: its bytes are lost, and nobody is told. Each request
 * in flight takes one place at most, so fewer of them than places lose nothing.
 * A quarter is left to the user's other programs; three are SIGIO, SIGINT and
 * SIGTERM.
 */
long notify_most(int notify)
{
    struct rlimit limit;
    if (notify != SIGEV_SIGNAL || getrlimit(RLIMIT_SIGPENDING, &limit) < 0)
        return 1000000;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 1000000)
        return 750000;
    long most = (long)limit.rlim_cur - (long)limit.rlim_cur / 4 - 3;
    return most > 0 ? most : 0;
}

/* --- thread: word comes through a pipe ------------------------------------ */

static int pipe_ends[2];
static atomic_int knocked, stopped; /* written in any thread: see stop.c */

/* The library calls this in a new thread. The result of the read is safe
 * already: a full pipe costs nothing but time. */
static void told_in_thread(union sigval value)
{
    while (write(pipe_ends[1], &value.sival_ptr, sizeof(void *)) < 0)
        nap_us(1000);
}

/* glibc unblocks every signal in the threads that it makes for us, so that
 * SIGIO or SIGTERM may arrive in one of those: from there we are woken too. */
static void on_signal(int number)
{
    int saved = errno;
    void *nobody = NULL;
    if (number == SIGIO)
        knocked = 1;
    else if (stopped)
        _exit(128 + number);
    else
        stopped = number;
    /* Full: then whoever reads it is awake, and looks at the flags. */
    ssize_t ignored = write(pipe_ends[1], &nobody, sizeof nobody);
    (void)ignored;
    errno = saved;
}

static int start_thread(const sigset_t *signals)
{
    struct sigaction action = {.sa_handler = on_signal};
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0 ||
        sigaction(SIGIO, &action, NULL) < 0 ||
        sigaction(SIGINT, &action, NULL) < 0 ||
        sigaction(SIGTERM, &action, NULL) < 0)
        return -1;
    return sigprocmask(SIG_UNBLOCK, signals, NULL);
}

static int wait_thread(siginfo_t *info, const struct timespec *timeout)
{
    struct pollfd word = {.fd = pipe_ends[0], .events = POLLIN};
    if (stopped)
        return stopped;
    if (atomic_exchange(&knocked, 0))
        return SIGIO;
    /* [wait:ppoll] Asleep until a thread of the library's, or on_signal(), has
     * written to the pipe. */
    int ready = ppoll(&word, 1, timeout, NULL);
    if (ready == 0)
        errno = EAGAIN;
    if (ready <= 0)
        return -1;
    /* [reap:read] The word is the pointer to the client. */
    if (read(pipe_ends[0], &info->si_value.sival_ptr, sizeof(void *)) < 0)
        return -1;
    info->si_code = SI_ASYNCIO;
    if (info->si_value.sival_ptr != NULL)
        return FINISHED;
    errno = EINTR; /* on_signal() has set a flag */
    return -1;
}

/* --- suspend: signals come by a request too, so one sleep hears all ------- */

static struct aiocb signal_request;
static struct signalfd_siginfo signal_read;

static int start_suspend(const sigset_t *signals)
{
    /* [setup:signalfd] Reading from it takes a signal, as sigwaitinfo does. */
    int fd = signalfd(-1, signals, SFD_CLOEXEC);
    if (fd < 0)
        return -1;
    signal_request = (struct aiocb){.aio_fildes = fd,
                                    .aio_buf = &signal_read,
                                    .aio_nbytes = sizeof signal_read,
                                    .aio_sigevent.sigev_notify = SIGEV_NONE};
    return 0;
}

/* The first of `requests` that has finished, from where the last look ended so
 * that nobody starves; NULL when there is none. */
static const struct aiocb *find_finished(const struct aiocb **requests,
                                         int count)
{
    static int last;
    for (int i = 0; i < count; i++) {
        last = last < count ? last + 1 : 1;
        if (aio_error(requests[last]) != EINPROGRESS)
            return requests[last];
    }
    return NULL;
}

static int wait_suspend(const struct aiocb **requests, int count,
                        siginfo_t *info, const struct timespec *timeout)
{
    const struct aiocb *finished;
    if (requests[0] == NULL) {
        /* [arm:aio_read] The next signal, when the last one was taken: after
         * SIGTERM none is, and a second one has its usual way. */
        if (aio_read(&signal_request) < 0)
            return -1;
        requests[0] = &signal_request;
    }
    while ((finished = find_finished(requests, count)) == NULL &&
           aio_error(&signal_request) == EINPROGRESS) {
        /* [wait:aio_suspend] Asleep until any of the list has finished. Not
         * told which: glibc compares each with all that are in flight. */
        if (aio_suspend(requests, count + 1, timeout) < 0)
            return -1;
    }
    if (finished == NULL) {
        requests[0] = NULL;
        info->si_code = signal_read.ssi_code;
        return (int)signal_read.ssi_signo;
    }
    info->si_code = SI_ASYNCIO;
    info->si_value = finished->aio_sigevent.sigev_value;
    return FINISHED;
}

/* --- the two behind one door ---------------------------------------------- */

int notify_start(int notify, const sigset_t *signals)
{
    if (notify == SIGEV_SIGNAL)
        return 0;
    return notify == SIGEV_THREAD ? start_thread(signals)
                                  : start_suspend(signals);
}

struct sigevent notify_event(int notify, void *data)
{
    /* A zeroed sigevent would not mean 'tell nobody': SIGEV_SIGNAL is 0, and
     * so would be the signal's number. */
    struct sigevent event = {.sigev_notify = notify,
                             .sigev_signo = FINISHED,
                             .sigev_value.sival_ptr = data};
    if (notify == SIGEV_THREAD)
        event.sigev_notify_function = told_in_thread;
    return event;
}

int notify_wait(int notify, const struct aiocb **requests, int count,
                siginfo_t *info, const struct timespec *timeout)
{
    if (notify == SIGEV_THREAD)
        return wait_thread(info, timeout);
    return wait_suspend(requests, count, info, timeout);
}

void notify_finish(const struct aiocb *request)
{
    const struct aiocb *one[] = {request};
    while (aio_error(request) == EINPROGRESS && stop_grace_ms() > 0) {
        struct timespec t = timespec_of_us(stop_grace_ms() * 1000);
        /* [wait:aio_suspend-reply] Asleep until the helper has sent all. */
        (void)aio_suspend(one, 1, &t); /* EINTR, EAGAIN: asked again */
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Faults between a program and the kernel. A server or client linked with
 * this file and -Wl,--wrap=recv (and so on) calls the __wrap_ functions below
 * instead of the C library's, and these follow the environment:
 *
 *   WRAP_EINTR=P     P of 100 calls fail with EINTR before they are made
 *   WRAP_MOST=K      send is given at most K bytes, recv and aio_read 3 K:
 *                    what came in one call does not go out in one
 *   WRAP_EAGAIN=P    P of 100 recv and send that may not sleep fail with
 *                    EAGAIN
 *   WRAP_STOP=N      SIGTERM comes just before the Nth call that may sleep
 *   WRAP_NOMEM=N     the Nth malloc, calloc or realloc fails with ENOMEM
 *   WRAP_NOMEM_ON=1  and so do all after it
 *   WRAP_NAPS=1      io_uring_enter sleeps for 100 ms at most, and the signals
 *                    that its mask lets in come after it: for valgrind
 *
 * SIGTERM goes to the first process, and only its sleeps count for it.
 * At the end one line on standard error tells how often each was done: a fault
 * that was never injected proves nothing.
 *
 * Its objects must be compiled without _FORTIFY_SOURCE, which renames recv to
 * __recv_chk and so leads past the wrapper.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long eintr_percent, most_bytes, eagain_percent, stop_before, naps;
static long no_memory_at, no_memory_on;
static pid_t first_process;

/* Shared with the processes that it forks, which count here too. */
static struct counts {
    atomic_long interrupted, shortened, postponed, unsleeping, sleeps;
    atomic_long allocations, denied;
    atomic_ulong throws;
} * counts;

static long setting(const char *name)
{
    const char *value = getenv(name);
    return value ? strtol(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    first_process = getpid();
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        abort();
    eintr_percent = setting("WRAP_EINTR");
    most_bytes = setting("WRAP_MOST");
    eagain_percent = setting("WRAP_EAGAIN");
    stop_before = setting("WRAP_STOP");
    no_memory_at = setting("WRAP_NOMEM");
    no_memory_on = setting("WRAP_NOMEM_ON");
    naps = setting("WRAP_NAPS");
}

__attribute__((destructor)) static void tell(void)
{
    if (getpid() != first_process ||
        !(eintr_percent || most_bytes || eagain_percent || stop_before ||
          no_memory_at))
        return;
    fprintf(stderr,
            "wrap_io: %ld EINTR, %ld short, %ld EAGAIN of %ld, %ld stop, "
            "%ld ENOMEM\n",
            counts->interrupted, counts->shortened, counts->postponed,
            counts->unsleeping,
            stop_before > 0 && counts->sleeps >= stop_before ? 1L : 0L,
            counts->denied);
}

/* True for `percent` of 100 calls. A fixed sequence, so that a run can be
 * repeated, and without a period, so that no loop falls into step with it. */
static bool thrown(long percent)
{
    unsigned long x =
        atomic_fetch_add(&counts->throws, 1) * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return (long)((x >> 32) % 100) < percent;
}

/* True when this call shall fail with EINTR; errno is set. */
static bool interrupt(void)
{
    if (!thrown(eintr_percent))
        return false;
    atomic_fetch_add(&counts->interrupted, 1);
    errno = EINTR;
    return true;
}

/* The moment between 'may I go on?' and 'go to sleep'. */
static void before_sleep(void)
{
    if (stop_before > 0 && getpid() == first_process &&
        atomic_fetch_add(&counts->sleeps, 1) + 1 == stop_before)
        (void)kill(first_process, SIGTERM);
}

/* True when a transfer shall fail; shortens it otherwise. */
static bool disturb(int fd, int flags, size_t *length, long most)
{
    bool waits = !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
    if (waits)
        before_sleep();
    if (interrupt())
        return true;
    if (!waits) {
        atomic_fetch_add(&counts->unsleeping, 1);
        if (thrown(eagain_percent)) {
            atomic_fetch_add(&counts->postponed, 1);
            errno = EAGAIN;
            return true;
        }
    }
    if (most > 0 && *length > (size_t)most) {
        atomic_fetch_add(&counts->shortened, 1);
        *length = (size_t)most;
    }
    return false;
}

#define WRAP(type, name, parameters) \
    type __real_##name parameters;   \
    type __wrap_##name parameters;   \
    type __wrap_##name parameters

WRAP(ssize_t, recv, (int fd, void *bytes, size_t length, int flags))
{
    return disturb(fd, flags, &length, 3 * most_bytes)
               ? -1
               : __real_recv(fd, bytes, length, flags);
}

WRAP(ssize_t, send, (int fd, const void *bytes, size_t length, int flags))
{
    return disturb(fd, flags, &length, most_bytes)
               ? -1
               : __real_send(fd, bytes, length, flags);
}

WRAP(int, accept, (int fd, struct sockaddr *name, socklen_t *length))
{
    before_sleep();
    return interrupt() ? -1 : __real_accept(fd, name, length);
}

WRAP(int, accept4,
     (int fd, struct sockaddr *name, socklen_t *length, int flags))
{
    before_sleep();
    return interrupt() ? -1 : __real_accept4(fd, name, length, flags);
}

WRAP(int, select,
     (int highest, fd_set *in, fd_set *out, fd_set *odd, struct timeval *t))
{
    before_sleep();
    return interrupt() ? -1 : __real_select(highest, in, out, odd, t);
}

WRAP(int, pselect,
     (int highest, fd_set *in, fd_set *out, fd_set *odd,
      const struct timespec *t, const sigset_t *mask))
{
    before_sleep();
    return interrupt() ? -1 : __real_pselect(highest, in, out, odd, t, mask);
}

WRAP(int, poll, (struct pollfd * fds, nfds_t count, int ms))
{
    before_sleep();
    return interrupt() ? -1 : __real_poll(fds, count, ms);
}

WRAP(int, ppoll,
     (struct pollfd * fds, nfds_t count, const struct timespec *t,
      const sigset_t *mask))
{
    before_sleep();
    return interrupt() ? -1 : __real_ppoll(fds, count, t, mask);
}

WRAP(int, epoll_wait, (int fd, struct epoll_event *events, int most, int ms))
{
    before_sleep();
    return interrupt() ? -1 : __real_epoll_wait(fd, events, most, ms);
}

WRAP(int, epoll_pwait,
     (int fd, struct epoll_event *events, int most, int ms,
      const sigset_t *mask))
{
    before_sleep();
    return interrupt() ? -1 : __real_epoll_pwait(fd, events, most, ms, mask);
}

WRAP(int, sigwaitinfo, (const sigset_t *set, siginfo_t *info))
{
    before_sleep();
    return interrupt() ? -1 : __real_sigwaitinfo(set, info);
}

WRAP(int, sigtimedwait,
     (const sigset_t *set, siginfo_t *info, const struct timespec *t))
{
    before_sleep();
    return interrupt() ? -1 : __real_sigtimedwait(set, info, t);
}

/* True when there shall be no memory for this call; errno is set. */
static bool deny(void)
{
    if (no_memory_at == 0)
        return false;
    long nth = atomic_fetch_add(&counts->allocations, 1) + 1;
    if (nth < no_memory_at || (nth > no_memory_at && !no_memory_on))
        return false;
    atomic_fetch_add(&counts->denied, 1);
    errno = ENOMEM;
    return true;
}

WRAP(void *, malloc, (size_t size))
{
    return deny() ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, (size_t count, size_t size))
{
    return deny() ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, (void *old, size_t size))
{
    return deny() ? NULL : __real_realloc(old, size);
}

/* The request asks for less; it cannot fail with EINTR. */
WRAP(int, aio_read, (struct aiocb * request))
{
    if (most_bytes > 0 && request->aio_nbytes > (size_t)(3 * most_bytes)) {
        atomic_fetch_add(&counts->shortened, 1);
        request->aio_nbytes = (size_t)(3 * most_bytes);
    }
    return __real_aio_read(request);
}

/* Valgrind (3.19) takes io_uring_enter for a call that never sleeps. A signal
 * that the call's own mask lets in while it does is the end of valgrind, so
 * the mask stays here, and what is pending comes in when the nap is over. */
static void nap_instead(struct io_uring_getevents_arg *limits)
{
    static struct __kernel_timespec nap = {.tv_nsec = 100000000};
    const struct __kernel_timespec *t = (void *)(uintptr_t)limits->ts;
    sigset_t before;
    const sigset_t *mask = (void *)(uintptr_t)limits->sigmask;
    if (mask != NULL) {
        (void)sigprocmask(SIG_SETMASK, mask, &before);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
    }
    limits->sigmask = 0;
    if (t == NULL || t->tv_sec > 0 || t->tv_nsec > nap.tv_nsec)
        limits->ts = (uintptr_t)&nap;
}

/* io_uring has no functions in the C library: its calls come through here. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_io_uring_enter) {
        before_sleep();
        if (interrupt())
            return -1;
        if (naps)
            nap_instead((struct io_uring_getevents_arg *)a[4]);
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* SPDX-License-Identifier: MIT */
/*
 * libiocount.so: counts the input and output calls of a program from inside.
 *
 * LD_PRELOAD puts this library before libc, so a call to recv comes here
 * first: it is made for the program, and counted. That costs some nanoseconds,
 * not a stop of the process as a tracer does, so a busy server stays as busy
 * as it was and its wake-ups find as many ready clients as in life.
 *
 * Not seen: calls that libc makes for itself (the futexes and reads of its
 * hidden threads), a statically linked program, and what is called without
 * libc. See ld.so(8), dlsym(3).
 */
#include "bench/counters.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct counters *counters;
static _Thread_local struct counter_slot *my_slot;

static void leave_slot(void)
{
    my_slot = NULL; /* a forked child counts in a slot of its own */
}

__attribute__((constructor)) static void find_counters(void)
{
    const char *path = getenv(COUNTERS_VARIABLE);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *memory =
        mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (memory == MAP_FAILED)
        return;
    counters = memory;
    atomic_fetch_add(&counters->loaded, 1);
    (void)pthread_atfork(NULL, NULL, leave_slot); /* else slots are shared */
}

static void count(enum counter which, long result)
{
    struct counter_slot *slot = my_slot;
    if (counters == NULL)
        return;
    if (slot == NULL) {
        int number = atomic_fetch_add(&counters->slots_used, 1);
        slot = my_slot = &counters->slots[number % COUNTER_SLOTS];
    }
    atomic_fetch_add_explicit(&slot->calls[which], 1, memory_order_relaxed);
    if (result == -1 && errno == EAGAIN)
        atomic_fetch_add_explicit(&slot->again[which], 1, memory_order_relaxed);
}

/*
 * COUNT(result type, name, counter, (parameters), (arguments)) defines the
 * function `name` that calls the one behind it and counts. The assignment
 * through void ** is how dlsym(3) has it: ISO C has no cast from an object
 * pointer to a function pointer.
 */
#define NEXT(name)                                    \
    do {                                              \
        if (next == NULL)                             \
            *(void **)&next = dlsym(RTLD_NEXT, name); \
    } while (0)
#define COUNT(type, name, counter, parameters, arguments) \
    type name parameters                                  \
    {                                                     \
        static type(*next) parameters;                    \
        NEXT(#name);                                      \
        type result = next arguments;                     \
        count(COUNTER_##counter, (long)result);           \
        return result;                                    \
    }

/* A wait is counted when it begins: a count taken while the server sleeps then
 * holds as many waits as wake-ups. */
#define COUNT_WAIT(type, name, counter, parameters, arguments) \
    type name parameters                                       \
    {                                                          \
        static type(*next) parameters;                         \
        NEXT(#name);                                           \
        count(COUNTER_##counter, 0);                           \
        return next arguments;                                 \
    }

/* clang-format off: a table, one line for each call */
COUNT(int, accept, accept, (int fd, __SOCKADDR_ARG a, socklen_t *n), (fd, a, n))
COUNT(int, accept4, accept, (int fd, __SOCKADDR_ARG a, socklen_t *n, int flags),
      (fd, a, n, flags))
COUNT(ssize_t, recv, recv, (int fd, void *b, size_t n, int flags),
      (fd, b, n, flags))
COUNT(ssize_t, recvfrom, recv,
      (int fd, void *b, size_t n, int flags, __SOCKADDR_ARG a, socklen_t *l),
      (fd, b, n, flags, a, l))
COUNT(ssize_t, recvmsg, recvmsg, (int fd, struct msghdr *m, int flags),
      (fd, m, flags))
COUNT(ssize_t, read, read, (int fd, void *b, size_t n), (fd, b, n))
COUNT(ssize_t, readv, readv, (int fd, const struct iovec *v, int n), (fd, v, n))
COUNT(ssize_t, pread, pread, (int fd, void *b, size_t n, off_t at),
      (fd, b, n, at))
COUNT(ssize_t, send, send, (int fd, const void *b, size_t n, int flags),
      (fd, b, n, flags))
COUNT(ssize_t, sendto, send,
      (int fd, const void *b, size_t n, int flags, __CONST_SOCKADDR_ARG a,
       socklen_t l),
      (fd, b, n, flags, a, l))
COUNT(ssize_t, sendmsg, sendmsg, (int fd, const struct msghdr *m, int flags),
      (fd, m, flags))
COUNT(ssize_t, write, write, (int fd, const void *b, size_t n), (fd, b, n))
COUNT(ssize_t, writev, writev, (int fd, const struct iovec *v, int n),
      (fd, v, n))
COUNT(ssize_t, pwrite, pwrite, (int fd, const void *b, size_t n, off_t at),
      (fd, b, n, at))
COUNT_WAIT(int, select, select,
           (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t),
           (n, r, w, x, t))
COUNT_WAIT(int, pselect, select,
           (int n, fd_set *r, fd_set *w, fd_set *x, const struct timespec *t,
            const sigset_t *mask),
           (n, r, w, x, t, mask))
COUNT_WAIT(int, poll, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
COUNT_WAIT(int, ppoll, poll,
           (struct pollfd * p, nfds_t n, const struct timespec *t,
            const sigset_t *mask),
           (p, n, t, mask))
COUNT_WAIT(int, epoll_wait, epoll_wait,
           (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
COUNT_WAIT(int, epoll_pwait, epoll_wait,
           (int fd, struct epoll_event *e, int n, int ms, const sigset_t *mask),
           (fd, e, n, ms, mask))
COUNT_WAIT(int, epoll_pwait2, epoll_wait,
           (int fd, struct epoll_event *e, int n, const struct timespec *t,
            const sigset_t *mask),
           (fd, e, n, t, mask))
COUNT(int, epoll_ctl, epoll_ctl,
      (int fd, int what, int of, struct epoll_event *e), (fd, what, of, e))
COUNT_WAIT(int, sigwaitinfo, sigwaitinfo, (const sigset_t *s, siginfo_t *i),
           (s, i))
COUNT_WAIT(int, sigtimedwait, sigwaitinfo,
           (const sigset_t *s, siginfo_t *i, const struct timespec *t),
           (s, i, t))
COUNT_WAIT(int, sigwait, sigwaitinfo, (const sigset_t *s, int *number),
           (s, number))
COUNT_WAIT(int, sigsuspend, sigsuspend, (const sigset_t *s), (s))
COUNT_WAIT(int, nanosleep, nanosleep,
           (const struct timespec *t, struct timespec *left), (t, left))
COUNT_WAIT(int, clock_nanosleep, nanosleep,
           (clockid_t c, int flags, const struct timespec *t,
            struct timespec *left),
           (c, flags, t, left))
COUNT(int, sched_yield, sched_yield, (void), ())
COUNT(int, setsockopt, setsockopt,
      (int fd, int level, int name, const void *v, socklen_t n),
      (fd, level, name, v, n))
COUNT(int, getsockopt, getsockopt,
      (int fd, int level, int name, void *v, socklen_t *n),
      (fd, level, name, v, n))
COUNT(int, shutdown, shutdown, (int fd, int how), (fd, how))
COUNT(int, close, close, (int fd), (fd))
COUNT(pid_t, fork, fork, (void), ())

/* What a distribution's hardened build calls instead of read, recv, poll. */
#define HARDENED(type, name, counter, parameters, arguments) \
    type name parameters;                                    \
    COUNT(type, name, counter, parameters, arguments)
HARDENED(ssize_t, __read_chk, read, (int fd, void *b, size_t n, size_t room),
         (fd, b, n, room))
HARDENED(ssize_t, __recv_chk, recv,
         (int fd, void *b, size_t n, size_t room, int flags),
         (fd, b, n, room, flags))
HARDENED(ssize_t, __recvfrom_chk, recv,
         (int fd, void *b, size_t n, size_t room, int flags, __SOCKADDR_ARG a,
          socklen_t *l),
         (fd, b, n, room, flags, a, l))
HARDENED(int, __poll_chk, poll, (struct pollfd * p, nfds_t n, int ms, size_t r),
         (p, n, ms, r))
HARDENED(int, __ppoll_chk, poll,
         (struct pollfd * p, nfds_t n, const struct timespec *t,
          const sigset_t *mask, size_t room),
         (p, n, t, mask, room))
/* clang-format on */

/* fcntl and ioctl have at most one argument more, a number or a pointer: both
 * travel in one register. */
#define COUNT_ONE_MORE(name, type, counter)     \
    int name(int fd, type what, ...)            \
    {                                           \
        static int (*next)(int, type, ...);     \
        va_list arguments;                      \
        NEXT(#name);                            \
        va_start(arguments, what);              \
        void *more = va_arg(arguments, void *); \
        va_end(arguments);                      \
        int result = next(fd, what, more);      \
        count(COUNTER_##counter, result);       \
        return result;                          \
    }
COUNT_ONE_MORE(fcntl, int, fcntl)
COUNT_ONE_MORE(fcntl64, int, fcntl)
COUNT_ONE_MORE(ioctl, unsigned long, ioctl)

static enum counter counter_of(long number)
{
    switch (number) {
    case SYS_io_uring_enter:
        return COUNTER_io_uring_enter;
    case SYS_io_uring_register:
        return COUNTER_io_uring_register;
    case SYS_futex:
        return COUNTER_futex;
    default:
        return COUNTER_syscall;
    }
}

/* Six arguments are taken and passed on, however many there are. A call that
 * may sleep is counted when it begins, like the waits. */
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[6];
    va_list arguments;
    NEXT("syscall");
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    count(counter_of(number), 0);
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* SPDX-License-Identifier: MIT */
#include "bench/trace.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* Made by the Makefile from <sys/syscall.h>: [SYS_read] = "read", ... */
static const char *const names[] = {
#include "bench/syscall_names.h"
};

const char *const trace_phases[] = {
    "setup", "arm", "wait", "wait+copy", "copy", "reap", "work", "end", NULL};

const char *trace_call_name(long number)
{
    static _Thread_local char unknown[32];
    if (number >= 0 && (size_t)number < sizeof names / sizeof *names &&
        names[number])
        return names[number];
    snprintf(unknown, sizeof unknown, "call %ld", number);
    return unknown;
}

const char *trace_plain_name(const char *name)
{
    static const char *const plain[][2] = {{"recvfrom", "recv"},
                                           {"sendto", "send"},
                                           {"pselect6", "select"},
                                           {"ppoll", "poll"},
                                           {"epoll_pwait", "epoll_wait"},
                                           {"epoll_pwait2", "epoll_wait"},
                                           {"accept4", "accept"},
                                           {"rt_sigtimedwait", "sigwaitinfo"},
                                           {"clock_nanosleep", "nanosleep"},
                                           {"pread64", "pread"},
                                           {"pwrite64", "pwrite"},
                                           {"rt_sigaction", "sigaction"},
                                           {"rt_sigprocmask", "sigprocmask"},
                                           {"newfstatat", "fstatat"}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, plain[i][0]) == 0)
            return plain[i][1];
    return name;
}

const char *trace_signal_name(int number)
{
    static _Thread_local char text[32];
    const char *name = sigabbrev_np(number);
    if (number == SIGIO) /* "POLL", which the lessons do not call it */
        name = "IO";
    if (name != NULL)
        snprintf(text, sizeof text, "SIG%s", name);
    else
        snprintf(text, sizeof text, "SIGRTMIN+%d", number - SIGRTMIN);
    return text;
}

/* Codes above the last errno never reach a program: the kernel makes the call
 * again after the signal, or turns them into EINTR. */
enum { ERESTARTSYS = 512, ERESTART_RESTARTBLOCK = 516 };

const char *trace_error_name(int error)
{
    if (error >= ERESTARTSYS && error <= ERESTART_RESTARTBLOCK)
        return "interrupted";
    const char *name = strerrorname_np(error);
    return name ? name : "E?";
}

/* SPDX-License-Identifier: MIT */
/*
 * The keeper hears of each group over a socket, whose other end is with iobench
 * (and with its load, which ends with it). However iobench ends, the keeper
 * reads the end of input then. No signal handler could do that: there is none
 * for SIGKILL.
 */
#include "bench/bench_keeper.h"

#include "common/clock.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

enum { GROUPS_MAX = 64, FAREWELL_MS = 5000 };

static int to_keeper = -1; /* owned by the program; closed when it ends */

/* Those that are gone leave their places: their numbers may be used again. */
static bool any_left(pid_t *groups)
{
    bool any = false;
    for (int i = 0; i < GROUPS_MAX; i++) {
        if (groups[i] > 0 && kill(-groups[i], 0) < 0)
            groups[i] = 0;
        any |= groups[i] > 0;
    }
    return any;
}

static void take(pid_t *groups, pid_t group)
{
    int i = 0;
    (void)any_left(groups);
    while (i < GROUPS_MAX - 1 && groups[i] > 0)
        i++;
    groups[i] = group;
}

static void signal_all(const pid_t *groups, int number)
{
    for (int i = 0; i < GROUPS_MAX; i++)
        if (groups[i] > 0)
            (void)kill(-groups[i], number); /* it may have ended */
}

static _Noreturn void keep(int from)
{
    pid_t groups[GROUPS_MAX] = {0}, group;
    (void)setpgid(0, 0); /* Ctrl-C is not for the keeper */
    while (recv(from, &group, sizeof group, 0) == sizeof group)
        take(groups, group);
    int64_t until = now_ms() + FAREWELL_MS;
    if (any_left(groups)) {
        signal_all(groups, SIGTERM);
        signal_all(groups, SIGCONT); /* a stopped one does not hear it */
    }
    while (any_left(groups) && now_ms() < until)
        nap_us(10000);
    signal_all(groups, SIGKILL);
    _exit(0);
}

int keeper_start(void)
{
    int pair[2];
    if (to_keeper >= 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(pair[0]);
        keep(pair[1]);
    }
    (void)close(pair[1]);
    if (pid < 0)
        (void)close(pair[0]);
    else
        to_keeper = pair[0];
    return pid < 0 ? -1 : 0;
}

void keeper_adopt(void)
{
    pid_t group = getpid();
    (void)setpgid(0, 0);
    (void)send(to_keeper, &group, sizeof group, MSG_NOSIGNAL);
    /* One SIGTERM is enough: a second would cut its farewell short. */
    (void)prctl(PR_SET_PDEATHSIG, 0);
}

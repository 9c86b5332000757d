/* SPDX-License-Identifier: MIT */
/*
 * herd: the thundering herd, counted. Many processes wait for connections on
 * one listening socket; how many wake up for each that comes?
 *
 * Shows
 *   - asleep in accept: the kernel wakes one, since one can have it;
 *   - asleep in epoll_wait, each with an epoll of its own: 'ready' is true for
 *     all of them, so all are woken. Who is quick enough to see the connection
 *     asks for it; one gets it, the others get EAGAIN;
 *   - EPOLLEXCLUSIVE (Linux 4.5): wake at least one, not all.
 *
 * Who waits, who copies: every process sleeps in accept or epoll_wait (wait);
 * the one that gets the connection takes it (copy).
 * Processes and ownership: each child alone writes its line of counts, in
 * memory that all share; the parent reads them when nobody is at work.
 * Limits: the numbers are those of this run. The more CPUs are free, the more
 * of the herd sees the connection before the first one has taken it.
 * Try it
 *   build/multiplexing/herd
 *   build/multiplexing/herd --processes 32 --connections 50
 * Note: notes/05-multiplexing.md
 * Compare: blocking/fork_server.c (--prefork), multiplexing/epoll_server.c
 */
#include "common/address.h"
#include "common/clock.h"
#include "common/options.h"
#include "common/report.h"
#include "common/sockets.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 256, GATHER_MS = 2000 };

/* What one process counts about itself. */
struct counts {
    long woken;         /* its sleep has ended */
    long got;           /* connections */
    long vain;          /* EAGAIN: another was quicker */
    atomic_bool asleep; /* or about to be; the parent waits for that */
};

struct herd {
    long processes, connections;
    int listen_fd;
    struct address address;
    struct counts *counts; /* shared; one for each process */
    pid_t pids[PROCESSES_MAX];
};

/* Takes the connection, if it is still there, and ends it. */
static void take(int listen_fd, struct counts *mine)
{
    /* [copy:accept-ready] The listener does not block: EAGAIN when gone. */
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        mine->vain++;
        return;
    }
    mine->got++;
    close(fd);
}

static void wait_in_accept(int listen_fd, struct counts *mine)
{
    mine->asleep = true;
    /* [wait+copy:accept] Asleep until a connection is ours. */
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    mine->asleep = false;
    mine->woken++;
    if (fd < 0) {
        mine->vain++;
        return;
    }
    mine->got++;
    close(fd);
}

/* `flags` is 0 or EPOLLEXCLUSIVE. */
static int make_epoll(int listen_fd, unsigned flags)
{
    struct epoll_event event = {.events = EPOLLIN | flags};
    /* [setup:epoll_create1] Made after fork: each process has its own. */
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    /* [arm:epoll_ctl] Tell me too; or (exclusive) me or one of the others. */
    if (epoll_fd < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        _exit(1);
    return epoll_fd;
}

static void wait_in_epoll(int epoll_fd, int listen_fd, struct counts *mine)
{
    struct epoll_event event;
    mine->asleep = true;
    /* [wait:epoll_wait] Asleep until somebody knocks. */
    int ready = epoll_wait(epoll_fd, &event, 1, -1);
    mine->asleep = false;
    mine->woken++;
    if (ready > 0)
        take(listen_fd, mine);
}

enum way { ACCEPT, EPOLL, EXCLUSIVE, WAYS };

static const char *const way_names[] = {"accept", "epoll_wait",
                                        "epoll_wait, EPOLLEXCLUSIVE"};

/* A child's life. It ends when its parent says so, or dies. */
static _Noreturn void live(const struct herd *h, enum way way,
                           struct counts *mine, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    int epoll_fd = -1;
    if (way != ACCEPT)
        epoll_fd =
            make_epoll(h->listen_fd, way == EXCLUSIVE ? EPOLLEXCLUSIVE : 0);
    for (;;) {
        if (way == ACCEPT)
            wait_in_accept(h->listen_fd, mine);
        else
            wait_in_epoll(epoll_fd, h->listen_fd, mine);
    }
}

static void start_herd(struct herd *h, enum way way)
{
    pid_t parent = getpid();
    (void)address_parse("127.0.0.1:0", &h->address);
    h->listen_fd =
        socket_listen(&h->address, way == ACCEPT ? 0 : SOCK_NONBLOCK);
    h->address.length = sizeof h->address.bytes;
    if (h->listen_fd < 0 ||
        getsockname(h->listen_fd, (struct sockaddr *)&h->address.bytes,
                    &h->address.length) < 0)
        die_errno("listen");
    memset(h->counts, 0, (size_t)h->processes * sizeof *h->counts);
    for (long i = 0; i < h->processes; i++) {
        /* [setup:fork] They share the one listening socket. */
        h->pids[i] = fork();
        if (h->pids[i] < 0)
            die_errno("fork");
        if (h->pids[i] == 0)
            live(h, way, &h->counts[i], parent);
    }
}

static void end_herd(struct herd *h)
{
    for (long i = 0; i < h->processes; i++)
        (void)kill(h->pids[i], SIGKILL); /* ours, and not yet waited for */
    /* [reap:waitpid] */
    for (long i = 0; i < h->processes; i++)
        while (waitpid(h->pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
    close(h->listen_fd);
}

/* How often the kernel has put this process to sleep, and woken it since. */
static long sleeps_of(pid_t pid, char *state)
{
    char path[64], line[128];
    long sleeps = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    if (status == NULL)
        die_errno("%s", path);
    while (fgets(line, sizeof line, status) != NULL) {
        (void)sscanf(line, "State: %c", state);
        (void)sscanf(line, "voluntary_ctxt_switches: %ld", &sleeps);
    }
    fclose(status);
    return sleeps;
}

/* Waits until all sleep again, so that each connection meets the whole herd.
 * Returns how often they have slept up to now, all together. */
static long gather(const struct herd *h)
{
    int64_t until = now_ms() + GATHER_MS;
    for (;;) {
        long sleeps = 0, asleep = 0;
        for (long i = 0; i < h->processes; i++) {
            char state = '?';
            sleeps += sleeps_of(h->pids[i], &state);
            asleep += h->counts[i].asleep && state == 'S';
        }
        if (asleep == h->processes)
            return sleeps;
        if (now_ms() > until)
            die(EXIT_CANNOT_START, "the herd does not come to rest");
        nap_us(500);
    }
}

static void connect_once(const struct herd *h)
{
    char byte;
    int fd = socket_connect(&h->address, 0);
    if (fd < 0)
        die_errno("connect");
    /* [wait:recv] Until the one that got it has closed it. */
    (void)!recv(fd, &byte, 1, 0);
    close(fd);
}

static void run(struct herd *h, enum way way)
{
    struct counts sum = {.asleep = false};
    start_herd(h, way);
    long before = gather(h), after = before;
    for (long i = 0; i < h->connections; i++) {
        connect_once(h);
        after = gather(h);
    }
    for (long i = 0; i < h->processes; i++) {
        sum.woken += h->counts[i].woken;
        sum.got += h->counts[i].got;
        sum.vain += h->counts[i].vain;
    }
    end_herd(h);
    printf(" %-28s %9ld %9ld %9ld %12.1f\n", way_names[way], sum.got, sum.woken,
           sum.vain, (double)(after - before) / (double)h->connections);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct herd h = {.processes = 8, .connections = 20};
    const struct option_spec specs[] = {
        {'p', "processes", "N", "how many wait [8]", OPTION_NUMBER,
         &h.processes, 1, PROCESSES_MAX},
        {'c', "connections", "N", "how many come [20]", OPTION_NUMBER,
         &h.connections, 1, 1000},
        {.name = NULL}};
    const struct usage usage = {
        .about = "Counts who wakes up when many wait on one listening socket.",
        .specs = specs};
    (void)options_parse(argc, argv, &usage);
    /* [setup:mmap] Memory that fork shares and does not copy. */
    h.counts = mmap(NULL, sizeof *h.counts * PROCESSES_MAX,
                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (h.counts == MAP_FAILED)
        die_errno("shared memory");
    printf(" %ld processes wait for one socket; %ld clients come, one by one.\n"
           "\n %-28s %9s %9s %9s %12s\n",
           h.processes, h.connections, "they sleep in", "served", "returned",
           "EAGAIN", "woken each");
    for (enum way way = ACCEPT; way < WAYS; way++)
        run(&h, way);
    munmap(h.counts, sizeof *h.counts * PROCESSES_MAX);
    printf("\n returned: calls that ended their sleep; EAGAIN: it was gone by "
           "then.\n woken each: processes that the kernel woke for one client; "
           "most looked,\n found nothing, and slept on inside the call.\n");
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Memory runs out: for whoever needs some now, and for nobody else. */
#include "tests/faults.h"

#include "common/clock.h"
#include "common/report.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* From now on it may have `spare_kib` more memory than it has. */
static void set_memory(pid_t pid, rlim_t spare_kib, struct rlimit *old)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    require(file != NULL && fscanf(file, "%lu", &pages) == 1, "no %s", path);
    (void)fclose(file);
    rlim_t most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + spare_kib * 1024;
    require(prlimit(pid, RLIMIT_AS, NULL, old) == 0 &&
                prlimit(pid, RLIMIT_AS, &(struct rlimit){most, old->rlim_max},
                        NULL) == 0,
            "prlimit: %s", errno_name(errno));
}

/* Asks, if it is of a kind that does, for as much as is taken, and reads
 * nothing: a part of the answer is left to the server. */
static void ask_and_not_read(const struct victim *v, int fd)
{
    static const char question[64 * 1024];
    if (v->target->kind == TARGET_STREAM)
        while (send(fd, question, sizeof question,
                    MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
            ;
}

static int count_hung_up(struct pollfd *clients, int count)
{
    int cut = 0;
    (void)poll(clients, (nfds_t)count, 0);
    for (int i = 0; i < count; i++)
        cut += clients[i].revents != 0;
    return cut;
}

/* 200 clients, of which every second one asks; and where it is `due`, until one
 * of them was cut or refused, which is how we see that the memory is out.
 * Returns how many were. */
static int crowd_without_memory(const struct victim *v, bool due)
{
    enum { CLIENTS = 200, ROUNDS = 8, MOST_ROUNDS = 400 };
    struct pollfd clients[CLIENTS];
    int cut = 0;
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = (struct pollfd){
            .fd = peer_connect_tight(v->server.address), .events = POLLRDHUP};
    for (int n = 0; n < ROUNDS || (due && cut == 0 && n < MOST_ROUNDS); n++) {
        for (int i = 0; i < CLIENTS; i += 2)
            ask_and_not_read(v, clients[i].fd);
        nap_us(15000);
        cut = count_hung_up(clients, CLIENTS);
    }
    for (int i = 0; i < CLIENTS; i++)
        peer_reset(clients[i].fd);
    return cut;
}

/* Who has all its memory from the start runs out of none. */
static bool needs_memory(const struct target *target)
{
    static const char needs[] = " threads nonblocking select poll epoll "
                                "epoll-edge sigio events events-select "
                                "events-poll aio aio-suspend uring "
                                "chat-threads ";
    char name[64];
    snprintf(name, sizeof name, " %s ", target->model->name);
    return strstr(needs, name) != NULL;
}

/* Its memory is as much as it has now, and a little: clients may be refused,
 * wait or be cut, but the limit is lifted and all is well. */
static void no_memory(const struct target *target)
{
    enum { SPARE_KIB = 600 };
    struct victim v;
    struct rlimit old;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip_cell("a sanitizer needs memory of its own");
#endif
    if (strcmp(target->model->name, TOLD_BY_THREADS) == 0)
        skip_cell(NO_THREAD_TO_TELL);
    /* A bystander might be the one for whom there is none. */
    victim_start(&v, target, &usual_start, NO_BYSTANDER);
    v.allowed_kib += 200 * 64;
    victim_rests(&v); /* what the first client has cost is given back */
    set_memory(v.pid, SPARE_KIB, &old);
    int cut = crowd_without_memory(&v, needs_memory(target));
    (void)prlimit(v.pid, RLIMIT_AS, &old, NULL);
    require(cut > 0 || !needs_memory(target), "its memory did not run out");
    victim_finish(&v);
}

const struct fault memory_faults[] = {
    {"no_memory", "RLIMIT_AS: 200 connect, 100 ask, none reads", no_memory,
     CONNECTED, 0, NULL, false,
     "malloc and pthread_create may fail: that client's end alone"},
    {.name = NULL}};

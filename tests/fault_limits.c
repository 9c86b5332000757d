/* SPDX-License-Identifier: MIT */
/* What runs out: descriptors, places in a set, clients that are allowed,
 * memory, room for signals, and what a sandbox takes away. */
#include "tests/faults.h"

#include "common/clock.h"
#include "common/report.h"
#include "tests/bad.h"
#include "tests/talk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

static void set_limit(pid_t pid, int what, rlim_t value, struct rlimit *old)
{
    struct rlimit limit = {value, value};
    require(prlimit(pid, what, NULL, old) == 0, "prlimit: %s",
            errno_name(errno));
    limit.rlim_max = old->rlim_max;
    require(prlimit(pid, what, &limit, NULL) == 0, "prlimit: %s",
            errno_name(errno));
}

/* How many lines on standard error hold `text`. */
static int lines_with(const struct victim *v, const char *text)
{
    char said[TEXT_SIZE];
    int count = 0;
    (void)server_errors(&v->server, said);
    for (const char *at = said; (at = strstr(at, text)) != NULL; count++)
        at += strcspn(at, "\n");
    return count;
}

/* The operator learns of it, once a second and not each time; and the summary
 * counts. A pool accepts no more than it has places for, and who forks keeps
 * no descriptor of a client's. */
static void expect_told(struct victim *v, int64_t since_ms)
{
    int lines = lines_with(v, "accept: ");
    int most = 2 + (int)((now_ms() - since_ms) / 1000);
    victim_end(v, NULL);
    if (v->target->command != NULL || target_is(v->target, MODEL_IN_TURN) ||
        target_is(v->target, MODEL_FORKS))
        return;
    require(lines >= 1 && lines <= most, "it says so %d times, not 1 to %d",
            lines, most);
    require(child_count(&v->server.child, "times out of descriptors") > 0,
            "it does not count: %s", v->server.child.words);
}

/* Descriptors run out while clients knock; who is there is served, nothing
 * spins, and when one leaves the next gets in. */
static void no_descriptors(const struct target *target)
{
    enum { CLIENTS = 40, ROOM = 6, RING_LIMIT = 20 };
    int fds[CLIENTS];
    struct victim v;
    struct rlimit old;
    /* io_uring keeps the limit that held when an accept was asked for. */
    bool at_start = target_is(target, MODEL_NEEDS_URING);
    victim_start(&v, target,
                 &(struct start){.descriptors = at_start ? RING_LIMIT : 0}, 0);
    v.allowed_kib += CLIENTS * 64;
    int limit = at_start ? RING_LIMIT : process_descriptors(v.pid) + ROOM;
    set_limit(v.pid, RLIMIT_NOFILE, (rlim_t)limit, &old);
    int64_t began = now_ms();
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = victim_connect(&v);
    if (!target_is(target, MODEL_SPINS)) {
        int64_t before = family_cpu_us(v.pid);
        unsigned long asked = v.bystander.asked;
        nap_us(400000); /* nobody but the bystander asks anything */
        int64_t used = family_cpu_us(v.pid) - before;
        asked = v.bystander.asked - asked;
        require(used < 60000 + 200 * (int64_t)asked,
                "out of descriptors it used %lld ms of the CPU in 400 ms",
                (long long)used / 1000);
    }
    require(process_descriptors(v.pid) < v.descriptors + CLIENTS,
            "the limit of %d descriptors does not hold", limit);
    for (int i = 0; i < CLIENTS; i++) {
        victim_ask(&v, fds[i]);
        (void)close(fds[i]);
    }
    (void)prlimit(v.pid, RLIMIT_NOFILE, &old, NULL);
    victim_check(&v);
    expect_told(&v, began);
}

/* A leak of one descriptor in a hundred clients would show here. */
static void few_descriptors_many_clients(const struct target *target)
{
    struct victim v;
    const struct start start = {.descriptors = 40};
    victim_start(&v, target, &start, 0);
    for (int i = 0; i < 100; i++) {
        (void)bad_act("rst", v.server.address, 5, 0);
        (void)bad_act("fin", v.server.address, 4, 0);
        int fd = bad_act("halfclose", v.server.address, 1, 0);
        if (fd >= 0)
            (void)close(fd);
    }
    int last = victim_connect(&v); /* served when the queue is empty */
    victim_ask(&v, last);
    (void)close(last);
    victim_finish(&v);
}

static void past_fd_setsize(const struct target *target)
{
    enum { CLIENTS = FD_SETSIZE + 60 };
    static int fds[CLIENTS];
    struct victim v;
    struct rlimit limit;
    require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    if (limit.rlim_max < CLIENTS + 100)
        skip_cell("needs %d descriptors: ulimit -Hn", CLIENTS + 100);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib += CLIENTS * 64;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = victim_connect(&v);
    /* The early ones are well: no bit was written beside the set. And those
     * past it are served or refused, but not forgotten. */
    for (int i = 0; i < CLIENTS && !target_is(target, MODEL_IN_TURN); i++) {
        if (i % 100 != 0 && i < FD_SETSIZE - 60)
            continue;
        const char *fault = probe_ask(target->kind, fds[i], 1, patience_ms);
        require(fault == NULL || (i > 0 && strcmp(fault, "no answer") != 0),
                "client %d got %s", i, fault);
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    victim_finish(&v);
}

static void beyond_max_clients(const struct target *target)
{
    enum { CLIENTS = 30 };
    int fds[CLIENTS];
    const char *args[] = {"--max-clients", "10", NULL};
    const struct start start = {.args = args};
    struct victim v;
    struct summary summary;
    char line[256];
    victim_start(&v, target, &start, 0);
    v.allowed_kib += CLIENTS * 64;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = victim_connect(&v);
    /* The chat greets who is let in; the refused get a line and the end. */
    for (int i = CLIENTS - 5; i < CLIENTS; i++) {
        size_t n = peer_receive_all(fds[i], line, sizeof line - 1);
        line[n] = '\0';
        require(strncmp(line, "busy: ", 6) == 0, "a refused one got '%s'",
                line);
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    victim_lets_go(&v); /* or a fresh one finds the house full */
    victim_check(&v);
    victim_end(&v, &summary);
    require(summary.refused >= CLIENTS - 10, "it says: %s", summary.line);
}

/* Connects up to `wanted` clients and asks each something; those that are
 * refused go again. Returns how many are in. */
static int let_in(const struct victim *v, int wanted, int *fds)
{
    int count = 0;
    for (int i = 0; i < wanted; i++) {
        fds[count] = peer_connect(v->server.address);
        const char *fault =
            probe_ask(v->target->kind, fds[count], 1, patience_ms);
        require(fault == NULL || strcmp(fault, "no answer") != 0,
                "client %d got no answer", i);
        if (fault == NULL)
            count++;
        else
            (void)close(fds[count]);
    }
    return count;
}

/* More happens at once than the queue of signals can hold: who relies on it
 * must not lose a client's bytes for that. Who has one place for each client
 * meets more clients than places; who has one for each event says so when they
 * were too many. Few pieces for each client: of many, TCP may hold back the
 * last, and its signal comes when there is room again. */
static void no_room_for_signals(const struct target *target)
{
    enum { PLACES = 40, CLIENTS = 60, LEAST = 20, PIECES = 3, PIECE = 100 };
    int fds[CLIENTS];
    struct victim v;
    victim_start(&v, target, &(struct start){.queued_signals = PLACES}, 0);
    v.allowed_kib += CLIENTS * 64;
    int wanted = target_is(target, MODEL_IN_TURN) ? 1 : CLIENTS;
    int some = let_in(&v, wanted, fds);
    require(some >= wanted || some >= LEAST, "it let in only %d clients", some);
    for (uint64_t round = 0; round < 5; round++) {
        uint64_t place = round * PIECES * PIECE;
        server_freeze(&v.server);
        /* One client after the other: for the last ones there is no room. */
        for (int i = 0; i < some; i++)
            for (uint64_t n = 0; n < PIECES; n++)
                peer_send_stream(fds[i], place + n * PIECE,
                                 place + (n + 1) * PIECE);
        server_thaw(&v.server);
        for (int i = 0; i < some; i++)
            peer_receive_stream(fds[i], place, place + PIECES * PIECE);
    }
    for (int i = 0; i < some; i++)
        (void)close(fds[i]);
    require(strcmp(target->model->name, "sigio") != 0 ||
                lines_with(&v, "overflowed") > 0,
            "it never said that its queue was full");
    victim_finish(&v);
}

/* True when `fd` of the process is a socket or the like and would live on in a
 * program that it starts. What it inherited itself is a file or a pipe. */
static bool lives_on(pid_t pid, int fd)
{
    char path[64], line[128];
    unsigned flags = 0;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    ssize_t n = readlink(path, line, sizeof line - 1);
    line[n > 0 ? n : 0] = '\0';
    if (strncmp(line, "socket:", 7) != 0 &&
        strncmp(line, "anon_inode:", 11) != 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, fd);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        found |= sscanf(line, "flags: %o", &flags) == 1;
    if (file != NULL)
        (void)fclose(file);
    return found && !(flags & 02000000);
}

static void descriptors_close_on_exec(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    int listed = process_descriptors(v.pid);
    for (int fd = 3; fd < listed + 64; fd++)
        require(!lives_on(v.pid, fd), "descriptor %d is inherited", fd);
    victim_finish(&v);
}

const struct fault limit_faults[] = {
    {"no_descriptors", "EMFILE while clients knock", no_descriptors, CONNECTED,
     0, NULL, false,
     "at EMFILE stop accepting for a while: the listener stays ready and "
     "the loop spins"},
    {"few_descriptors_many_clients", "1000 clients, room for 30 descriptors",
     few_descriptors_many_clients, CONNECTED, 0, NULL, false,
     "some way out of a connection does not close it"},
    {"past_fd_setsize", "1084 clients", past_fd_setsize, STREAMS,
     MODEL_ONE_AT_A_TIME, "it holds one client", false,
     "FD_SET past FD_SETSIZE writes beside the set: refuse such a client"},
    {"beyond_max_clients", "30 clients, 10 allowed", beyond_max_clients,
     CONNECTED, MODEL_IN_TURN, "the next one waits", true, NULL},
    {"no_room_for_signals", "RLIMIT_SIGPENDING of 40, 60 clients",
     no_room_for_signals, STREAMS, 0, NULL, false,
     "a signal that is lost must not lose a client: ask all sockets"},
    {"descriptors_close_on_exec", "is any descriptor inherited?",
     descriptors_close_on_exec, EVERYBODY, 0, NULL, false,
     "SOCK_CLOEXEC, accept4, EPOLL_CLOEXEC"},
    {.name = NULL}};

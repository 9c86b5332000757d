/* SPDX-License-Identifier: MIT */
/*
 * Every call of the lesson fails, with every error that fits: the first, the
 * second, the third time; once, and eight times in a row. Three
 * clients talk meanwhile. An error that says 'not now' may cost nobody
 * anything; one that says 'this connection is lost' may cost that connection.
 */
#include "tests/faults.h"

#include "common/clock.h"
#include "common/sockets.h"
#include "tests/bad.h"
#include "tests/injector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 3, ROUNDS = 4, TIMES = 3, DRIVE_MS = 4000 };

/* One call and its errors. */
struct errors {
    const char *call;
    const char *model; /* the one that makes it; NULL: all that may */
    bool fatal;        /* each may end the connection that it happens to */
    const char *names[8];
};

/* A client of the conversation under fire. */
struct talker {
    int fd;
    int rounds; /* questions answered on this connection */
    size_t got; /* bytes of the answer to the present one */
    bool asked;
    bool served; /* a whole answer has come since the fault ended */
};

static void hang_up(struct talker *t)
{
    if (t->fd >= 0)
        (void)close(t->fd);
    *t = (struct talker){.fd = -1, .served = t->served};
}

/* The same with a server of another kind: a whole question and its answer. */
static bool step_whole(const struct victim *v, struct talker *t)
{
    const char *fault = probe_ask(v->target->kind, t->fd, 1, patience_ms);
    if (fault != NULL) {
        require(strcmp(fault, "no answer") != 0, "a client got no answer");
        return false;
    }
    t->served = true;
    if (++t->rounds == ROUNDS)
        hang_up(t);
    return true;
}

/* One step of a talker: connects, asks, takes what came. False when its
 * connection was cut. */
static bool step(const struct victim *v, struct talker *t)
{
    static const char question[] = "what do you say?\n";
    char answer[64];
    if (t->fd < 0)
        t->fd = victim_connect(v);
    if (v->target->kind != TARGET_STREAM)
        return step_whole(v, t);
    if (!t->asked && send(t->fd, question, sizeof question - 1,
                          MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return false;
    t->asked = true;
    ssize_t n = recv(t->fd, answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0)
        return would_block(errno);
    if (n == 0 || (n > 5 && memcmp(answer, "busy: ", 6) == 0))
        return false;
    for (ssize_t i = 0; i < n; i++) {
        char due = question[(t->got + (size_t)i) % (sizeof question - 1)];
        peer_service->apply(&due, 1);
        require(answer[i] == due, "a wrong byte: 0x%02x for 0x%02x",
                (unsigned char)answer[i], (unsigned char)due);
    }
    t->got += (size_t)n;
    require(t->got < sizeof question, "more bytes came than were sent");
    if (t->got < sizeof question - 1)
        return true;
    t->got = 0;
    t->asked = false;
    t->served = true;
    if (++t->rounds == ROUNDS)
        hang_up(t);
    return true;
}

/* All take steps. Returns how many connections were cut. */
static int step_all(const struct victim *v, struct talker talkers[CLIENTS])
{
    int cut = 0;
    for (int i = 0; i < CLIENTS; i++) {
        if (step(v, &talkers[i]))
            continue;
        cut++;
        hang_up(&talkers[i]);
    }
    nap_us(300);
    return cut;
}

/* Drives the conversation until everybody has had an answer again. Returns
 * how many connections were cut. */
static int serve_all(const struct victim *v, struct talker talkers[CLIENTS],
                     const struct injection *injection)
{
    int cut = 0, served = 0;
    int64_t until = now_ms() + patience_ms;
    for (int i = 0; i < CLIENTS; i++)
        talkers[i].served = false;
    while (served < CLIENTS) {
        cut += step_all(v, talkers);
        served = 0;
        for (int i = 0; i < CLIENTS; i++)
            served += talkers[i].served;
        require(now_ms() < until, "%s %s, at call %d%s: a client is stranded",
                injection->call, injection->what, injection->nth,
                injection->on ? " and on" : "");
    }
    return cut;
}

/* Drives the conversation until the error has come, and, where it may cost
 * nobody anything, on until all have an answer in spite of it. */
static int drive(const struct victim *v, const struct injector *injector,
                 struct talker talkers[CLIENTS],
                 const struct injection *injection, bool fatal)
{
    int cut = 0;
    int64_t until = now_ms() + DRIVE_MS;
    while (now_ms() < until && injector_count(injector) == 0)
        for (int i = 0; i < 10; i++)
            cut += step_all(v, talkers);
    return fatal ? cut : cut + serve_all(v, talkers, injection);
}

/* Returns how often the error was injected. */
static int inject_one(const struct target *target,
                      const struct injection *injection, bool fatal)
{
    struct victim v;
    struct injector injector;
    struct talker talkers[CLIENTS] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
    /* A bystander might be hit itself, and that would be in order. */
    victim_start(&v, target, &usual_start, NO_BYSTANDER);
    v.allowed_kib += 4096;
    injector_attach(&injector, v.pid, injection);
    int cut = drive(&v, &injector, talkers, injection, fatal);
    for (int i = 0; i < CLIENTS; i++)
        hang_up(&talkers[i]);
    nap_us(20000); /* quiet: no call may be half injected when strace goes */
    int injected = injector_detach(&injector);
    cut += serve_all(&v, talkers, injection);
    require(cut == 0 || fatal, "%s %s, at call %d%s: %d connections were cut",
            injection->call, injection->what, injection->nth,
            injection->on ? " and on" : "", cut);
    for (int i = 0; i < CLIENTS; i++)
        hang_up(&talkers[i]);
    victim_finish(&v);
    return injected;
}

/* strace counts in each process, and a child of fork makes only two of these:
 * a third one would be waited for in vain. */
static int times_made(const struct target *target, const char *call)
{
    bool two =
        target_is(target, MODEL_FORKS) && strcmp(call, "setsockopt") == 0;
    return two ? 2 : TIMES;
}

/* The sweep: `errors` x the Nth time x once or from then on. */
static void sweep(const struct target *target, const struct errors *errors,
                  uint64_t *seed, int *done, int *missed)
{
    char what[64];
    for (int e = 0; e < 8 && errors->names[e] != NULL; e++) {
        int times = times_made(target, errors->call);
        for (int n = 0; n < times * 2; n++) {
            struct injection injection = {errors->call, what, n / 2 + 1,
                                          n % 2 == 1};
            /* A tenth at random, and of each call one at least. */
            bool chosen = bad_random(seed) % 10 == 0 || (e == 0 && n == 0);
            if (!torture_full && !chosen)
                continue;
            snprintf(what, sizeof what, "error=%s", errors->names[e]);
            int injected = inject_one(target, &injection, errors->fatal);
            verdict->injections += injected;
            (*done)++;
            *missed += injected == 0;
        }
    }
}

/* All of `table` that this model calls; nothing of it, `why_not`. */
static void sweep_table(const struct target *target, const struct errors *table,
                        const char *why_not)
{
    uint64_t seed = torture_seed;
    int done = 0, missed = 0;
    if (!injector_works())
        skip_cell("strace is not here: make deps");
    for (const char *c = target->model->name; *c != '\0'; c++)
        seed = seed * 31 + (unsigned char)*c;
    bool any = false;
    for (const struct errors *e = table; e->call != NULL; e++) {
        char name[64];
        snprintf(name, sizeof name, " %s ", target->model->name);
        if (e->model != NULL && strstr(e->model, name) == NULL)
            continue;
        any = true;
        sweep(target, e, &seed, &done, &missed);
    }
    if (!any)
        skip_cell("%s", why_not);
    snprintf(verdict->note, sizeof verdict->note, "%d sweeps, %d injected",
             done, verdict->injections);
    require(missed == 0, "%d of %d sweeps injected nothing", missed, done);
}

#define NOT_NOW  "EINTR", "EAGAIN"
#define BLOCKING " serial threads pool fork prefork "
#define READINESS                                       \
    " nonblocking select poll epoll epoll-edge events " \
    "events-select events-poll "
#define AIO        " aio aio-thread aio-suspend "
#define URING      " uring uring-multishot multishot-4 "
#define BOTH_CHATS " chat-threads chat-poll "

static const char by_the_kernel[] = "the kernel does it: no call can fail";

static void errors_at_accept(const struct target *target)
{
    /* EAGAIN at accept is the kernel's word that nobody is there: who is told
     * by signals when somebody comes may believe it. */
    static const struct errors table[] = {
        {"accept4", BLOCKING READINESS BOTH_CHATS, false, {"EAGAIN"}},
        {"accept4",
         BLOCKING READINESS BOTH_CHATS AIO " sigio ",
         false,
         {"EINTR", "ECONNABORTED", "EPROTO", "EMFILE", "ENFILE", "ENOMEM",
          "ENOBUFS"}},
        {.call = NULL}};
    sweep_table(target, table, by_the_kernel);
}

static void errors_at_recv(const struct target *target)
{
    static const struct errors table[] = {
        {"recvfrom", BLOCKING READINESS BOTH_CHATS " sigio ", false, {NOT_NOW}},
        {"recvfrom",
         BLOCKING READINESS BOTH_CHATS " sigio ",
         true,
         {"ECONNRESET", "ENOMEM", "ETIMEDOUT", "EHOSTUNREACH"}},
        {"read", " aio aio-suspend ", true, {"ECONNRESET", "ENOMEM"}},
        {.call = NULL}};
    sweep_table(target, table,
                target_is(target, MODEL_NEEDS_URING)
                    ? by_the_kernel
                    : "by the same call it reads a pipe of its own");
}

static void errors_at_send(const struct target *target)
{
    /* A chat waits for no member: who does not take a line is dropped. */
    static const struct errors table[] = {
        {"sendto", BLOCKING READINESS AIO " sigio ", false, {NOT_NOW}},
        {"sendto", BOTH_CHATS, true, {NOT_NOW}},
        {"sendto",
         BLOCKING READINESS BOTH_CHATS AIO " sigio ",
         true,
         {"EPIPE", "ECONNRESET", "ENOBUFS", "ENOMEM", "ETIMEDOUT"}},
        {.call = NULL}};
    sweep_table(target, table, by_the_kernel);
}

static void errors_at_wait(const struct target *target)
{
    static const struct errors table[] = {
        {"pselect6", " select events-select heartbeat ", false, {"EINTR"}},
        {"ppoll",
         " poll fork events-poll aio-thread chat-poll ",
         false,
         {"EINTR"}},
        {"epoll_pwait", " epoll epoll-edge events ", false, {"EINTR"}},
        {"rt_sigtimedwait", " sigio aio ", false, {"EINTR"}},
        {"io_uring_enter", URING, false, {NOT_NOW, "EBUSY"}},
        {.call = NULL}};
    sweep_table(target, table,
                "it sleeps in accept and recv, in a lock, or never");
}

static void errors_at_arming(const struct target *target)
{
    static const struct errors table[] = {
        {"epoll_ctl", " epoll epoll-edge events ", true, {"ENOSPC", "ENOMEM"}},
        {"fcntl", " sigio ", true, {"EPERM"}},
        {"clone3",
         " threads chat-threads aio aio-suspend ",
         true,
         {"EAGAIN", "ENOMEM"}},
        {"clone", " fork ", true, {"EAGAIN", "ENOMEM"}},
        {"setsockopt", BLOCKING, false, {"ENOMEM"}},
        {.call = NULL}};
    sweep_table(target, table,
                strcmp(target->model->name, TOLD_BY_THREADS) == 0
                    ? NO_THREAD_TO_TELL
                    : "it serves a client without such a call");
}

/* A kernel that takes its time. */
static void slow_calls(const struct target *target)
{
    const char *call =
        target_is(target, MODEL_NEEDS_URING) ? "io_uring_enter" : "sendto";
    const struct injection injection = {call, "delay_enter=20ms", 1, true};
    struct victim v;
    struct injector injector;
    if (!injector_works())
        skip_cell("strace is not here: make deps");
    victim_start(&v, target, &usual_start, 0);
    injector_attach(&injector, v.pid, &injection);
    for (int i = 0; i < 3; i++) {
        int fd = peer_connect(v.server.address);
        for (int n = 0; n < 3; n++)
            peer_ask(fd, "take your time\n");
        (void)close(fd);
    }
    (void)injector_detach(&injector);
    victim_finish(&v);
}

static const char hint[] = "handle the error by name: not now, or this "
                           "client's end; never the server's";

const struct fault injected_faults[] = {
    {"errors_at_accept", "EINTR ... ENOBUFS at accept", errors_at_accept,
     CONNECTED, 0, NULL, true, hint},
    {"errors_at_recv", "EINTR ... ECONNRESET at recv", errors_at_recv,
     CONNECTED, 0, NULL, true, hint},
    {"errors_at_send", "EINTR ... EPIPE at send", errors_at_send, CONNECTED, 0,
     NULL, true, hint},
    {"errors_at_wait", "EINTR, EBUSY at the wait", errors_at_wait,
     CONNECTED | HEARTBEATS, 0, NULL, true, hint},
    {"errors_at_arming", "no watch, no thread, no process", errors_at_arming,
     CONNECTED, 0, NULL, true, hint},
    {"slow_calls", "every send takes 20 ms", slow_calls, STREAMS, 0, NULL, true,
     hint},
    {.name = NULL}};

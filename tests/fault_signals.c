/* SPDX-License-Identifier: MIT */
/* Signals: real interruptions, and the end at the worst moments. */
#include "tests/faults.h"

#include "common/clock.h"
#include "tests/injector.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIB = 1024 };

/* Stopped and woken again and again in the middle of a stream: each time a
 * sleeping call comes back with EINTR. */
static void stopped_and_woken(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    int fd = victim_connect(&v);
    for (int i = 0; i < 50 && target->kind != TARGET_STREAM; i++) {
        server_freeze(&v.server);
        server_thaw(&v.server);
        victim_ask(&v, fd);
    }
    for (uint64_t i = 0; i < 100 && target->kind == TARGET_STREAM; i++) {
        if (i % 2)
            peer_send_stream(fd, i * 700, i * 700 + 700);
        server_freeze(&v.server);
        if (i % 2 == 0)
            peer_send_stream(fd, i * 700, i * 700 + 700);
        server_thaw(&v.server);
        peer_receive_stream(fd, i * 700, i * 700 + 700);
    }
    (void)close(fd);
    victim_finish(&v);
}

/* How the program ended after the signals that were sent. */
static void expect_end(struct victim *v, int due, const char *when)
{
    int status = spawn_end(&v->server.child, 0, 8000, NULL);
    require(WIFEXITED(status), "%s: signal %d ended it (9: it did not end)",
            when, WTERMSIG(status));
    /* Of two that are pending together, the kernel hands over SIGINT first. */
    bool other = due == 128 + SIGINT && WEXITSTATUS(status) == 128 + SIGTERM;
    require(WEXITSTATUS(status) == due || other ||
                (due != 0 && WEXITSTATUS(status) == 0),
            "%s: status %d where %d is due", when, WEXITSTATUS(status), due);
}

/* Gives it reasons to wake up, one at a time and with a rest after each: none
 * is left once the signal has come, for then nothing else may wake it. */
static void wake_until_signalled(const struct victim *v,
                                 const struct injector *injector)
{
    int fd = -1;
    for (int i = 0; i < 40 && !injector_signalled(injector); i++) {
        if (i % 2)
            (void)close(fd);
        else if ((fd = probe_open(v->target->kind, v->server.address)) < 0)
            break; /* it has ended already, by sigtimedwait's result */
        else if ((1u << v->target->kind) & UNCONNECTED)
            (void)send(fd, "hb", 2, MSG_NOSIGNAL);
        (void)kill(v->pid, SIGCHLD); /* wakes the parent of --prefork alone */
        nap_us(10000);
    }
}

/* The real signal, delivered when the server enters the call in which it
 * waits: what it has tested before is out of date. */
static void stop_before_the_sleep(const struct target *target)
{
    static const struct {
        const char *models, *call;
    } waits[] = {
        {" serial threads nonblocking chat-threads ", "accept4"},
        {" select events-select heartbeat ", "pselect6"},
        {" poll fork prefork events-poll aio-thread chat-poll ", "ppoll"},
        {" epoll epoll-edge events ", "epoll_pwait"},
        {" sigio aio ", "rt_sigtimedwait"},
        {" udp ", "recvfrom"},
        {" uring uring-multishot multishot-4 ", "io_uring_enter"}};
    char name[64];
    const char *call = NULL;
    snprintf(name, sizeof name, " %s ", target->model->name);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        if (strstr(waits[i].models, name) != NULL)
            call = waits[i].call;
    if (call == NULL)
        skip_cell("a thread of its own takes the signals, and does no more");
    if (!injector_works())
        skip_cell("strace is not here: make deps");
    injector_stays_to_the_end();
    for (int nth = 1; nth <= 3; nth++) {
        const struct injection injection = {call, "signal=SIGTERM", nth, false};
        struct victim v;
        struct injector injector;
        victim_start(&v, target, &usual_start, NO_BYSTANDER);
        injector_attach(&injector, v.pid, &injection);
        wake_until_signalled(&v, &injector);
        expect_end(&v, 0, "SIGTERM as it goes to sleep");
        verdict->injections++;
        (void)injector_detach(&injector);
        (void)close(v.server.error_fd);
    }
}

/* Ten in the middle of a transfer; the first signal, and a second one. */
static void second_signal_ends_at_once(const struct target *target)
{
    enum { CLIENTS = 10 };
    struct victim v;
    victim_start(&v, target, &usual_start, NO_BYSTANDER);
    for (int i = 0; i < target_room(target, CLIENTS); i++)
        (void)peer_push(peer_connect_tight(v.server.address), 0, 512 * KIB);
    nap_us(50000);
    (void)kill(v.pid, SIGTERM);
    nap_us(100000);
    (void)kill(v.pid, SIGINT);
    int64_t began = now_ms();
    expect_end(&v, 128 + SIGINT, "SIGTERM, then SIGINT");
    require(now_ms() - began < 1500, "the second signal took %lld ms",
            (long long)(now_ms() - began));
    (void)close(v.server.error_fd);
}

static const char hint[] = "a sleeping call may return EINTR: go round again";

const struct fault signal_faults[] = {
    {"stopped_and_woken", "SIGSTOP and SIGCONT, 100 times in a stream",
     stopped_and_woken, EVERYBODY, 0, NULL, false, hint},
    {"stop_before_the_sleep", "SIGTERM as it enters its wait",
     stop_before_the_sleep, EVERYBODY, 0, NULL, true, NULL},
    {"second_signal_ends_at_once", "SIGTERM and SIGINT in mid-transfer",
     second_signal_ends_at_once, CONNECTED, 0, NULL, true, NULL},
    {.name = NULL}};

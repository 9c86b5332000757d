/* SPDX-License-Identifier: MIT */
/*
 * sigio_client: the textbook figure of signal-driven I/O, on one socket.
 *
 * Shows
 *   - the kernel is asked once to send SIGIO when the socket gets ready; until
 *     then the program works and asks nothing (--work: no call at all);
 *   - the signal interrupts the work. It says only 'ready': the copy is a
 *     second step, our own recv;
 *   - the signal tells of a change, once. For what lies there already none
 *     comes, so we look before we wait.
 *
 * Who waits, who copies: nobody waits with --work, the signal finds us; without
 * it this process sleeps in sigwaitinfo. Its own recv copies.
 * Threads and ownership: one thread. The handler sets a flag and no more.
 * Limits: one socket, so a plain SIGIO is enough: it need not say which.
 * Try it
 *   build/multiplexing/sigio_server &
 *   build/multiplexing/sigio_client --work hello world
 * Note: notes/06-signal-driven.md
 * Compare: blocking/blocking_client.c, nonblocking/polling_client.c
 */
#include "common/client.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"
#include "common/work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct conversation {
    struct client_options options;
    struct waiting waiting;
    struct reply_tail tail;
    sigset_t signals;
    int fd;
};

/* Set by the signal: bytes have come since we last looked. */
static volatile sig_atomic_t ready;

static void note_ready(int signal_number)
{
    (void)signal_number;
    ready = 1;
}

/* Asks for SIGIO whenever `fd` gets ready. With --work the handler takes it;
 * without, it stays blocked and sigwaitinfo takes it. */
static void arm(struct conversation *c)
{
    /* SA_RESTART: reading the keyboard goes on after the signal. */
    struct sigaction action = {.sa_handler = note_ready,
                               .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigemptyset(&c->signals);
    sigaddset(&c->signals, SIGIO);
    /* [setup:sigaction] Before the first SIGIO: unexpected it would kill us. */
    if (sigaction(SIGIO, &action, NULL) < 0 ||
        (!c->options.work && sigprocmask(SIG_BLOCK, &c->signals, NULL) < 0))
        die_errno("sigaction");
    /* [arm:F_SETOWN] To whom the signal goes. */
    if (fcntl(c->fd, F_SETOWN, getpid()) < 0)
        die_errno("F_SETOWN");
    /* [arm:O_ASYNC] From now on. What is there already is not told. */
    if (fcntl(c->fd, F_SETFL, O_ASYNC) < 0)
        die_errno("O_ASYNC");
}

/* Until the signal comes: works, or sleeps. */
static void wait_for_signal(struct conversation *c)
{
    struct pollfd look = {.fd = c->fd, .events = POLLIN};
    ready = 0; /* before we look: a signal from now on counts */
    /* [wait:poll] What is there already gives no signal: one look, 0 ms. */
    if (poll(&look, 1, 0) != 0)
        return;
    while (c->options.work && !ready) {
        /* [work:unit] No call: the signal breaks in, wherever we are. */
        (void)work_unit();
        c->waiting.units++;
    }
    while (!ready) {
        /* [wait:sigwaitinfo] Phase 1: asleep until the signal comes. */
        int sign = sigwaitinfo(&c->signals, NULL);
        if (sign < 0 && errno != EINTR)
            die_errno("sigwaitinfo");
        ready = sign == SIGIO;
    }
}

/* Sends all of `message`; the kernel may take it in several portions. */
static void ask(struct conversation *c, const char *message, size_t length)
{
    while (length > 0) {
        /* [copy:send] Our bytes into the kernel's buffer; there is room. */
        ssize_t n = send(c->fd, message, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            die_errno("send");
        if (n > 0) {
            message += n;
            length -= (size_t)n;
        }
    }
}

/* Waits for bytes and shows them. Returns how many; 0 is the end of input. */
static size_t answer(struct conversation *c)
{
    char reply[MESSAGE_SIZE];
    ssize_t n;
    int64_t began = now_us();
    do {
        wait_for_signal(c);
        /* [copy:recv] The signal has said 'ready'; our call copies, and does
         * not sleep. */
        n = recv(c->fd, reply, sizeof reply, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            c->waiting.in_vain++;
    } while (n < 0 && would_block(errno));
    if (n < 0)
        die_errno("recv");
    c->waiting.waited_us += now_us() - began;
    client_show(&c->tail, reply, (size_t)n);
    return (size_t)n;
}

/* Half-close: we have said all, the server has not. */
static void finish(struct conversation *c)
{
    /* [end:shutdown] The server reads end of input and may still answer. */
    if (shutdown(c->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        die_errno("shutdown");
    while (answer(c) > 0)
        ;
    client_show_end(&c->tail);
    close(c->fd);
}

int main(int argc, char **argv)
{
    struct conversation c = {.fd = -1};
    char message[MESSAGE_SIZE];
    int next = 0;
    size_t length;
    client_options_parse(&c.options, argc, argv,
                         "Signal-driven I/O on one socket: work until SIGIO "
                         "comes, then copy.");
    c.fd = client_connect(&c.options, 0);
    arm(&c);
    while ((length = client_next_message(&c.options, &next, message)) > 0) {
        ask(&c, message, length);
        for (size_t got = 0, n; got < length; got += n)
            if ((n = answer(&c)) == 0)
                client_cut_off();
        c.waiting.replies++;
    }
    finish(&c);
    client_account(&c.options, &c.waiting,
                   "free all the time, until a signal broke in");
    return 0;
}

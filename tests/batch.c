/* SPDX-License-Identifier: MIT */
#include "tests/batch.h"

#include "common/clock.h"
#include "common/report.h"
#include "tests/peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How far apart the clients speak, for a server that looks at its clock. */
enum { APART_US = 20000 };

/* Connects and is served. Who left last may still have its place: then this
 * one is refused, and comes again. */
static int take_place(const struct server *server)
{
    char answer[5];
    int64_t until = now_ms() + patience_ms;
    for (;;) {
        int fd = peer_connect(server->address);
        peer_send(fd, "1234\n", sizeof answer);
        peer_receive(fd, answer, sizeof answer);
        nap_us(APART_US);
        if (memcmp(answer, "1234\n", sizeof answer) == 0)
            return fd;
        (void)close(fd);
        require(now_ms() < until, "the places of those who left stay taken");
    }
}

/* Its answer, or a word of refusal: anything but a cut. */
static void expect_care(int newcomer, const char *after)
{
    static const char busy[] = "busy: ";
    char answer[64];
    require(peer_readable(newcomer, patience_ms), "%s a newcomer got no answer",
            after);
    ssize_t n = recv(newcomer, answer, sizeof answer, MSG_DONTWAIT);
    require(n > 0, "%s a newcomer was cut off (%s): was that its event?", after,
            n < 0 ? errno_name(errno) : "end of input");
    if (n > 6 && memcmp(answer, busy, sizeof busy - 1) == 0)
        return;
    require(n == 5 && memcmp(answer, "5678\n", 5) == 0,
            "%s a newcomer got '%.*s'", after, (int)n, answer);
    peer_ask(newcomer, "and still here\n");
}

void batch_newcomer(const struct server *server)
{
    static const char *const ways[] = {"after a reset", "after a word",
                                       "after a farewell"};
    for (int way = 0; way < 3; way++) {
        int fds[BATCH_PLACES];
        for (int i = 0; i < BATCH_PLACES; i++)
            fds[i] = take_place(server);
        server_freeze(server);
        int newcomer = peer_connect(server->address); /* the first event */
        peer_send(newcomer, "5678\n", 5);
        if (way == 0)
            peer_reset(fds[0]); /* the second */
        else if (way == 1)
            peer_send(fds[0], "now I talk\n", 11);
        else
            peer_finish(fds[0]);
        server_thaw(server);
        expect_care(newcomer, ways[way]);
        for (int i = 1; i < BATCH_PLACES; i++) {
            peer_ask(fds[i], "untouched\n");
            (void)close(fds[i]);
        }
        if (way != 0)
            (void)close(fds[0]);
        (void)close(newcomer);
    }
}

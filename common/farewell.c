/* SPDX-License-Identifier: MIT */
#include "common/farewell.h"

#include "common/clock.h"
#include "common/sockets.h"
#include "common/stop.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* One look reads so many portions at most: who sends on must not keep us. */
enum { LOOK_US = 2000, UNREAD_PORTIONS = 16 };

struct farewell {
    int fd;    /* -1: it is over */
    bool said; /* shut for writing: nothing of ours is unsent */
    struct buffer *rest;
};

static struct farewell *farewells;
static int farewell_count;

/* What the client's kernel has not confirmed. After a reset the number stays as
 * it was for ever; then nobody is at the other end (ENOTCONN). */
static int unacknowledged(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int bytes = 0;
    if (getpeername(fd, (struct sockaddr *)&peer, &length) < 0)
        return 0;
    return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? 0 : bytes;
}

void farewell_say(int fd, struct buffer *rest)
{
    if (rest == NULL && unacknowledged(fd) == 0)
        return;
    size_t count = (size_t)farewell_count + 1;
    struct farewell *more = realloc(farewells, count * sizeof *more);
    if (more == NULL)
        return; /* it is closed without one */
    farewells = more;
    farewells[farewell_count++] = (struct farewell){.fd = fd, .rest = rest};
}

/* Sends what there is room for. Returns how much; -1: the client is gone. */
static ssize_t send_rest(struct farewell *f)
{
    if (f->rest == NULL || buffer_unsent_length(f->rest) == 0)
        return 0;
    ssize_t n =
        send(f->fd, buffer_unsent(f->rest), buffer_unsent_length(f->rest),
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return would_block(errno) ? 0 : -1;
    buffer_sent(f->rest, (size_t)n);
    return n;
}

/* Reads and forgets; true when the client has everything, or has gone. */
static bool everything_there(int fd)
{
    char unread[4096];
    for (int i = 0; i < UNREAD_PORTIONS; i++)
        if (recv(fd, unread, sizeof unread, MSG_DONTWAIT) <= 0)
            break;
    return unacknowledged(fd) == 0;
}

/* One step for one client. Returns how many bytes went. */
static size_t step(struct farewell *f)
{
    ssize_t n = send_rest(f);
    if (n < 0) {
        f->fd = -1;
        return 0;
    }
    if (f->rest == NULL || buffer_unsent_length(f->rest) == 0) {
        if (!f->said)
            (void)shutdown(f->fd, SHUT_WR); /* ENOTCONN: it has gone */
        f->said = true;
        if (everything_there(f->fd))
            f->fd = -1;
    }
    return (size_t)n;
}

void farewell_wait(struct stats *stats)
{
    int open = farewell_count;
    while (open > 0 && stop_grace_ms() > 0) {
        open = 0;
        for (int i = 0; i < farewell_count; i++) {
            if (farewells[i].fd >= 0)
                stats->bytes_out += step(&farewells[i]);
            open += farewells[i].fd >= 0;
        }
        if (open > 0)
            nap_us(LOOK_US);
    }
    free(farewells);
    farewells = NULL;
    farewell_count = 0;
}

void farewell_linger(int fd)
{
    if (!stop_requested() || unacknowledged(fd) == 0)
        return;
    /* A stop has shut it for reading; shut for writing too, the kernel would
     * answer the next byte with a reset, and forget what is still to come. */
    while (!everything_there(fd) && stop_grace_ms() > 0)
        nap_us(LOOK_US);
}

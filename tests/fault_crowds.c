/* SPDX-License-Identifier: MIT */
/* Many clients that come, go and talk at the same time; each one's bytes are
 * its own, so that a mix-up shows. */
#include "tests/faults.h"

#include "common/clock.h"
#include "common/sockets.h"
#include "tests/bad.h"
#include "tests/batch.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIB = 1024 };

/* The stream of client `who` begins at its own place. */
static uint64_t place_of(int who)
{
    return (uint64_t)who << 24;
}

/* A thousand leave in all ways while they talk; in their places others come,
 * and their answers must be theirs alone. */
static void thousand_disconnects(const struct target *target)
{
    enum { LEAVERS = 1000, STAYERS = 8 };
    int fds[STAYERS];
    uint64_t at[STAYERS];
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib += 4096;
    int stay = target_room(target, STAYERS);
    if (target_is(target, MODEL_IN_TURN))
        stay = target->model->most_clients > 2
                   ? target->model->most_clients - 2
                   : 0; /* one place for the bystander, one for who leaves */
    for (int i = 0; i < stay; i++) {
        fds[i] = peer_connect(v.server.address);
        at[i] = place_of(i);
    }
    for (int n = 0; n < LEAVERS; n++) {
        static const char *const ways[] = {"rst", "fin", "rst", "halfclose"};
        int fd = bad_act(ways[n % 4], v.server.address, 1, 0);
        if (fd >= 0)
            (void)close(fd);
        if (stay == 0)
            continue;
        int who = n % stay;
        uint64_t length = n % 7 == 0 ? 20 * KIB : 1 + (uint64_t)n % 300;
        peer_send_stream(fds[who], at[who], at[who] + length);
        peer_receive_stream(fds[who], at[who], at[who] + length);
        at[who] += length;
    }
    for (int i = 0; i < stay; i++)
        (void)close(fds[i]);
    int after = peer_connect(v.server.address);
    peer_send_stream(after, place_of(99), place_of(99) + 64 * KIB);
    peer_receive_stream(after, place_of(99), place_of(99) + 64 * KIB);
    (void)close(after);
    victim_finish(&v);
}

/* While it stands still, clients leave, others talk and new ones come: it
 * finds all these events in one batch, and numbers of descriptors that are
 * used again before the batch is done. */
static void stale_events(const struct target *target)
{
    enum { CLIENTS = 24, ROUNDS = 12 };
    int fds[CLIENTS];
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib += CLIENTS * 64;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = peer_connect(v.server.address);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t place = place_of(round);
        server_freeze(&v.server);
        for (int i = 0; i < CLIENTS; i++) {
            peer_send_stream(fds[i], place + (uint64_t)i * 1000,
                             place + (uint64_t)i * 1000 + 700);
            if ((i + round) % 3 != 0)
                continue;
            if (i % 2)
                peer_reset(fds[i]);
            else
                (void)close(fds[i]);
            fds[i] = -1;
        }
        for (int i = 0; i < CLIENTS; i++) {
            if (fds[i] >= 0)
                continue;
            fds[i] = peer_connect(v.server.address);
            peer_send_stream(fds[i], place + (uint64_t)i * 1000,
                             place + (uint64_t)i * 1000 + 700);
        }
        server_thaw(&v.server);
        for (int i = 0; i < CLIENTS; i++)
            peer_receive_stream(fds[i], place + (uint64_t)i * 1000,
                                place + (uint64_t)i * 1000 + 700);
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    victim_finish(&v);
}

/* The same where the order of a batch is known: a newcomer when all places are
 * taken (the bystander's is one), then the end of who was silent longest. */
static void newcomer_in_the_batch(const struct target *target)
{
    const char *args[] = {"--max-clients", "5", NULL};
    struct victim v;
    _Static_assert(BATCH_PLACES + 1 == 5, "as many as --max-clients");
    victim_start(&v, target, &(struct start){.args = args}, 0);
    batch_newcomer(&v.server);
    victim_finish(&v);
}

/* More unread answers than any pool of buffers holds; then all read on, and
 * nobody may have been forgotten. */
static void buffers_run_out(const struct target *target)
{
    enum { CLIENTS = 150, EACH = 1000 * KIB };
    static int fds[CLIENTS];
    static uint64_t sent[CLIENTS];
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib += CLIENTS * 96;
    for (int i = 0; i < CLIENTS; i++) {
        /* The least buffer would make TCP's own timers the slowest here. */
        fds[i] = peer_connect_with(v.server.address, 16 * KIB);
        sent[i] = place_of(i);
    }
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < CLIENTS; i++)
            sent[i] = peer_push(fds[i], sent[i], place_of(i) + EACH);
    for (int i = 0; i < CLIENTS; i++) {
        peer_receive_stream(fds[i], place_of(i), sent[i]);
        peer_send_stream(fds[i], sent[i], sent[i] + 100);
        peer_receive_stream(fds[i], sent[i], sent[i] + 100);
        if (target_is(target, MODEL_IN_TURN))
            (void)close(fds[i]);
    }
    for (int i = 0; i < CLIENTS && !target_is(target, MODEL_IN_TURN); i++)
        (void)close(fds[i]);
    victim_finish(&v);
}

/* While it stands still the kernel alone lets them in: as many as the queue of
 * its listener holds. */
static void knock_while_it_stands(const struct victim *v)
{
    enum { CLIENTS = 300 };
    struct pollfd knockers[CLIENTS];
    struct address address;
    int64_t until = now_ms() + patience_ms;
    (void)address_parse(v->server.address, &address);
    server_freeze(&v->server);
    for (int i = 0; i < CLIENTS; i++)
        knockers[i] = (struct pollfd){
            .fd = socket_connect(&address, SOCK_NONBLOCK), .events = POLLOUT};
    for (int i = 0; i < CLIENTS; i++) {
        int64_t left = until - now_ms();
        require(poll(&knockers[i], 1, left > 0 ? (int)left : 0) == 1,
                "client %d of %d did not get into the queue", i + 1, CLIENTS);
    }
    server_thaw(&v->server);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(knockers[i].fd);
}

static void many_at_a_time(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib += 300 * 64;
    for (int i = 0; i < 3; i++)
        (void)bad_act("many", v.server.address, 300, 0);
    knock_while_it_stands(&v);
    /* They are gone, but still in the queue: served behind the last of them,
     * somebody knows that the crowd has ended. */
    int last = victim_connect(&v);
    victim_ask(&v, last);
    (void)close(last);
    victim_finish(&v);
}

/* A seeded client: any length, any pause, any way to leave, compared. */
static void random_clients(const struct target *target)
{
    struct victim v;
    uint64_t seed = torture_seed;
    victim_start(&v, target, &usual_start, 0);
    for (int n = 0; n < (torture_full ? 400 : 60); n++) {
        int fd = n % 5 ? peer_connect(v.server.address)
                       : peer_connect_tight(v.server.address);
        uint64_t at = bad_random(&seed) >> 20;
        for (uint64_t turns = bad_random(&seed) % 6; turns > 0; turns--) {
            uint64_t length = bad_random(&seed) % 40000;
            uint64_t sent = peer_push(fd, at, at + length);
            if (bad_random(&seed) % 4 == 0)
                break; /* it leaves with the answer on its way */
            peer_loosen(fd);
            peer_receive_stream(fd, at, sent);
            at = sent;
        }
        if (bad_random(&seed) % 2)
            peer_reset(fd);
        else
            (void)close(fd);
    }
    victim_finish(&v);
}

const struct fault crowd_faults[] = {
    {"thousand_disconnects", "1000 leave, 8 stay: every byte its client's",
     thousand_disconnects, STREAMS, 0, NULL, false,
     "find a client's state by a pointer of its own, not by a number that "
     "the next one gets"},
    {"stale_events", "leave, talk and come in one batch", stale_events, STREAMS,
     MODEL_IN_TURN, "it holds fewer clients at a time", false,
     "an event of this batch may be for a client that you have just closed"},
    {"newcomer_in_the_batch", "all places taken: who comes, who goes",
     newcomer_in_the_batch, STREAMS, MODEL_IN_TURN, "the next one waits", true,
     NULL},
    {"buffers_run_out", "150 clients with unread answers, then all read",
     buffers_run_out, STREAMS, 0, NULL, false,
     "when buffers run out, remember who waits for one"},
    {"many_at_a_time", "300 connect at once; 300 while it stands",
     many_at_a_time, CONNECTED, 0, NULL, false,
     "listen with a long backlog, accept in turns"},
    {"random_clients", "a seeded client: lengths, pauses, ends", random_clients,
     STREAMS, 0, NULL, false, "run it again with the same --seed"},
    {.name = NULL}};

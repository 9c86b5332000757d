/* SPDX-License-Identifier: MIT */
#include "bench/scene.h"

#include "common/clock.h"
#include "common/sockets.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const struct scene scene_three_clients = {
    .title = "three clients, one silent",
    .client_count = 3,
    .names = {"ana", "ben", "caz"},
    .step_count = 11,
    .steps = {{0, 0, SCENE_CONNECT, NULL},
              {20, 1, SCENE_CONNECT, NULL},
              {40, 2, SCENE_CONNECT, NULL},
              {60, 1, SCENE_SAY, "hello"},
              {110, 2, SCENE_SAY, "good day"},
              {160, 1, SCENE_SAY, "again"},
              {160, 1, SCENE_LEAVE, NULL},
              {240, 2, SCENE_SAY, "bye"},
              {240, 2, SCENE_LEAVE, NULL},
              {400, 0, SCENE_SAY, "hi"},
              {400, 0, SCENE_LEAVE, NULL}}};

/* Nothing has happened for so long after the last step: give up. */
enum { PATIENCE_MS = 2000 };

struct player {
    int fd;       /* -1: not here */
    bool leaving; /* closes once every answer has come */
    int answered; /* the step whose answer comes next, or is coming */
    size_t got;   /* bytes of it that are here */
};

struct play {
    const struct scene *scene;
    struct scene_record *record;
    const struct address *address;
    int next; /* the next step to take */
    struct player players[SCENE_CLIENTS_MAX];
};

static int64_t elapsed_us(const struct play *p)
{
    return (now_ns() - p->record->began_ns) / 1000;
}

/* Moves to the client's next unanswered question. False when there is none. */
static bool find_question(struct play *p, int client)
{
    struct player *player = &p->players[client];
    for (; player->answered < p->next; player->answered++) {
        const struct scene_step *step = &p->scene->steps[player->answered];
        if (step->client == client && step->action == SCENE_SAY &&
            p->record->moments[player->answered].answered_us < 0)
            return true;
    }
    return false;
}

static void leave(struct player *player)
{
    (void)close(player->fd);
    player->fd = -1;
}

static int join(struct play *p, int client)
{
    int fd = socket_connect(p->address, 0);
    if (fd >= 0)
        (void)address_of_socket(fd, p->record->addresses[client]);
    p->players[client].fd = fd;
    return fd < 0 ? -1 : 0;
}

static int take_step(struct play *p)
{
    const struct scene_step *step = &p->scene->steps[p->next];
    struct player *player = &p->players[step->client];
    p->record->moments[p->next].done_us = elapsed_us(p);
    p->next++;
    switch (step->action) {
    case SCENE_CONNECT:
        return join(p, step->client);
    case SCENE_SAY:
        if (player->fd >= 0)
            (void)send(player->fd, step->text, strlen(step->text),
                       MSG_NOSIGNAL); /* no answer will tell */
        return 0;
    case SCENE_LEAVE:
        player->leaving = true;
        return 0;
    case SCENE_FINISH:
        if (player->fd >= 0)
            (void)shutdown(player->fd, SHUT_WR); /* ENOTCONN: it hears that */
        return 0;
    }
    return 0;
}

/* The client has bytes, or its connection has ended. */
static void hear(struct play *p, int client)
{
    struct player *player = &p->players[client];
    char bytes[256];
    ssize_t n = recv(player->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && would_block(errno))
        return;
    if (n <= 0) {
        leave(player);
        return;
    }
    for (ssize_t i = 0; i < n && find_question(p, client); i++) {
        struct scene_moment *moment = &p->record->moments[player->answered];
        const char *text = p->scene->steps[player->answered].text;
        if (player->got < sizeof moment->answer - 1)
            moment->answer[player->got] = bytes[i];
        if (++player->got == strlen(text)) {
            moment->answered_us = elapsed_us(p);
            player->got = 0;
        }
    }
}

/* Sleeps until an answer comes or the next step is due. Returns how many
 * clients had something; 0: time is up. */
static int wait_for_players(struct play *p, int64_t until_us)
{
    struct pollfd fds[SCENE_CLIENTS_MAX];
    int64_t left = until_us - elapsed_us(p);
    struct timespec t = timespec_of_us(left > 0 ? left : 0);
    for (int i = 0; i < p->scene->client_count; i++)
        fds[i] = (struct pollfd){.fd = p->players[i].fd, .events = POLLIN};
    int ready = ppoll(fds, (nfds_t)p->scene->client_count, &t, NULL);
    for (int i = 0; ready > 0 && i < p->scene->client_count; i++)
        if (fds[i].revents != 0)
            hear(p, i);
    return ready < 0 ? 1 : ready;
}

static bool everybody_left(struct play *p)
{
    bool left = p->next == p->scene->step_count;
    for (int i = 0; i < p->scene->client_count; i++) {
        struct player *player = &p->players[i];
        if (player->fd >= 0 && player->leaving && !find_question(p, i))
            leave(player);
        left = left && player->fd < 0;
    }
    return left;
}

int scene_play(const struct scene *scene, const struct address *address,
               double pace, bool (*stop)(void), void (*look)(void *),
               void *data, struct scene_record *record)
{
    struct play p = {.scene = scene, .record = record, .address = address};
    int failed = 0;
    memset(record, 0, sizeof *record);
    for (int i = 0; i < SCENE_CLIENTS_MAX; i++)
        p.players[i].fd = -1;
    for (int i = 0; i < scene->step_count; i++)
        record->moments[i].answered_us = -1;
    record->began_ns = now_ns();
    while (failed == 0 && !stop() && !everybody_left(&p)) {
        bool more = p.next < scene->step_count;
        int at_ms =
            more ? scene->steps[p.next].at_ms
                 : scene->steps[scene->step_count - 1].at_ms + PATIENCE_MS;
        int64_t due_us = (int64_t)(at_ms * pace * 1000);
        int heard = wait_for_players(&p, due_us);
        if (heard == 0 && !more)
            break;
        if (more && elapsed_us(&p) >= due_us)
            failed = take_step(&p);
        if (look)
            look(data);
    }
    record->length_us = elapsed_us(&p);
    for (int i = 0; i < scene->client_count; i++)
        if (p.players[i].fd >= 0)
            leave(&p.players[i]);
    if (failed == 0 && !stop())
        nap_us((int64_t)(scene->after_ms * pace * 1000));
    return failed;
}

int64_t scene_longest_wait_us(const struct scene *scene,
                              const struct scene_record *record, int client)
{
    int64_t longest = 0;
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_moment *moment = &record->moments[i];
        if (scene->steps[i].client != client ||
            scene->steps[i].action != SCENE_SAY)
            continue;
        if (moment->answered_us < 0)
            return -1;
        if (moment->answered_us - moment->done_us > longest)
            longest = moment->answered_us - moment->done_us;
    }
    return longest;
}

const char *scene_wait_text(int64_t us, char text[16])
{
    if (us < 0)
        snprintf(text, 16, "no answer");
    else
        snprintf(text, 16, us < 9950 ? "%.1f ms" : "%.0f ms",
                 (double)us / 1000);
    return text;
}

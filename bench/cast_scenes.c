/* SPDX-License-Identifier: MIT */
/* The scenes that are drawn: what the script does. See cast.h. */
#include "bench/cast_scenes.h"
#include "bench/cast.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* NULL-ended argument lists. */
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A server stands still; its client's patience, and another try. */
static void play_udp(const struct cast_scene *scene, struct cast *cast)
{
    cast->questions = true;
    struct member *server =
        cast_serve(cast, ARGS(scene->server, "-l", "127.0.0.1:0"));
    const char *address = server->traced.child.ready;
    struct member *ana =
        cast_enter(cast, "ana",
                   ARGS(scene->client, "-c", address, "-t", "0.3", "-r", "2"));
    struct member *ben =
        cast_enter(cast, "ben", ARGS(scene->client, "-c", address));
    cast_type(cast, ana, "first");
    cast_hear(ana, "FIRST");
    cast_type(cast, ben, "first");
    cast_hear(ben, "FIRST");
    cast_begin(cast);
    cast_listen(120);
    cast_type(cast, ana, "hello");
    cast_listen(130);
    cast_type(cast, ben, "hi");
    cast_listen(100);
    cast_signal(server, SIGSTOP);
    cast_listen(60);
    cast_type(cast, ana, "anybody?");
    cast_hear(ana, "asking again");
    cast_listen(150);
    cast_signal(server, SIGCONT);
    cast_listen(250);
    cast_type(cast, ben, "bye");
    cast_listen(150);
    cast_close(cast);
}

/* ben dies, and only his silence tells. */
static void play_heartbeat(const struct cast_scene *scene, struct cast *cast)
{
    struct member *server =
        cast_serve(cast, ARGS(scene->server, "-l", "127.0.0.1:0", "-t", "0.6"));
    const char *address = server->traced.child.ready;
    const char *const *client = ARGS(scene->client, "-c", address, "-i", "0.2");
    char lost[ADDRESS_TEXT_MAX + 16];
    (void)cast_enter(cast, "ana", client);
    cast_hear(server, "join ");
    cast_listen(100); /* so that ana does not beat at ben's deadline */
    struct member *ben = cast_enter(cast, "ben", client);
    const char *as = cast_hear(server, "join  ");
    cast_hear(server, " (");
    snprintf(lost, sizeof lost, "lost  %.*s ", (int)strcspn(as, " "), as);
    cast_begin(cast);
    cast_listen(500);
    cast_signal(ben, SIGKILL);
    cast_hear(server, lost);
    cast_listen(350);
    cast_close(cast);
}

/* Three in a room; the operator speaks at last. */
static void play_chat(const struct cast_scene *scene, struct cast *cast)
{
    static const char *const names[] = {"ana", "ben", "caz"};
    struct member *members[3], *server;
    char command[32];
    server = cast_serve(cast, ARGS(scene->server, "--listen", "127.0.0.1:0"));
    for (int i = 0; i < 3; i++) {
        members[i] = cast_enter(
            cast, names[i],
            ARGS(scene->client, "--talk", "-c", server->traced.child.ready));
        cast_hear(members[i], "you are");
        snprintf(command, sizeof command, "/nick %s", names[i]);
        cast_type(cast, members[i], command);
        snprintf(command, sizeof command, "is now %s", names[i]);
        for (int j = 0; j <= i; j++)
            cast_hear(members[j], command);
    }
    cast_begin(cast);
    cast_listen(240);
    cast_type(cast, members[0], "hello all");
    cast_listen(420);
    cast_type(cast, members[1], "hi ana");
    cast_listen(300);
    cast_type(cast, server, "dinner");
    cast_listen(440);
    cast_close(cast);
}

/* ana says nothing, ben is next; the server gives ana up. */
static void play_timeout(const struct cast_scene *scene, struct cast *cast)
{
    cast->questions = true;
    struct member *server =
        cast_serve(cast, ARGS(scene->server, "-l", "127.0.0.1:0",
                              "--idle-timeout", "0.6"));
    const char *address = server->traced.child.ready;
    cast_begin(cast);
    cast_listen(50);
    cast_enter(cast, "ana", ARGS(scene->client, "--talk", "-c", address));
    cast_listen(150);
    struct member *ben =
        cast_enter(cast, "ben", ARGS(scene->client, "--talk", "-c", address));
    cast_listen(120);
    cast_type(cast, ben, "hello");
    cast_hear(ben, "HELLO");
    cast_listen(200);
    cast_close(cast);
}

const struct cast_scene cast_scenes[] = {
    {.name = "udp",
     .title = "a server stands still, a client asks again",
     .server = "blocking/udp_server",
     .client = "blocking/udp_client",
     .play = play_udp},
    {.name = "heartbeat",
     .title = "who is silent is lost",
     .server = "multiplexing/heartbeat_server",
     .client = "multiplexing/heartbeat_client",
     .play = play_heartbeat},
    {.name = "chat",
     .title = "a room and one loop",
     .server = "multiplexing/chat_server",
     .client = "multiplexing/select_client",
     .play = play_chat},
    {.name = "chat-threads",
     .title = "a room and its threads",
     .server = "blocking/chat_server",
     .client = "multiplexing/select_client",
     .play = play_chat},
    {.name = "timeout",
     .title = "a silent client is given up",
     .server = "blocking/serial_server",
     .client = "multiplexing/select_client",
     .play = play_timeout},
    {.name = NULL}};

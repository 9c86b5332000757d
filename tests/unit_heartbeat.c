/* SPDX-License-Identifier: MIT */
/* heartbeat_server and heartbeat_client, as programs. */
#include "tests/talk.h"
#include "tests/unit.h"

#include "common/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SERVER    "multiplexing/heartbeat_server", "-l", "127.0.0.1:0"

/* A member, and its address as the server prints it. */
static int come(struct program *p, char name[ADDRESS_TEXT_MAX])
{
    char text[LINE_SIZE];
    int fd = datagram_open(p->child.ready, NULL);
    address_of_socket(fd, name);
    datagram_put(fd, "hb", 2, NULL);
    snprintf(text, sizeof text, "join  %s (", name);
    program_says(p, text);
    return fd;
}

START_TEST(join_text_and_leave_are_told)
{
    struct program p;
    char name[ADDRESS_TEXT_MAX], text[LINE_SIZE];
    program_serve(&p, ARGS(SERVER, "-t", "60"));
    int ana = come(&p, name);
    snprintf(text, sizeof text, "ack %s hello", name);
    datagram_ask(ana, "hello", text);
    snprintf(text, sizeof text, "ack %s a?[2J?b", name);
    datagram_ask(ana,
                 "a\x1b[2J\x9b"
                 "b\n",
                 text);
    snprintf(text, sizeof text, "ack %s ", name);
    datagram_ask(ana, "", text); /* an empty message is one too */
    datagram_put(ana, "quit", 4, NULL);
    snprintf(text, sizeof text, "leave %s (0 alive)", name);
    program_says(&p, text);
    datagram_put(ana, "quit", 4, NULL); /* of one who is not there */
    int ben = come(&p, name);
    (void)ben;
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "joined"), 2);
    ck_assert_uint_eq(program_count(&p, "left"), 1);
    ck_assert_uint_eq(program_count(&p, "lost"), 0);
    ck_assert_uint_eq(program_count(&p, "messages acknowledged"), 3);
}
END_TEST

START_TEST(the_silent_is_lost_though_nothing_arrives)
{
    struct program p;
    char name[ADDRESS_TEXT_MAX], text[LINE_SIZE];
    program_serve(&p, ARGS(SERVER, "-t", "0.5"));
    (void)come(&p, name);
    snprintf(text, sizeof text, "lost  %s (0 alive)", name);
    int64_t took = program_says(&p, text);
    require(took >= 300, "lost after %d ms already", (int)took);
    require(took < 15000, "lost after %d ms only", (int)took);
    long cpu = program_cpu_while_idle_ms(&p, 500);
    require(cpu < 250, "it used %ld ms of CPU for nothing", cpu);
    program_end(&p, SIGTERM, 0);
}
END_TEST

/* The server stands still until much has piled up: then select never times
 * out, and yet ana, who speaks last, was silent for too long. */
START_TEST(the_silent_is_lost_while_others_talk)
{
    struct program p;
    char silent[ADDRESS_TEXT_MAX], name[ADDRESS_TEXT_MAX], text[LINE_SIZE];
    program_serve(&p, ARGS(SERVER, "-t", "1"));
    int ana = come(&p, silent), ben = come(&p, name);
    require(kill(p.child.pid, SIGSTOP) == 0, "it is gone");
    for (int i = 0; i < 20; i++)
        datagram_put(ben, "hb", 2, NULL);
    datagram_put(ana, "hb", 2, NULL);
    nap_us(1100000);
    require(kill(p.child.pid, SIGCONT) == 0, "it is gone");
    snprintf(text, sizeof text, "lost  %s (1 alive)", silent);
    program_says(&p, text);
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "joined"), 3); /* she came again */
}
END_TEST

START_TEST(the_table_has_an_end)
{
    struct program p;
    char name[ADDRESS_TEXT_MAX], text[LINE_SIZE];
    program_serve(&p, ARGS(SERVER, "-m", "2", "-t", "60"));
    int ana = come(&p, name);
    (void)come(&p, name);
    for (int i = 0; i < 20; i++) {
        int fd = datagram_open(p.child.ready, NULL);
        snprintf(text, sizeof text, "full %s ", address_of_socket(fd, name));
        datagram_ask(fd, "hb", text);
        (void)close(fd);
    }
    datagram_put(ana, "quit", 4, NULL);
    (void)come(&p, name); /* now there is room */
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "refused"), 20);
    ck_assert_uint_eq(program_count(&p, "joined"), 3);
}
END_TEST

START_TEST(a_long_text_is_cut_and_counted)
{
    struct program p;
    char name[ADDRESS_TEXT_MAX], text[LINE_SIZE], longest[600];
    program_serve(&p, ARGS(SERVER, "-t", "60"));
    int ana = come(&p, name);
    memset(longest, 'x', sizeof longest);
    datagram_put(ana, longest, sizeof longest, NULL);
    ck_assert_uint_eq(datagram_get(ana, text, NULL), 512 + strlen(name) + 5);
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "cut"), 1);
}
END_TEST

START_TEST(the_client_beats_speaks_and_leaves)
{
    struct address own;
    struct program p;
    char to[ADDRESS_TEXT_MAX], text[LINE_SIZE];
    int fd = datagram_open(NULL, &own);
    program_start(&p, ARGS("multiplexing/heartbeat_client", "-c",
                           address_format(&own, to), "-i", "0.05"));
    struct address client;
    for (int i = 0; i < 3; i++) {
        datagram_get(fd, text, &client);
        ck_assert_str_eq(text, "hb");
    }
    program_type(&p, "hel");
    program_type(&p, "lo\n");
    do {
        datagram_get(fd, text, NULL);
    } while (strcmp(text, "hb") == 0);
    ck_assert_str_eq(text, "hello");
    datagram_put(fd, "ack\x1b", 4, &client);
    program_says(&p, "ack\\x1b\n");
    if (_i == 0)
        program_type(&p, "quit\n");
    else if (_i == 1)
        program_close_keyboard(&p);
    program_end(&p, _i == 2 ? SIGTERM : 0, 0);
    do {
        datagram_get(fd, text, NULL);
    } while (strcmp(text, "hb") == 0);
    ck_assert_str_eq(text, "quit");
}
END_TEST

START_TEST(the_client_outlives_its_server)
{
    struct address own;
    struct program p, server;
    char to[ADDRESS_TEXT_MAX];
    (void)close(datagram_open(NULL, &own));
    address_format(&own, to);
    program_start(
        &p, ARGS("multiplexing/heartbeat_client", "-c", to, "-i", "0.05"));
    program_says(&p, "nobody listens");
    program_serve(&server, ARGS("multiplexing/heartbeat_server", "-l", to));
    program_says(&server, "join ");
    program_end(&p, SIGTERM, 0);
    program_says(&server, "leave ");
    program_end(&server, SIGTERM, 0);
}
END_TEST

Suite *heartbeat_suite(void);
Suite *heartbeat_suite(void)
{
    Suite *suite = suite_create("heartbeat");
    TCase *tcase = tcase_create("heartbeat");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, join_text_and_leave_are_told);
    tcase_add_test(tcase, the_silent_is_lost_though_nothing_arrives);
    tcase_add_test(tcase, the_silent_is_lost_while_others_talk);
    tcase_add_test(tcase, the_table_has_an_end);
    tcase_add_test(tcase, a_long_text_is_cut_and_counted);
    tcase_add_loop_test(tcase, the_client_beats_speaks_and_leaves, 0, 3);
    tcase_add_test(tcase, the_client_outlives_its_server);
    suite_add_tcase(suite, tcase);
    return suite;
}

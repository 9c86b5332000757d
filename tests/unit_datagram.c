/* SPDX-License-Identifier: MIT */
/* udp_server and udp_client, as programs. */
#include "tests/talk.h"
#include "tests/unit.h"

#include "common/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SERVER    "blocking/udp_server", "-l", "127.0.0.1:0"

START_TEST(each_datagram_has_an_answer_and_an_empty_one_too)
{
    struct program p;
    char text[LINE_SIZE];
    program_serve(&p, ARGS(SERVER));
    int fd = datagram_open(p.child.ready, NULL);
    datagram_ask(fd, "hello", "HELLO");
    datagram_put(fd, "", 0, NULL);
    ck_assert_uint_eq(datagram_get(fd, text, NULL), 0);
    datagram_ask(fd, "", "");
    datagram_ask(fd, "after the empty one", "AFTER THE EMPTY ONE");
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "datagrams in"), 4);
    ck_assert_uint_eq(program_count(&p, "answered"), 4);
}
END_TEST

START_TEST(what_was_cut_is_counted)
{
    struct program p;
    program_serve(&p, ARGS(SERVER, "--size", "8"));
    int fd = datagram_open(p.child.ready, NULL);
    datagram_ask(fd, "12345678", "12345678");
    datagram_ask(fd, "abcdefghi", "ABCDEFGH");
    program_end(&p, SIGINT, 0);
    ck_assert_uint_eq(program_count(&p, "cut"), 1);
}
END_TEST

/* A client that is gone before its answer comes makes the kernel send ICMP. */
START_TEST(an_icmp_error_does_not_end_the_server)
{
    struct program p;
    program_serve(&p, ARGS(SERVER));
    for (int i = 0; i < 20; i++) {
        int gone = datagram_open(p.child.ready, NULL);
        datagram_put(gone, "x", 1, NULL);
        (void)close(gone);
    }
    datagram_ask(datagram_open(p.child.ready, NULL), "still", "STILL");
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "datagrams in"), 21);
}
END_TEST

/* A datagram that seems to come from server B, whose port was still free when
 * it was sent. A stands still meanwhile. */
static void start_two(struct program *a, struct program *b, const char *program,
                      const char *text)
{
    struct address own, to;
    char from[ADDRESS_TEXT_MAX];
    program_serve(a, ARGS(program, "-l", "127.0.0.1:0"));
    require(address_parse(a->child.ready, &to) == NULL, "no address");
    require(kill(a->child.pid, SIGSTOP) == 0, "it is gone");
    int forger = datagram_open(NULL, &own);
    datagram_put(forger, text, strlen(text), &to);
    (void)close(forger);
    program_serve(b, ARGS(program, "-l", address_format(&own, from)));
    require(kill(a->child.pid, SIGCONT) == 0, "it is gone");
}

START_TEST(two_servers_do_not_answer_each_other_for_ever)
{
    static const char *const programs[] = {"blocking/udp_server",
                                           "multiplexing/heartbeat_server"};
    static const char *const counted[] = {"answered", "messages acknowledged"};
    struct program a, b;
    char text[LINE_SIZE];
    start_two(&a, &b, programs[_i], "loop?");
    /* Both are asked, so both have had time for a loop of some turns. */
    int ask_a = datagram_open(a.child.ready, NULL);
    int ask_b = datagram_open(b.child.ready, NULL);
    for (int i = 0; i < 50; i++) {
        datagram_put(ask_a, "x", 1, NULL);
        datagram_get(ask_a, text, NULL);
        datagram_put(ask_b, "x", 1, NULL);
        datagram_get(ask_b, text, NULL);
    }
    program_end(&a, SIGTERM, 0);
    program_end(&b, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&a, counted[_i]), 51);
    ck_assert_uint_eq(program_count(&b, counted[_i]), 50);
    ck_assert_uint_eq(program_count(&b, "thrown away"), 1);
}
END_TEST

START_TEST(a_low_port_is_not_answered)
{
    struct program p;
    struct address low;
    int fd = -1;
    program_serve(&p, ARGS(SERVER));
    for (int port = 1023; port > 600 && fd < 0; port--) {
        char name[32];
        snprintf(name, sizeof name, "127.0.0.1:%d", port);
        require(address_parse(name, &low) == NULL, "%s", name);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (bind(fd, (struct sockaddr *)&low.bytes, low.length) == 0)
            break;
        (void)close(fd);
        fd = -1;
    }
    if (fd >= 0) { /* needs a right that only root has */
        struct address to;
        require(address_parse(p.child.ready, &to) == NULL, "no address");
        datagram_put(fd, "echo", 4, &to);
        datagram_ask(datagram_open(p.child.ready, NULL), "x", "X");
        require(!peer_readable(fd, PAUSE_MS), "a low port had an answer");
    } else {
        printf("skipped: a_low_port_is_not_answered: needs root\n");
    }
    program_end(&p, SIGTERM, 0);
    ck_assert_uint_eq(program_count(&p, "unwanted"), fd >= 0);
}
END_TEST

/* ---- the client, and the test plays the server ------------------------ */

static void ask(struct program *p, const struct address *server,
                const char *const *more)
{
    char to[ADDRESS_TEXT_MAX];
    const char *argv[12] = {"blocking/udp_client", "-c",
                            address_format(server, to)};
    for (int i = 0; more[i] != NULL; i++)
        argv[3 + i] = more[i];
    program_start(p, argv);
}

START_TEST(the_client_ignores_strangers)
{
    struct address server, client, ignored;
    struct program p;
    char text[LINE_SIZE];
    int fd = datagram_open(NULL, &server);
    int stranger = datagram_open(NULL, &ignored);
    ask(&p, &server, ARGS("-t", "30", "who"));
    datagram_get(fd, text, &client);
    ck_assert_str_eq(text, "who");
    datagram_put(stranger, "stranger", 8, &client);
    datagram_put(fd, "server\x1b", 7, &client);
    program_end(&p, 0, 0);
    ck_assert_str_eq(p.child.words, "server\\x1b\n");
}
END_TEST

START_TEST(the_client_asks_again_and_gives_up)
{
    struct address server, client;
    struct program p;
    char text[LINE_SIZE];
    int fd = datagram_open(NULL, &server);
    ask(&p, &server, ARGS("-t", "0.05", "-r", "2", "who"));
    program_end(&p, 0, 1);
    for (int i = 0; i < 3; i++)
        datagram_get(fd, text, &client);
    ck_assert(!peer_readable(fd, PAUSE_MS));
    ck_assert(strstr(p.child.words, "no answer after 3 tries") != NULL);
    ask(&p, &server, ARGS("-t", "0.5", "-r", "20", "who"));
    datagram_get(fd, text, &client); /* lost */
    datagram_get(fd, text, &client);
    datagram_put(fd, "YOU", 3, &client);
    program_end(&p, 0, 0);
    ck_assert(strstr(p.child.words, "YOU\n") != NULL);
}
END_TEST

START_TEST(a_late_answer_is_not_the_next_questions)
{
    struct address server, first, second;
    struct program p;
    char text[LINE_SIZE];
    int fd = datagram_open(NULL, &server);
    ask(&p, &server, ARGS("-t", "2", "-r", "0", "one", "two"));
    datagram_get(fd, text, &first);
    datagram_get(fd, text, &second); /* after 2 s, with "one" given up */
    ck_assert_str_eq(text, "two");
    datagram_put(fd, "LATE", 4, &first);
    datagram_put(fd, "TWO", 3, &second);
    program_end(&p, 0, 1);
    ck_assert(strstr(p.child.words, "TWO\n") != NULL);
    ck_assert(strstr(p.child.words, "LATE") == NULL);
}
END_TEST

START_TEST(the_client_tells_that_nobody_listens)
{
    struct address server;
    struct program p;
    (void)close(datagram_open(NULL, &server));
    ask(&p, &server, ARGS("who"));
    program_end(&p, 0, 1);
    ck_assert(strstr(p.child.words, "nobody listens at 127.0.0.1:") != NULL);
    ck_assert(strstr(p.child.words, "ECONNREFUSED") != NULL);
}
END_TEST

START_TEST(an_empty_line_is_an_empty_datagram)
{
    struct address server, client;
    struct program p;
    char text[LINE_SIZE];
    int fd = datagram_open(NULL, &server);
    ask(&p, &server, ARGS("-t", "30"));
    program_type(&p, "\n");
    ck_assert_uint_eq(datagram_get(fd, text, &client), 0);
    datagram_put(fd, "", 0, &client);
    program_type(&p, "last");
    program_close_keyboard(&p);
    datagram_get(fd, text, &client);
    ck_assert_str_eq(text, "last");
    datagram_put(fd, "LA", 2, &client);
    program_end(&p, 0, 0);
    ck_assert(strstr(p.child.words, "\nLA\n") == p.child.words);
    ck_assert(strstr(p.child.words, "cut: 2 of 4 bytes") != NULL);
}
END_TEST

Suite *datagram_suite(void);
Suite *datagram_suite(void)
{
    Suite *suite = suite_create("datagram");
    TCase *tcase = tcase_create("datagram");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, each_datagram_has_an_answer_and_an_empty_one_too);
    tcase_add_test(tcase, what_was_cut_is_counted);
    tcase_add_test(tcase, an_icmp_error_does_not_end_the_server);
    tcase_add_loop_test(tcase, two_servers_do_not_answer_each_other_for_ever, 0,
                        2);
    tcase_add_test(tcase, a_low_port_is_not_answered);
    tcase_add_test(tcase, the_client_ignores_strangers);
    tcase_add_test(tcase, the_client_asks_again_and_gives_up);
    tcase_add_test(tcase, a_late_answer_is_not_the_next_questions);
    tcase_add_test(tcase, the_client_tells_that_nobody_listens);
    tcase_add_test(tcase, an_empty_line_is_an_empty_datagram);
    suite_add_tcase(suite, tcase);
    return suite;
}

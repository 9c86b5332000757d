/* SPDX-License-Identifier: MIT */
/* Both chat servers, as programs: the same tests for the two. */
#include "tests/talk.h"
#include "tests/unit.h"

#include "common/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const servers[] = {"blocking/chat_server",
                                      "multiplexing/chat_server"};
enum { SERVERS = 2 };

/* The server and the option that one test needs. */
static void serve(struct program *p, int server, const char *option)
{
    program_serve(p, ARGS(servers[server], "-l", "127.0.0.1:0", option));
}

/* Connects somebody and gives him a name; all that this says is read. */
static int come(const struct program *p, const char *name)
{
    char text[64];
    int fd = peer_connect(p->child.ready);
    expect_line_with(fd, "* you are ");
    snprintf(text, sizeof text, "/nick %s\n", name);
    peer_say(fd, text);
    snprintf(text, sizeof text, "is now %s", name);
    expect_line_with(fd, text);
    return fd;
}

START_TEST(a_line_goes_to_all_others_with_its_speakers_name)
{
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben"), caz = come(&p, "caz");
    expect_line_with(ana, "is now caz");
    expect_line_with(ben, "is now caz");
    peer_say(ana, "hello\n");
    expect_line(ben, "ana: hello");
    expect_line(caz, "ana: hello");
    peer_say(ben, "cut in");
    peer_say(ben, " two\r\nand one more\n");
    expect_line(ana, "ben: cut in two"); /* not her own line */
    expect_line(ana, "ben: and one more");
    peer_say(ana, "/who\n");
    expect_line(ana, "* 3 here:");
    expect_line(ana, "*   ana (you)");
    expect_line(ana, "*   ben");
    expect_line(ana, "*   caz");
    peer_say(ben, "/quit\n");
    expect_line_with(ben, "* bye");
    peer_expect_end(ben);
    expect_line(ana, "* ben left");
    program_end(&p, SIGTERM, 0);
    ck_assert(strstr(p.child.words, "3 clients served, 0 refused") != NULL);
}
END_TEST

static const char *const bad_names[] = {"server",
                                        "SERVER",
                                        "ana",
                                        "ANA",
                                        "*",
                                        "a b",
                                        "",
                                        "x:y",
                                        "a\x1b[2J",
                                        "caf\xc3\xa9",
                                        "seventeen-letters",
                                        "guest\xff",
                                        "../x",
                                        "a\tb"};

START_TEST(no_name_can_be_mistaken_for_another)
{
    struct program p;
    char text[128], line[LINE_SIZE];
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    expect_line_with(ana, "is now ben");
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        snprintf(text, sizeof text, "/nick %s\n", bad_names[i]);
        peer_say(ben, text);
        require(strncmp(peer_line(ben, line), "* ", 2) == 0 &&
                    strstr(line, "is now") == NULL,
                "'%s' was taken as a name: %s", bad_names[i], line);
    }
    peer_say(ben, "still ben\n");
    expect_line(ana, "ben: still ben");
    peer_say(ben, "/nick sixteen-letters-\n");
    expect_line(ana, "* ben is now sixteen-letters-");
    expect_line(ben, "* ben is now sixteen-letters-");
    peer_say(ana, "/nick Ana\n"); /* her own name in other letters */
    expect_line(ben, "* ana is now Ana");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_guest_gets_a_name_that_nobody_has)
{
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "guest2"), ben = peer_connect(p.child.ready);
    expect_line(ben, "* you are guest3; /nick NAME, /who, /quit");
    expect_line(ana, "* guest3 came");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(no_control_character_passes)
{
    static const char hostile[] = "a\x1b[2J\x9b"
                                  "2J\xc2\x9b\rb\x07\x7f\xe2\x80\xae\xff"
                                  "\tz caf\xc3\xa9\n";
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    peer_say(ana, hostile);
    expect_line(ben, "ana: a?[2J?2J???b?????? z caf\xc3\xa9");
    peer_send(ana, "nul\0l\n", 6);
    expect_line(ben, "ana: nul?l");
    program_type(&p, "six\x1b[2J\n");
    expect_line(ben, "server: six?[2J");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_notice_cannot_be_forged)
{
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    peer_say(ana, "* ben left\nserver: all out\nx\rserver: y\n");
    expect_line(ben, "ana: * ben left");
    expect_line(ben, "ana: server: all out");
    expect_line(ben, "ana: x?server: y");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_not_sent)
{
    struct program p;
    char line[5000], text[LINE_SIZE];
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    expect_line_with(ana, "is now ben");
    memset(line, 'x', sizeof line);
    line[511] = '\n';
    peer_send(ana, line, 512); /* the longest */
    require(strlen(peer_line(ben, text)) == 5 + 511, "it came as %s", text);
    line[511] = 'x';
    peer_send(ana, line, sizeof line);
    expect_line(ana, "* a line has at most 511 bytes: not sent");
    peer_say(ana, "end of it\nnext\n");
    expect_line(ben, "ana: next");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_half_close_sends_the_last_line_and_leaves)
{
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    expect_line_with(ana, "is now ben");
    peer_say(ana, "/who\nlast words");
    peer_finish(ana);
    expect_line_with(ana, "ben");
    peer_expect_end(ana);
    expect_line(ben, "ana: last words");
    expect_line(ben, "* ana left");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_reset_ends_one_client_only)
{
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben"), caz = come(&p, "caz");
    peer_reset(ana);
    expect_line_with(ben, "* ana left");
    peer_say(ben, "still here\n");
    expect_line_with(caz, "ben: still here");
    program_end(&p, SIGTERM, 0);
}
END_TEST

/* Speaks long lines and checks that all reach `listener`, in order. */
static void flood(int speaker, int listener, int lines)
{
    char text[512], line[LINE_SIZE], *number;
    int heard = 0;
    for (int i = 0; i < lines; i++) {
        snprintf(text, sizeof text, "line %d %0400d\n", i, 0);
        peer_send(speaker, text, strlen(text));
        while (heard < lines && (i == lines - 1 || peer_readable(listener, 0)))
            if ((number = strstr(peer_line(listener, line), "line ")) != NULL)
                ck_assert_int_eq(atoi(number + 5), heard++);
    }
    ck_assert_int_eq(heard, lines);
}

START_TEST(who_does_not_read_is_dropped_and_nobody_waits)
{
    struct program p;
    serve(&p, _i, "--backlog=16");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    int dan = peer_connect_tight(p.child.ready);
    peer_say(dan, "/nick dan\n");
    expect_line_with(ben, "is now dan");
    expect_line_with(ana, "is now dan");
    flood(ana, ben, 200);
    expect_line_with(ana, "* dan left: does not read");
    peer_wait_hangup(dan);
    peer_say(ana, "after\n");
    expect_line_with(ben, "ana: after");
    program_end(&p, SIGTERM, 0);
    ck_assert(strstr(p.child.words, "1 connections reset") != NULL);
}
END_TEST

START_TEST(a_paste_drops_nobody_who_reads)
{
    struct program p;
    serve(&p, _i, "--backlog=16");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    char paste[120 * 400];
    memset(paste, 'x', sizeof paste);
    for (size_t i = 399; i < sizeof paste; i += 400)
        paste[i] = '\n';
    peer_send(ana, paste, sizeof paste);
    peer_say(ana, "end\n");
    expect_line_with(ben, "ana: end");
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(the_operators_half_line_stops_nobody)
{
    struct program p;
    serve(&p, _i, "-v");
    int ana = come(&p, "ana"), ben = come(&p, "ben");
    expect_line_with(ana, "is now ben");
    program_type(&p, "dinner at");
    peer_say(ana, "one\n");
    expect_line(ben, "ana: one");
    program_type(&p, " six\n");
    expect_line(ben, "server: dinner at six");
    expect_line(ana, "server: dinner at six");
    program_close_keyboard(&p);
    peer_say(ana, "two\n");
    expect_line(ben, "ana: two");
    long cpu = program_cpu_while_idle_ms(&p, 500);
    require(cpu < 250, "it used %ld ms of CPU for nothing", cpu);
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_full_house_refuses)
{
    struct program p;
    char line[LINE_SIZE];
    serve(&p, _i, "--max-clients=1");
    int ana = come(&p, "ana"), ben = peer_connect(p.child.ready);
    ck_assert_str_eq(peer_line(ben, line), "busy: too many clients");
    peer_expect_end(ben);
    peer_say(ana, "/who\n");
    expect_line_with(ana, "* 1 here");
    program_end(&p, SIGINT, 0);
    ck_assert(strstr(p.child.words, "1 refused") != NULL);
}
END_TEST

START_TEST(the_silent_are_dropped)
{
    struct program p;
    serve(&p, _i, "--idle-timeout=0.3");
    int ana = come(&p, "ana");
    peer_wait_hangup(ana);
    program_end(&p, SIGTERM, 0);
    ck_assert(strstr(p.child.words, "1 closed as idle") != NULL);
}
END_TEST

START_TEST(no_descriptor_is_left)
{
    struct program p;
    serve(&p, _i, "--max-clients=8");
    int ana = come(&p, "ana");
    int before = process_descriptors(p.child.pid);
    for (int i = 0; i < 60; i++) {
        int fd = come(&p, "ben");
        if (i % 3 == 0)
            peer_reset(fd);
        else if (i % 3 == 1)
            (void)close(fd);
        else
            peer_say(fd, "/quit\n");
        expect_line_with(ana, "* ben left");
        if (i % 3 == 2)
            (void)close(fd);
    }
    for (int i = 0; i < 300 && process_descriptors(p.child.pid) > before; i++)
        nap_us(100000);
    ck_assert_int_eq(process_descriptors(p.child.pid), before);
    program_end(&p, SIGTERM, 0);
}
END_TEST

Suite *chat_suite(void);
Suite *chat_suite(void)
{
    const TTest *const tests[] = {
        a_line_goes_to_all_others_with_its_speakers_name,
        no_name_can_be_mistaken_for_another,
        a_guest_gets_a_name_that_nobody_has,
        no_control_character_passes,
        a_notice_cannot_be_forged,
        a_line_that_is_too_long_is_not_sent,
        a_half_close_sends_the_last_line_and_leaves,
        a_reset_ends_one_client_only,
        who_does_not_read_is_dropped_and_nobody_waits,
        a_paste_drops_nobody_who_reads,
        the_operators_half_line_stops_nobody,
        a_full_house_refuses,
        the_silent_are_dropped,
        no_descriptor_is_left};
    Suite *suite = suite_create("chat");
    TCase *tcase = tcase_create("chat");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_loop_test(tcase, tests[i], 0, SERVERS);
    suite_add_tcase(suite, tcase);
    return suite;
}

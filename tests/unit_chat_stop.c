/* SPDX-License-Identifier: MIT */
/* The end of both chat servers: what was said before it, its two seconds. */
#include "tests/talk.h"
#include "tests/unit.h"

#include "common/clock.h"
#include "common/stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void serve(struct program *p, int server)
{
    static const char *const servers[] = {"blocking/chat_server",
                                          "multiplexing/chat_server"};
    const char *const argv[] = {servers[server], "-l", "127.0.0.1:0", NULL};
    program_serve(p, argv);
}

/* ana speaks to dan, who reads nothing; and dan speaks so fast that his words
 * are unread, too. A close without a farewell would be a reset. */
static int come_and_read_nothing(const struct program *p)
{
    char text[512];
    int ana = peer_connect(p->child.ready);
    peer_say(ana, "/nick ana\n");
    expect_line_with(ana, "is now ana");
    int dan = peer_connect_tight(p->child.ready);
    expect_line_with(ana, " came");
    for (int i = 0; i < 15; i++) {
        snprintf(text, sizeof text, "line %d %0400d\n", i, 0);
        peer_say(ana, text);
    }
    peer_say(ana, "/who\n"); /* so that she is known to be heard */
    expect_line_with(ana, " here:");
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "dan %0400d\n", i);
        peer_say(dan, text);
    }
    expect_line_with(ana, ": dan 0");
    return dan;
}

START_TEST(what_was_said_before_a_stop_still_arrives)
{
    struct program p;
    char line[LINE_SIZE], due[16];
    serve(&p, _i);
    int dan = come_and_read_nothing(&p);
    ck_assert_int_eq(kill(p.child.pid, SIGTERM), 0);
    nap_us(100000); /* what is lost, is lost at once */
    peer_loosen(dan);
    expect_line_with(dan, "* you are ");
    for (int i = 0; i < 15; i++) {
        snprintf(due, sizeof due, "ana: line %d ", i);
        require(strncmp(peer_line(dan, line), due, strlen(due)) == 0,
                "'%.20s' came for '%s'", line, due);
    }
    peer_expect_end(dan);
    program_end(&p, 0, 0);
    ck_assert(strstr(p.child.words, "2 clients served") != NULL);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_ever)
{
    struct program p;
    serve(&p, _i);
    (void)come_and_read_nothing(&p);
    program_end(&p, SIGTERM, 0);
}
END_TEST

START_TEST(a_second_signal_does_not_wait)
{
    struct program p;
    serve(&p, _i);
    (void)come_and_read_nothing(&p);
    ck_assert_int_eq(kill(p.child.pid, SIGTERM), 0);
    nap_us(100000); /* if the two come together, either may be the second */
    int status = spawn_end(&p.child, SIGINT, patience_ms, NULL);
    require(WIFEXITED(status) && (WEXITSTATUS(status) == 128 + SIGINT ||
                                  WEXITSTATUS(status) == 128 + SIGTERM),
            "wait status 0x%x", (unsigned)status);
}
END_TEST

/* Types without end into the server's keyboard, until nobody reads it. */
static pid_t type_on(const struct program *p)
{
    static const char lines[] = "dinner at six\ndinner at seven\n";
    pid_t pid = fork();
    while (pid == 0)
        if (write(p->keyboard, lines, sizeof lines - 1) < 0)
            _exit(0);
    ck_assert_int_gt(pid, 0);
    return pid;
}

/* Hears all that is said, until the end. */
static pid_t hear(int fd)
{
    char said[4096];
    pid_t pid = fork();
    while (pid == 0)
        if (recv(fd, said, sizeof said, 0) <= 0)
            _exit(0);
    ck_assert_int_gt(pid, 0);
    return pid;
}

/* His thread has the lock again as soon as it lets go of it. Five stops take
 * less than the grace of one: twenty times what they need here. */
START_TEST(an_operator_who_types_on_does_not_hold_up_a_stop)
{
    int64_t took = 0;
    for (int i = 0; i < 5; i++) {
        struct program p;
        serve(&p, _i);
        int ana = peer_connect(p.child.ready);
        pid_t operator= type_on(&p);
        expect_line_with(ana, "server: dinner");
        pid_t listener = hear(ana);
        int64_t began = now_ms();
        program_end(&p, SIGTERM, 0);
        took += now_ms() - began;
        ck_assert_int_eq(waitpid(operator, NULL, 0), operator);
        ck_assert_int_eq(waitpid(listener, NULL, 0), listener);
        (void)close(ana);
    }
    require(took < STOP_GRACE_MS, "five stops took %lld ms", (long long)took);
}
END_TEST

Suite *chat_stop_suite(void);
Suite *chat_stop_suite(void)
{
    Suite *suite = suite_create("chat_stop");
    TCase *tcase = tcase_create("chat_stop");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_loop_test(tcase, what_was_said_before_a_stop_still_arrives, 0, 2);
    tcase_add_loop_test(tcase, a_stop_does_not_wait_for_ever, 0, 2);
    tcase_add_loop_test(tcase, a_second_signal_does_not_wait, 0, 2);
    tcase_add_loop_test(tcase, an_operator_who_types_on_does_not_hold_up_a_stop,
                        0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-License-Identifier: MIT */
/* The answers of the quiz from made-up calls, records and rows. Those from live
 * runs of the servers are in unit_quiz_live.c. */
#include "tests/unit.h"

#include "bench/quiz_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seed 7: ana says "hey", ben says "one"; ana half-closes, ben leaves. */
enum { SEED = 7, ANA, BEN, NOBODY };

/* `text` with every stretch of spaces and line ends as one space. */
static void flatten(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (!isspace((unsigned char)*from))
            *to++ = *from;
        else if (to == text || to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
}

static void expect_text(char *text, const char *due)
{
    flatten(text);
    ck_assert_msg(strstr(text, due) != NULL, "'%s' is not in: %s", due, text);
    free(text);
}

/* -- What a message costs -------------------------------------------------- */

/* A made-up call: of thread 0, or of 1, which is hidden. */
struct made {
    const char *name;
    int client;
    long result;
    const char *phase;
    int sleep_ms, task;
    const char *done; /* a ring's request that has completed, of `client` */
};

static const struct made with_select[] = {
    {"pselect6", NOBODY, 1, "wait", 40, 0, NULL},
    {"accept4", ANA, 4, "copy", 0, 0, NULL},
    {"pselect6", NOBODY, 1, "wait", 30, 0, NULL},
    {"recvfrom", ANA, 3, "copy", 0, 0, NULL},
    {"sendto", ANA, 3, "copy", 0, 0, NULL},
    {"pselect6", NOBODY, 1, "wait", 40, 0, NULL},
    {"recvfrom", BEN, 3, "copy", 0, 0, NULL},
    {"mmap", NOBODY, 4096, NULL, 0, 0, NULL},
    {"sendto", BEN, 3, "copy", 0, 0, NULL},
    {"pselect6", NOBODY, 1, "wait", 30, 0, NULL},
    {"recvfrom", ANA, 0, "copy", 0, 0, NULL},
    {"close", ANA, 0, "end", 0, 0, NULL},
    {.name = NULL}};
static const struct made two_at_a_time[] = {
    {"poll", NOBODY, 2, "wait", 40, 0, NULL},
    {"recvfrom", ANA, 3, "copy", 0, 0, NULL},
    {"sendto", ANA, 3, "copy", 0, 0, NULL},
    {"recvfrom", BEN, 3, "copy", 0, 0, NULL},
    {"sendto", BEN, 3, "copy", 0, 0, NULL},
    {.name = NULL}};
static const struct made drained[] = {
    {"epoll_pwait", NOBODY, 1, "wait", 0, 0, NULL},
    {"epoll_pwait", NOBODY, 1, "wait", 40, 0, NULL},
    {"recvfrom", ANA, 3, "copy", 0, 0, NULL},
    {"sendto", ANA, 3, "copy", 0, 0, NULL},
    {"recvfrom", ANA, -EAGAIN, "copy", 0, 0, NULL},
    {"epoll_pwait", NOBODY, 1, "wait", 40, 0, NULL},
    {"recvfrom", BEN, 3, "copy", 0, 0, NULL},
    {"sendto", BEN, 3, "copy", 0, 0, NULL},
    {"recvfrom", BEN, -EAGAIN, "copy", 0, 0, NULL},
    {.name = NULL}};
static const struct made one_after_the_other[] = {
    {"recvfrom", ANA, 3, "wait+copy", 30, 0, NULL},
    {"sendto", ANA, 3, "copy", 0, 0, NULL},
    {"recvfrom", ANA, 0, "wait+copy", 30, 0, NULL},
    {"close", ANA, 0, "end", 0, 0, NULL},
    {"accept4", BEN, 4, "wait+copy", 0, 0, NULL},
    {"recvfrom", BEN, 3, "wait+copy", 0, 0, NULL},
    {"sendto", BEN, 3, "copy", 0, 0, NULL},
    {.name = NULL}};
static const struct made with_a_helper[] = {
    {"rt_sigprocmask", NOBODY, 0, NULL, 0, 1, NULL},
    {"pread64", ANA, -ESPIPE, NULL, 0, 1, NULL},
    {"read", ANA, 3, NULL, 30, 1, NULL},
    {"getpid", NOBODY, 1, NULL, 0, 1, NULL},
    {"rt_sigtimedwait", NOBODY, 34, "wait", 30, 0, NULL},
    {"sendto", ANA, 3, "copy", 0, 0, NULL},
    {"futex", NOBODY, 0, NULL, 0, 0, NULL},
    {"pread64", BEN, -ESPIPE, NULL, 0, 1, NULL},
    {"read", BEN, 3, NULL, 30, 1, NULL},
    {"getpid", NOBODY, 1, NULL, 0, 1, NULL},
    {"futex", NOBODY, 0, NULL, 0, 1, NULL},
    {"rt_sigtimedwait", NOBODY, 34, "wait", 30, 0, NULL},
    {"sendto", BEN, 3, "copy", 0, 0, NULL},
    {.name = NULL}};
static const struct made with_a_ring[] = {
    {"io_uring_enter", ANA, 4, "wait+copy", 40, 0, "accept"},
    {"io_uring_enter", ANA, 3, "wait+copy", 40, 0, "recv"},
    {"io_uring_enter", ANA, 3, "wait+copy", 0, 0, "send"},
    {"io_uring_enter", BEN, 3, "wait+copy", 40, 0, "recv"},
    {"io_uring_enter", BEN, 3, "wait+copy", 0, 0, "send"},
    {"io_uring_enter", ANA, 0, "wait+copy", 40, 0, "recv"},
    {.name = NULL}};

static const struct {
    const struct made *calls;
    const char *due;
} costs[] = {
    {with_select, " 5 A message: 3 (select, recv, send). The other 6 of 12: "
                  "coming, leaving. "},
    {two_at_a_time, " 5 ana \"hey\": 3 (poll, recv, send); ben \"one\": 2 "
                    "(recv, send). The other 0 of 5"},
    {drained, "A message: 4 (epoll_wait, recv, send, recv EAGAIN). The other 1 "
              "of 9: coming, leaving. "},
    {one_after_the_other, "A message: 2 (recv, send). The other 3 of 7"},
    {with_a_helper, "A message: 2-3 (sigwaitinfo, send, futex 0-1) and hidden "
                    "3-4 (pread, read, getpid, futex 0-1). The other 1 of 13"},
    {with_a_ring, "A message: 2 (io_uring_enter 2). The other 2 of 6"}};

static void tell_made(struct teller *t, const struct made *made)
{
    static const char *const peers[] = {"5 <- 127.0.0.1:1", "6 <- 127.0.0.1:2"};
    struct trace_site site = {.phase = made->phase};
    struct trace_event e = {.name = made->name, .result = made->result};
    if (made->phase)
        e.site = &site;
    if (made->client != NOBODY)
        e.fd_text = peers[made->client - ANA];
    e.error = made->result < 0 ? (int)-made->result : 0;
    e.sleep_ns = made->sleep_ms * INT64_C(1000000);
    struct trace_event done = e;
    done.name = made->done;
    if (made->done) {
        e.fd_text = NULL;
        e.result = 1;
        e.done = (struct trace_ring){1, &done};
    }
    t->answer->calls++;
    t->answer->in_vain += e.error == EAGAIN;
    quiz_cost_call(t, made->task, &e);
}

START_TEST(a_message_costs_what_its_thread_does_between_two_waits)
{
    static struct quiz_answer answer;
    struct scene scene;
    struct performance p = {.model = model_find("select"), .scene = &scene};
    struct teller t = {.p = &p, .answer = &answer};
    char *text;
    size_t size;
    quiz_scene(SEED, &scene);
    strcpy(p.record.addresses[0], "127.0.0.1:1");
    strcpy(p.record.addresses[1], "127.0.0.1:2");
    answer.task_count = 2;
    answer.tasks[1].hidden = true;
    for (int i = 0; i < 2; i++)
        t.turns[i] = (struct turn){.from = -1, .to = -1};
    for (const struct made *made = costs[_i].calls; made->name; made++)
        tell_made(&t, made);
    quiz_cost_end(&t);
    FILE *out = open_memstream(&text, &size);
    quiz_print_cost(&answer, &scene, out);
    fclose(out);
    expect_text(text, costs[_i].due);
}
END_TEST

START_TEST(a_look_that_took_long_is_no_sleep)
{
    struct trace_event e = {.name = "rt_sigtimedwait",
                            .sleep_ns = 3000000,
                            .story = "asleep 3.0 ms, woken: the time is over"};
    ck_assert(!quiz_slept(&e));
    e.story = "asleep 3.0 ms, woken: SIGIO";
    ck_assert(quiz_slept(&e));
    e.sleep_ns = 0;
    ck_assert(!quiz_slept(&e));
}
END_TEST

/* -- Who waits ------------------------------------------------------------- */

START_TEST(who_waits_long_waits_for_whoever_leaves_then)
{
    static const struct {
        const char *model;
        int64_t ana_us, ben_us; /* when the answers came; -1: never */
        const char *due;
    } cases[] = {
        {"serial", 130100, 170200,
         " 4 Nobody. Without tracer: ana waits 0.1 ms, ben 0.2 ms. "},
        {"serial", 130100, 200200,
         " 4 Without tracer: ana waits 0.1 ms, ben 30 ms until ana leaves. "},
        {"select", 130100, 200200, /* not for ana: the machine was busy */
         " 4 Without tracer: ana waits 0.1 ms, ben 30 ms. "},
        {"serial", 160100, 170200,
         " 4 Without tracer: ana waits 30 ms, ben 0.2 ms. "},
        {"serial", -1, 170200,
         " 4 Without tracer: ana waits for ever, ben 0.2 ms. "}};
    struct scene scene;
    struct performance p = {.scene = &scene};
    quiz_scene(SEED, &scene);
    for (int i = 0; i < scene.step_count; i++)
        p.record.moments[i].done_us = scene.steps[i].at_ms * 1000;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        p.model = model_find(cases[i].model);
        p.record.moments[2].answered_us = cases[i].ana_us;
        p.record.moments[3].answered_us = cases[i].ben_us;
        quiz_print_waits(&p, out);
        fclose(out);
        expect_text(text, cases[i].due);
    }
}
END_TEST

/* -- Fewer rows ------------------------------------------------------------ */

static void add_row(struct quiz_answer *answer, bool slept, const char *text,
                    const char *where)
{
    struct quiz_row *row = &answer->rows[answer->row_count];
    *row = (struct quiz_row){.at_ms_10 = 10 * answer->row_count++};
    row->ink = slept ? INK_ASLEEP : INK_PLAIN;
    snprintf(row->text, sizeof row->text, "%s", text);
    snprintf(row->where, sizeof row->where, "%s", where);
}

/* Five turns of three rows, two of which have no room together: of ana, of
 * ben, one that ends in another place, of ana again, and one with another
 * call. */
static void fill_turns(struct quiz_answer *answer)
{
    static const char *const names[] = {"ana", "ben", "ben", "ana", "ana"};
    char text[QUIZ_TEXT_MAX];
    for (int i = 0; i < 5; i++) {
        add_row(answer, true,
                i % 2 ? "select = 1, asleep 9 ms: fd 4"
                      : "select = 1, asleep 60 ms: fd 5",
                "#wait:select");
        snprintf(text, sizeof text, "%s %s = %d \"x = 1, y%040d\"",
                 i == 4 ? "read" : "recv", names[i], i + 3, 0);
        add_row(answer, false, text, "#copy:recv");
        snprintf(text, sizeof text, "close %s = 0", names[i]);
        add_row(answer, false, text, i == 2 ? "#end:shut" : "#end:close");
    }
}

START_TEST(a_turn_seen_before_is_one_row_of_a_long_answer)
{
    static struct quiz_answer answer;
    struct scene scene;
    struct performance p = {.scene = &scene};
    struct teller t = {.p = &p, .answer = &answer, .room = ROOM_ALONE};
    quiz_scene(SEED, &scene);
    answer.task_count = 1;
    fill_turns(&answer);
    quiz_group(&t);
    ck_assert_int_eq(answer.row_count, 15); /* short enough as it is */
    for (int i = 0; i < 3; i++)
        add_row(&answer, true, "poll = 1, asleep 1 ms: fd 4", "#wait:poll");
    quiz_group(&t);
    ck_assert_int_eq(answer.row_count, 14); /* from the end, until it fits */
    ck_assert_str_eq(answer.rows[3].text,
                     "select = 1, asleep 9 ms; the rest as at 0.0, for ben");
    ck_assert_str_eq(answer.rows[3].where, "");
    ck_assert_str_eq(answer.rows[6].where, "#end:shut");
    ck_assert_str_eq(answer.rows[7].text,
                     "select = 1, asleep 9 ms; the rest as at 0.0, for ana");
    ck_assert_int_eq(strncmp(answer.rows[9].text, "read ana = 7 ", 13), 0);
}
END_TEST

START_TEST(a_long_answer_has_two_rows_of_a_thread_in_one)
{
    static struct quiz_answer answer;
    struct scene scene;
    struct performance p = {.scene = &scene};
    struct teller t = {.p = &p, .answer = &answer, .room = ROOM_AMONG_MANY};
    quiz_scene(SEED, &scene);
    answer.task_count = 2;
    for (int i = 0; i < 8; i++) {
        add_row(&answer, true, "recv ana = 3, asleep 9 ms", "#wait+copy:recv");
        add_row(&answer, false, "send ana = 3", "#copy:send");
    }
    answer.rows[15].task = 1; /* of another thread than row 14 */
    quiz_group(&t);
    ck_assert_int_eq(answer.row_count, 13);
    ck_assert_str_eq(answer.rows[7].text, "send ana = 3"); /* fits already */
    ck_assert_str_eq(answer.rows[8].text,
                     "recv ana = 3, asleep 9 ms; send ana = 3");
    ck_assert_str_eq(answer.rows[8].where, "#wait+copy:recv");
    ck_assert_str_eq(answer.rows[12].text, "send ana = 3");
}
END_TEST

Suite *quiz_answer_suite(void);

Suite *quiz_answer_suite(void)
{
    Suite *suite = suite_create("quiz_answer");
    TCase *answers = tcase_create("answers");
    tcase_add_loop_test(answers,
                        a_message_costs_what_its_thread_does_between_two_waits,
                        0, sizeof costs / sizeof costs[0]);
    tcase_add_test(answers, a_look_that_took_long_is_no_sleep);
    tcase_add_test(answers, who_waits_long_waits_for_whoever_leaves_then);
    tcase_add_test(answers, a_turn_seen_before_is_one_row_of_a_long_answer);
    tcase_add_test(answers, a_long_answer_has_two_rows_of_a_thread_in_one);
    suite_add_tcase(suite, answers);
    return suite;
}

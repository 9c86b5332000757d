/* SPDX-License-Identifier: MIT */
/*
 * The quiz: scenes come from their seed alone and make sense; answers, from
 * live runs of the servers, agree with what the scene must give.
 */
#include "tests/unit.h"

#include "bench/quiz_private.h"
#include "common/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 200, LINE_MOST = 80 };

static bool same_scene(const struct scene *a, const struct scene *b)
{
    bool same = a->client_count == b->client_count &&
                a->step_count == b->step_count && a->after_ms == b->after_ms;
    for (int i = 0; same && i < a->step_count; i++)
        same = a->steps[i].at_ms == b->steps[i].at_ms &&
               a->steps[i].client == b->steps[i].client &&
               a->steps[i].action == b->steps[i].action &&
               a->steps[i].text == b->steps[i].text;
    return same;
}

START_TEST(every_seed_gives_a_scene_that_makes_sense)
{
    struct scene scene;
    for (long seed = 1; seed <= SEEDS; seed++) {
        quiz_scene(seed, &scene);
        const char *fault = quiz_scene_fault(&scene);
        ck_assert_msg(fault == NULL, "seed %ld: %s", seed, fault);
        ck_assert_int_le(scene.client_count, 3);
        ck_assert_int_ge(scene.client_count, 2);
        ck_assert_int_le(scene.steps[scene.step_count - 1].at_ms, 800);
        int moment = quiz_moment_ms(&scene);
        for (int i = 0; i < scene.step_count; i++)
            ck_assert_int_ge(abs(moment - scene.steps[i].at_ms), 10);
    }
}
END_TEST

START_TEST(the_same_seed_gives_the_same_scene_and_another_one_another)
{
    static struct scene scenes[SEEDS];
    struct scene again;
    int alike = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
        quiz_scene(seed, &scenes[seed]);
        quiz_scene(seed, &again);
        ck_assert(same_scene(&scenes[seed], &again));
        for (long other = 0; other < seed; other++)
            alike += same_scene(&scenes[seed], &scenes[other]);
    }
    ck_assert_int_eq(alike, 0);
}
END_TEST

START_TEST(a_known_seed_gives_its_scene_on_every_machine)
{
    struct scene scene;
    quiz_scene(7, &scene);
    ck_assert_int_eq(scene.client_count, 2);
    ck_assert_int_eq(scene.step_count, 6);
    ck_assert_int_eq(scene.steps[2].at_ms, 130);
    ck_assert_str_eq(scene.steps[2].text, "hey");
    ck_assert_int_eq((int)scene.steps[4].action, SCENE_FINISH);
}
END_TEST

START_TEST(a_scene_without_sense_is_told_from_one_with)
{
    struct scene good, bad;
    quiz_scene(7, &good);
    bad = good;
    bad.steps[0].action = SCENE_LEAVE;
    ck_assert_ptr_nonnull(quiz_scene_fault(&bad));
    bad = good;
    bad.steps[1].at_ms = bad.steps[0].at_ms;
    ck_assert_ptr_nonnull(quiz_scene_fault(&bad));
    bad = good;
    bad.step_count--;
    ck_assert_str_eq(quiz_scene_fault(&bad), "somebody never leaves");
    bad = good;
    bad.steps[5].action = SCENE_SAY;
    ck_assert_ptr_nonnull(quiz_scene_fault(&bad));
}
END_TEST

/* What the row of every word must say in the answer of a readiness model. */
static void expect_rows(const struct quiz_answer *answer,
                        const struct scene *scene)
{
    char due[64];
    int found = 0, ends = 0;
    for (int r = 0; r < answer->row_count; r++)
        ends += strstr(answer->rows[r].text, " = 0, close ") != NULL;
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_step *step = &scene->steps[i];
        if (step->action != SCENE_SAY)
            continue;
        snprintf(due, sizeof due, "recv %s = 3 \"%s\", send %s = 3",
                 scene->names[step->client], step->text,
                 scene->names[step->client]);
        for (int r = 0; r < answer->row_count; r++)
            if (strstr(answer->rows[r].text, due) != NULL &&
                strcmp(answer->rows[r].where, "#copy:recv #copy:send") == 0) {
                found++;
                break;
            }
    }
    ck_assert_int_eq(found, quiz_count(scene, SCENE_SAY));
    ck_assert_int_eq(ends, scene->client_count);
}

/* No line of the answer is longer than the screen. */
static void expect_narrow(const struct quiz_answer *answer,
                          const struct performance *p)
{
    const struct screen plain = {.width = LINE_MOST};
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    quiz_print_scene(p->model, p->scene, 7, &plain, out);
    quiz_print_questions(p->model, p->scene, 7, &plain, out);
    quiz_print_answer(answer, p, &plain, out);
    quiz_print_waits(p, &plain, out);
    fclose(out);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        ck_assert_msg(strlen(line) <= LINE_MOST, "%zu columns: %s",
                      strlen(line), line);
        ck_assert_msg(strchr(line, '\033') == NULL, "a colour: %s", line);
    }
    free(text);
}

static const struct truth {
    const char *model;
    bool ready;  /* one thread that is told what is ready */
    bool kernel; /* who accepts and receives cannot be seen */
    bool turns;  /* who comes later waits until the first has left */
    int threads; /* of its own and hidden, with two clients */
} truths[] = {
    {"select", true, false, false, 1},       {"epoll", true, false, false, 1},
    {"nonblocking", false, false, false, 1}, {"serial", false, false, true, 1},
    {"threads", false, false, false, 3},     {"aio", false, false, false, 3},
    {"uring", false, true, false, 1}};

START_TEST(a_live_run_agrees_with_the_scene)
{
    const struct truth *truth = &truths[_i];
    static struct performance p;
    static struct quiz_answer answer;
    struct scene scene;
    unsigned long long bytes = 0;
    quiz_scene(7, &scene);
    if (perform_traced(&p, model_find(truth->model), &scene, 1) < 0) {
        printf("1 skipped: quiz-%s: %s\n", truth->model, p.missing);
        performance_free(&p);
        return;
    }
    quiz_answer(&p, &answer);
    for (int i = 0; i < scene.step_count; i++) {
        if (scene.steps[i].action != SCENE_SAY)
            continue;
        ck_assert_msg(p.record.moments[i].answered_us >= 0,
                      "nobody answered \"%s\"", scene.steps[i].text);
        bytes += strlen(scene.steps[i].text);
    }
    if (!truth->kernel) {
        ck_assert_uint_eq(answer.accepted, (unsigned)scene.client_count);
        ck_assert_uint_eq(answer.received, bytes);
    }
    if (truth->ready)
        expect_rows(&answer, &scene);
    ck_assert_int_eq(answer.task_count, truth->threads);
    ck_assert_uint_eq(answer.rows_left_out, 0);
    /* Ben (step 3) speaks while ana is there, until step 4. */
    if (truth->turns)
        ck_assert_int_gt(p.record.moments[3].answered_us,
                         p.record.moments[4].done_us);
    expect_narrow(&answer, &p);
    performance_free(&p);
}
END_TEST

static void add_row(struct quiz_answer *answer, bool slept, const char *text,
                    const char *where)
{
    struct quiz_row *row = &answer->rows[answer->row_count];
    *row = (struct quiz_row){.at_ms_10 = 10 * answer->row_count++};
    row->ink = slept ? INK_ASLEEP : INK_PLAIN;
    snprintf(row->text, sizeof row->text, "%s", text);
    snprintf(row->where, sizeof row->where, "%s", where);
}

/* Five turns of three rows: of ana, of ben, one that ends in another place, of
 * ana again, and one with another call. */
static void fill_turns(struct quiz_answer *answer)
{
    static const char *const names[] = {"ana", "ben", "ben", "ana", "ana"};
    char text[64];
    for (int i = 0; i < 5; i++) {
        add_row(answer, true,
                i % 2 ? "select = 1, asleep 9 ms: fd 4"
                      : "select = 1, asleep 60 ms: fd 5",
                "#wait:select");
        snprintf(text, sizeof text, "%s %s = %d \"x = 1, y\"",
                 i == 4 ? "read" : "recv", names[i], i + 3);
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
    struct teller t = {.p = &p, .answer = &answer};
    quiz_scene(7, &scene);
    fill_turns(&answer);
    quiz_group(&t);
    ck_assert_int_eq(answer.row_count, 15); /* short enough as it is */
    add_row(&answer, true, "select = 1, asleep 1 ms: fd 4", "#wait:select");
    add_row(&answer, false, "accept ana = fd 4", "#copy:accept");
    quiz_group(&t);
    ck_assert_int_eq(answer.row_count, 13);
    ck_assert_str_eq(answer.rows[3].text,
                     "select = 1, asleep 9 ms; the rest as at 0.0, for ben");
    ck_assert_str_eq(answer.rows[3].where, "");
    ck_assert_str_eq(answer.rows[6].where, "#end:shut");
    ck_assert_str_eq(answer.rows[7].text,
                     "select = 1, asleep 9 ms; the rest as at 0.0, for ana");
    ck_assert_str_eq(answer.rows[9].text, "read ana = 7 \"x = 1, y\"");
    ck_assert_str_eq(answer.rows[12].text, "accept ana = fd 4");
}
END_TEST

Suite *quiz_suite(void);

Suite *quiz_suite(void)
{
    Suite *suite = suite_create("quiz");
    TCase *scenes = tcase_create("scenes");
    TCase *answers = tcase_create("answers");
    tcase_set_timeout(answers, UNIT_TIMEOUT_S);
    tcase_add_test(scenes, every_seed_gives_a_scene_that_makes_sense);
    tcase_add_test(scenes,
                   the_same_seed_gives_the_same_scene_and_another_one_another);
    tcase_add_test(scenes, a_known_seed_gives_its_scene_on_every_machine);
    tcase_add_test(scenes, a_scene_without_sense_is_told_from_one_with);
    tcase_add_test(answers, a_turn_seen_before_is_one_row_of_a_long_answer);
    tcase_add_loop_test(answers, a_live_run_agrees_with_the_scene, 0,
                        sizeof truths / sizeof truths[0]);
    suite_add_tcase(suite, scenes);
    suite_add_tcase(suite, answers);
    return suite;
}

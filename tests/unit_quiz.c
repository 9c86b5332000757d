/* SPDX-License-Identifier: MIT */
/* The quiz: scenes come from their seed alone and make sense, and so do the
 * questions. The answers are in unit_quiz_answer.c. */
#include "tests/unit.h"

#include "bench/quiz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 200, LINE_MOST = 80, LINES_MOST = 23 };

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

/* The questions fit on a screen, and a ring is not asked for its recv. */
START_TEST(the_questions_are_for_the_model)
{
    char *text;
    size_t size;
    struct scene scene;
    const struct screen plain = {.width = LINE_MOST};
    for (const struct model *model = models; model->name; model++) {
        FILE *out = open_memstream(&text, &size);
        int lines = 0;
        quiz_scene(3, &scene);
        quiz_print_scene(model, &scene, 3, &plain, out);
        quiz_print_questions(model, &scene, 3, out);
        fclose(out);
        bool ring = model->traits & MODEL_NEEDS_URING;
        ck_assert_int_eq(strstr(text, "hand over?") != NULL, ring);
        ck_assert_int_eq(strstr(text, "What does each call return?") != NULL,
                         !ring);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            ck_assert_msg(strlen(line) <= LINE_MOST, "too long: %s", line);
            lines++;
        }
        ck_assert_int_le(lines, LINES_MOST);
        free(text);
    }
}
END_TEST

Suite *quiz_suite(void);

Suite *quiz_suite(void)
{
    Suite *suite = suite_create("quiz");
    TCase *scenes = tcase_create("scenes");
    tcase_add_test(scenes, every_seed_gives_a_scene_that_makes_sense);
    tcase_add_test(scenes,
                   the_same_seed_gives_the_same_scene_and_another_one_another);
    tcase_add_test(scenes, a_known_seed_gives_its_scene_on_every_machine);
    tcase_add_test(scenes, a_scene_without_sense_is_told_from_one_with);
    tcase_add_test(scenes, the_questions_are_for_the_model);
    suite_add_tcase(suite, scenes);
    return suite;
}

/* SPDX-License-Identifier: MIT */
/* The answers of the quiz from live runs of the servers: they must agree with
 * what the scene must give, and fit on the screen. */
#include "tests/unit.h"

#include "bench/quiz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seed 7: ana says "hey", ben says "one"; ana half-closes, ben leaves. */
enum { SEED = 7, LINE_MOST = 80, LINES_MOST = 24, TRIES = 3 };

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

/* Each client's bytes and its end are told, whoever received them: a call of
 * the server, a hidden thread, or the kernel. */
static void expect_ends(const struct quiz_answer *answer,
                        const struct scene *scene)
{
    for (int c = 0; c < scene->client_count; c++) {
        char due[2][16];
        bool told[2] = {false};
        for (int i = 0; i < 2; i++)
            snprintf(due[i], sizeof due[i], " %s = %d", scene->names[c], 3 * i);
        for (int i = 0; i < 2; i++)
            told[i] = strstr(answer->reads, due[i]) != NULL;
        for (int r = 0; r < answer->row_count; r++)
            for (int i = 0; i < 2; i++) {
                const char *text = answer->rows[r].text;
                const char *at = strstr(text, "recv");
                told[i] |= at != NULL && strstr(at, due[i]) != NULL;
                told[i] |= strstr(text, "; the rest as at ") != NULL &&
                           strstr(text, scene->names[c]) != NULL;
            }
        ck_assert_msg(told[0] && told[1], "bytes or end of %s: not told",
                      scene->names[c]);
    }
}

static char *print_all(const struct quiz_answer *answer,
                       const struct performance *p)
{
    const struct screen plain = {.width = LINE_MOST};
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    quiz_print_scene(p->model, p->scene, SEED, &plain, out);
    quiz_print_calls(answer, p, &plain, out);
    quiz_print_waits(p, out);
    quiz_print_cost(answer, p->scene, out);
    fclose(out);
    return text;
}

/* No line is longer than the screen, all fit on it, and the answers stand
 * behind the numbers of their questions, in order. */
static void expect_screen(const struct quiz_answer *answer,
                          const struct performance *p)
{
    static const char *const numbers[] = {" 1, 2  ", " 3  ", " 4  ", " 5  "};
    char *text = print_all(answer, p);
    size_t lines = 0, found = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t columns = 0;
        for (const char *c = line; *c; c++)
            columns += (*c & 0xc0) != 0x80;
        ck_assert_msg(columns <= LINE_MOST, "%zu columns: %s", columns, line);
        ck_assert_msg(strchr(line, '\033') == NULL, "a colour: %s", line);
        if (found < 4 &&
            strncmp(line, numbers[found], strlen(numbers[found])) == 0)
            found++;
        lines++;
    }
    ck_assert_uint_eq(found, 4);
    ck_assert_uint_le(lines, LINES_MOST);
    free(text);
}

static const struct truth {
    const char *model;
    bool ready;       /* one thread that is told what is ready */
    bool kernel;      /* who accepts and receives makes no call */
    bool turns;       /* who comes later waits until the first has left */
    int threads;      /* of its own and hidden, with two clients */
    const char *cost; /* of what question 5 is answered, on its first line */
} truths[] = {
    {"select", true, false, false, 1, "A message: 3 (select, recv, send)."},
    {"epoll", true, false, false, 1, "A message: 3 (epoll_wait, recv, send)."},
    {"epoll-edge", false, false, false, 1,
     "A message: 4 (epoll_wait, recv, send, recv EAGAIN)."},
    {"sigio", false, false, false, 1, "A message: "},
    {"nonblocking", false, false, false, 1, "A message: 2 (recv, send)."},
    {"serial", false, false, true, 1, "A message: 2 (recv, send)."},
    {"threads", false, false, false, 3, "A message: 2 (recv, send)."},
    {"pool", false, false, false, 4, "A message: 2 (recv, send)."},
    {"fork", false, false, false, 3, "A message: 2 (recv, send)."},
    {"aio", false, false, false, 3, "hidden "},
    {"uring", false, true, false, 1, "A message: 2 (io_uring_enter 2)."},
    {"uring-multishot", false, true, false, 1,
     "A message: 1 (io_uring_enter)."}};

/* What question 5 is answered. *Caller frees.* */
static char *print_cost(const struct quiz_answer *answer,
                        const struct scene *scene)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    quiz_print_cost(answer, scene, out);
    fclose(out);
    return text;
}

/* Plays it, again if need be: on a busy machine a server may sleep through two
 * steps and find both at once, which costs less. False when it cannot. */
static bool play(struct performance *p, const struct truth *truth,
                 const struct scene *scene, struct quiz_answer *answer)
{
    for (int left = TRIES; left > 0; left--) {
        if (perform_traced(p, model_find(truth->model), scene, 1) < 0)
            return false;
        quiz_answer(p, answer);
        char *cost = print_cost(answer, scene);
        bool found = strstr(cost, truth->cost) != NULL;
        bool seen = !truth->kernel || answer->rings; /* else an old kernel */
        if (!found && seen && left == 1)
            ck_abort_msg("'%s' is not in: %s", truth->cost, cost);
        free(cost);
        if (found || !seen)
            break;
        performance_free(p);
    }
    return true;
}

START_TEST(a_live_run_agrees_with_the_scene)
{
    const struct truth *truth = &truths[_i];
    static struct performance p;
    static struct quiz_answer answer;
    struct scene scene;
    unsigned long long bytes = 0;
    quiz_scene(SEED, &scene);
    if (!play(&p, truth, &scene, &answer)) {
        printf("1 skipped: quiz-%s: %s\n", truth->model, p.missing);
        performance_free(&p);
        return;
    }
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
    if (!truth->kernel || answer.rings) { /* else an old kernel: see ring */
        expect_ends(&answer, &scene);
        expect_screen(&answer, &p);
    }
    ck_assert_int_eq(answer.task_count, truth->threads);
    ck_assert_uint_eq(answer.rows_left_out, 0);
    /* Ben (step 3) speaks while ana is there, until step 4. */
    if (truth->turns)
        ck_assert_int_gt(p.record.moments[3].answered_us,
                         p.record.moments[4].done_us);
    performance_free(&p);
}
END_TEST

Suite *quiz_live_suite(void);

Suite *quiz_live_suite(void)
{
    Suite *suite = suite_create("quiz_live");
    TCase *answers = tcase_create("answers");
    tcase_set_timeout(answers, UNIT_TIMEOUT_S);
    tcase_add_loop_test(answers, a_live_run_agrees_with_the_scene, 0,
                        sizeof truths / sizeof truths[0]);
    suite_add_tcase(suite, answers);
    return suite;
}

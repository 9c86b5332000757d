/* SPDX-License-Identifier: MIT */
/*
 * Figures say what the events say: from recorded runs, character by character,
 * and from live ones, where each model must show its own way of waiting.
 */
#include "tests/unit.h"

#include "bench/message_scene.h"
#include "common/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIVE_DELAY_MS = 60 };

static const struct screen plain = {.width = 80};

static const char *const recorded[] = {"threads", "select", "aio", "uring"};

static char *read_file(const char *path)
{
    static char text[16384];
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "no %s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static int64_t sum_of(const struct message_story *s)
{
    return s->asleep_ns + s->asking_ns + s->copy_ns + s->call_ns + s->own_ns;
}

START_TEST(a_recorded_run_gives_the_same_figure_again)
{
    const char *name = recorded[_i];
    struct trace_recording recording;
    struct message_facts facts;
    struct message_story story;
    struct figure figure;
    char expected[64], *drawn;
    size_t size;
    ck_assert_int_eq(
        message_scene_recall("tests/data", name, &recording, &facts), 0);
    story_of_message(recording.events, recording.count, &facts, &story);
    ck_assert_int_eq(sum_of(&story), story.end_ns - story.start_ns);
    figure_of_message(model_find(name), recording.events, recording.count,
                      &story, &plain, &figure);
    FILE *out = open_memstream(&drawn, &size);
    figure_print(&figure, &plain, out);
    fclose(out);
    snprintf(expected, sizeof expected, "tests/data/%s-message.txt", name);
    ck_assert_str_eq(drawn, read_file(expected));
    free(drawn);
    figure_free(&figure);
    trace_recording_free(&recording);
}
END_TEST

/* On a busy machine the peer may look at its clock when the client has done all
 * its calls: they belong to the message all the same. */
START_TEST(a_client_quicker_than_its_peer_has_made_its_calls)
{
    struct trace_recording recording;
    struct message_facts facts;
    struct message_story story;
    ck_assert_int_eq(
        message_scene_recall("tests/data", "uring", &recording, &facts), 0);
    facts.question_ns += 200000; /* both calls have ended */
    story_of_message(recording.events, recording.count, &facts, &story);
    ck_assert_int_eq(story.calls, 2);
    ck_assert_int_eq(story.threads, 1);
    trace_recording_free(&recording);
}
END_TEST

/* What scene 1 must show of each family, whatever the machine's speed. */
static const struct truth {
    const char *model;
    enum figure_kind waits;
    enum story_copier copier;
    unsigned long calls; /* 0: any number */
    const char *wait_anchor, *copy_anchor;
} truths[] = {
    {"threads", FIGURE_ASLEEP, COPIED_BY_US, 1,
     "blocking_client.c#wait+copy:recv", "blocking_client.c#wait+copy:recv"},
    {"nonblocking", FIGURE_ASKING, COPIED_BY_US, 0,
     "polling_client.c#wait:recv", "polling_client.c#wait:recv"},
    {"select", FIGURE_ASLEEP, COPIED_BY_US, 2, "select_client.c#wait:select",
     "select_client.c#copy:recv"},
    {"sigio", FIGURE_WORK, COPIED_BY_US, 0, NULL, "sigio_client.c#copy:recv"},
    {"aio", FIGURE_WORK, COPIED_BY_HELPER, 0, NULL, NULL},
    {"uring", FIGURE_WORK, COPIED_BY_KERNEL, 0, NULL, NULL}};

START_TEST(each_family_waits_in_its_own_way)
{
    const struct truth *truth = &truths[_i];
    static struct message_run run;
    /* The leak checker of a sanitizer build does not work under ptrace. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    if (message_scene_play(&run, model_find(truth->model), LIVE_DELAY_MS) < 0) {
        printf("1 skipped: %s: %s\n", truth->model, run.missing);
        message_scene_free(&run);
        return;
    }
    const struct message_story *s = &run.story;
    ck_assert_int_eq(sum_of(s), s->end_ns - s->start_ns);
    ck_assert_int_ge(s->own_ns, 0);
    ck_assert_int_eq((int)s->waits, (int)truth->waits);
    ck_assert_int_eq((int)s->copier, (int)truth->copier);
    if (truth->calls > 0)
        ck_assert_uint_eq(s->calls, truth->calls);
    if (truth->wait_anchor)
        ck_assert_str_eq(s->wait_anchor, truth->wait_anchor);
    if (truth->copy_anchor)
        ck_assert_str_eq(s->copy_anchor, truth->copy_anchor);
    ck_assert_int_eq(s->hidden_threads, truth->copier == COPIED_BY_HELPER);
    /* Only models that can do other work did any; asking is in vain but for
     * the call that finds bytes. */
    ck_assert_int_eq(s->units > 0, truth->waits != FIGURE_ASLEEP);
    if (truth->waits == FIGURE_ASKING)
        ck_assert_uint_eq(s->calls, s->in_vain + 1);
    message_scene_free(&run);
}
END_TEST

static int count_of(const char *text, const char *word)
{
    int count = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

START_TEST(svg_draws_every_segment_and_keeps_text_as_text)
{
    struct figure figure = {.title = "a <b> & \"c\"", .length_ns = 1000000};
    char path[] = "/tmp/figure-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    struct figure_lane *lane = figure_add_lane(&figure, "client");
    figure_add(lane, 0, 600000, FIGURE_ASLEEP, "asleep in recv");
    figure_add(lane, 600000, 610000, FIGURE_COPY, "");
    figure_mark(lane, 600000, FIGURE_DATA, "data");
    ck_assert_int_eq(figure_write_svg(&figure, path), 0);
    const char *svg = read_file(path);
    (void)unlink(path);
    ck_assert_int_eq(count_of(svg, "class=\"asleep\"><title>"), 1);
    ck_assert_int_eq(count_of(svg, "class=\"copy\"><title>"), 1);
    ck_assert_int_eq(count_of(svg, "class=\"point\""),
                     2); /* the lane, the legend */
    ck_assert_int_eq(count_of(svg, ">asleep in recv</text>"), 1);
    ck_assert_int_eq(count_of(svg, "a &lt;b&gt; &amp; &quot;c&quot;"), 2);
    ck_assert_int_eq(count_of(svg, "<text"), count_of(svg, "</text>"));
    ck_assert_int_eq(count_of(svg, "prefers-color-scheme: dark"), 1);
    figure_free(&figure);
}
END_TEST

START_TEST(figure_fits_the_width_of_the_screen)
{
    struct screen screen = {.width = 60 + 20 * _i};
    struct figure figure = {.title = "t", .length_ns = 400000000};
    char *drawn;
    size_t size;
    struct figure_lane *lane = figure_add_lane(&figure, "client");
    figure_add(lane, 0, 400000000, FIGURE_ASLEEP, "asleep in recv");
    snprintf(lane->tail, sizeof lane->tail, "no answer");
    FILE *out = open_memstream(&drawn, &size);
    figure_print(&figure, &screen, out);
    fclose(out);
    for (char *line = strtok(drawn, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert_msg((int)strlen(line) <= screen.width, "%zu columns: %s",
                      strlen(line), line);
    free(drawn);
    figure_free(&figure);
}
END_TEST

Suite *story_suite(void);

Suite *story_suite(void)
{
    Suite *suite = suite_create("story");
    TCase *figures = tcase_create("figures");
    tcase_set_timeout(figures, 60);
    tcase_add_test(figures, a_client_quicker_than_its_peer_has_made_its_calls);
    tcase_add_loop_test(figures, a_recorded_run_gives_the_same_figure_again, 0,
                        sizeof recorded / sizeof recorded[0]);
    tcase_add_loop_test(figures, each_family_waits_in_its_own_way, 0,
                        sizeof truths / sizeof truths[0]);
    tcase_add_test(figures, svg_draws_every_segment_and_keeps_text_as_text);
    tcase_add_loop_test(figures, figure_fits_the_width_of_the_screen, 0, 5);
    suite_add_tcase(suite, figures);
    return suite;
}

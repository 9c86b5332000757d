/* SPDX-License-Identifier: MIT */
/*
 * The scenes that talkdemo draws, played live: what the figure shows is what
 * the scene is for. Times are bounds that hold on a slow machine, too: a
 * deadline is never early.
 */
#include "tests/unit.h"

#include "bench/cast_scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MS = 1000000 };

static struct cast cast;
static struct figure figure;

/* Plays the scene and draws it. False where nothing can be traced. */
static bool play(const char *name)
{
    static struct traced probe;
    char *nothing[] = {"true", NULL};
    const struct cast_scene *scene = cast_scenes;
    /* The leak checker of a sanitizer build does not work under ptrace. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    if (traced_start(&probe, nothing) < 0) {
        printf("1 skipped: %s: %s\n", name, probe.fault);
        return false;
    }
    traced_end(&probe, 0);
    traced_free(&probe);
    while (strcmp(scene->name, name) != 0)
        scene++;
    scene->play(scene, &cast);
    cast_figure(&cast, name, &figure);
    return true;
}

static void end(void)
{
    figure_free(&figure);
    cast_free(&cast);
}

static const struct figure_lane *lane_of(const char *name)
{
    for (int i = 0; i < figure.lane_count; i++)
        if (strcmp(figure.lanes[i].name, name) == 0)
            return &figure.lanes[i];
    ck_abort_msg("the figure has no lane %s", name);
    return NULL;
}

/* The `nth` point of `kind` (from 0) with `label`; fails when there is none. */
static const struct figure_point *point_of(const struct figure_lane *lane,
                                           enum figure_point_kind kind,
                                           const char *label, int nth)
{
    for (size_t i = 0; i < lane->point_count; i++)
        if (lane->points[i].kind == kind &&
            strcmp(lane->points[i].label, label) == 0 && nth-- == 0)
            return &lane->points[i];
    ck_abort_msg("%s: no %s %s", lane->name, figure_point_name(kind), label);
    return NULL;
}

static int count_points(const struct figure_lane *lane,
                        enum figure_point_kind kind)
{
    int count = 0;
    for (size_t i = 0; i < lane->point_count; i++)
        count += lane->points[i].kind == kind;
    return count;
}

/* The time that `lane` shows of `kind` between two moments. */
static int64_t time_of(const struct figure_lane *lane, enum figure_kind kind,
                       int64_t from_ns, int64_t to_ns)
{
    int64_t sum = 0;
    for (size_t i = 0; i < lane->segment_count; i++) {
        const struct figure_segment *s = &lane->segments[i];
        int64_t from = s->from_ns > from_ns ? s->from_ns : from_ns;
        int64_t to = s->to_ns < to_ns ? s->to_ns : to_ns;
        if (s->kind == kind && to > from)
            sum += to - from;
    }
    return sum;
}

static int64_t end_of(const struct figure_lane *lane)
{
    return lane->segments[lane->segment_count - 1].to_ns;
}

START_TEST(heartbeat_shows_that_silence_is_found_at_its_deadline)
{
    if (!play("heartbeat"))
        return;
    /* On a busy machine ana may be late and wake the server just then. */
    for (int i = 0; i < 2; i++)
        if (count_points(lane_of("server"), FIGURE_EXPIRED) == 0) {
            end();
            ck_assert(play("heartbeat"));
        }
    const struct figure_lane *server = lane_of("server"), *ben = lane_of("ben");
    int beats = count_points(ben, FIGURE_SAY);
    ck_assert_int_ge(beats, 1);
    int expired = count_points(server, FIGURE_EXPIRED);
    ck_assert_int_ge(expired, 1);
    int64_t silent_ns =
        point_of(server, FIGURE_EXPIRED, "", expired - 1)->at_ns -
        point_of(ben, FIGURE_SAY, "hb", beats - 1)->at_ns;
    ck_assert_msg(silent_ns > 500 * (int64_t)MS, "%lld ns",
                  (long long)silent_ns);
    ck_assert_str_eq(ben->tail, "gone");
    ck_assert_str_eq(lane_of("ana")->tail, "");
    ck_assert_int_lt(end_of(ben), end_of(lane_of("ana")));
    /* One thread, and it sleeps. */
    ck_assert_int_eq(figure.lane_count, 3);
    ck_assert_int_gt(time_of(server, FIGURE_ASLEEP, 0, figure.length_ns),
                     figure.length_ns / 2);
    end();
}
END_TEST

START_TEST(udp_shows_a_server_that_stands_still_and_a_second_try)
{
    if (!play("udp"))
        return;
    const struct figure_lane *server = lane_of("server"), *ana = lane_of("ana");
    int64_t first = point_of(ana, FIGURE_ASK, "anybody?", 0)->at_ns;
    int64_t second = point_of(ana, FIGURE_ASK, "anybody?", 1)->at_ns;
    int64_t answer = point_of(ana, FIGURE_ANSWER, "ANYBODY?", 0)->at_ns;
    ck_assert_int_ge(second - first, 290 * (int64_t)MS);
    ck_assert_int_gt(answer, second);
    ck_assert_int_gt(time_of(ana, FIGURE_HELD, first, answer),
                     (answer - first) * 9 / 10);
    /* While it is stopped it is in no call. */
    int64_t stop = point_of(server, FIGURE_SIGNAL, "", 0)->at_ns;
    int64_t go = point_of(server, FIGURE_SIGNAL, "", 1)->at_ns;
    ck_assert_int_eq(count_points(server, FIGURE_SIGNAL), 2);
    ck_assert_int_gt(go - stop, 450 * (int64_t)MS);
    for (int kind = FIGURE_ASLEEP; kind < FIGURE_KINDS; kind++)
        ck_assert_int_lt(
            time_of(server, (enum figure_kind)kind, stop + 20 * MS, go), MS);
    ck_assert_int_gt(time_of(server, FIGURE_ASLEEP, 0, stop), stop / 2);
    (void)point_of(lane_of("ben"), FIGURE_ANSWER, "BYE", 0);
    end();
}
END_TEST

static void all_hear_all(void)
{
    (void)point_of(lane_of("ana"), FIGURE_SAY, "hello all", 0);
    (void)point_of(lane_of("ana"), FIGURE_HEAR, "ben: hi ana", 0);
    (void)point_of(lane_of("ben"), FIGURE_HEAR, "ana: hello all", 0);
    (void)point_of(lane_of("caz"), FIGURE_HEAR, "ben: hi ana", 0);
    (void)point_of(lane_of("caz"), FIGURE_HEAR, "server: dinner", 0);
    for (int i = 0; i < figure.lane_count; i++)
        ck_assert_int_eq(
            time_of(&figure.lanes[i], FIGURE_HELD, 0, figure.length_ns), 0);
}

static void sleeps_in(const char *name, const char *label)
{
    const struct figure_lane *lane = lane_of(name);
    ck_assert_str_eq(lane->segments[lane->segment_count - 1].label, label);
}

/* When member `number` began to send what holds `words`, in the figure. */
static int64_t sent_ns(int number, const char *words)
{
    const struct trace *trace = cast.members[number].traced.trace;
    size_t count;
    const struct trace_event *e =
        trace_events(cast.members[number].traced.trace, &count);
    int64_t from_ns = cast.began_ns - trace_epoch_ns(trace);
    for (size_t i = 0; i < count; i++)
        if (e[i].begin_ns > from_ns && strcmp(e[i].name, "sendto") == 0 &&
            strstr(e[i].text, words))
            return e[i].begin_ns - from_ns;
    ck_abort_msg("member %d did not send %s", number, words);
    return -1;
}

START_TEST(chat_shows_one_sleeper_or_five)
{
    if (!play("chat"))
        return;
    all_hear_all();
    ck_assert_int_eq(figure.lane_count, 4);
    sleeps_in("server", "asleep in poll");
    end();
    if (!play("chat-threads"))
        return;
    all_hear_all();
    ck_assert_int_eq(figure.lane_count, 8);
    sleeps_in("server", "asleep in accept");
    sleeps_in("thread 1", "asleep in read");
    sleeps_in("thread 2", "asleep in recv");
    sleeps_in("thread 4", "asleep in recv");
    /* What came is copied when it came, not when something else did, nor while
     * it was still being typed. */
    const char *const readers[][2] = {
        {"thread 1", "read"}, {"thread 2", "recv"}, {"thread 3", "recv"}};
    for (int i = 0; i < 3; i++) {
        const struct figure_lane *lane = lane_of(readers[i][0]);
        const struct figure_segment *s = lane->segments;
        while (s->kind != FIGURE_COPY)
            ck_assert(++s < lane->segments + lane->segment_count);
        ck_assert_str_eq(s->label, readers[i][1]);
        if (i > 0)
            ck_assert_int_eq(s->from_ns, sent_ns(i, i == 1 ? "all" : "ana"));
        ck_assert_int_lt(s->to_ns - s->from_ns, 100 * MS);
    }
    end();
}
END_TEST

START_TEST(timeout_shows_who_waits_until_the_silent_one_is_given_up)
{
    if (!play("timeout"))
        return;
    const struct figure_lane *server = lane_of("server"), *ben = lane_of("ben");
    int64_t over = point_of(server, FIGURE_EXPIRED, "", 0)->at_ns;
    int64_t asked = point_of(ben, FIGURE_ASK, "hello", 0)->at_ns;
    int64_t answer = point_of(ben, FIGURE_ANSWER, "HELLO", 0)->at_ns;
    ck_assert_int_eq(count_points(server, FIGURE_EXPIRED), 1);
    ck_assert_int_ge(over -
                         point_of(lane_of("ana"), FIGURE_CONNECT, "", 0)->at_ns,
                     590 * (int64_t)MS);
    ck_assert_int_gt(answer, over);
    if (over - asked > 40 * (int64_t)MS) /* shorter waits are not drawn */
        ck_assert_int_ge(time_of(ben, FIGURE_HELD, asked, over), over - asked);
    /* The sleep that ended by its timeout was a sleep, and copied nothing. */
    ck_assert_int_eq(time_of(server, FIGURE_ASKING, 0, figure.length_ns), 0);
    ck_assert_int_lt(time_of(server, FIGURE_COPY, 0, over), 20 * MS);
    ck_assert_str_eq(lane_of("ana")->tail, "gone");
    end();
}
END_TEST

START_TEST(words_are_what_was_said_and_not_too_long)
{
    static const struct {
        const char *from, *words;
    } cases[] = {{"fd 4 <- 127.0.0.1:50112, \"hello\\n\", 6", "hello"},
                 {"6 \"hello\"", "hello"},
                 {"8 \"a \\\"b\\\" c\\n\"", "a \\\"b\\\" c"},
                 {"4 \"sixteen letters!\"...", "sixteen letters!"},
                 {"4 \"seventeen letters\\n\"", "seventeen letter..."},
                 {"1 \"\\n\"", ""},
                 {"0", ""},
                 {NULL, ""}};
    char words[FIGURE_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_str_eq(cast_words(cases[i].from, words), cases[i].words);
}
END_TEST

START_TEST(labels_stand_before_their_points_where_there_is_room)
{
    const struct screen plain = {.width = 40};
    char *drawn;
    size_t size;
    figure = (struct figure){.length_ns = 100 * MS};
    struct figure_lane *lane = figure_add_lane(&figure, "ana");
    figure_add(lane, 0, 100 * MS, FIGURE_SILENT, "");
    figure_mark_before(lane, 5 * MS, FIGURE_SAY, "early");
    figure_mark_before(lane, 60 * MS, FIGURE_SAY, "late");
    figure_mark(lane, 61 * MS, FIGURE_HEAR, "so");
    FILE *out = open_memstream(&drawn, &size);
    figure_print(&figure, &plain, out);
    (void)fclose(out);
    ck_assert_msg(strstr(drawn, ">early") != NULL, "%s", drawn);
    ck_assert_msg(strstr(drawn, "late><so") != NULL, "%s", drawn);
    free(drawn);
    figure_free(&figure);
}
END_TEST

Suite *cast_suite(void);

Suite *cast_suite(void)
{
    Suite *suite = suite_create("cast");
    TCase *scenes = tcase_create("scenes");
    tcase_set_timeout(scenes, UNIT_TIMEOUT_S);
    tcase_add_test(scenes,
                   heartbeat_shows_that_silence_is_found_at_its_deadline);
    tcase_add_test(scenes,
                   udp_shows_a_server_that_stands_still_and_a_second_try);
    tcase_add_test(scenes, chat_shows_one_sleeper_or_five);
    tcase_add_test(scenes,
                   timeout_shows_who_waits_until_the_silent_one_is_given_up);
    tcase_add_test(scenes, words_are_what_was_said_and_not_too_long);
    tcase_add_test(scenes,
                   labels_stand_before_their_points_where_there_is_room);
    suite_add_tcase(suite, scenes);
    return suite;
}

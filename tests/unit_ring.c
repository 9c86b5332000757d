/* SPDX-License-Identifier: MIT */
/*
 * What the tracer reads of the queues of io_uring, from live runs of the two
 * servers that have one: it must agree with what the clients did.
 */
#include "tests/unit.h"

#include "bench/performance.h"
#include "bench/quiz.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* What the requests of one name came to. */
struct sum {
    int handed, done, ends; /* ends: of them with 0 */
    long bytes;
};

static struct sum sum_up(const struct performance *p, const char *name)
{
    struct sum sum = {.handed = 0};
    for (size_t i = 0; i < p->count; i++) {
        const struct trace_ring *handed = &p->events[i].handed;
        const struct trace_ring *done = &p->events[i].done;
        for (int r = 0; r < handed->count; r++)
            sum.handed += strcmp(handed->calls[r].name, name) == 0;
        for (int r = 0; r < done->count; r++) {
            const struct trace_event *call = &done->calls[r];
            if (strcmp(call->name, name) != 0 || call->error != 0)
                continue;
            sum.done++;
            sum.ends += call->result == 0;
            sum.bytes += (long)call->result;
        }
    }
    return sum;
}

/* Linux 6.0 names the requests in its queues, 6.1 has all of multishot. */
static bool kernel_is_new(void)
{
    struct utsname name;
    int major = 0, minor = 0;
    return uname(&name) == 0 &&
           sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 1));
}

/* The completions of accept say whose connection it is, those of recv what
 * came. */
static void expect_words(const struct performance *p, bool with_bytes)
{
    const struct scene *scene = p->scene;
    int found = 0, accepted = 0;
    for (size_t i = 0; i < p->count; i++) {
        for (int r = 0; r < p->events[i].done.count; r++) {
            const struct trace_event *call = &p->events[i].done.calls[r];
            for (int s = 0; s < scene->step_count; s++) {
                const char *from = p->record.addresses[scene->steps[s].client];
                if (scene->steps[s].action == SCENE_CONNECT)
                    accepted += strcmp(call->name, "accept") == 0 &&
                                strstr(call->outcome, from) != NULL;
                if (scene->steps[s].action == SCENE_SAY && with_bytes)
                    found += strcmp(call->name, "recv") == 0 &&
                             strstr(call->fd_text, from) != NULL &&
                             strstr(call->outcome, scene->steps[s].text);
            }
        }
    }
    ck_assert_int_eq(accepted, scene->client_count);
    if (with_bytes)
        ck_assert_int_eq(found, quiz_count(scene, SCENE_SAY));
}

static const struct {
    const char *model;
    bool one_shot; /* a request for each answer, with a buffer of its own */
} servers[] = {{"uring", true}, {"uring-multishot", false}};

START_TEST(what_goes_through_a_ring_agrees_with_the_scene)
{
    static struct performance p;
    struct scene scene;
    quiz_scene(7, &scene); /* two clients, two words of three letters */
    if (!kernel_is_new() ||
        perform_traced(&p, model_find(servers[_i].model), &scene, 1) < 0) {
        printf("1 skipped: ring of %s: %s\n", servers[_i].model,
               p.missing[0] ? p.missing : "needs Linux 6.1");
        performance_free(&p);
        return;
    }
    struct sum accepted = sum_up(&p, "accept"), received = sum_up(&p, "recv");
    ck_assert_int_eq(accepted.done, 2);
    ck_assert_int_eq(received.done, 4);
    ck_assert_int_eq(received.ends, 2);
    ck_assert_int_eq(received.bytes, 6);
    ck_assert_int_eq(received.handed, servers[_i].one_shot ? 4 : 2);
    ck_assert_int_eq(sum_up(&p, "send").handed, 2);
    ck_assert_int_eq(sum_up(&p, "send").done, servers[_i].one_shot ? 2 : 0);
    expect_words(&p, servers[_i].one_shot);
    performance_free(&p);
}
END_TEST

Suite *ring_suite(void);

Suite *ring_suite(void)
{
    Suite *suite = suite_create("ring");
    TCase *live = tcase_create("live");
    tcase_set_timeout(live, UNIT_TIMEOUT_S);
    tcase_add_loop_test(live, what_goes_through_a_ring_agrees_with_the_scene, 0,
                        sizeof servers / sizeof servers[0]);
    suite_add_tcase(suite, live);
    return suite;
}

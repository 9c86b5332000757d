/* SPDX-License-Identifier: MIT */
/* The selector, over each of its back ends: what a callback may do in a turn
 * in which others are ready too. */
#include "tests/watched_pair.h"

#include "common/sockets.h"

#include <errno.h>

enum { NEWCOMERS = 200 };

static void run_again(struct selector *selector, struct pair *self)
{
    ck_assert_int_eq(selector_run(selector, 0, NULL), -1);
    ck_assert_int_eq(errno, EBUSY);
    take_byte(self);
}

START_TEST(a_callback_cannot_run_a_turn)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    pair.act = run_again;
    watch(selector, &pair, SELECTOR_READ);
    make_readable(&pair);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    selector_close(selector);
    pair_close(&pair);
}
END_TEST

static void unregister_self(struct selector *selector, struct pair *self)
{
    ck_assert_int_eq(selector_unregister(selector, self->near), 0);
}

START_TEST(a_callback_unregisters_itself)
{
    struct selector *selector = open_selector(_i);
    struct pair pairs[3];
    for (int i = 0; i < 3; i++) {
        pair_open(&pairs[i]);
        watch(selector, &pairs[i], SELECTOR_READ);
        make_readable(&pairs[i]);
        pairs[i].act = unregister_self;
    }
    ck_assert_int_eq(selector_run(selector, 0, NULL), 3);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pairs[i].calls, 1);
        pair_close(&pairs[i]);
    }
    selector_close(selector);
}
END_TEST

/* Whoever comes first takes the other away. */
static void unregister_victim(struct selector *selector, struct pair *self)
{
    ck_assert_int_eq(selector_unregister(selector, self->victim->near), 0);
    pair_close(self->victim);
}

START_TEST(a_callback_unregisters_another_that_is_ready_too)
{
    struct selector *selector = open_selector(_i);
    struct pair pairs[2];
    for (int i = 0; i < 2; i++) {
        pair_open(&pairs[i]);
        watch(selector, &pairs[i], SELECTOR_READ);
        make_readable(&pairs[i]);
        pairs[i].victim = &pairs[1 - i];
        pairs[i].act = unregister_victim;
    }
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_int_eq(pairs[0].calls + pairs[1].calls, 1);
    selector_close(selector);
    pair_close(&pairs[pairs[0].calls ? 0 : 1]);
}
END_TEST

/* The victim's number goes to a newcomer that is ready as well, but was not
 * when the wait returned: it is told in the next turn, not in this. */
static struct pair newcomer;

static void replace_victim(struct selector *selector, struct pair *self)
{
    int number = self->victim->near;
    unregister_victim(selector, self);
    pair_open(&newcomer);
    if (newcomer.near != number) {
        int far = newcomer.far == number ? dup(newcomer.far) : newcomer.far;
        ck_assert_int_eq(dup2(newcomer.near, number), number);
        close(newcomer.near);
        newcomer.far = far;
        newcomer.near = number;
    }
    make_readable(&newcomer);
    watch(selector, &newcomer, SELECTOR_READ);
    take_byte(self);
}

START_TEST(a_reused_descriptor_does_not_get_the_event_of_the_last_owner)
{
    struct selector *selector = open_selector(_i);
    struct pair pairs[2];
    for (int i = 0; i < 2; i++) {
        pair_open(&pairs[i]);
        watch(selector, &pairs[i], SELECTOR_READ);
        make_readable(&pairs[i]);
        pairs[i].victim = &pairs[1 - i];
        pairs[i].act = replace_victim;
    }
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_int_eq(newcomer.calls, 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_int_eq(newcomer.calls, 1);
    selector_close(selector);
    pair_close(&newcomer);
    pair_close(&pairs[pairs[0].calls ? 0 : 1]);
}
END_TEST

static void silence_victim(struct selector *selector, struct pair *self)
{
    ck_assert_int_eq(selector_modify(selector, self->victim->near, 0), 0);
}

START_TEST(what_is_no_longer_asked_for_is_not_told)
{
    struct selector *selector = open_selector(_i);
    struct pair pairs[2];
    for (int i = 0; i < 2; i++) {
        pair_open(&pairs[i]);
        watch(selector, &pairs[i], SELECTOR_READ);
        make_readable(&pairs[i]);
        pairs[i].victim = &pairs[1 - i];
        pairs[i].act = silence_victim;
    }
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    selector_close(selector);
    pair_close(&pairs[0]);
    pair_close(&pairs[1]);
}
END_TEST

/* The table and the list of the selector must grow in mid-turn. */
static struct pair crowd[NEWCOMERS];

static void register_crowd(struct selector *selector, struct pair *self)
{
    if (self->victim->calls > 0)
        return;
    for (int i = 0; i < NEWCOMERS; i++) {
        pair_open(&crowd[i]);
        make_readable(&crowd[i]);
        watch(selector, &crowd[i], SELECTOR_READ);
    }
}

START_TEST(a_callback_registers_a_crowd)
{
    struct selector *selector = open_selector(_i);
    struct pair pairs[2];
    ck_assert_int_ge(socket_raise_descriptor_limit(2 * NEWCOMERS + 20),
                     2 * NEWCOMERS + 20);
    for (int i = 0; i < 2; i++) {
        pair_open(&pairs[i]);
        watch(selector, &pairs[i], SELECTOR_READ);
        make_readable(&pairs[i]);
        pairs[i].victim = &pairs[1 - i];
        pairs[i].act = register_crowd;
    }
    ck_assert_int_eq(selector_run(selector, 0, NULL), 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(selector_unregister(selector, pairs[i].near), 0);
        pair_close(&pairs[i]);
    }
    for (int i = 0; i < NEWCOMERS; i++)
        ck_assert_int_eq(crowd[i].calls, 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), NEWCOMERS);
    for (int i = 0; i < NEWCOMERS; i++) {
        ck_assert_int_eq(crowd[i].calls, 1);
        pair_close(&crowd[i]);
    }
    selector_close(selector);
}
END_TEST

Suite *selector_turn_suite(void);
Suite *selector_turn_suite(void)
{
    Suite *suite = suite_create("selector_turn");
    TCase *tcase = tcase_create("each back end");
    const TTest *const tests[] = {
        a_callback_cannot_run_a_turn,
        a_callback_unregisters_itself,
        a_callback_unregisters_another_that_is_ready_too,
        a_reused_descriptor_does_not_get_the_event_of_the_last_owner,
        what_is_no_longer_asked_for_is_not_told,
        a_callback_registers_a_crowd,
    };
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(tcase, tests[i], 0, BACKENDS);
    suite_add_tcase(suite, tcase);
    return suite;
}

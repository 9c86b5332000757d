/* SPDX-License-Identifier: MIT */
/* The selector, over each of its back ends: readiness, timeouts, limits. */
#include "tests/watched_pair.h"

#include "common/clock.h"
#include "common/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/select.h>

enum { MANY = 300 };

START_TEST(a_readable_descriptor_is_told_until_it_is_read)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    watch(selector, &pair, SELECTOR_READ);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    make_readable(&pair);
    ck_assert_int_eq(selector_run(selector, -1, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_READ);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    take_byte(&pair);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    ck_assert_int_eq(pair.calls, 2);
    selector_close(selector);
    pair_close(&pair);
}
END_TEST

static void fill(int fd)
{
    char bytes[4096] = {0};
    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        continue;
    ck_assert_int_eq(errno, EAGAIN);
}

static void drain(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
}

START_TEST(a_writable_descriptor_is_told_while_it_has_room)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    fill(pair.near);
    watch(selector, &pair, SELECTOR_READ | SELECTOR_WRITE);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    drain(pair.far);
    ck_assert_int_eq(selector_run(selector, -1, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_WRITE);
    make_readable(&pair);
    ck_assert_int_eq(selector_run(selector, -1, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_READ | SELECTOR_WRITE);
    selector_close(selector);
    pair_close(&pair);
}
END_TEST

START_TEST(modify_changes_what_is_told)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    make_readable(&pair);
    watch(selector, &pair, SELECTOR_READ);
    ck_assert_int_eq(selector_modify(selector, pair.near, SELECTOR_WRITE), 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_WRITE);
    ck_assert_int_eq(selector_modify(selector, pair.near, 0), 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    ck_assert_int_eq(selector_modify(selector, pair.near, SELECTOR_READ), 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_READ);
    selector_close(selector);
    pair_close(&pair);
}
END_TEST

/* A hang-up comes unasked, and nobody could make it go away. */
START_TEST(a_descriptor_without_events_is_silent_when_it_hangs_up)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    watch(selector, &pair, 0);
    close(pair.far);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    ck_assert_int_eq(selector_modify(selector, pair.near, SELECTOR_READ), 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_READ);
    ck_assert_int_eq(selector_modify(selector, pair.near, SELECTOR_WRITE), 0);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
    ck_assert_uint_eq(pair.events, SELECTOR_WRITE);
    selector_close(selector);
    close(pair.near);
}
END_TEST

START_TEST(mistakes_have_their_errno)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    ck_assert_int_eq(selector_unregister(selector, pair.near), -1);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(selector_modify(selector, pair.near, SELECTOR_READ), -1);
    ck_assert_int_eq(errno, ENOENT);
    watch(selector, &pair, SELECTOR_READ);
    ck_assert_int_eq(
        selector_register(selector, pair.near, SELECTOR_READ, on_ready, &pair),
        -1);
    ck_assert_int_eq(errno, EEXIST);
    ck_assert_int_eq(
        selector_register(selector, -1, SELECTOR_READ, on_ready, &pair), -1);
    ck_assert_int_eq(errno, EBADF);
    selector_close(selector);
    selector_close(NULL);
    pair_close(&pair);
    ck_assert_ptr_null(selector_open("kqueue"));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(the_best_back_end_is_epoll)
{
    struct selector *selector = selector_open(NULL);
    ck_assert_ptr_nonnull(selector);
    ck_assert_str_eq(selector_name(selector), "epoll");
    selector_close(selector);
}
END_TEST

START_TEST(the_time_is_up)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    int64_t began = now_ms();
    ck_assert_int_eq(selector_run(selector, 30, NULL), 0);
    pair_open(&pair);
    watch(selector, &pair, SELECTOR_READ);
    ck_assert_int_eq(selector_run(selector, 30, NULL), 0);
    ck_assert_int_ge(now_ms() - began, 58); /* clocks are rounded */
    make_readable(&pair);
    ck_assert_int_eq(selector_run(selector, UNIT_TIMEOUT_S * 1000, NULL), 1);
    selector_close(selector);
    pair_close(&pair);
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* The signal waits, blocked, until the wait lets it in. */
START_TEST(only_the_wait_lets_a_blocked_signal_in)
{
    struct selector *selector = open_selector(_i);
    struct sigaction action = {.sa_handler = count_signal};
    sigset_t blocked, open;
    sigemptyset(&open);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(selector_run(selector, 0, NULL), 0);
    ck_assert_int_eq(signals, 0);
    ck_assert_int_eq(selector_run(selector, -1, &open), -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(signals, 1);
    selector_close(selector);
}
END_TEST

/* More than one wait of epoll may bring: nobody is forgotten. */
START_TEST(many_descriptors_are_all_told)
{
    static struct pair pairs[MANY];
    struct selector *selector = open_selector(_i);
    ck_assert_int_ge(socket_raise_descriptor_limit(2 * MANY + 20),
                     2 * MANY + 20);
    for (int i = 0; i < MANY; i++) {
        pair_open(&pairs[i]);
        watch(selector, &pairs[i], SELECTOR_READ);
        make_readable(&pairs[i]);
    }
    int called = 0;
    for (int turns = 0; turns < 2; turns++)
        called += selector_run(selector, 0, NULL);
    ck_assert_int_ge(called, MANY);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_ge(pairs[i].calls, 1);
        if (i % 3 != 0)
            ck_assert_int_eq(selector_unregister(selector, pairs[i].near), 0);
        pairs[i].calls = 0;
    }
    ck_assert_int_eq(selector_run(selector, 0, NULL), MANY / 3);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(pairs[i].calls, i % 3 == 0);
        pair_close(&pairs[i]);
    }
    selector_close(selector);
}
END_TEST

START_TEST(only_select_refuses_high_descriptors)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    ck_assert_int_ge(socket_raise_descriptor_limit(FD_SETSIZE + 2),
                     FD_SETSIZE + 2);
    pair_open(&pair);
    int limits[] = {FD_SETSIZE - 1, FD_SETSIZE};
    for (int i = 0; i < 2; i++) {
        int near = fcntl(pair.near, F_DUPFD_CLOEXEC, limits[i]);
        ck_assert_int_eq(near, limits[i]);
        close(pair.near);
        pair.near = near;
        int result =
            selector_register(selector, near, SELECTOR_READ, on_ready, &pair);
        if (_i == 0 && near >= FD_SETSIZE) {
            ck_assert_int_eq(result, -1);
            ck_assert_int_eq(errno, ERANGE);
            continue;
        }
        ck_assert_int_eq(result, 0);
        make_readable(&pair);
        ck_assert_int_eq(selector_run(selector, 0, NULL), 1);
        ck_assert_int_eq(selector_unregister(selector, near), 0);
    }
    selector_close(selector);
    pair_close(&pair);
}
END_TEST

/* A child process that inherited a socket keeps it open when we close it. What
 * the selector forgot before must not end its sleep again and again. */
START_TEST(a_duplicate_tells_nothing_of_what_was_unregistered)
{
    struct selector *selector = open_selector(_i);
    struct pair pair;
    pair_open(&pair);
    watch(selector, &pair, SELECTOR_READ);
    int inherited = dup(pair.near);
    ck_assert_int_ge(inherited, 0);
    ck_assert_int_eq(selector_unregister(selector, pair.near), 0);
    close(pair.near);
    make_readable(&pair);
    int64_t began = now_ms();
    ck_assert_int_eq(selector_run(selector, 30, NULL), 0);
    ck_assert_int_ge(now_ms() - began, 29); /* clocks are rounded */
    selector_close(selector);
    close(inherited);
    close(pair.far);
}
END_TEST

Suite *selector_suite(void);
Suite *selector_suite(void)
{
    Suite *suite = suite_create("selector");
    TCase *tcase = tcase_create("each back end");
    const TTest *const tests[] = {
        a_readable_descriptor_is_told_until_it_is_read,
        a_writable_descriptor_is_told_while_it_has_room,
        modify_changes_what_is_told,
        a_descriptor_without_events_is_silent_when_it_hangs_up,
        mistakes_have_their_errno,
        the_time_is_up,
        only_the_wait_lets_a_blocked_signal_in,
        many_descriptors_are_all_told,
        only_select_refuses_high_descriptors,
        a_duplicate_tells_nothing_of_what_was_unregistered,
    };
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(tcase, tests[i], 0, BACKENDS);
    tcase_add_test(tcase, the_best_back_end_is_epoll);
    suite_add_tcase(suite, tcase);
    return suite;
}

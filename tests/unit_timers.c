/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/clock.h"
#include "common/timers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Waits for `condition`; the test's own timeout ends a vain wait. */
#define wait_until(condition) \
    while (!(condition))      \
    nap_us(1000)

START_TEST(without_timers_the_sleep_is_for_ever)
{
    struct timers timers;
    struct timespec t;
    timers_start(&timers, 0);
    ck_assert_int_eq(timers_sleep_ms(&timers), -1);
    ck_assert_ptr_null(timers_sleep(&timers, &t));
    ck_assert(!timers_sweep_due(&timers));
    ck_assert(!timers_idle(&timers, now_ms() - 1000000));
    ck_assert(timers_may_accept(&timers));
}
END_TEST

START_TEST(the_sleep_ends_at_the_next_sweep)
{
    struct timers timers;
    struct timespec t;
    timers_start(&timers, 400);
    int ms = timers_sleep_ms(&timers);
    ck_assert_int_ge(ms, 0);
    ck_assert_int_le(ms, 100);
    ck_assert_ptr_eq(timers_sleep(&timers, &t), &t);
    ck_assert_int_eq(t.tv_sec, 0);
    timers_start(&timers, 3600 * 1000);
    ck_assert_int_le(timers_sleep_ms(&timers), 1000);
    timers_start(&timers, 1); /* and not a sweep without a pause */
    ck_assert_int_le(timers_sleep_ms(&timers), 1);
}
END_TEST

START_TEST(a_sweep_is_due_once_in_its_interval)
{
    struct timers timers;
    timers_start(&timers, 3000);
    ck_assert(!timers_sweep_due(&timers));
    timers.sweep_at_ms = now_ms();
    ck_assert(timers_sweep_due(&timers));
    ck_assert(!timers_sweep_due(&timers));
    ck_assert_int_gt(timers.sweep_at_ms, now_ms());
}
END_TEST

START_TEST(idle_is_who_was_silent_for_the_whole_timeout)
{
    struct timers timers;
    timers_start(&timers, 60000);
    ck_assert(!timers_idle(&timers, now_ms()));
    ck_assert(!timers_idle(&timers, now_ms() - 30000));
    ck_assert(timers_idle(&timers, now_ms() - 60000));
    ck_assert(timers_idle(&timers, now_ms() - 100000));
}
END_TEST

START_TEST(want_of_a_resource_pauses_accepting)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    (void)!freopen("/dev/null", "w", stderr); /* the warnings are meant */
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct timers timers;
        struct stats stats = {0};
        timers_start(&timers, 0);
        int64_t before = now_ms();
        timers_accept_failed(&timers, errors[i], &stats);
        ck_assert_uint_eq(stats.exhausted, 1);
        ck_assert_int_ge(timers.accept_at_ms, before + ACCEPT_PAUSE_MS);
        ck_assert(timers_sleep_ms(&timers) >= 0);
        ck_assert(timers_sleep_ms(&timers) <= ACCEPT_PAUSE_MS);
        wait_until(timers_may_accept(&timers));
        ck_assert_int_ge(now_ms() - before, ACCEPT_PAUSE_MS);
    }
}
END_TEST

START_TEST(a_client_that_leaves_ends_the_pause)
{
    struct timers timers;
    struct stats stats = {0};
    (void)!freopen("/dev/null", "w", stderr); /* the warning is meant */
    timers_start(&timers, 0);
    timers_accept_failed(&timers, EMFILE, &stats);
    timers.accept_at_ms += 1000000;
    ck_assert(!timers_may_accept(&timers));
    timers_client_left(&timers);
    ck_assert(timers_may_accept(&timers));
    ck_assert_int_eq(timers_sleep_ms(&timers), -1);
}
END_TEST

/* The pause is over and nobody has accepted yet: the loop must not take 'no
 * time left' for ever, or it spins once a model looks at the time alone. */
START_TEST(after_the_pause_the_sleep_is_zero_not_negative)
{
    struct timers timers;
    timers_start(&timers, 0);
    timers.accept_at_ms = now_ms() - 5;
    ck_assert_int_eq(timers_sleep_ms(&timers), 0);
    ck_assert(timers_may_accept(&timers));
}
END_TEST

START_TEST(what_passes_by_itself_changes_nothing)
{
    static const int errors[] = {
        EINTR,    EAGAIN,      ECONNABORTED, EPROTO,       ENONET,
        ENETDOWN, ENOPROTOOPT, EHOSTDOWN,    EHOSTUNREACH, ENETUNREACH};
    struct timers timers;
    struct stats stats = {0};
    const struct stats none = {0};
    timers_start(&timers, 0);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        timers_accept_failed(&timers, errors[i], &stats);
    ck_assert(memcmp(&stats, &none, sizeof stats) == 0);
    ck_assert(timers_may_accept(&timers));
}
END_TEST

START_TEST(what_nobody_foresaw_pauses_too)
{
    static const int errors[] = {EPERM, EACCES, ENOSYS, EIO, EOPNOTSUPP};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct timers timers;
        struct stats stats = {0};
        (void)!freopen("/dev/null", "w", stderr); /* the warning is meant */
        timers_start(&timers, 0);
        timers_accept_failed(&timers, errors[i], &stats);
        ck_assert(!timers_may_accept(&timers));
        ck_assert_uint_eq(stats.exhausted, 0);
    }
}
END_TEST

static void fails_with(void *data)
{
    struct timers timers;
    struct stats stats = {0};
    report_name_program("server");
    timers_start(&timers, 0);
    timers_accept_failed(&timers, *(const int *)data, &stats);
}

START_TEST(a_fault_of_the_program_ends_it)
{
    static const int errors[] = {EBADF, EFAULT, EINVAL, ENOTSOCK};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct outcome o;
        run_apart(&o, fails_with, (void *)&errors[i]);
        ck_assert_int_eq(o.status, 1);
        ck_assert_ptr_nonnull(strstr(o.errors, "server: accept: E"));
    }
}
END_TEST

Suite *timers_suite(void);
Suite *timers_suite(void)
{
    Suite *suite = suite_create("timers");
    TCase *tcase = tcase_create("timers");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, without_timers_the_sleep_is_for_ever);
    tcase_add_test(tcase, the_sleep_ends_at_the_next_sweep);
    tcase_add_test(tcase, a_sweep_is_due_once_in_its_interval);
    tcase_add_test(tcase, idle_is_who_was_silent_for_the_whole_timeout);
    tcase_add_test(tcase, want_of_a_resource_pauses_accepting);
    tcase_add_test(tcase, a_client_that_leaves_ends_the_pause);
    tcase_add_test(tcase, after_the_pause_the_sleep_is_zero_not_negative);
    tcase_add_test(tcase, what_passes_by_itself_changes_nothing);
    tcase_add_test(tcase, what_nobody_foresaw_pauses_too);
    tcase_add_test(tcase, a_fault_of_the_program_ends_it);
    suite_add_tcase(suite, tcase);
    return suite;
}

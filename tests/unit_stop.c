/* SPDX-License-Identifier: MIT */
/*
 * The unit program is linked with -Wl,--wrap=pselect: the wrapper below can
 * raise a signal just before the real call, in the gap that no test could hit
 * by luck.
 */
#include "tests/unit.h"

#include "common/clock.h"
#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static int signal_before_sleep;

int __real_pselect(int highest, fd_set *in, fd_set *out, fd_set *odd,
                   const struct timespec *t, const sigset_t *mask);
int __wrap_pselect(int highest, fd_set *in, fd_set *out, fd_set *odd,
                   const struct timespec *t, const sigset_t *mask);
int __wrap_pselect(int highest, fd_set *in, fd_set *out, fd_set *odd,
                   const struct timespec *t, const sigset_t *mask)
{
    if (signal_before_sleep)
        raise(signal_before_sleep);
    return __real_pselect(highest, in, out, odd, t, mask);
}

/* The loop of a server. Prints how its one sleep ended. */
static void sleep_once(const sigset_t *mask)
{
    const struct timespec t = {1, 0}; /* shorter than the grace */
    if (stop_requested()) {
        printf("stopped before");
        return;
    }
    int n = pselect(0, NULL, NULL, NULL, &t, mask);
    printf("%s, %s", n < 0 && errno == EINTR ? "woken" : "slept on",
           stop_requested() ? "stop" : "no stop");
}

static void race_with_mask(void *data)
{
    sigset_t mask;
    (void)data;
    stop_catch(&mask);
    signal_before_sleep = SIGTERM;
    sleep_once(&mask);
}

static void race_without_mask(void *data)
{
    (void)data;
    stop_catch(NULL);
    signal_before_sleep = SIGTERM;
    sleep_once(NULL);
}

START_TEST(a_signal_right_before_the_sleep_is_not_missed)
{
    struct outcome o;
    run_apart(&o, race_with_mask, NULL);
    ck_assert_str_eq(o.output, "woken, stop");
}
END_TEST

/* The same without the mask misses it: the wrapper does hit the gap. */
START_TEST(without_the_mask_it_is_missed)
{
    struct outcome o;
    run_apart(&o, race_without_mask, NULL);
    ck_assert_str_eq(o.output, "slept on, stop");
}
END_TEST

static void blocked_outside_the_sleep(void *data)
{
    sigset_t mask;
    const int *number = data;
    stop_catch(&mask);
    raise(*number);
    printf("%d ", stop_requested());
    sleep_once(&mask);
}

START_TEST(both_signals_come_in_during_the_sleep_only)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        struct outcome o;
        run_apart(&o, blocked_outside_the_sleep, (void *)&numbers[i]);
        ck_assert_str_eq(o.output, "0 woken, stop");
    }
}
END_TEST

/* The loop of a server whose clients are always busy. */
static void never_asleep(void *data)
{
    const struct timespec t = {0, 0};
    int64_t end = now_ms() + 20000;
    sigset_t mask;
    int both[2];
    (void)data;
    stop_catch(&mask);
    if (pipe(both) < 0 || write(both[1], "x", 1) != 1)
        _exit(1);
    raise(SIGTERM);
    while (!stop_requested() && now_ms() < end) {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(both[0], &readable);
        if (pselect(both[0] + 1, &readable, NULL, NULL, &t, &mask) != 1)
            _exit(2); /* it would have let the signal in */
    }
    printf("%s", stop_requested() ? "stop" : "missed");
}

START_TEST(a_loop_that_never_sleeps_sees_the_signal)
{
    struct outcome o;
    run_apart(&o, never_asleep, NULL);
    ck_assert_int_eq(o.status, 0);
    ck_assert_str_eq(o.output, "stop");
}
END_TEST

static void two_signals(void *data)
{
    const int *numbers = data;
    stop_catch(NULL);
    raise(numbers[0]);
    if (!stop_requested())
        _exit(1);
    raise(numbers[1]);
}

START_TEST(a_second_signal_ends_it_at_once)
{
    static const int rows[][2] = {
        {SIGINT, SIGINT}, {SIGTERM, SIGINT}, {SIGINT, SIGTERM}};
    for (int i = 0; i < 3; i++) {
        struct outcome o;
        run_apart(&o, two_signals, (void *)rows[i]);
        ck_assert_int_eq(o.status, 128 + rows[i][1]);
    }
}
END_TEST

static void second_let_in(void *data)
{
    sigset_t mask;
    (void)data;
    stop_catch(&mask);
    signal_before_sleep = SIGTERM;
    sleep_once(&mask);
    raise(SIGINT); /* blocked: waits */
    fflush(stdout);
    stop_let_second_in();
}

START_TEST(a_blocked_second_signal_waits_to_be_let_in)
{
    struct outcome o;
    run_apart(&o, second_let_in, NULL);
    ck_assert_str_eq(o.output, "woken, stop");
    ck_assert_int_eq(o.status, 130);
}
END_TEST

static void requested_by_the_program(void *data)
{
    (void)data;
    stop_request(SIGTERM);
    printf("%d", stop_requested());
}

START_TEST(a_program_may_request_the_stop_itself)
{
    struct outcome o;
    run_apart(&o, requested_by_the_program, NULL);
    ck_assert_str_eq(o.output, "1");
}
END_TEST

/* recv on a socket that stop_wakes() knows, called before or after the signal;
 * prints what it returned. SO_RCVTIMEO, so that a fault does not hang. */
static void wakes(void *data)
{
    const char *order = data;
    int pair[2];
    char byte;
    const struct timeval t = {2, 0};
    stop_catch(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) < 0)
        _exit(1);
    if (strcmp(order, "emptied") == 0) {
        stop_wakes(STOP_CLIENT, pair[0]);
        stop_wakes(STOP_CLIENT, -1);
        raise(SIGTERM);
    } else if (strcmp(order, "wakes, signal") == 0) {
        stop_wakes(STOP_CLIENT, pair[0]);
        raise(SIGTERM);
    } else {
        raise(SIGTERM);
        stop_wakes(STOP_CLIENT, pair[0]);
    }
    printf("%zd", recv(pair[0], &byte, 1, 0));
}

START_TEST(a_sleeper_is_woken_however_late_the_call_comes)
{
    struct outcome o;
    run_apart(&o, wakes, (void *)"wakes, signal");
    ck_assert_str_eq(o.output, "0");
    run_apart(&o, wakes, (void *)"signal, wakes");
    ck_assert_str_eq(o.output, "0");
    run_apart(&o, wakes, (void *)"emptied");
    ck_assert_str_eq(o.output, "-1");
}
END_TEST

static void writes_to_nobody(void *data)
{
    int ends[2];
    (void)data;
    stop_catch(NULL);
    if (pipe(ends) < 0 || close(ends[0]) < 0)
        _exit(1);
    ssize_t n = write(ends[1], "x", 1);
    printf("%zd %d", n, n < 0 && errno == EPIPE);
}

START_TEST(a_client_that_went_away_does_not_end_the_server)
{
    struct outcome o;
    run_apart(&o, writes_to_nobody, NULL);
    ck_assert_str_eq(o.output, "-1 1");
}
END_TEST

Suite *stop_suite(void);
Suite *stop_suite(void)
{
    Suite *suite = suite_create("stop");
    TCase *tcase = tcase_create("stop");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, a_signal_right_before_the_sleep_is_not_missed);
    tcase_add_test(tcase, without_the_mask_it_is_missed);
    tcase_add_test(tcase, both_signals_come_in_during_the_sleep_only);
    tcase_add_test(tcase, a_loop_that_never_sleeps_sees_the_signal);
    tcase_add_test(tcase, a_second_signal_ends_it_at_once);
    tcase_add_test(tcase, a_blocked_second_signal_waits_to_be_let_in);
    tcase_add_test(tcase, a_program_may_request_the_stop_itself);
    tcase_add_test(tcase, a_sleeper_is_woken_however_late_the_call_comes);
    tcase_add_test(tcase, a_client_that_went_away_does_not_end_the_server);
    suite_add_tcase(suite, tcase);
    return suite;
}

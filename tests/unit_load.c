/* SPDX-License-Identifier: MIT */
/* The load against servers that are wrong now and then: each must be caught. */
#include "tests/unit.h"

#include "bench/load.h"
#include "common/clock.h"
#include "common/sockets.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the server of a test does wrong. */
enum mischief {
    HONEST,
    WRONG_BYTE, /* one bit, in every 50th answer */
    LATE_REST,  /* half of an answer, the rest 1 ms later: not wrong at all */
    EXTRA_BYTE, /* one too many in the 40th */
    ECHO,       /* never applies the service */
    SHUTS,      /* closes after 30 answers */
    SWALLOWS,   /* does not answer the 30th */
    REFUSES,    /* says busy: and closes */
    STALLS,     /* stands still for 300 ms before the 50th */
    SLOW        /* sleeps 1 ms before each */
};

static pid_t server;
static struct load_plan plan;
static struct load_result *result;

static void answer(int fd, enum mischief mischief, char *bytes, size_t n,
                   int number)
{
    if (mischief != ECHO)
        service_find("upper")->apply(bytes, n);
    if (mischief == WRONG_BYTE && number % 50 == 0)
        bytes[n / 2] ^= 1;
    if (mischief == STALLS && number == 50)
        nap_us(300000);
    if (mischief == SLOW)
        nap_us(1000);
    if (mischief == LATE_REST) {
        (void)send(fd, bytes, n / 2, MSG_NOSIGNAL);
        nap_us(1000);
        (void)send(fd, bytes + n / 2, n - n / 2, MSG_NOSIGNAL);
    } else if (mischief != SWALLOWS || number != 30) {
        bool extra = mischief == EXTRA_BYTE && number == 40;
        (void)send(fd, bytes, n + extra, MSG_NOSIGNAL);
    }
}

/* One client; a request always comes whole, as it is small. */
static _Noreturn void serve(int listen_fd, enum mischief mischief)
{
    char bytes[4096];
    int fd = accept(listen_fd, NULL, NULL);
    ssize_t n;
    for (int number = 1; (n = recv(fd, bytes, sizeof bytes - 1, 0)) > 0;
         number++) {
        if (mischief == REFUSES) {
            (void)send(fd, "busy: too many\n", 15, MSG_NOSIGNAL);
            break;
        }
        if (mischief == SHUTS && number == 31)
            break;
        answer(fd, mischief, bytes, (size_t)n, number);
    }
    _exit(0);
}

static void start(enum mischief mischief)
{
    struct address any;
    ck_assert_ptr_null(address_parse("127.0.0.1:0", &any));
    int listen_fd = socket_listen(&any, 0);
    ck_assert_int_ge(listen_fd, 0);
    plan.address.length = sizeof plan.address.bytes;
    ck_assert_int_eq(getsockname(listen_fd,
                                 (struct sockaddr *)&plan.address.bytes,
                                 &plan.address.length),
                     0);
    server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0)
        serve(listen_fd, mischief);
    (void)close(listen_fd);
}

static void nothing(void *data)
{
    (void)data;
}

static int run(void)
{
    const struct load_hooks hooks = {nothing, nothing, NULL};
    return load_run(&plan, result, &hooks);
}

static void set_up(void)
{
    server = 0;
    plan = (struct load_plan){.service = service_find("upper"),
                              .active = 1,
                              .bytes = 64,
                              .requests = 200,
                              .patience = 1000,
                              .cpu = -1};
    result = calloc(1, sizeof *result);
    ck_assert_ptr_nonnull(result);
}

static void tear_down(void)
{
    if (server > 0) {
        (void)kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
    }
    free(result);
}

START_TEST(an_honest_server_has_no_faults)
{
    start(_i ? LATE_REST : HONEST);
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(load_fault_count(result), 0);
    ck_assert_str_eq(result->first_fault, "");
    ck_assert_int_eq(result->requests, 200);
    ck_assert_int_eq(result->latency.count, 200);
}
END_TEST

START_TEST(a_wrong_bit_now_and_then_is_caught)
{
    start(WRONG_BYTE);
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(result->faults[LOAD_WRONG], 4);
    ck_assert_int_eq(result->requests, 196);
    ck_assert_int_eq(result->latency.count, 196);
    ck_assert_ptr_nonnull(strstr(result->first_fault, "byte 33 of an answer"));
}
END_TEST

START_TEST(a_byte_too_many_is_caught)
{
    start(EXTRA_BYTE);
    (void)run();
    ck_assert_int_eq(result->faults[LOAD_WRONG], 1);
    ck_assert_ptr_nonnull(strstr(result->first_fault, "longer than"));
}
END_TEST

START_TEST(a_server_that_does_not_apply_the_service_is_caught)
{
    start(ECHO);
    (void)run();
    ck_assert_int_gt(result->faults[LOAD_WRONG], 0);
    ck_assert_ptr_nonnull(strstr(result->first_fault, "--service echo"));
}
END_TEST

START_TEST(a_closed_connection_is_counted)
{
    start(SHUTS);
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(result->faults[LOAD_CLOSED] + result->faults[LOAD_RESET],
                     1);
    ck_assert_int_eq(result->requests, 29); /* the first one is the greeting */
}
END_TEST

START_TEST(an_answer_that_never_comes_is_missing)
{
    start(SWALLOWS);
    plan.patience = 300;
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(result->faults[LOAD_MISSING], 1);
}
END_TEST

START_TEST(a_refusal_is_told_in_the_servers_words)
{
    start(REFUSES);
    ck_assert_int_eq(run(), -1);
    ck_assert(result->refused);
    ck_assert_ptr_nonnull(strstr(result->first_fault, "busy: too many"));
}
END_TEST

START_TEST(nobody_there_is_told_with_the_error)
{
    start(HONEST);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    server = 0;
    ck_assert_int_eq(run(), -1);
    ck_assert_ptr_nonnull(strstr(result->first_fault, "ECONNREFUSED"));
}
END_TEST

/* 100 requests a second, 100 of them; one answer comes 300 ms late. The
 * requests that were due meanwhile waited as well, and only the clock that
 * starts when they were due shows it. */
START_TEST(an_open_loop_counts_from_the_time_a_request_was_due)
{
    start(STALLS);
    plan.rate = 100;
    plan.requests = 100;
    plan.patience = 5000;
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(load_fault_count(result), 0);
    ck_assert_int_eq(result->requests, 100);
    int64_t due = histogram_percentile(&result->latency, 80);
    ck_assert_msg(due > 30000000, "p80 since due is %lld ns", (long long)due);
    ck_assert_int_ge(result->since_sent.max_ns, 300000000);
    ck_assert_int_ge(result->elapsed_ns, 990000000);
}
END_TEST

/* Once by time and once by number. When the last answer is there, nothing is
 * left to wait for. */
START_TEST(an_open_loop_ends_with_its_last_request)
{
    start(HONEST);
    plan.rate = 1000;
    plan.requests = _i ? 200 : 0;
    plan.measure_us = 200000;
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(result->requests, 200);
    double rate = 200 * 1e9 / (double)result->elapsed_ns;
    ck_assert_msg(rate > 0.75 * plan.rate, "%.0f a second of %.0f", rate,
                  plan.rate);
}
END_TEST

/* It answers 1,000 a second, and 20,000 are due within a fifth of one. */
START_TEST(an_open_loop_that_cannot_keep_up_ends_all_the_same)
{
    start(SLOW);
    plan.rate = 100000;
    plan.requests = _i ? 20000 : 0;
    plan.measure_us = 200000;
    ck_assert_int_eq(run(), 0);
    ck_assert_int_eq(load_fault_count(result), 0);
    ck_assert_int_lt(result->requests, 10000);
    ck_assert_int_eq(result->requests + result->unsent, 20000);
    ck_assert(!load_kept(plan.rate, 0.99 * plan.rate, result->unsent));
}
END_TEST

START_TEST(a_rate_is_held_within_a_twentieth)
{
    ck_assert(load_kept(1000, 951, 0));
    ck_assert(!load_kept(1000, 949, 0));
    ck_assert(!load_kept(1000, 1000, 1));
}
END_TEST

START_TEST(a_closed_loop_hides_the_stall)
{
    start(STALLS);
    ck_assert_int_eq(run(), 0);
    ck_assert_int_ge(result->latency.max_ns, 300000000);
    ck_assert_int_lt(histogram_percentile(&result->latency, 80), 300000000);
}
END_TEST

START_TEST(what_the_descriptor_limit_lets_through_is_known)
{
    ck_assert_int_eq(load_fits(1), 0);
    long fits = load_fits(100000000);
    ck_assert_int_gt(fits, 0);
    ck_assert_int_eq(load_fits(fits), 0);
    ck_assert_int_eq(load_fits(fits + 1), fits);
}
END_TEST

Suite *load_suite(void);
Suite *load_suite(void)
{
    Suite *suite = suite_create("load");
    TCase *tests = tcase_create("load");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_loop_test(tests, an_honest_server_has_no_faults, 0, 2);
    tcase_add_test(tests, a_wrong_bit_now_and_then_is_caught);
    tcase_add_test(tests, a_byte_too_many_is_caught);
    tcase_add_test(tests, a_server_that_does_not_apply_the_service_is_caught);
    tcase_add_test(tests, a_closed_connection_is_counted);
    tcase_add_test(tests, an_answer_that_never_comes_is_missing);
    tcase_add_test(tests, a_refusal_is_told_in_the_servers_words);
    tcase_add_test(tests, nobody_there_is_told_with_the_error);
    tcase_add_test(tests, an_open_loop_counts_from_the_time_a_request_was_due);
    tcase_add_loop_test(tests, an_open_loop_ends_with_its_last_request, 0, 2);
    tcase_add_loop_test(
        tests, an_open_loop_that_cannot_keep_up_ends_all_the_same, 0, 2);
    tcase_add_test(tests, a_rate_is_held_within_a_twentieth);
    tcase_add_test(tests, a_closed_loop_hides_the_stall);
    tcase_add_test(tests, what_the_descriptor_limit_lets_through_is_known);
    suite_add_tcase(suite, tests);
    return suite;
}

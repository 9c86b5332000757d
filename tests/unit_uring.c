/* SPDX-License-Identifier: MIT */
/* The ring: full queues, an overflow, calls that are cut short, and what is
 * said where there is no io_uring. A wrapped syscall(2) makes it fail. */
#include "asyncio/uring.h"
#include "common/clock.h"
#include "common/report.h"
#include "tests/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int setup_error;   /* io_uring_setup always fails with this; 0: not */
    int no_wishes;     /* a kernel that knows no IORING_SETUP_ of 6.x */
    int enter_error;   /* the next io_uring_enter fails with this */
    int cut_after;     /* the next one takes only so many; -1: all */
    int signal_before; /* this signal comes right before the next one */
    unsigned calls;    /* io_uring_enter, so far */
} kernel;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static long enter(long a[6])
{
    kernel.calls++;
    if (kernel.signal_before != 0)
        (void)raise(kernel.signal_before);
    kernel.signal_before = 0;
    if (kernel.enter_error != 0) {
        errno = kernel.enter_error;
        kernel.enter_error = 0;
        return -1;
    }
    if (kernel.cut_after >= 0)
        a[1] = kernel.cut_after;
    kernel.cut_after = -1;
    return __real_syscall(SYS_io_uring_enter, a[0], a[1], a[2], a[3], a[4],
                          a[5]);
}

long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_io_uring_enter)
        return enter(a);
    if (number == SYS_io_uring_setup) {
        const struct io_uring_params *p = (const void *)a[1];
        errno = kernel.setup_error;
        if (errno == 0 && kernel.no_wishes &&
            (p->flags &
             (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)) != 0)
            errno = EINVAL;
        if (errno != 0)
            return -1;
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static struct uring ring;
static int available; /* 0: this kernel has no io_uring, the tests pass by */

static void set_up(void)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.cut_after = -1;
    available = uring_open(&ring, 4, 4, 0) == 0;
}

static void tear_down(void)
{
    if (available)
        uring_close(&ring);
}

static void nop(uint64_t user_data)
{
    struct io_uring_sqe *sqe = uring_request(&ring);
    ck_assert_ptr_nonnull(sqe);
    *sqe =
        (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = user_data};
}

/* The results there are must be those of `from`, `from` + 1 ... Returns how
 * many they were. */
static unsigned reap_from(uint64_t from)
{
    struct completion done;
    unsigned count = 0;
    while (uring_reap(&ring, &done)) {
        ck_assert_uint_eq(done.user_data, from + count);
        ck_assert_int_eq(done.result, 0);
        count++;
    }
    return count;
}

START_TEST(a_full_submission_queue_has_no_place)
{
    for (uint64_t i = 0; i < 4; i++)
        nop(i);
    ck_assert_ptr_null(uring_request(&ring));
    ck_assert_ptr_null(uring_request(&ring));
    ck_assert_int_eq(uring_enter(&ring, 4, -1, NULL), 4);
    ck_assert_uint_eq(reap_from(0), 4);
    nop(4);
    ck_assert_int_eq(uring_enter(&ring, 1, -1, NULL), 1);
    ck_assert_uint_eq(reap_from(4), 1);
}
END_TEST

START_TEST(the_queues_go_round_many_times)
{
    for (uint64_t i = 0; i < 1000; i += 3) {
        nop(i);
        nop(i + 1);
        nop(i + 2);
        ck_assert_int_eq(uring_enter(&ring, 3, -1, NULL), 3);
        ck_assert_uint_eq(reap_from(i), 3);
    }
}
END_TEST

/* The indices are 32 bits wide and are never reduced. */
START_TEST(the_indices_pass_the_end_of_their_range)
{
    const unsigned near = 0u - 2;
    atomic_store(ring.sq_head, near);
    atomic_store(ring.sq_tail, near);
    ring.sq_filled = near;
    for (uint64_t i = 0; i < 4; i++)
        nop(i);
    ck_assert_ptr_null(uring_request(&ring));
    ck_assert_uint_eq(ring.sq_filled, 2);
}
END_TEST

START_TEST(an_overflow_loses_no_completion)
{
    for (uint64_t i = 0; i < 20; i++) {
        nop(i);
        ck_assert_int_eq(uring_enter(&ring, 0, -1, NULL), 1);
    }
    ck_assert(uring_overflowed(&ring));
    unsigned count = 0;
    for (int round = 0; round < 20 && count < 20; round++) {
        count += reap_from(count);
        ck_assert_int_eq(uring_enter(&ring, 0, -1, NULL), 0);
    }
    ck_assert_uint_eq(count, 20);
    ck_assert(!uring_overflowed(&ring));
}
END_TEST

START_TEST(an_interrupted_call_neither_loses_nor_doubles)
{
    nop(0);
    nop(1);
    kernel.enter_error = EINTR;
    ck_assert_int_eq(uring_enter(&ring, 2, -1, NULL), -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_uint_eq(reap_from(0), 0);
    nop(2);
    ck_assert_int_eq(uring_enter(&ring, 3, -1, NULL), 3);
    ck_assert_uint_eq(reap_from(0), 3);
}
END_TEST

START_TEST(what_the_kernel_did_not_take_goes_with_the_next_call)
{
    for (uint64_t i = 0; i < 4; i++)
        nop(i);
    kernel.cut_after = 1;
    ck_assert_int_eq(uring_enter(&ring, 0, -1, NULL), 1);
    nop(4);
    ck_assert_ptr_null(uring_request(&ring));
    ck_assert_uint_eq(reap_from(0), 1);
    ck_assert_int_eq(uring_enter(&ring, 4, -1, NULL), 4);
    ck_assert_uint_eq(reap_from(1), 4);
}
END_TEST

START_TEST(with_nothing_to_say_there_is_no_call)
{
    struct completion done;
    ck_assert_int_eq(uring_enter(&ring, 0, -1, NULL), 0);
    ck_assert(!uring_reap(&ring, &done));
    ck_assert_uint_eq(kernel.calls, 0);
}
END_TEST

START_TEST(the_sleep_ends_with_its_time)
{
    int64_t began = now_ms();
    ck_assert_int_eq(uring_enter(&ring, 1, 30, NULL), 0);
    ck_assert_int_ge(now_ms() - began, 30);
    ck_assert_uint_eq(kernel.calls, 1);
}
END_TEST

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled = number;
}

/* The signal comes after every test of a flag and before the sleep. */
START_TEST(a_signal_right_before_the_sleep_ends_it)
{
    struct sigaction action = {.sa_handler = handle};
    sigset_t stops, wait_mask;
    ck_assert_int_eq(sigaction(SIGTERM, &action, NULL), 0);
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &stops, &wait_mask), 0);
    kernel.signal_before = SIGTERM;
    handled = 0;
    ck_assert_int_eq(uring_enter(&ring, 1, 10000, &wait_mask), -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(handled, SIGTERM);
    /* Outside of the sleep it stays blocked. */
    handled = 0;
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(handled, 0);
}
END_TEST

START_TEST(a_completion_carries_a_negative_errno)
{
    struct completion done;
    *uring_request(&ring) = (struct io_uring_sqe){
        .opcode = IORING_OP_RECV, .fd = -1, .user_data = 7};
    ck_assert_int_ge(uring_enter(&ring, 1, -1, NULL), 0);
    ck_assert(uring_reap(&ring, &done));
    ck_assert_uint_eq(done.user_data, 7);
    ck_assert_int_eq(done.result, -EBADF);
}
END_TEST

START_TEST(register_reaches_the_kernel)
{
    union {
        struct io_uring_probe probe;
        char room[sizeof(struct io_uring_probe) +
                  64 * sizeof(struct io_uring_probe_op)];
    } answer = {.room = {0}};
    ck_assert_int_eq(uring_register(&ring, IORING_REGISTER_PROBE, &answer, 64),
                     0);
    ck_assert_uint_gt(answer.probe.last_op, IORING_OP_RECV);
    ck_assert_int_eq(uring_register(&ring, 0xffff, NULL, 0), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* With DEFER_TASKRUN, without it, and with more requests than results. */
START_TEST(a_kernel_without_the_wishes_gives_a_plain_ring)
{
    struct uring other;
    const unsigned wish =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    kernel.no_wishes = 1;
    ck_assert_int_eq(uring_open(&other, 16, 1, wish), 0);
    ck_assert_uint_eq(other.setup & wish, 0);
    ck_assert_uint_eq(other.sq_entries, 16);
    ck_assert_uint_ge(other.cq_entries, 16);
    uring_close(&other);
}
END_TEST

static void open_or_say_why(void *data)
{
    struct uring other;
    kernel.setup_error = *(const int *)data;
    report_name_program("server");
    if (uring_open(&other, 4, 4, IORING_SETUP_SINGLE_ISSUER) < 0)
        uring_not_available(errno);
}

START_TEST(without_io_uring_it_says_why_and_exits_77)
{
    static const struct {
        int error;
        const char *name, *hint;
    } faults[] = {{ENOSYS, "ENOSYS", "5.11"},
                  {EPERM, "EPERM", ""},
                  {ENOMEM, "ENOMEM", "ulimit -l"},
                  {EMFILE, "EMFILE", "ulimit -n"},
                  {EINVAL, "EINVAL", ""}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct outcome o;
        run_apart(&o, open_or_say_why, (void *)&faults[i].error);
        ck_assert_int_eq(o.status, EXIT_NOT_AVAILABLE);
        ck_assert_ptr_nonnull(strstr(o.errors, faults[i].name));
        ck_assert_ptr_nonnull(strstr(o.errors, faults[i].hint));
        ck_assert_ptr_nonnull(strstr(o.errors, "make doctor"));
        ck_assert_ptr_eq(strchr(o.errors, '\n'),
                         o.errors + strlen(o.errors) - 1);
    }
}
END_TEST

Suite *uring_suite(void);
Suite *uring_suite(void)
{
    Suite *suite = suite_create("uring");
    TCase *without = tcase_create("without a ring");
    tcase_set_timeout(without, UNIT_TIMEOUT_S);
    tcase_add_test(without, without_io_uring_it_says_why_and_exits_77);
    suite_add_tcase(suite, without);
    set_up();
    tear_down();
    if (!available) {
        printf("12 skipped: unit_uring: io_uring_setup: %s\n", strerror(errno));
        return suite;
    }
    TCase *tcase = tcase_create("ring");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_full_submission_queue_has_no_place);
    tcase_add_test(tcase, the_queues_go_round_many_times);
    tcase_add_test(tcase, the_indices_pass_the_end_of_their_range);
    tcase_add_test(tcase, an_overflow_loses_no_completion);
    tcase_add_test(tcase, an_interrupted_call_neither_loses_nor_doubles);
    tcase_add_test(tcase, what_the_kernel_did_not_take_goes_with_the_next_call);
    tcase_add_test(tcase, with_nothing_to_say_there_is_no_call);
    tcase_add_test(tcase, the_sleep_ends_with_its_time);
    tcase_add_test(tcase, a_signal_right_before_the_sleep_ends_it);
    tcase_add_test(tcase, a_completion_carries_a_negative_errno);
    tcase_add_test(tcase, register_reaches_the_kernel);
    tcase_add_test(tcase, a_kernel_without_the_wishes_gives_a_plain_ring);
    suite_add_tcase(suite, tcase);
    return suite;
}

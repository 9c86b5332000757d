/* SPDX-License-Identifier: MIT */
/* The ring of buffers: exhaustion and return, whose bytes lie where, and a
 * kernel that has no such ring. */
#include "asyncio/uring_buffers.h"
#include "tests/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IORING_RECV_MULTISHOT
#define IORING_RECV_MULTISHOT (1U << 1)
#endif

enum { COUNT = 4 };

static struct uring ring;
static struct uring_buffers buffers;
static int pair[2];   /* we write into [1], the recv reads from [0] */
static int available; /* 0: this kernel lacks a part, the tests pass by */

static void set_up(void)
{
    available = uring_open(&ring, 64, 64, 0) == 0;
    if (!available)
        return;
    available = uring_buffers_open(&buffers, &ring, COUNT) == 0 &&
                socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0;
    if (!available)
        uring_close(&ring);
}

static void tear_down(void)
{
    if (!available)
        return;
    uring_buffers_close(&buffers);
    uring_close(&ring);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void say(const char *text)
{
    ck_assert_int_eq(send(pair[1], text, strlen(text), 0),
                     (ssize_t)strlen(text));
}

static void begin(void)
{
    struct io_uring_sqe *sqe = uring_request(&ring);
    ck_assert_ptr_nonnull(sqe);
    *sqe = (struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                 .flags = IOSQE_BUFFER_SELECT,
                                 .ioprio = IORING_RECV_MULTISHOT,
                                 .fd = pair[0]};
}

static struct completion next(void)
{
    struct completion done;
    while (!uring_reap(&ring, &done))
        ck_assert_int_ge(uring_enter(&ring, 1, 10000, NULL), 0);
    return done;
}

/* The next completion must bring `text`; in which buffer? */
static struct uring_buffer *expect(const char *text)
{
    struct completion done = next();
    ck_assert_int_eq(done.result, (int)strlen(text));
    struct uring_buffer *b = uring_buffers_take(&buffers, done.flags);
    ck_assert_ptr_nonnull(b);
    ck_assert_mem_eq(b->buffer.bytes, text, strlen(text));
    return b;
}

static void expect_exhaustion(void)
{
    struct completion done = next();
    ck_assert_int_eq(done.result, -ENOBUFS);
    ck_assert_uint_eq(done.flags & IORING_CQE_F_MORE, 0);
    ck_assert_ptr_null(uring_buffers_take(&buffers, done.flags));
    ck_assert_uint_eq(buffers.lent, 0);
}

START_TEST(a_silent_recv_takes_no_buffer)
{
    begin();
    ck_assert_int_eq(uring_enter(&ring, 0, -1, NULL), 1);
    ck_assert_uint_eq(buffers.lent, COUNT);
    say("now");
    uring_buffers_give_back(&buffers, expect("now"));
    ck_assert_uint_eq(buffers.lent, COUNT);
}
END_TEST

START_TEST(exhausted_it_ends_and_goes_on_after_a_return)
{
    static const char *const words[] = {"a", "bb", "ccc", "dddd", "eeeee"};
    struct uring_buffer *held[COUNT];
    begin();
    for (int i = 0; i < COUNT + 1; i++)
        say(words[i]);
    for (int i = 0; i < COUNT; i++)
        held[i] = expect(words[i]);
    expect_exhaustion();
    uring_buffers_give_back(&buffers, held[2]);
    ck_assert_uint_eq(buffers.lent, 1);
    begin();
    struct uring_buffer *b = expect("eeeee");
    ck_assert_ptr_eq(b, held[2]);
    /* The others are still whose they were, byte for byte. */
    ck_assert_mem_eq(held[0]->buffer.bytes, "a", 1);
    ck_assert_mem_eq(held[1]->buffer.bytes, "bb", 2);
    ck_assert_mem_eq(held[3]->buffer.bytes, "dddd", 4);
    uring_buffers_give_back(&buffers, b);
    uring_buffers_give_back(&buffers, held[0]);
    uring_buffers_give_back(&buffers, held[1]);
    uring_buffers_give_back(&buffers, held[3]);
    ck_assert_uint_eq(buffers.lent, COUNT);
}
END_TEST

/* Round and round, and returned in another order than taken: places, ids and
 * the 16 bits of the tail all wrap. */
START_TEST(no_buffer_is_lent_twice)
{
    begin();
    for (int i = 0; i < 70000; i += 3) {
        struct uring_buffer *held[3];
        char text[3][16];
        for (int k = 0; k < 3; k++) {
            snprintf(text[k], sizeof text[k], "number %d", i + k);
            say(text[k]);
        }
        for (int k = 0; k < 3; k++)
            held[k] = expect(text[k]);
        for (int k = 0; k < 3; k++)
            ck_assert_mem_eq(held[k]->buffer.bytes, text[k], strlen(text[k]));
        uring_buffers_give_back(&buffers, held[i % 3]);
        uring_buffers_give_back(&buffers, held[(i + 2) % 3]);
        uring_buffers_give_back(&buffers, held[(i + 1) % 3]);
    }
}
END_TEST

/* Who keeps its buffers keeps nobody else waiting. */
START_TEST(empty_places_are_filled_up)
{
    struct uring_buffer *held[COUNT];
    begin();
    for (int i = 0; i < COUNT; i++) {
        say("kept");
        held[i] = expect("kept");
    }
    say("more");
    expect_exhaustion();
    ck_assert_int_eq(uring_buffers_fill_up(&buffers), 0);
    ck_assert_uint_eq(buffers.lent, COUNT);
    begin();
    struct uring_buffer *b = expect("more");
    for (int i = 0; i < COUNT; i++) {
        ck_assert_ptr_ne(b, held[i]);
        ck_assert_mem_eq(held[i]->buffer.bytes, "kept", 4);
        uring_buffers_give_back(&buffers, held[i]); /* one fits, 3 are freed */
    }
    uring_buffers_give_back(&buffers, b);
    ck_assert_uint_eq(buffers.lent, COUNT);
}
END_TEST

START_TEST(without_a_ring_nothing_is_lent)
{
    struct uring none = {.fd = 999999};
    struct uring_buffers plain;
    ck_assert_int_eq(uring_buffers_open(&plain, &none, COUNT), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_uint_eq(plain.entries, 0);
    struct uring_buffer *b = malloc(sizeof *b);
    uring_buffers_give_back(&plain, b);
    uring_buffers_close(&plain);
}
END_TEST

Suite *uring_buffers_suite(void);
Suite *uring_buffers_suite(void)
{
    Suite *suite = suite_create("uring_buffers");
    TCase *without = tcase_create("without a ring");
    tcase_set_timeout(without, UNIT_TIMEOUT_S);
    tcase_add_test(without, without_a_ring_nothing_is_lent);
    suite_add_tcase(suite, without);
    set_up();
    tear_down();
    if (!available) {
        printf("4 skipped: unit_uring_buffers: no ring of buffers here: %s\n",
               strerror(errno));
        return suite;
    }
    TCase *tcase = tcase_create("ring of buffers");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_silent_recv_takes_no_buffer);
    tcase_add_test(tcase, exhausted_it_ends_and_goes_on_after_a_return);
    tcase_add_test(tcase, no_buffer_is_lent_twice);
    tcase_add_test(tcase, empty_places_are_filled_up);
    suite_add_tcase(suite, tcase);
    return suite;
}

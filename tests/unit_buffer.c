/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/buffer.h"

#include <string.h>

START_TEST(what_is_sent_is_no_longer_unsent)
{
    struct buffer_shelf shelf = {NULL};
    struct buffer *b = buffer_take(&shelf);
    ck_assert_uint_eq(buffer_unsent_length(b), 0);
    memcpy(b->bytes, "abcdef", 6);
    buffer_fill(b, 6);
    ck_assert_uint_eq(buffer_unsent_length(b), 6);
    ck_assert(memcmp(buffer_unsent(b), "abcdef", 6) == 0);
    buffer_sent(b, 4);
    ck_assert_uint_eq(buffer_unsent_length(b), 2);
    ck_assert(memcmp(buffer_unsent(b), "ef", 2) == 0);
    buffer_sent(b, 2);
    ck_assert_uint_eq(buffer_unsent_length(b), 0);
    buffer_give_back(&shelf, b);
    buffer_shelf_free(&shelf);
}
END_TEST

START_TEST(a_whole_buffer_fits)
{
    struct buffer_shelf shelf = {NULL};
    struct buffer *b = buffer_take(&shelf);
    buffer_fill(b, BUFFER_SIZE);
    ck_assert_uint_eq(buffer_unsent_length(b), 16384);
    buffer_sent(b, BUFFER_SIZE);
    ck_assert_uint_eq(buffer_unsent_length(b), 0);
    buffer_give_back(&shelf, b);
    buffer_shelf_free(&shelf);
}
END_TEST

START_TEST(the_spare_serves_again_and_comes_empty)
{
    struct buffer_shelf shelf = {NULL};
    struct buffer *first = buffer_take(&shelf);
    buffer_fill(first, 100);
    buffer_give_back(&shelf, first);
    struct buffer *again = buffer_take(&shelf);
    ck_assert_ptr_eq(again, first);
    ck_assert_uint_eq(buffer_unsent_length(again), 0);
    buffer_give_back(&shelf, again);
    buffer_shelf_free(&shelf);
    ck_assert_ptr_null(shelf.spare);
}
END_TEST

/* The leak checker watches that the second one is freed. */
START_TEST(two_at_a_time_are_two_and_one_is_kept)
{
    struct buffer_shelf shelf = {NULL};
    struct buffer *one = buffer_take(&shelf);
    struct buffer *two = buffer_take(&shelf);
    ck_assert_ptr_ne(one, two);
    buffer_give_back(&shelf, one);
    buffer_give_back(&shelf, two);
    ck_assert_ptr_eq(shelf.spare, one);
    buffer_give_back(&shelf, NULL);
    ck_assert_ptr_eq(shelf.spare, one);
    buffer_shelf_free(&shelf);
}
END_TEST

Suite *buffer_suite(void);
Suite *buffer_suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tcase = tcase_create("buffer");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, what_is_sent_is_no_longer_unsent);
    tcase_add_test(tcase, a_whole_buffer_fits);
    tcase_add_test(tcase, the_spare_serves_again_and_comes_empty);
    tcase_add_test(tcase, two_at_a_time_are_two_and_one_is_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}

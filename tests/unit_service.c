/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/service.h"

#include <locale.h>
#include <string.h>

START_TEST(upper_changes_a_to_z_and_no_other_byte)
{
    char bytes[256];
    (void)setlocale(LC_ALL,
                    "tr_TR.UTF-8"); /* where i is not I, if it is here */
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    service_find("upper")->apply(bytes, sizeof bytes);
    for (int i = 0; i < 256; i++) {
        int due = i >= 'a' && i <= 'z' ? i - 32 : i;
        ck_assert_msg((unsigned char)bytes[i] == due, "0x%02x became 0x%02x", i,
                      (unsigned char)bytes[i]);
    }
}
END_TEST

/* The loop works in blocks where the compiler finds vector instructions: every
 * length and every alignment is another mix of blocks and single bytes. */
START_TEST(any_cut_of_the_stream_gives_the_same)
{
    const char *question = "The quick brown fox jumps over the lazy dog {az} "
                           "`@[ \xe9\xa9 0123456789 and once more, abcxyz";
    const char *answer = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG {AZ} "
                         "`@[ \xe9\xa9 0123456789 AND ONCE MORE, ABCXYZ";
    size_t length = strlen(question);
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            char text[128];
            memcpy(text, question, length + 1);
            const struct service *s = service_find("upper");
            s->apply(text, first);
            s->apply(text + first, second - first);
            s->apply(text + second, length - second);
            ck_assert_str_eq(text, answer);
        }
    }
}
END_TEST

START_TEST(only_the_bytes_given_are_touched)
{
    char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    service_find("upper")->apply(text + 3, 37);
    for (size_t i = 0; i < sizeof text - 1; i++)
        ck_assert_int_eq(text[i], i >= 3 && i < 40 ? 'A' : 'a');
}
END_TEST

START_TEST(echo_changes_nothing)
{
    char bytes[256], same[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = same[i] = (char)i;
    service_find("echo")->apply(bytes, sizeof bytes);
    ck_assert(memcmp(bytes, same, sizeof bytes) == 0);
}
END_TEST

START_TEST(services_are_found_by_their_whole_name)
{
    ck_assert_str_eq(service_find("upper")->name, "upper");
    ck_assert_str_eq(service_find("echo")->name, "echo");
    ck_assert_ptr_null(service_find("uppe"));
    ck_assert_ptr_null(service_find("uppers"));
    ck_assert_ptr_null(service_find("UPPER"));
    ck_assert_ptr_null(service_find(""));
}
END_TEST

Suite *service_suite(void);
Suite *service_suite(void)
{
    Suite *suite = suite_create("service");
    TCase *tcase = tcase_create("service");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, upper_changes_a_to_z_and_no_other_byte);
    tcase_add_test(tcase, any_cut_of_the_stream_gives_the_same);
    tcase_add_test(tcase, only_the_bytes_given_are_touched);
    tcase_add_test(tcase, echo_changes_nothing);
    tcase_add_test(tcase, services_are_found_by_their_whole_name);
    suite_add_tcase(suite, tcase);
    return suite;
}

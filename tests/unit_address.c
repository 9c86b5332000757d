/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/address.h"

#include <string.h>
#include <sys/un.h>

START_TEST(good_texts_make_a_round_trip)
{
    static const char *const same[] = {"127.0.0.1:0",
                                       "127.0.0.1:80",
                                       "0.0.0.0:65535",
                                       "255.255.255.255:1",
                                       "[::1]:0",
                                       "[::1]:65535",
                                       "[2001:db8::1]:443",
                                       "[::]:8080",
                                       "unix:/a",
                                       "unix:relative.s",
                                       "unix:/with space:and:colons"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        ck_assert_msg(address_parse(same[i], &address) == NULL, "%s", same[i]);
        ck_assert_str_eq(address_format(&address, text), same[i]);
    }
}
END_TEST

START_TEST(names_and_long_forms_are_understood)
{
    static const char *const pairs[][2] = {
        {"localhost:80", "127.0.0.1:80"},
        {"*:80", "0.0.0.0:80"},
        {"127.0.0.1:00080", "127.0.0.1:80"},
        {"[0:0:0:0:0:0:0:1]:7", "[::1]:7"},
        {"[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:7"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        ck_assert_msg(address_parse(pairs[i][0], &address) == NULL, "%s",
                      pairs[i][0]);
        ck_assert_str_eq(address_format(&address, text), pairs[i][1]);
    }
}
END_TEST

START_TEST(bad_texts_are_refused_with_a_reason)
{
    static const char *const bad[] = {
        "",
        ":",
        "80",
        "127.0.0.1",
        "127.0.0.1:",
        ":80",
        "127.0.0.1:65536",
        "127.0.0.1:99999",
        "127.0.0.1:000080",
        "127.0.0.1:18446744073709551616",
        "127.0.0.1:80x",
        "127.0.0.1:x80",
        "127.0.0.1:-1",
        "127.0.0.1:+80",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "127.0.0.1:0x50",
        " 127.0.0.1:80",
        "256.1.1.1:80",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "127.0.0.1:80:90",
        "example.org:80",
        "a-host-name-that-is-longer-than-any-address-can-be:80",
        "::1:80",
        "[::1]",
        "[::1]:",
        "[::1]:65536",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "[127.0.0.1]:80",
        "[::1%lo]:80",
        "[g::1]:80",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80",
        "unix:",
        "UNIX:/a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct address address;
        const char *fault = address_parse(bad[i], &address);
        ck_assert_msg(fault != NULL, "'%s' was taken", bad[i]);
        ck_assert_uint_gt(strlen(fault), 10);
    }
}
END_TEST

START_TEST(a_unix_path_has_at_most_107_bytes)
{
    char text[200] = "unix:";
    char formatted[ADDRESS_TEXT_MAX];
    struct address address;
    memset(text + 5, 'p', 107);
    ck_assert_ptr_null(address_parse(text, &address));
    ck_assert_str_eq(address_format(&address, formatted), text);
    ck_assert_uint_eq(strlen(address_unix_path(&address)), 107);
    text[5 + 107] = 'p';
    ck_assert_ptr_nonnull(address_parse(text, &address));
}
END_TEST

START_TEST(an_address_without_a_name_is_formatted_all_the_same)
{
    struct address address = {.length = sizeof(sa_family_t)};
    char text[ADDRESS_TEXT_MAX];
    ((struct sockaddr *)&address.bytes)->sa_family = AF_UNIX;
    ck_assert_str_eq(address_format(&address, text), "unix:");
    ((struct sockaddr *)&address.bytes)->sa_family = AF_UNSPEC;
    ck_assert_str_eq(address_format(&address, text), "?");
    ck_assert_str_eq(address_of_socket(-1, text), "?");
    ck_assert_str_eq(address_of_peer(-1, text), "?");
}
END_TEST

START_TEST(local_addresses_are_told_from_open_ones)
{
    static const char *const local[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1",
                                        "unix:/a"};
    static const char *const open[] = {"0.0.0.0:1", "*:1", "128.0.0.1:1",
                                       "[::]:1", "[2001:db8::1]:1"};
    struct address address;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        ck_assert_ptr_null(address_parse(local[i], &address));
        ck_assert_msg(address_is_local(&address), "%s", local[i]);
    }
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        ck_assert_ptr_null(address_parse(open[i], &address));
        ck_assert_msg(!address_is_local(&address), "%s", open[i]);
    }
}
END_TEST

START_TEST(only_a_unix_address_has_a_path)
{
    struct address address;
    ck_assert_ptr_null(address_parse("unix:/tmp/s", &address));
    ck_assert_str_eq(address_unix_path(&address), "/tmp/s");
    ck_assert_ptr_null(address_parse("127.0.0.1:80", &address));
    ck_assert_ptr_null(address_unix_path(&address));
}
END_TEST

Suite *address_suite(void);
Suite *address_suite(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = tcase_create("address");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, good_texts_make_a_round_trip);
    tcase_add_test(tcase, names_and_long_forms_are_understood);
    tcase_add_test(tcase, bad_texts_are_refused_with_a_reason);
    tcase_add_test(tcase, a_unix_path_has_at_most_107_bytes);
    tcase_add_test(tcase, an_address_without_a_name_is_formatted_all_the_same);
    tcase_add_test(tcase, local_addresses_are_told_from_open_ones);
    tcase_add_test(tcase, only_a_unix_address_has_a_path);
    suite_add_tcase(suite, tcase);
    return suite;
}

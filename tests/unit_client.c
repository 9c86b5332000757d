/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/client.h"

#include <stdio.h>
#include <string.h>

/* What the network sent, and what may reach the terminal. */
static const struct row {
    const char *sent;
    const char *shown;
} rows[] = {{"plain text\n", "plain text\n"},
            {"tab\tand newline\n", "tab\tand newline\n"},
            /* Commands to the terminal. */
            {"\x1b[2J", "\\x1b[2J"},
            {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
            {"over\rwrite", "over\\x0dwrite"},
            {"back\b\b\b", "back\\x08\\x08\\x08"},
            {"bell\a vt\v ff\f del\x7f", "bell\\x07 vt\\x0b ff\\x0c del\\x7f"},
            {"\x01\x02\x1f", "\\x01\\x02\\x1f"},
            /* C1 controls: raw, and as UTF-8. 0x9b is ESC [ in one byte. */
            {"\x9b"
             "2J",
             "\\x9b2J"},
            {"\xc2\x9b"
             "2J",
             "\\xc2\\x9b2J"},
            {"\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f"},
            {"\xc2\xa0", "\xc2\xa0"}, /* the first that is no control */
            /* Good UTF-8 of two, three and four bytes. */
            {"caf\xc3\xa9", "caf\xc3\xa9"},
            {"\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xbd\xa0\xe5\xa5\xbd"},
            {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
            {"\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd"},
            /* Overlong forms: another way to write ESC, '/', NUL. */
            {"\xc0\x9b", "\\xc0\\x9b"},
            {"\xc1\xbf", "\\xc1\\xbf"},
            {"\xe0\x80\x9b", "\\xe0\\x80\\x9b"},
            {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},
            {"\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b"},
            {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
            /* Surrogates, and past the last character. */
            {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
            {"\xed\x9f\xbf", "\xed\x9f\xbf"},
            {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
            {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
            {"\xfe\xff", "\\xfe\\xff"},
            /* Broken off by another character, or by the end. */
            {"\xc3"
             "A",
             "\\xc3A"},
            {"\xe4\xbd"
             "A",
             "\\xe4\\xbdA"},
            {"\xf0\x9f\x98\x1b[m", "\\xf0\\x9f\\x98\\x1b[m"},
            {"\xe4\xe4\xbd\xa0", "\\xe4\xe4\xbd\xa0"},
            {"\x80\xbf", "\\x80\\xbf"},
            {"end \xe4\xbd", "end \\xe4\\xbd"},
            {"end \xf0\x9f\x98", "end \\xf0\\x9f\\x98"},
            /* Line separators, and what turns the direction of writing. */
            {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
            {"\xe2\x80\xaetxt.exe", "\\xe2\\x80\\xaetxt.exe"},
            {"\xe2\x81\xa6x\xe2\x81\xa9", "\\xe2\\x81\\xa6x\\xe2\\x81\\xa9"},
            {"\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"},
            {"\\x1b is no escape", "\\x1b is no escape"},
            {NULL, NULL}};

struct cut {
    const char *bytes;
    size_t length, at;
};

static void show_in_two(void *data)
{
    const struct cut *cut = data;
    struct reply_tail tail = {.length = 0};
    client_show(&tail, cut->bytes, cut->at);
    client_show(&tail, cut->bytes + cut->at, cut->length - cut->at);
    client_show_end(&tail);
}

/* Cut anywhere, because the network may. */
START_TEST(hostile_bytes_are_shown_and_not_obeyed)
{
    for (const struct row *row = rows; row->sent != NULL; row++) {
        struct cut cut = {row->sent, strlen(row->sent), 0};
        for (; cut.at <= cut.length; cut.at++) {
            struct outcome o;
            run_apart(&o, show_in_two, &cut);
            ck_assert_str_eq(o.output, row->shown);
        }
    }
}
END_TEST

START_TEST(a_zero_byte_is_shown)
{
    struct cut cut = {"a\0b", 3, 1};
    struct outcome o;
    run_apart(&o, show_in_two, &cut);
    ck_assert_str_eq(o.output, "a\\x00b");
}
END_TEST

static void show_each_byte(void *data)
{
    (void)data;
    for (int i = 0; i < 256; i++) {
        struct reply_tail tail = {.length = 0};
        char byte = (char)i;
        client_show(&tail, &byte, 1);
        client_show_end(&tail);
    }
}

START_TEST(no_single_byte_is_a_control)
{
    struct outcome o;
    run_apart(&o, show_each_byte, NULL);
    ck_assert_int_eq(o.status, 0);
    for (const char *c = o.output; *c != '\0'; c++)
        ck_assert_msg((*c >= ' ' && *c <= '~') || *c == '\n' || *c == '\t',
                      "0x%02x reached the terminal", (unsigned char)*c);
}
END_TEST

Suite *client_suite(void);
Suite *client_suite(void)
{
    Suite *suite = suite_create("client");
    TCase *tcase = tcase_create("client");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, hostile_bytes_are_shown_and_not_obeyed);
    tcase_add_test(tcase, a_zero_byte_is_shown);
    tcase_add_test(tcase, no_single_byte_is_a_control);
    suite_add_tcase(suite, tcase);
    return suite;
}

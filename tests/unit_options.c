/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/address.h"
#include "common/options.h"
#include "common/service.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* One option of each kind; printed after parsing. */
struct values {
    bool flag;
    long number, ms;
    struct address address;
    const struct service *service;
    const char *text;
};

struct command {
    char *argv[10];
    const char *operands; /* as in struct usage */
};

static void parse(void *data)
{
    struct command *command = data;
    struct values v = {.number = 7, .text = "none"};
    const struct option_spec specs[] = {
        {'f', "flag", NULL, "a flag", OPTION_FLAG, &v.flag, 0, 0},
        {'n', "number", "N", "a number", OPTION_NUMBER, &v.number, -5, 4096},
        {'t', "time", "SECONDS", "a time", OPTION_SECONDS, &v.ms, 0, 60000},
        {.name = NULL}};
    const struct option_spec more[] = {
        {'a', "address", "ADDR", "an address", OPTION_ADDRESS, &v.address, 0,
         0},
        {'s', "service", "NAME", "a service", OPTION_SERVICE, &v.service, 0, 0},
        {0, "text", "TEXT", "a text", OPTION_TEXT, &v.text, 0, 0},
        {.name = NULL}};
    const struct usage usage = {.operands = command->operands,
                                .about = "about this",
                                .after = "after that",
                                .specs = specs,
                                .more = more};
    int argc = 0;
    while (command->argv[argc] != NULL)
        argc++;
    int first = options_parse(argc, command->argv, &usage);
    printf("%d %ld %ld %s %s +%d", v.flag, v.number, v.ms,
           v.service ? v.service->name : "-", v.text, argc - first);
}

#define WORDS(...)                                      \
    {                                                   \
        {(char *)"/path/to/program", __VA_ARGS__}, NULL \
    }

START_TEST(good_values_arrive)
{
    static struct {
        struct command command;
        const char *due;
    } rows[] = {
        {WORDS(NULL), "0 7 0 - none +0"},
        {WORDS("-f", "-n", "12"), "1 12 0 - none +0"},
        {WORDS("--flag", "--number=-5"), "1 -5 0 - none +0"},
        {WORDS("-n4096"), "0 4096 0 - none +0"},
        {WORDS("-t", "0.25"), "0 7 250 - none +0"},
        {WORDS("-t", "60"), "0 7 60000 - none +0"},
        {WORDS("-t", "0"), "0 7 0 - none +0"},
        {WORDS("-t", "0.001"), "0 7 1 - none +0"},
        {WORDS("-s", "echo", "--text", "%n%s"), "0 7 0 echo %n%s +0"},
        {WORDS("-a", "[::1]:80", "-s", "upper"), "0 7 0 upper none +0"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome o;
        run_apart(&o, parse, &rows[i].command);
        ck_assert_msg(o.status == 0, "row %zu: %s", i, o.errors);
        ck_assert_str_eq(o.output, rows[i].due);
    }
}
END_TEST

START_TEST(a_fault_is_one_line_that_names_it_and_status_2)
{
    static struct {
        struct command command;
        const char *named;
    } rows[] = {{WORDS("--nonsense"), "--nonsense"},
                {WORDS("-x"), "-x"},
                {WORDS("-xf"), "-x "},
                {WORDS("-fx"), "-x "},
                {WORDS("-n"), "-n"},
                {WORDS("--number"), "--number"},
                {WORDS("surplus"), "'surplus'"},
                {WORDS("-f", "%n%s%s%s"), "'%n%s%s%s'"},
                {WORDS("-n", ""), "--number"},
                {WORDS("-n", "x"), "--number x"},
                {WORDS("-n", "1x"), "--number 1x"},
                {WORDS("-n", " 1"), "--number  1"},
                {WORDS("-n", "+1"), "--number +1"},
                {WORDS("-n", "--5"), "--number --5"},
                {WORDS("-n", "0x10"), "--number 0x10"},
                {WORDS("-n", "4097"), "-5 to 4096"},
                {WORDS("-n", "-6"), "-5 to 4096"},
                {WORDS("-n", "9223372036854775808"), "9223372036854775808"},
                {WORDS("-n", "99999999999999999999999"), "-5 to 4096"},
                {WORDS("-t", ""), "--time"},
                {WORDS("-t", "."), "--time ."},
                {WORDS("-t", "-1"), "--time -1"},
                {WORDS("-t", "1s"), "--time 1s"},
                {WORDS("-t", "1e3"), "--time 1e3"},
                {WORDS("-t", "nan"), "--time nan"},
                {WORDS("-t", "inf"), "--time inf"},
                {WORDS("-t", "60.001"), "0 to 60"},
                {WORDS("-t", "0.0001"), "0.001 seconds"},
                {WORDS("-a", "127.0.0.1"), "needs a port"},
                {WORDS("-a", "256.1.1.1:80"), "--address 256.1.1.1:80"},
                {WORDS("-s", "lower"), "upper and echo"},
                {WORDS("--flag=yes"), "--flag=yes"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome o;
        run_apart(&o, parse, &rows[i].command);
        ck_assert_msg(o.status == 2, "row %zu: status %d", i, o.status);
        ck_assert_msg(strstr(o.errors, rows[i].named) != NULL,
                      "'%s' is not named: %s", rows[i].named, o.errors);
        ck_assert_msg(strncmp(o.errors, "program: ", 9) == 0, "%s", o.errors);
        ck_assert_msg(strchr(o.errors, '\n') == strrchr(o.errors, '\n'),
                      "more than a line: %s", o.errors);
        ck_assert_str_eq(o.output, "");
    }
}
END_TEST

START_TEST(help_prints_every_option_and_ends_with_0)
{
    static struct command command = WORDS("-n", "3", "--help", "--nonsense");
    static const char *const due[] = {"usage: program [OPTION ...]\n",
                                      "about this",
                                      "-f, --flag ",
                                      "-n, --number N",
                                      "after that",
                                      "    --text TEXT",
                                      "-a, --address ADDR",
                                      "-h, --help"};
    struct outcome o;
    run_apart(&o, parse, &command);
    ck_assert_int_eq(o.status, 0);
    ck_assert_str_eq(o.errors, "");
    for (size_t i = 0; i < sizeof due / sizeof due[0]; i++)
        ck_assert_msg(strstr(o.output, due[i]) != NULL, "no '%s' in: %s",
                      due[i], o.output);
}
END_TEST

START_TEST(parsing_ends_at_the_first_operand)
{
    static struct command plain = {
        {(char *)"p", (char *)"-f", (char *)"word", (char *)"--nonsense"},
        "[WORD ...]"};
    static struct command dashes = {{(char *)"p", (char *)"--", (char *)"-f"},
                                    "[WORD ...]"};
    struct outcome o;
    run_apart(&o, parse, &plain);
    ck_assert_str_eq(o.output, "1 7 0 - none +2");
    run_apart(&o, parse, &dashes);
    ck_assert_str_eq(o.output, "0 7 0 - none +1");
}
END_TEST

Suite *options_suite(void);
Suite *options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("options");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, good_values_arrive);
    tcase_add_test(tcase, a_fault_is_one_line_that_names_it_and_status_2);
    tcase_add_test(tcase, help_prints_every_option_and_ends_with_0);
    tcase_add_test(tcase, parsing_ends_at_the_first_operand);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-License-Identifier: MIT */
#include "bench/bench_options.h"

#include "common/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void bad(const char *name, const char *text, const char *why)
{
    die(EXIT_USAGE, "--%s %s: %s (see --help)", name, text, why);
}

/* A decimal number without sign, exponent or blank. */
static double number(const char *name, const char *text, char **end,
                     const char *why)
{
    if (text[0] < '0' || text[0] > '9')
        bad(name, text, why);
    size_t length = strspn(text, "0123456789.");
    double value = strtod(text, end);
    if (*end != text + length)
        bad(name, text, why);
    return value;
}

int64_t option_duration_us(const char *name, const char *text, int or_none)
{
    const char *why = "a time from 1ms to 3600s, as in 2s, 200ms or 0.5";
    char *unit;
    double value = number(name, text, &unit, why);
    if (strcmp(unit, "ms") == 0)
        value /= 1000;
    else if (strcmp(unit, "s") != 0 && *unit != '\0')
        bad(name, text, why);
    if (or_none && value <= 0)
        return 0;
    if (value < 0.001 || value > 3600)
        bad(name, text, why);
    return (int64_t)(value * 1e6 + 0.5);
}

static double scale(const char *unit, int binary)
{
    double k = binary ? 1024 : 1000;
    if (*unit == '\0')
        return 1;
    if (strcmp(unit, "k") == 0)
        return k;
    return strcmp(unit, "M") == 0 ? k * k : 0;
}

int option_list(const char *name, const char *text, long *list, int most,
                long min, long max, int binary)
{
    char *copy = strdup(text);
    char why[96];
    int count = 0;
    snprintf(why, sizeof why, "whole numbers from %ld to %ld, as in 1,10,100",
             min, max);
    if (copy == NULL)
        die_errno("--%s", name);
    for (char *rest = copy, *word; (word = strsep(&rest, ",")) != NULL;) {
        char *unit;
        if (*word == '\0')
            bad(name, text, why);
        double value = number(name, word, &unit, why);
        value *= scale(unit, binary);
        if (scale(unit, binary) <= 0 || value < (double)min ||
            value > (double)max || value != (double)(long)value)
            bad(name, text, why);
        if (count == most)
            bad(name, text, "too many numbers");
        list[count++] = (long)value;
    }
    free(copy);
    return count;
}

double option_rate(const char *name, const char *text)
{
    const char *why = "requests a second from 1 to 10M, as in 5000 or 20k";
    char *unit;
    double value = number(name, text, &unit, why);
    value *= scale(unit, 0);
    if (value < 1 || value > 1e7)
        bad(name, text, why);
    return value;
}

int option_words(int argc, char **argv, const struct usage *usage,
                 char **operands, char ***rest)
{
    char **words = calloc((size_t)argc + 1, sizeof *words);
    int count = 0, end = 1, operand_count = 0;
    if (words == NULL)
        die_errno("the command line");
    report_name_program(argv[0]);
    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    *rest = end < argc ? argv + end + 1 : NULL;
    /* getopt stops at each operand; it goes on behind it. */
    for (int i = 1; i < end;) {
        count = 0;
        words[count++] = argv[0];
        for (int k = i; k < end; k++)
            words[count++] = argv[k];
        words[count] = NULL;
        i += options_parse(count, words, usage) - 1;
        while (i < end && (argv[i][0] != '-' || argv[i][1] == '\0'))
            operands[operand_count++] = argv[i++];
    }
    free(words);
    return operand_count;
}

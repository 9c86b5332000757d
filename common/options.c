/* SPDX-License-Identifier: MIT */
#include "common/options.h"

#include "common/address.h"
#include "common/report.h"
#include "common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What getopt_long returns for an option without a letter: its place in the
 * list, above every character. */
enum { LONG_ONLY = 256 };

struct parser {
    const struct usage *usage;
    int count;
    const struct option_spec *specs[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 3];
};

static void add_specs(struct parser *p, const struct option_spec *specs)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (p->count == OPTIONS_MAX)
            die(EXIT_USAGE, "more options than OPTIONS_MAX");
        p->specs[p->count++] = specs;
    }
}

static void prepare(struct parser *p)
{
    static const struct option_spec help[] = {
        {'h', "help", NULL, "show this and exit", OPTION_FLAG, NULL, 0, 0},
        {.name = NULL}};
    add_specs(p, p->usage->specs);
    add_specs(p, p->usage->more);
    add_specs(p, help);
    char *letter = p->shorts;
    *letter++ = '+'; /* stop at the first operand */
    *letter++ = ':'; /* tell a missing argument from an unknown option */
    for (int i = 0; i < p->count; i++) {
        const struct option_spec *spec = p->specs[i];
        p->longs[i] = (struct option){
            spec->name, spec->argument ? required_argument : no_argument, NULL,
            spec->letter ? spec->letter : LONG_ONLY + i};
        if (spec->letter)
            *letter++ = spec->letter;
        if (spec->letter && spec->argument)
            *letter++ = ':';
    }
}

static void print_help(const struct parser *p)
{
    printf("usage: %s [OPTION ...]%s%s\n%s\n\n", report_program_name(),
           p->usage->operands ? " " : "",
           p->usage->operands ? p->usage->operands : "", p->usage->about);
    for (int i = 0; i < p->count; i++) {
        const struct option_spec *spec = p->specs[i];
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", spec->letter ? '-' : ' ',
                 spec->letter ? spec->letter : ' ', spec->letter ? "," : " ",
                 spec->name, spec->argument ? " " : "",
                 spec->argument ? spec->argument : "");
        printf("  %-28s %s\n", left, spec->help);
    }
    if (p->usage->after)
        printf("\n%s\n", p->usage->after);
}

static _Noreturn void bad_argument(const struct option_spec *spec,
                                   const char *text, const char *reason)
{
    die(EXIT_USAGE, "--%s %s: %s (see --help)", spec->name, text, reason);
}

static void read_number(const struct option_spec *spec, const char *text)
{
    char *end;
    char range[80];
    errno = 0;
    long value = strtol(text, &end, 10);
    snprintf(range, sizeof range, "a whole number from %ld to %ld", spec->min,
             spec->max);
    if (text[strspn(text, "-0123456789")] != '\0' || end == text ||
        *end != '\0' || errno != 0 || value < spec->min || value > spec->max)
        bad_argument(spec, text, range);
    *(long *)spec->value = value;
}

static void read_seconds(const struct option_spec *spec, const char *text)
{
    char *end;
    char range[80];
    double value = strtod(text, &end);
    snprintf(range, sizeof range, "seconds from %g to %g",
             (double)spec->min / 1000, (double)spec->max / 1000);
    if (text[strspn(text, "0123456789.")] != '\0' || end == text ||
        *end != '\0' || value * 1000 < (double)spec->min ||
        value * 1000 > (double)spec->max)
        bad_argument(spec, text, range);
    *(long *)spec->value = (long)(value * 1000 + 0.5);
    if (value > 0 && *(long *)spec->value == 0)
        bad_argument(spec, text, "the smallest time is 0.001 seconds");
}

static void read_value(const struct option_spec *spec, const char *text)
{
    const char *fault;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)spec->value = true;
        break;
    case OPTION_NUMBER:
        read_number(spec, text);
        break;
    case OPTION_SECONDS:
        read_seconds(spec, text);
        break;
    case OPTION_ADDRESS:
        fault = address_parse(text, spec->value);
        if (fault)
            bad_argument(spec, text, fault);
        break;
    case OPTION_SERVICE:
        *(const struct service **)spec->value = service_find(text);
        if (service_find(text) == NULL)
            bad_argument(spec, text, "the services are upper and echo");
        break;
    case OPTION_TEXT:
        *(const char **)spec->value = text;
        break;
    }
}

static const struct option_spec *find_spec(const struct parser *p, int code)
{
    if (code >= LONG_ONLY)
        return p->specs[code - LONG_ONLY];
    for (int i = 0; i < p->count; i++)
        if (p->specs[i]->letter == code)
            return p->specs[i];
    return NULL;
}

/* Started with a standard stream closed, a server would get a client in its
 * place, and send it every message that is meant for the operator. */
static void keep_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            die_errno("open /dev/null");
}

int options_parse(int argc, char **argv, const struct usage *usage)
{
    struct parser p = {.usage = usage};
    report_name_program(argv[0]);
    keep_standard_streams();
    prepare(&p);
    opterr = 0; /* the messages below are ours */
    optind = 1;
    int code;
    while ((code = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
        if (code == ':')
            die(EXIT_USAGE, "%s needs a value (see --help)", argv[optind - 1]);
        const struct option_spec *spec = find_spec(&p, code);
        /* In -xf getopt stands at the x, but still before the word. */
        if (code == '?' && optopt > 0 && optopt < LONG_ONLY &&
            find_spec(&p, optopt) == NULL)
            die(EXIT_USAGE, "-%c is not an option here (see --help)", optopt);
        if (code == '?' || spec == NULL)
            die(EXIT_USAGE, "%s is not an option here (see --help)",
                argv[optind - 1]);
        if (spec->value == NULL) { /* only --help has no place */
            print_help(&p);
            exit(0);
        }
        read_value(spec, optarg);
    }
    if (usage->operands == NULL && optind < argc)
        die(EXIT_USAGE, "'%s' is not expected here (see --help)", argv[optind]);
    return optind;
}

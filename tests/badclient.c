/* SPDX-License-Identifier: MIT */
/*
 * badclient: a client that behaves badly on purpose, for a server of your own.
 *
 * Try it
 *   build/multiplexing/select_server -v
 *   build/tests/badclient rst 127.0.0.1:8080          (in another terminal)
 *   build/tests/badclient --count 5000 --hold 5 flood 127.0.0.1:8080
 */
#include "common/address.h"
#include "common/clock.h"
#include "common/options.h"
#include "common/report.h"
#include "tests/bad.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_verbs(void)
{
    for (const struct bad_verb *v = bad_verbs; v->name != NULL; v++)
        printf("%-10s %s [%ld]\n", v->name, v->about, v->usual);
}

static bool is_verb(const char *name)
{
    for (const struct bad_verb *v = bad_verbs; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    long count = 0, seed = 1, hold_ms = 0;
    bool list = false;
    const struct option_spec specs[] = {
        {'c', "count", "N", "how often, how many, how long: see --list",
         OPTION_NUMBER, &count, 1, 100000000},
        {'s', "seed", "N", "of garbage [1]", OPTION_NUMBER, &seed, 0, 1000000},
        {'o', "hold", "SECONDS", "stay connected for so long [0]",
         OPTION_SECONDS, &hold_ms, 0, 3600000},
        {'l', "list", NULL, "print the verbs", OPTION_FLAG, &list, 0, 0},
        {.name = NULL}};
    const struct usage usage = {.operands = "VERB ADDR",
                                .about = "A client that behaves badly.",
                                .specs = specs};
    struct address address;
    int at = options_parse(argc, argv, &usage);
    if (list) {
        print_verbs();
        return 0;
    }
    if (argc - at != 2 || !is_verb(argv[at]))
        die(EXIT_USAGE, "needs a verb (see --list) and an address");
    const char *fault = address_parse(argv[at + 1], &address);
    if (fault != NULL)
        die(EXIT_USAGE, "'%s': %s", argv[at + 1], fault);
    int fd = bad_act(argv[at], argv[at + 1], count, (uint64_t)seed);
    nap_us(hold_ms * 1000);
    if (fd >= 0)
        (void)close(fd);
    return 0;
}

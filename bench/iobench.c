/* SPDX-License-Identifier: MIT */
/*
 * iobench: what each I/O model costs, side by side; or any server.
 *
 * Shows
 *   - calls, latency and CPU of each model under the same load;
 *   - what its idle clients cost, which is where the models differ most;
 *   - how far such numbers can be trusted: spread, noise, conditions.
 *
 * Two passes. The bare one measures time and counts nothing; the counted one
 * counts calls and yields no times: the observer would change both.
 * Threads and ownership: one thread (probes have their own); server and load
 * are processes of their own, and end with this one.
 * Needs: nothing; the exact count of calls needs leave to trace (ptrace).
 * Try it
 *   build/bench/iobench run select epoll -c 10
 *   build/bench/iobench run -- python3 my_server.py
 * Note: notes/bench.md
 */
#include "bench/bench.h"
#include "bench/bench_run.h"
#include "common/report.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", command_run, "measure models, or any server"},
    {"load", command_load, "the load alone, against a server elsewhere"},
    {"merge", command_merge, "put .hgrm histograms together"},
    {"compare", command_compare, "two results: what really differs"},
    {"observer", command_observer, "a lesson: who counts changes the count"},
    {"omission", command_omission, "a lesson: a stall that nobody notices"},
    {"list", command_list, "the models, and what each cannot do"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int help(void)
{
    printf("usage: iobench COMMAND [OPTION ...]\n"
           "Measures I/O models side by side.\n\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\n`iobench COMMAND --help` lists the options of each.\n");
    return 0;
}

int main(int argc, char **argv)
{
    static char name[32];
    report_name_program(argv[0]);
    if (argc < 2)
        die(EXIT_USAGE, "run, load, merge, compare or list? (see --help)");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help();
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            snprintf(name, sizeof name, "iobench %s", commands[i].name);
            argv[1] = name; /* in messages and in its --help */
            return commands[i].run(argc - 1, argv + 1);
        }
    die(EXIT_USAGE, "'%s' is not a command here (see --help)", argv[1]);
}

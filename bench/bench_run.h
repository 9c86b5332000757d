/* SPDX-License-Identifier: MIT */
/* The subcommands of iobench. Each gets its own words: argv[0] is its name in
 * messages. Each returns the exit status. */
#ifndef BENCH_BENCH_RUN_H
#define BENCH_BENCH_RUN_H

int command_run(int argc, char **argv);
int command_load(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_list(int argc, char **argv);
int command_observer(int argc, char **argv);
int command_omission(int argc, char **argv);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The keeper: a process that lives a moment longer than iobench, and then ends
 * the servers that iobench left running because it was interrupted or killed.
 *
 * Each server is a process group of its own, with all that it starts: behind
 * `sh -c 'server; true'` the shell alone would hear of the end.
 */
#ifndef BENCH_BENCH_KEEPER_H
#define BENCH_BENCH_KEEPER_H

/* Starts the keeper, unless there is one. Returns 0, or -1 with errno. */
int keeper_start(void);

/* In the child that is to be a server, before exec: makes it a group, which
 * the keeper ends when iobench is gone. */
void keeper_adopt(void);

#endif

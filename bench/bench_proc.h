/* SPDX-License-Identifier: MIT */
/*
 * What a server has used so far, it and all its descendants, read from outside:
 * the server is not changed and need not be ours. See proc(5).
 */
#ifndef BENCH_BENCH_PROC_H
#define BENCH_BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

struct proc_sample {
    int processes; /* 0: the process is gone, or not ours to look at */
    int threads;
    int64_t cpu_ns;           /* of all threads, those that ended included */
    int64_t user_ticks;       /* how the kernel's clock tick split it; */
    int64_t system_ticks;     /* coarse: 10 ms */
    int64_t voluntary;        /* switches: a thread went to sleep */
    int64_t involuntary;      /* ... or had the CPU taken away */
    int64_t own_kib;          /* memory that is not a file: heap, stacks */
    int64_t peak_kib;         /* the most that was resident, files too */
    int64_t kernel_stack_kib; /* of the whole machine */
};

/* Reads everything about `pid` and its descendants. */
void proc_sample(pid_t pid, struct proc_sample *sample);

/* The numbers of `pid` and of all its descendants that run, itself first, in
 * `family`: at most `most`. Returns how many; 0 when it is gone. */
int proc_family(pid_t pid, pid_t *family, int most);

/* True while `pid` runs (and is no zombie). */
int proc_alive(pid_t pid);

#endif

/* SPDX-License-Identifier: MIT */
#include "bench/bench_proc.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PROCESSES = 32768 };

/* A process and its parent, as far as /proc/PID/stat tells. */
struct kin {
    pid_t pid, parent;
    char state;
    int threads;
    int64_t user_ticks, system_ticks;
};

static int read_stat(pid_t pid, struct kin *kin)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    size_t n = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file); /* nothing was written */
    line[n] = '\0';
    /* The name stands in parentheses and may hold spaces and parentheses. */
    const char *rest = strrchr(line, ')');
    long long user, system;
    if (rest == NULL ||
        sscanf(rest + 1,
               " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %*d %*d "
               "%*d %*d %d",
               &kin->state, &kin->parent, &user, &system, &kin->threads) != 5)
        return -1;
    kin->pid = pid;
    kin->user_ticks = user;
    kin->system_ticks = system;
    return 0;
}

int proc_alive(pid_t pid)
{
    struct kin kin;
    return pid > 0 && read_stat(pid, &kin) == 0 && kin.state != 'Z';
}

/* The number behind `key` in a file of "key: number" lines; 0 without it. */
static int64_t read_field(const char *path, const char *key)
{
    char line[256];
    long long value = 0;
    size_t length = strlen(key);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, length) == 0 && line[length] == ':') {
            value = atoll(line + length + 1);
            break;
        }
    (void)fclose(file); /* nothing was written */
    return value;
}

static int64_t cpu_clock(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    /* The clock counts nanoseconds, and keeps those of ended threads. */
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_switches(pid_t pid, struct proc_sample *sample)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid,
                 entry->d_name);
        sample->voluntary += read_field(path, "voluntary_ctxt_switches");
        sample->involuntary += read_field(path, "nonvoluntary_ctxt_switches");
    }
    (void)closedir(tasks);
}

static void add_memory(pid_t pid, struct proc_sample *sample)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    /* Proportional: a page that two processes share counts half for each. */
    sample->own_kib +=
        read_field(path, "Pss_Anon") + read_field(path, "Pss_Shmem");
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    sample->peak_kib += read_field(path, "VmHWM");
}

static void add_process(const struct kin *kin, struct proc_sample *sample)
{
    sample->processes++;
    sample->threads += kin->threads;
    sample->user_ticks += kin->user_ticks;
    sample->system_ticks += kin->system_ticks;
    sample->cpu_ns += cpu_clock(kin->pid);
    add_switches(kin->pid, sample);
    add_memory(kin->pid, sample);
}

/* All processes of the machine. Returns how many; *caller frees* `*all`. */
static int list_processes(struct kin **all)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    *all = malloc(MOST_PROCESSES * sizeof **all);
    if (proc != NULL && *all != NULL)
        for (struct dirent *entry; (entry = readdir(proc)) != NULL;)
            if (isdigit((unsigned char)entry->d_name[0]) &&
                count < MOST_PROCESSES &&
                read_stat(atoi(entry->d_name), *all + count) == 0)
                count++;
    if (proc != NULL)
        (void)closedir(proc);
    return count;
}

/* `pid` and its descendants come first in `*all`: *caller frees*. Returns how
 * many they are. */
static int find_family(pid_t pid, struct kin **family)
{
    int count = list_processes(family), found = 0;
    struct kin *all = *family;
    /* Found ones move to the front; each is then looked for as a parent. */
    for (int i = 0; i < count && found == 0; i++)
        if (all[i].pid == pid && all[i].state != 'Z') {
            struct kin swap = all[0];
            all[0] = all[i];
            all[i] = swap;
            found = 1;
        }
    for (int parent = 0; parent < found; parent++)
        for (int i = found; i < count; i++)
            if (all[i].parent == all[parent].pid) {
                struct kin swap = all[found];
                all[found++] = all[i];
                all[i] = swap;
            }
    return found;
}

int proc_family(pid_t pid, pid_t *family, int most)
{
    struct kin *all;
    int found = find_family(pid, &all), count = 0;
    for (int i = 0; i < found && count < most; i++)
        if (all[i].state != 'Z')
            family[count++] = all[i].pid;
    free(all);
    return count;
}

void proc_sample(pid_t pid, struct proc_sample *sample)
{
    struct kin *family;
    memset(sample, 0, sizeof *sample);
    int count = find_family(pid, &family);
    for (int i = 0; i < count; i++)
        add_process(&family[i], sample);
    free(family);
    sample->kernel_stack_kib = read_field("/proc/meminfo", "KernelStack");
}

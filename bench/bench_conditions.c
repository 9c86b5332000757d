/* SPDX-License-Identifier: MIT */
#include "bench/bench_conditions.h"

#include <dirent.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#define SUITE_VERSION "1.0"

int conditions_cpus(int *cpus, int most)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[count++] = cpu;
    return count;
}

/* The first line of `path`; "" without it. */
static void first_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "r");
    line[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(line, (int)size, file) == NULL)
        line[0] = '\0';
    (void)fclose(file); /* nothing was written */
    line[strcspn(line, "\n")] = '\0';
}

/* What stands behind the colon in the first line of /proc/cpuinfo that begins
 * with `key`. */
static bool cpuinfo(const char *key, char *value, size_t size)
{
    char line[4096];
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        found = colon != NULL && strncmp(line, key, strlen(key)) == 0;
        if (found)
            snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " "));
    }
    if (file != NULL)
        (void)fclose(file); /* nothing was written */
    value[found ? strcspn(value, "\n") : 0] = '\0';
    return found;
}

static void describe_machine(char *text, size_t size)
{
    char flags[4096], vendor[100], product[100], hypervisor[64];
    first_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof vendor);
    first_line("/sys/class/dmi/id/product_name", product, sizeof product);
    first_line("/sys/hypervisor/type", hypervisor, sizeof hypervisor);
    if (!cpuinfo("flags", flags, sizeof flags))
        snprintf(text, size, "unknown whether virtual");
    else if (strstr(flags, " hypervisor"))
        snprintf(text, size, "virtual machine%s%.60s%s%.60s%s%.30s",
                 vendor[0] ? ", " : "", vendor, product[0] ? " " : "", product,
                 hypervisor[0] ? ", " : "", hypervisor);
    else
        snprintf(text, size, "not virtual");
}

/* Only what costs something: a line that says 'Not affected' does not. */
static void describe_mitigations(char *text, size_t size)
{
    const char *folder = "/sys/devices/system/cpu/vulnerabilities";
    DIR *entries = opendir(folder);
    size_t used = 0;
    text[0] = '\0';
    if (entries == NULL) {
        snprintf(text, size, "unknown");
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char path[400], line[200];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        first_line(path, line, sizeof line);
        if (entry->d_name[0] == '.' || strncmp(line, "Mitigation", 10) != 0)
            continue;
        if (used + strlen(entry->d_name) + 3 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used > 0 ? ", " : "", entry->d_name);
    }
    (void)closedir(entries);
    if (used == 0)
        snprintf(text, size, "none in force");
}

static char *text_limit(rlim_t most, char text[NUMBER_SIZE])
{
    if (most == RLIM_INFINITY)
        return strcpy(text, "unlimited");
    return text_whole((long)most, text);
}

static void describe_limits(char *text, size_t size)
{
    struct rlimit files, processes;
    char backlog[32], ports[64], numbers[3][NUMBER_SIZE];
    (void)getrlimit(RLIMIT_NOFILE, &files); /* cannot fail for ourselves */
    (void)getrlimit(RLIMIT_NPROC, &processes);
    first_line("/proc/sys/net/core/somaxconn", backlog, sizeof backlog);
    first_line("/proc/sys/net/ipv4/ip_local_port_range", ports, sizeof ports);
    if (strchr(ports, '\t'))
        *strchr(ports, '\t') = '-';
    snprintf(text, size, "%s descriptors, %s processes, backlog %s, ports %s",
             text_limit(files.rlim_max, numbers[0]),
             text_limit(processes.rlim_max, numbers[1]),
             text_whole(strtol(backlog, NULL, 10), numbers[2]), ports);
}

const char *conditions_place(const struct bench *b)
{
    if (b->server_cpu < 0)
        return place_names[PLACE_FREE];
    return place_names[b->server_cpu == b->load_cpu ? PLACE_SAME : PLACE_SPLIT];
}

static void describe_place(const struct bench *b, char *text, size_t size)
{
    const char *place = conditions_place(b);
    if (b->server_cpu < 0)
        snprintf(text, size, "%s: the scheduler places server and load", place);
    else if (b->server_cpu == b->load_cpu)
        snprintf(text, size, "%s: server and load share CPU %d%s", place,
                 b->server_cpu,
                 b->place == PLACE_SPLIT ? " (there is only one)" : "");
    else
        snprintf(text, size, "%s: server on CPU %d, load on CPU %d", place,
                 b->server_cpu, b->load_cpu);
}

void conditions_load(const struct bench *b, char text[CONDITION_SIZE])
{
    size_t size = CONDITION_SIZE;
    char amount[64], rate[NUMBER_SIZE];
    if (b->requests > 0)
        text_plural(b->requests, "request", amount);
    else
        snprintf(amount, sizeof amount, "%g s", (double)b->measure_us / 1e6);
    if (b->rate > 0)
        snprintf(text, size,
                 "open loop, %s requests/s, latency from the time a request "
                 "was due; %s a cell",
                 text_number(b->rate, rate), amount);
    else
        snprintf(text, size,
                 "closed loop: each connection asks again when it was "
                 "answered; %s a cell",
                 amount);
}

static void describe_rounds(const struct bench *b, char *text, size_t size)
{
    char planned[48] = "";
    if (b->interrupted)
        snprintf(planned, sizeof planned, " of %ld, interrupted", b->rounds);
    snprintf(text, size, "%d%s%s", b->rounds_done, planned,
             b->rounds_done > 1
                 ? ", interleaved; median, ~ where they spread over 20 %"
                 : ": nothing is known of the spread");
}

/* On one CPU, or anywhere, there is one figure and no way between. */
static void describe_probes(const struct probe *best, char *text, size_t size)
{
    char trip[96] = "";
    if (best->round_trip_ns > 0)
        snprintf(trip, sizeof trip,
                 " and %.0f loops/us, round trip between the CPUs %.0f ns",
                 best->loops_per_us[1], best->round_trip_ns);
    snprintf(text, size, "at best: arithmetic %.0f%s", best->loops_per_us[0],
             trip[0] ? trip : " loops/us");
}

static void describe_time(char *text, size_t size)
{
    time_t now = time(NULL);
    struct tm broken;
    (void)localtime_r(&now, &broken); /* the current time always has a date */
    (void)strftime(text, size, "%Y-%m-%d %H:%M:%S %z", &broken);
}

static char *add(struct condition *list, int *count, const char *key)
{
    list[*count].key = key;
    return list[(*count)++].text;
}

int conditions_machine(struct condition list[CONDITIONS])
{
    int n = 0, cpus[256];
    struct utsname os;
    char *text;
    (void)uname(&os); /* fails only for a bad address */
    describe_time(add(list, &n, "date"), CONDITION_SIZE);
    snprintf(add(list, &n, "suite"), CONDITION_SIZE, "iobench %s, glibc %s",
             SUITE_VERSION, gnu_get_libc_version());
    snprintf(add(list, &n, "kernel"), CONDITION_SIZE, "%s %s %s", os.sysname,
             os.release, os.machine);
    text = add(list, &n, "cpu");
    if (!cpuinfo("model name", text, CONDITION_SIZE))
        snprintf(text, CONDITION_SIZE, "%s", os.machine);
    snprintf(add(list, &n, "cpus"), CONDITION_SIZE, "%d usable",
             conditions_cpus(cpus, 256));
    describe_machine(add(list, &n, "machine"), CONDITION_SIZE);
    describe_mitigations(add(list, &n, "mitigations"), CONDITION_SIZE);
    describe_limits(add(list, &n, "limits"), CONDITION_SIZE);
    return n;
}

int conditions_read(const struct bench *b, struct condition list[CONDITIONS])
{
    int n = conditions_machine(list);
    describe_place(b, add(list, &n, "placement"), CONDITION_SIZE);
    conditions_load(b, add(list, &n, "load"));
    snprintf(add(list, &n, "service"), CONDITION_SIZE, "%s", b->service->name);
    describe_rounds(b, add(list, &n, "rounds"), CONDITION_SIZE);
    describe_probes(&b->best, add(list, &n, "probes"), CONDITION_SIZE);
    return n;
}

void conditions_comment(const struct condition *list, int count, FILE *out)
{
    for (int i = 0; i < count; i++)
        fprintf(out, "# %s: %s\n", list[i].key, list[i].text);
}

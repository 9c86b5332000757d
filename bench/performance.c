/* SPDX-License-Identifier: MIT */
#include "bench/performance.h"

#include "bench/spawn.h"
#include "common/stop.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 5000, END_TIMEOUT_MS = 3000, ARGS_MAX = 12 };

/* The server's command line; `path` and `argv` are the caller's. */
static void fill_command(const struct model *model, char path[512],
                         char *argv[ARGS_MAX])
{
    int n = 0;
    argv[n++] = (char *)spawn_path(model->server, path);
    argv[n++] = "--listen=127.0.0.1:0";
    for (int i = 0; model->args[i] != NULL; i++)
        argv[n++] = (char *)model->args[i];
    for (int i = 0; model->demo_args[i] != NULL; i++)
        argv[n++] = (char *)model->demo_args[i];
    argv[n] = NULL;
}

/* The server's own words, the first line of them, say why it ended. */
static void explain(struct performance *p, int error_fd, const char *otherwise)
{
    char words[sizeof p->missing];
    ssize_t n = read(error_fd, words, sizeof words - 1);
    words[n > 0 ? n : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    snprintf(p->missing, sizeof p->missing, "%s", n > 0 ? words : otherwise);
}

static int threads_of(pid_t pid)
{
    char path[64], line[128];
    int threads = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    if (status)
        fclose(status);
    return threads;
}

/* Children of `pid`, as /proc lists them for its main thread. */
static int count_children(pid_t pid)
{
    char path[64];
    int child, count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid,
             (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%d", &child) == 1)
        count++;
    if (file)
        fclose(file);
    return count;
}

/* Counted while the scene goes on; afterwards they are gone. */
static void count_threads(void *data)
{
    struct performance *p = data;
    pid_t pid = p->traced.child.pid;
    int threads = threads_of(pid) + count_children(pid);
    if (threads > p->threads)
        p->threads = threads;
}

static int play(struct performance *p, const char *address_text, double pace,
                void (*look)(void *))
{
    struct address address;
    (void)address_parse(address_text, &address); /* spawn has parsed it */
    if (scene_play(p->scene, &address, pace, stop_requested, look, p,
                   &p->record) == 0)
        return 0;
    snprintf(p->missing, sizeof p->missing, "connect: %s", strerror(errno));
    return -1;
}

int perform_bare(struct performance *p, const struct model *model,
                 const struct scene *scene, double pace)
{
    char path[512];
    char *argv[ARGS_MAX];
    struct rusage usage;
    *p = (struct performance){.model = model, .scene = scene};
    struct child *child = &p->traced.child;
    const struct spawn spawn = {.argv = argv, .catch_error = 1};
    fill_command(model, path, argv);
    if (spawn_start(child, &spawn) < 0) {
        snprintf(p->missing, sizeof p->missing, "%s: %s: run `make` first",
                 path, strerror(errno));
        return -1;
    }
    if (spawn_wait_ready(child, START_TIMEOUT_MS) < 0) {
        explain(p, child->error, "its server ended before it was ready");
        spawn_end(child, SIGTERM, END_TIMEOUT_MS, NULL);
        return -1;
    }
    int played = play(p, child->ready, pace, count_threads);
    spawn_end(child, SIGTERM, END_TIMEOUT_MS, &usage);
    p->cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
    return played;
}

int perform_traced(struct performance *p, const struct model *model,
                   const struct scene *scene, double pace)
{
    char path[512];
    char *argv[ARGS_MAX];
    *p = (struct performance){.model = model, .scene = scene};
    fill_command(model, path, argv);
    if (traced_start(&p->traced, argv) < 0) {
        snprintf(p->missing, sizeof p->missing, "%s", p->traced.fault);
        return -1;
    }
    int played = spawn_wait_ready(&p->traced.child, START_TIMEOUT_MS);
    if (played < 0)
        explain(p, p->traced.child.error, "its server was not ready in time");
    else
        played = play(p, p->traced.child.ready, pace, NULL);
    traced_end(&p->traced, SIGTERM);
    p->events = trace_events(p->traced.trace, &p->count);
    p->from_ns = p->record.began_ns - trace_epoch_ns(p->traced.trace);
    return played;
}

void performance_free(struct performance *p)
{
    traced_free(&p->traced);
}

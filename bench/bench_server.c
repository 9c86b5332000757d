/* SPDX-License-Identifier: MIT */
#include "bench/bench_server.h"

#include "bench/bench_keeper.h"
#include "common/clock.h"
#include "common/report.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_MS = 10000, END_MS = 5000, DEFAULT_CLIENTS = 4096 };

/* What is set in the child, between fork and exec. */
struct setting {
    int cpu, error_fd;
    char preload[600], counters[64];
};

static void prepare(void *data)
{
    const struct setting *setting = data;
    (void)dup2(setting->error_fd, STDERR_FILENO);
    /* Ctrl-C is for the bench: the server gets one SIGTERM when that ends. */
    keeper_adopt();
    if (setting->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(setting->cpu, &set);
        (void)sched_setaffinity(0, sizeof set, &set); /* checked in options */
    }
    if (setting->preload[0] != '\0') {
        (void)setenv("LD_PRELOAD", setting->preload, 1);
        (void)setenv(COUNTERS_VARIABLE, setting->counters, 1);
    }
}

/*
 * Ends all processes of the server's group: sends the signal (0: it is ending
 * by itself), and kills who has not ended in time. Those whose parent has ended
 * are ours (see start), so the group is empty when there is nobody to wait for.
 * Returns the wait status of the first one.
 */
static int end_group(struct bench_server *s, int signal_number)
{
    pid_t group = s->child.pid;
    int64_t until = now_ms() + END_MS;
    if (signal_number != 0)
        (void)kill(-group, signal_number);
    int status = spawn_end(&s->child, 0, END_MS, NULL);
    if (signal_number == 0)
        (void)kill(-group, SIGTERM); /* what it left behind */
    while (waitpid(-group, NULL, WNOHANG) >= 0) {
        if (now_ms() >= until)
            (void)kill(-group, SIGKILL);
        nap_us(1000);
    }
    return status;
}

/* The last line on its standard error, or on its standard output. */
static void last_words(struct bench_server *s, char *words, size_t size)
{
    char text[1024];
    ssize_t n = 0;
    off_t end = lseek(s->error_fd, 0, SEEK_END);
    if (end > 0) {
        off_t from =
            end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
        n = pread(s->error_fd, text, sizeof text - 1, from);
    }
    text[n > 0 ? n : 0] = '\0';
    char *said = n > 0 ? text : s->child.words;
    size_t length = strlen(said);
    while (length > 0 && strchr("\r\n ", said[length - 1]) != NULL)
        said[--length] = '\0';
    char *line = strrchr(said, '\n');
    line = line ? line + 1 : said;
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?'; /* it goes to a terminal */
    snprintf(words, size, "%s", *line ? line : "it said nothing");
}

/* Without `argv` the caller's array is filled for a model. */
static char *const *make_argv(const struct bench *bench,
                              const struct subject *subject, long connections,
                              char path[512], char number[24], char *argv[16])
{
    const struct model *model = subject->model;
    int n = 0;
    if (model == NULL)
        return subject->argv;
    argv[n++] = (char *)(uintptr_t)spawn_path(model->server, path);
    for (int i = 0; i < 4 && model->args[i] != NULL; i++)
        argv[n++] = (char *)(uintptr_t)model->args[i];
    argv[n++] = "--listen";
    argv[n++] = "127.0.0.1:0";
    argv[n++] = "--service";
    argv[n++] = (char *)(uintptr_t)bench->service->name;
    if (connections > DEFAULT_CLIENTS - 64 && model->most_clients == 0) {
        snprintf(number, 24, "%ld", connections + 64);
        argv[n++] = "--max-clients";
        argv[n++] = number;
    }
    argv[n] = NULL;
    return argv;
}

static int make_counters(struct bench_server *s, struct setting *setting,
                         char reason[REASON_SIZE])
{
    spawn_path("bench/libiocount.so", setting->preload);
    s->memory_fd = memfd_create("iobench counters", MFD_CLOEXEC);
    if (access(setting->preload, R_OK) < 0 || s->memory_fd < 0 ||
        ftruncate(s->memory_fd, sizeof *s->counters) < 0) {
        snprintf(reason, REASON_SIZE, "libiocount.so beside this program: %s",
                 strerror(errno));
        return -1;
    }
    s->counters = mmap(NULL, sizeof *s->counters, PROT_READ | PROT_WRITE,
                       MAP_SHARED, s->memory_fd, 0);
    if (s->counters == MAP_FAILED) {
        s->counters = NULL;
        snprintf(reason, REASON_SIZE, "counters: %s", strerror(errno));
        return -1;
    }
    snprintf(setting->counters, sizeof setting->counters, "/proc/%d/fd/%d",
             (int)getpid(), s->memory_fd);
    return 0;
}

/* It ran already, and goes on. */
static int join(struct bench_server *s, const struct subject *subject,
                char reason[REASON_SIZE])
{
    const char *fault = address_parse(subject->connect, &s->address);
    s->pid = (pid_t)subject->pid;
    s->gap_kind = GAP_BROKEN;
    if (fault != NULL)
        snprintf(reason, REASON_SIZE, "%s: %s", subject->connect, fault);
    return fault ? -1 : 0;
}

static int start(struct bench_server *s, const struct spawn *spawn,
                 const struct subject *subject, char reason[REASON_SIZE])
{
    char words[120];
    /* Orphans of a server become our children, not those of init. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || keeper_start() < 0 ||
        spawn_start(&s->child, spawn) < 0) {
        s->gap_kind = GAP_BROKEN;
        snprintf(reason, REASON_SIZE, "cannot start %s: %s", spawn->argv[0],
                 strerror(errno));
        return -1;
    }
    s->pid = s->child.pid;
    if (spawn_wait_ready(&s->child, READY_MS) == 0) {
        (void)address_parse(s->child.ready, &s->address); /* it was found so */
        return 0;
    }
    bool silent = errno == ETIMEDOUT;
    int status = end_group(s, silent ? SIGTERM : 0);
    last_words(s, words, sizeof words);
    if (!silent && WIFEXITED(status) &&
        WEXITSTATUS(status) == EXIT_NOT_AVAILABLE) {
        snprintf(reason, REASON_SIZE, "not available here: %s", words);
        return -1;
    }
    s->gap_kind = silent ? GAP_SILENT : GAP_BROKEN;
    snprintf(reason, REASON_SIZE, "%s %s: %s", subject->name,
             silent ? "printed no address within 10 s"
                    : "ended before it was ready",
             words);
    return -1;
}

int bench_server_start(struct bench_server *s, const struct bench *bench,
                       const struct subject *subject, long connections,
                       bool counted, char reason[REASON_SIZE])
{
    char path[512], number[24];
    char *argv[16];
    struct setting setting = {.cpu = bench->server_cpu};
    struct spawn spawn = {.prepare = prepare, .data = &setting};
    memset(s, 0, sizeof *s);
    s->memory_fd = s->error_fd = -1;
    s->child.output = s->child.error = -1;
    if (subject->connect != NULL)
        return join(s, subject, reason);
    s->error_fd = memfd_create("iobench words", MFD_CLOEXEC);
    setting.error_fd = s->error_fd;
    spawn.argv = make_argv(bench, subject, connections, path, number, argv);
    if ((counted && make_counters(s, &setting, reason) < 0) ||
        start(s, &spawn, subject, reason) < 0) {
        bench_server_stop(s);
        return -1;
    }
    return 0;
}

void bench_server_hear(struct bench_server *s)
{
    char chunk[4096];
    struct pollfd said = {.fd = s->child.output, .events = POLLIN};
    while (s->child.output >= 0 && poll(&said, 1, 0) > 0)
        if (read(s->child.output, chunk, sizeof chunk) <= 0)
            break;
}

bool bench_server_is_alive(struct bench_server *s, char reason[REASON_SIZE])
{
    char words[120];
    if (s->child.pid == 0 || proc_alive(s->child.pid))
        return true;
    int status = end_group(s, SIGTERM);
    last_words(s, words, sizeof words);
    if (WIFSIGNALED(status))
        snprintf(reason, REASON_SIZE, "the server died of SIG%s: %s",
                 sigabbrev_np(WTERMSIG(status)), words);
    else
        snprintf(reason, REASON_SIZE, "the server ended with status %d: %s",
                 WEXITSTATUS(status), words);
    return false;
}

void bench_server_stop(struct bench_server *s)
{
    if (s->child.pid != 0)
        (void)end_group(s, SIGTERM);
    if (s->counters != NULL)
        (void)munmap(s->counters, sizeof *s->counters);
    if (s->memory_fd >= 0)
        (void)close(s->memory_fd);
    if (s->error_fd >= 0)
        (void)close(s->error_fd);
    s->counters = NULL;
    s->memory_fd = s->error_fd = -1;
}

void bench_server_counts(const struct bench_server *s, uint64_t calls[COUNTERS],
                         uint64_t again[COUNTERS])
{
    memset(calls, 0, COUNTERS * sizeof *calls);
    memset(again, 0, COUNTERS * sizeof *again);
    for (int slot = 0; s->counters != NULL && slot < COUNTER_SLOTS; slot++)
        for (int i = 0; i < COUNTERS; i++) {
            calls[i] += s->counters->slots[slot].calls[i];
            again[i] += s->counters->slots[slot].again[i];
        }
}

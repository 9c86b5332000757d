/* SPDX-License-Identifier: MIT */
#include "tests/victim.h"

#include "common/clock.h"
#include "common/report.h"
#include "tests/control.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a fresh client may wait; and so many times longer than the machine,
 * busy with others, made somebody wait meanwhile. */
enum { FRESH_MOST_US = 100000, TIMES_BUSY = 4 };
/* A sanitizer keeps freed memory for a while, shadows all of it, is slow. */
#if defined(__SANITIZE_THREAD__)
enum { SANITIZER_TIMES = 20 };
#elif defined(__SANITIZE_ADDRESS__)
enum { SANITIZER_TIMES = 4 };
#else
enum { SANITIZER_TIMES = 1 };
#endif
enum { REST_MS = 100, REST_CPU_US = 15000, END_MS = 5000, MOST_FAMILY = 4096 };

struct verdict *verdict;

_Noreturn void skip_cell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->reason, sizeof verdict->reason, format, arguments);
    va_end(arguments);
    verdict->state = CELL_SKIPPED;
    ck_abort_msg("not applicable");
    abort();
}

/* Adds the children of one task. Returns the new count. */
static int add_children(pid_t pid, pid_t *family, int count, int most)
{
    char path[64];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && count < most && fscanf(file, "%d", &child) == 1)
        family[count++] = child;
    if (file != NULL)
        (void)fclose(file);
    return count;
}

int process_family(pid_t pid, pid_t *family, int most)
{
    int count = 1;
    family[0] = pid;
    for (int i = 0; i < count; i++)
        count = add_children(family[i], family, count, most);
    return count;
}

int64_t family_cpu_us(pid_t pid)
{
    static pid_t family[MOST_FAMILY];
    int64_t sum = 0;
    int count = process_family(pid, family, MOST_FAMILY);
    for (int i = 0; i < count; i++) {
        clockid_t clock;
        struct timespec t;
        if (clock_getcpuclockid(family[i], &clock) == 0 &&
            clock_gettime(clock, &t) == 0)
            sum += (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
    return sum;
}

static int count_children(pid_t pid)
{
    static pid_t family[MOST_FAMILY];
    return process_family(pid, family, MOST_FAMILY) - 1;
}

/* Of the children, too, where they are always as many. */
static int count_descriptors(const struct victim *v)
{
    static pid_t family[MOST_FAMILY];
    int count = process_family(v->pid, family, MOST_FAMILY), sum = 0;
    for (int i = 0; i < count && (i == 0 || v->children > 0); i++)
        sum += process_descriptors(family[i]);
    return sum;
}

/* A server with --prefork says that it is ready before its children are. */
static void wait_for_children(const struct target *target, pid_t pid)
{
    int64_t until = now_ms() + patience_ms;
    const char *const *args = target->model->args;
    if (args[0] == NULL || strcmp(args[0], "--prefork") != 0)
        return;
    while (count_children(pid) < atoi(args[1])) {
        require(now_ms() < until, "only %d children of %s", count_children(pid),
                args[1]);
        nap_us(1000);
    }
}

int victim_connect(const struct victim *v)
{
    int fd = probe_open(v->target->kind, v->server.address);
    require(fd >= 0, "connect to %s: %s", v->server.address, errno_name(errno));
    return fd;
}

void victim_ask(const struct victim *v, int fd)
{
    static unsigned long number = 1000000;
    const char *fault = probe_ask(v->target->kind, fd, number++, patience_ms);
    require(fault == NULL, "a client that behaves well got %s", fault);
}

/* Comes, asks, goes. Returns how long that took, in microseconds. */
static int64_t visit(const struct victim *v)
{
    int64_t began = now_us();
    int fd = victim_connect(v);
    const char *fault = probe_ask(v->target->kind, fd, 7, patience_ms);
    require(fault == NULL, "a fresh client got %s", fault);
    int64_t took = now_us() - began;
    (void)close(fd);
    return took;
}

void victim_start(struct victim *v, const struct target *target,
                  const struct start *start, unsigned wishes)
{
    *v = (struct victim){.target = target, .allowed_kib = 8192};
    server_start(&v->server, target, start);
    v->pid = v->server.child.pid;
    wait_for_children(target, v->pid);
    /* Before any client; a heartbeat's members and the C library's helper
     * threads are no descriptors. */
    v->children = count_children(v->pid);
    v->descriptors = count_descriptors(v);
    (void)visit(v);
    v->peak_kib = process_peak_kib(v->pid);
    v->watched =
        !target_is(target, MODEL_ONE_AT_A_TIME) && !(wishes & NO_BYSTANDER);
    if (!v->watched)
        return;
    const char *fault =
        bystander_start(&v->bystander, target->kind, v->server.address);
    require(fault == NULL, "the bystander got %s", fault);
}

void victim_rests(const struct victim *v)
{
    if (target_is(v->target, MODEL_SPINS))
        return;
    /* What is on its way may still be worked on: the quietest of a few. */
    int64_t used = INT64_MAX;
    for (int i = 0; i < 10 && used > REST_CPU_US; i++) {
        int64_t before = family_cpu_us(v->pid);
        nap_us(REST_MS * 1000); /* nothing happens, and that is watched */
        used = family_cpu_us(v->pid) - before;
    }
    require(used <= REST_CPU_US,
            "it spins: %lld ms of the CPU in %d ms in which nobody asked",
            (long long)used / 1000, REST_MS);
}

/* There is no event for a descriptor that is closed: asked now and then. */
static void expect_clients(const struct victim *v, int count)
{
    int64_t until = now_ms() + patience_ms;
    for (;;) {
        int open = count_descriptors(v);
        int children = count_children(v->pid);
        if (open <= v->descriptors + count && children <= v->children + count)
            return;
        require(now_ms() < until,
                "%d descriptors and %d children at first, %d and %d now",
                v->descriptors, v->children, open, children);
        nap_us(2000);
    }
}

void victim_lets_go(const struct victim *v)
{
    expect_clients(v, v->watched);
}

static void expect_alive(const struct victim *v)
{
    int status;
    if (waitpid(v->pid, &status, WNOHANG) == 0)
        return;
    char said[TEXT_SIZE];
    server_errors(&v->server, said);
    if (WIFSIGNALED(status))
        ck_abort_msg("signal %d (SIG%s) ended it; it said: %.300s",
                     WTERMSIG(status), sigabbrev_np(WTERMSIG(status)), said);
    ck_abort_msg("it ended with status %d; it said: %.300s",
                 WEXITSTATUS(status), said);
}

/* How long the process's first thread has been ready to run while others had
 * the CPU, in all: the second number of /proc/PID/schedstat if there is one. */
static int64_t time_in_queue_us(pid_t pid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%*u %llu", &ns) != 1)
        ns = 0;
    if (file != NULL)
        (void)fclose(file);
    return (int64_t)(ns / 1000);
}

/* The fault has just ended: a fresh client does not wait for long. */
static void expect_prompt(const struct victim *v)
{
    struct control control;
    control_start(&control);
    int64_t queued_us = time_in_queue_us(v->pid);
    int64_t fresh_us = visit(v);
    queued_us = time_in_queue_us(v->pid) - queued_us;
    int64_t busy_us = control_stop(&control);
    if (queued_us > busy_us)
        busy_us = queued_us;
    if (verdict != NULL && fresh_us > verdict->fresh_us) {
        verdict->fresh_us = fresh_us;
        verdict->busy_us = busy_us;
    }
    require(fresh_us <= FRESH_MOST_US * SANITIZER_TIMES + TIMES_BUSY * busy_us,
            "a fresh client waited %lld ms; the machine's part was %lld ms",
            (long long)fresh_us / 1000, (long long)busy_us / 1000);
}

void victim_check(struct victim *v)
{
    expect_alive(v);
    expect_prompt(v);
    if (v->watched) {
        const char *fault = bystander_stop(&v->bystander);
        require(fault == NULL, "a bystander got %s after %lu answers", fault,
                v->bystander.asked);
    }
    victim_rests(v);
    if (v->watched)
        (void)close(v->bystander.fd);
    expect_clients(v, 0);
    long grown = process_peak_kib(v->pid) - v->peak_kib;
    long allowed = v->allowed_kib * SANITIZER_TIMES;
    require(grown <= allowed, "its memory grew by %ld KiB, beyond %ld", grown,
            allowed);
    expect_alive(v);
}

void victim_end(struct victim *v, struct summary *summary)
{
    struct child *child = &v->server.child;
    if (v->target->command != NULL) {
        (void)spawn_end(child, SIGTERM, 500, NULL);
        (void)close(v->server.error_fd);
        return;
    }
    if (v->target->kind == TARGET_STREAM || v->target->kind == TARGET_CHAT) {
        server_stop(&v->server, SIGTERM, summary);
        return;
    }
    int status = spawn_end(child, SIGTERM, END_MS, NULL);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 0,
            "after SIGTERM: wait status 0x%x", (unsigned)status);
    (void)close(v->server.error_fd);
}

void victim_finish(struct victim *v)
{
    victim_check(v);
    victim_end(v, NULL);
}

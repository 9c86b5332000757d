/* SPDX-License-Identifier: MIT */
#include "bench/spawn.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *spawn_path(const char *program, char path[512])
{
    char self[256];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    /* BUILD/bench/iodemo: two parts up is BUILD. */
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    snprintf(path, 512, "%s/%s", self, program);
    return path;
}

/* In the child, until exec. `report` is closed by a successful exec, and
 * carries the errno of a failed one. */
static _Noreturn void run(const struct spawn *spawn, int out, int err,
                          int report)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dup2(out, STDOUT_FILENO) >= 0 &&
        (err < 0 || dup2(err, STDERR_FILENO) >= 0)) {
        if (spawn->prepare)
            spawn->prepare(spawn->data);
        execvp(spawn->argv[0], spawn->argv);
    }
    int error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(127);
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            (void)close(pair[i]);
}

/* What exec said: 0, or its errno. The read ends when exec succeeds. */
static int exec_error(int report)
{
    int error = 0;
    ssize_t n;
    while ((n = read(report, &error, sizeof error)) < 0 && errno == EINTR)
        ;
    return n == sizeof error ? error : 0;
}

int spawn_start(struct child *child, const struct spawn *spawn)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, report[2] = {-1, -1};
    *child = (struct child){.output = -1, .error = -1};
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0 ||
        (spawn->catch_error && pipe2(err, O_CLOEXEC) < 0) ||
        (child->pid = fork()) < 0) {
        int saved = errno;
        close_pair(out), close_pair(err), close_pair(report);
        child->pid = 0;
        errno = saved;
        return -1;
    }
    if (child->pid == 0)
        run(spawn, out[1], err[1], report[1]);
    (void)close(report[1]);
    int error = exec_error(report[0]);
    (void)close(report[0]);
    (void)close(out[1]);
    if (err[1] >= 0)
        (void)close(err[1]);
    child->output = out[0];
    child->error = err[0];
    if (error == 0)
        return 0;
    (void)spawn_end(child, 0, 1000, NULL);
    errno = error;
    return -1;
}

/* Takes what the child says. Returns 0 at the end of its output, -1 when
 * nothing came in time. */
static int listen_to(struct child *child, int64_t until_ms)
{
    char chunk[512];
    struct pollfd said = {.fd = child->output, .events = POLLIN};
    int64_t left = until_ms - now_ms();
    int ready = poll(&said, 1, left > 0 ? (int)left : 0);
    if (ready < 0 && errno == EINTR)
        return 1;
    if (ready <= 0)
        return -1;
    ssize_t n = read(child->output, chunk, sizeof chunk);
    if (n <= 0)
        return n < 0 && errno == EINTR ? 1 : 0;
    size_t room = sizeof child->words - 1 - child->words_length;
    size_t kept = (size_t)n < room ? (size_t)n : room;
    memcpy(child->words + child->words_length, chunk, kept);
    child->words_length += kept;
    child->words[child->words_length] = '\0';
    return 1;
}

/* Looks for a word that reads as an address with a port, or unix:PATH. */
static int find_address(struct child *child)
{
    const char *newline = strrchr(child->words, '\n');
    const char *word = child->words;
    while (newline != NULL && word < newline) {
        struct address address;
        size_t length = strcspn(word, " \n");
        if (length > 0 && length < sizeof child->ready) {
            memcpy(child->ready, word, length);
            child->ready[length] = '\0';
            if (address_parse(child->ready, &address) == NULL)
                return 1;
        }
        word += length + 1;
    }
    child->ready[0] = '\0';
    return 0;
}

int spawn_wait_ready(struct child *child, int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;
    while (!find_address(child)) {
        int said = listen_to(child, until);
        if (said <= 0) {
            errno = said < 0 ? ETIMEDOUT : ECHILD;
            return -1;
        }
    }
    return 0;
}

int spawn_end(struct child *child, int signal_number, int timeout_ms,
              struct rusage *usage)
{
    int status = 0;
    struct rusage ignored;
    int64_t until = now_ms() + timeout_ms;
    if (child->pid == 0)
        return 0;
    if (signal_number != 0)
        (void)kill(child->pid, signal_number);
    /* Its output ends when it does; after that it is gone, or nearly so. */
    while (listen_to(child, until) > 0)
        ;
    pid_t gone;
    while ((gone = wait4(child->pid, &status, WNOHANG,
                         usage ? usage : &ignored)) == 0) {
        if (now_ms() >= until)
            (void)kill(child->pid, SIGKILL);
        nap_us(1000);
    }
    (void)close(child->output);
    if (child->error >= 0)
        (void)close(child->error);
    child->output = child->error = -1;
    child->pid = 0;
    return status;
}

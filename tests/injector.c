/* SPDX-License-Identifier: MIT */
#include "tests/injector.h"

#include "common/clock.h"
#include "common/report.h"
#include "tests/peer.h"
#include "tests/victim.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

bool injector_works(void)
{
    const char *argv[] = {"strace", "-V", NULL};
    struct child child;
    const struct spawn spawn = {.argv = (char *const *)argv, .catch_error = 1};
    return spawn_start(&child, &spawn) == 0 &&
           spawn_end(&child, 0, 5000, NULL) == 0;
}

void injector_stays_to_the_end(void)
{
    const char *others = getenv("ASAN_OPTIONS");
    char options[512];
    snprintf(options, sizeof options, "%s:detect_leaks=0",
             others ? others : "");
    (void)setenv("ASAN_OPTIONS", options, 1);
}

static void make_log(char log[64])
{
    snprintf(log, 64, "/tmp/torture-XXXXXX");
    int fd = mkstemp(log);
    require(fd >= 0, "mkstemp: %s", errno_name(errno));
    (void)close(fd);
}

void injector_words(const struct injection *i, const char *log,
                    char text[2][128], const char *argv[INJECTOR_WORDS])
{
    snprintf(text[0], 128, "trace=%s", i->call);
    snprintf(text[1], 128, "inject=%s:%s:when=%d..%d", i->call, i->what, i->nth,
             i->on ? i->nth + INJECTED_IN_A_ROW - 1 : i->nth);
    const char *words[INJECTOR_WORDS] = {"strace", "-f", "-o",    log, "-e",
                                         text[0],  "-e", text[1], "-D"};
    memcpy(argv, words, sizeof words);
}

/* In the child: what strace says goes to the file. Nobody reads it all the
 * time, and with a pipe that is full strace would stop, and the server too. */
static void say_into(void *file)
{
    (void)dup2(*(int *)file, STDERR_FILENO);
}

/* Waits until strace says that it has attached. False when it ended. */
static bool wait_attached(const struct child *strace, int file, char *said,
                          size_t size)
{
    int64_t until = now_ms() + patience_ms;
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        (void)waitid(P_PID, (id_t)strace->pid, &info,
                     WEXITED | WNOHANG | WNOWAIT);
        ssize_t n = pread(file, said, size - 1, 0);
        said[n > 0 ? n : 0] = '\0';
        if (strstr(said, "attached") != NULL)
            return true;
        if (info.si_pid != 0)
            return false;
        require(now_ms() < until, "strace does not attach");
        nap_us(1000);
    }
}

void injector_attach(struct injector *injector, pid_t pid,
                     const struct injection *injection)
{
    enum { MOST_FAMILY = 64 };
    const char *argv[INJECTOR_WORDS + 2 * MOST_FAMILY];
    char text[2][128], numbers[MOST_FAMILY][16], said[1024];
    pid_t family[MOST_FAMILY];
    int file = memfd_create("said", MFD_CLOEXEC);
    require(file >= 0, "memfd_create: %s", errno_name(errno));
    make_log(injector->log);
    injector_words(injection, injector->log, text, argv);
    int count = INJECTOR_WORDS - 1; /* without the last of them, -D */
    for (int i = process_family(pid, family, MOST_FAMILY); i-- > 0;) {
        snprintf(numbers[i], sizeof numbers[i], "%d", family[i]);
        argv[count++] = "-p";
        argv[count++] = numbers[i];
    }
    argv[count] = NULL;
    const struct spawn spawn = {
        .argv = (char *const *)argv, .prepare = say_into, .data = &file};
    require(spawn_start(&injector->strace, &spawn) == 0, "start strace: %s",
            errno_name(errno));
    bool attached = wait_attached(&injector->strace, file, said, sizeof said);
    (void)close(file);
    if (attached)
        return;
    (void)unlink(injector->log);
    skip_cell("strace may not attach here: %.200s", said);
}

/* How many lines of what it traced hold `text`. */
static int count_lines_with(const struct injector *injector, const char *text)
{
    char line[512];
    int count = 0;
    FILE *file = fopen(injector->log, "re");
    require(file != NULL, "%s: %s", injector->log, errno_name(errno));
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    return count;
}

int injector_count(const struct injector *injector)
{
    return count_lines_with(injector, "(INJECTED)");
}

bool injector_signalled(const struct injector *injector)
{
    return count_lines_with(injector, "--- SIGTERM") > 0;
}

int injector_detach(struct injector *injector)
{
    (void)spawn_end(&injector->strace, SIGTERM, 10000, NULL);
    int count = injector_count(injector);
    (void)unlink(injector->log);
    return count;
}

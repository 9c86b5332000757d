/* SPDX-License-Identifier: MIT */
#include "tests/injector.h"

#include "common/clock.h"
#include "common/report.h"
#include "tests/peer.h"
#include "tests/victim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool injector_works(void)
{
    const char *argv[] = {"strace", "-V", NULL};
    struct child child;
    const struct spawn spawn = {.argv = (char *const *)argv, .catch_error = 1};
    return spawn_start(&child, &spawn) == 0 &&
           spawn_end(&child, 0, 5000, NULL) == 0;
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

/* Reads what strace says until it has attached. False when it ended. */
static bool wait_attached(struct child *strace, char *said, size_t size)
{
    size_t got = 0;
    int64_t until = now_ms() + patience_ms;
    struct pollfd p = {.fd = strace->error, .events = POLLIN};
    said[0] = '\0';
    while (strstr(said, "attached") == NULL) {
        require(now_ms() < until && got < size - 1, "strace does not attach");
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = read(strace->error, said + got, size - 1 - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
        said[got] = '\0';
    }
    return true;
}

void injector_attach(struct injector *injector, pid_t pid,
                     const struct injection *injection)
{
    const char *argv[INJECTOR_WORDS + 2];
    char text[2][128], number[16], said[1024];
    make_log(injector->log);
    snprintf(number, sizeof number, "%d", pid);
    injector_words(injection, injector->log, text, argv);
    argv[INJECTOR_WORDS - 1] = "-p";
    argv[INJECTOR_WORDS] = number;
    argv[INJECTOR_WORDS + 1] = NULL;
    const struct spawn spawn = {.argv = (char *const *)argv, .catch_error = 1};
    require(spawn_start(&injector->strace, &spawn) == 0, "start strace: %s",
            errno_name(errno));
    if (wait_attached(&injector->strace, said, sizeof said))
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

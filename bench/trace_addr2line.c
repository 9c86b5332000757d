/* SPDX-License-Identifier: MIT */
/*
 * From an address in a file to the line of the source, by asking addr2line(1)
 * from binutils, which is there wherever gcc is: one process for each
 * executable and run, through a pair of sockets. Each answer is kept.
 */
#include "bench/trace_private.h"
#include "bench/trace_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWERS = 256, INLINED_MAX = 12 };

struct addr2line {
    struct addr2line *next;
    const struct elf_file *file;
    pid_t pid;
    FILE *answers; /* NULL: it could not be started, or has ended */
    struct answer *known[ANSWERS];
};

static _Noreturn void become_addr2line(int fd, const char *path)
{
    /* A signal to the whole group (Ctrl-C, a shell that ends) is for program
     * and tracer: it has a group of its own, and ends with its input. And
     * it shall not look for debug information in the network. */
    char *environment[] = {(char[]){"LC_ALL=C"}, NULL};
    sigset_t none;
    sigemptyset(&none);
    (void)setpgid(0, 0);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
        execvpe("addr2line",
                (char *const[]){(char[]){"addr2line"}, (char[]){"-afie"},
                                (char *)(uintptr_t)path, NULL},
                environment);
    _exit(127);
}

static struct addr2line *start(struct trace *t, const struct elf_file *file)
{
    int pair[2];
    struct addr2line *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->file = file;
    a->next = t->translators;
    t->translators = a;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return a;
    a->pid = fork();
    if (a->pid == 0)
        become_addr2line(pair[1], file->path);
    if (a->pid > 0)
        (void)setpgid(a->pid, a->pid); /* whoever of the two comes first */
    (void)close(pair[1]);
    if (a->pid > 0)
        a->answers = fdopen(pair[0], "r");
    if (a->answers == NULL)
        (void)close(pair[0]);
    return a;
}

static void stop(struct addr2line *a)
{
    if (a->answers)
        (void)fclose(a->answers); /* the end of its input ends it */
    a->answers = NULL;
    if (a->pid > 0)
        (void)waitpid(a->pid, NULL, 0);
    a->pid = 0;
}

/* One line, without its newline. False at the end. */
static bool take_line(struct addr2line *a, char line[4096])
{
    if (a->answers == NULL || fgets(line, 4096, a->answers) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static void read_place(struct trace *t, struct place *place,
                       const char *function, char *where)
{
    char *colon = strrchr(where, ':');
    *place = (struct place){.function = NULL};
    if (strcmp(function, "??") != 0)
        place->function = trace_keep(t, function);
    if (colon == NULL)
        return;
    *colon = '\0';
    if (strcmp(where, "??") != 0)
        place->path = trace_keep(t, where);
    place->line = (int)strtol(colon + 1, NULL, 10);
}

/*
 * Asks for `address` and then for 0, whose echo ends an answer of unknown
 * length: one pair of lines for the function and for each one inlined.
 */
static void ask_now(struct trace *t, struct addr2line *a, struct answer *answer)
{
    char question[64], line[4096], where[4096];
    struct place places[INLINED_MAX];
    size_t count = 0;
    int length = snprintf(question, sizeof question, "%#lx\n0\n",
                          (unsigned long)answer->address);
    if (a->answers == NULL ||
        send(fileno(a->answers), question, (size_t)length, MSG_NOSIGNAL) !=
            length ||
        !take_line(a, line)) {
        t->no_addr2line = true;
        return;
    }
    t->saw_addr2line = true;
    while (take_line(a, line) && strncmp(line, "0x", 2) != 0 &&
           take_line(a, where))
        if (count < INLINED_MAX)
            read_place(t, &places[count++], line, where);
    (void)(take_line(a, line) && take_line(a, line));
    answer->places = trace_allocate(t, (count + 1) * sizeof *places);
    if (answer->places) {
        memcpy(answer->places, places, count * sizeof *places);
        answer->count = count;
    }
}

/* Signals are held back: the tracer's own timer would cut an answer short. */
static void ask(struct trace *t, struct addr2line *a, struct answer *answer)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    ask_now(t, a, answer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

const struct answer *addr2line_ask(struct trace *t, const struct elf_file *file,
                                   uint64_t address)
{
    struct addr2line *a;
    for (a = t->translators; a; a = a->next)
        if (a->file == file)
            break;
    if (a == NULL && (a = start(t, file)) == NULL)
        return NULL;
    struct answer **bucket = &a->known[(address ^ address >> 8) % ANSWERS];
    struct answer *answer;
    for (answer = *bucket; answer; answer = answer->next)
        if (answer->address == address)
            return answer;
    if ((answer = trace_allocate(t, sizeof *answer)) == NULL)
        return NULL;
    answer->address = address;
    answer->next = *bucket;
    *bucket = answer;
    ask(t, a, answer);
    return answer;
}

void source_free(struct trace *t)
{
    while (t->translators) {
        struct addr2line *a = t->translators;
        t->translators = a->next;
        stop(a);
        free(a);
    }
}

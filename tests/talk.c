/* SPDX-License-Identifier: MIT */
#include "tests/talk.h"

#include "common/clock.h"
#include "common/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ARGS = 16 };

static void prepare(void *keyboard)
{
    (void)dup2(*(int *)keyboard, STDIN_FILENO);
    (void)dup2(STDOUT_FILENO, STDERR_FILENO);
}

void program_start(struct program *program, const char *const *args)
{
    char path[512];
    char *argv[MOST_ARGS + 1] = {NULL};
    int keyboard[2];
    for (int i = 0; args[i] != NULL && i < MOST_ARGS; i++)
        argv[i] = (char *)args[i];
    argv[0] = (char *)spawn_path(args[0], path);
    require(pipe2(keyboard, O_CLOEXEC) == 0, "pipe: %s", errno_name(errno));
    const struct spawn spawn = {
        .argv = argv, .prepare = prepare, .data = &keyboard[0]};
    require(spawn_start(&program->child, &spawn) == 0, "start %s: %s", path,
            errno_name(errno));
    (void)close(keyboard[0]);
    program->keyboard = keyboard[1];
}

void program_serve(struct program *program, const char *const *argv)
{
    program_start(program, argv);
    require(spawn_wait_ready(&program->child, patience_ms) == 0,
            "%s: no ready line: %s", argv[0], program->child.words);
}

void program_type(const struct program *program, const char *text)
{
    size_t length = strlen(text);
    require(write(program->keyboard, text, length) == (ssize_t)length,
            "nobody reads the keyboard");
}

void program_close_keyboard(struct program *program)
{
    (void)close(program->keyboard);
    program->keyboard = -1;
}

long program_says(struct program *program, const char *text)
{
    struct child *c = &program->child;
    int64_t began = now_ms();
    while (strstr(c->words, text) == NULL) {
        struct pollfd p = {.fd = c->output, .events = POLLIN};
        size_t room = sizeof c->words - 1 - c->words_length;
        require(room > 0 && poll(&p, 1, patience_ms) > 0,
                "it does not say '%s', but: %s", text, c->words);
        ssize_t n = read(c->output, c->words + c->words_length, room);
        require(n > 0, "it ended without '%s': %s", text, c->words);
        c->words_length += (size_t)n;
        c->words[c->words_length] = '\0';
    }
    return (long)(now_ms() - began);
}

void program_end(struct program *program, int signal_number, int status)
{
    int got = spawn_end(&program->child, signal_number, patience_ms, NULL);
    if (program->keyboard >= 0)
        program_close_keyboard(program);
    require(WIFEXITED(got), "signal %d ended it (9: it did not end): %s",
            WTERMSIG(got), program->child.words);
    require(WEXITSTATUS(got) == status, "exit status %d: %s", WEXITSTATUS(got),
            program->child.words);
}

long program_cpu_while_idle_ms(const struct program *program, int ms)
{
    long before = process_cpu_ms(program->child.pid);
    nap_us((int64_t)ms * 1000);
    return process_cpu_ms(program->child.pid) - before;
}

unsigned long child_count(const struct child *child, const char *word)
{
    const char *words = child->words;
    const char *at = words + strlen(words);
    /* The last one: in the summary line. */
    while (at > words && strncmp(at, word, strlen(word)) != 0)
        at--;
    require(at > words + 1, "no '%s' in: %s", word, words);
    at -= 2; /* before the space */
    while (at > words && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return strtoul(at, NULL, 10);
}

unsigned long program_count(const struct program *program, const char *word)
{
    return child_count(&program->child, word);
}

const char *peer_line(int fd, char line[LINE_SIZE])
{
    size_t length = 0;
    do {
        require(length < LINE_SIZE, "a line without an end");
        peer_receive(fd, line + length, 1);
    } while (line[length++] != '\n');
    line[length - 1] = '\0';
    return line;
}

void peer_say(int fd, const char *text)
{
    peer_send(fd, text, strlen(text));
}

void expect_line(int fd, const char *text)
{
    char line[LINE_SIZE];
    ck_assert_str_eq(peer_line(fd, line), text);
}

void expect_line_with(int fd, const char *text)
{
    char line[LINE_SIZE];
    while (strstr(peer_line(fd, line), text) == NULL)
        ;
}

int datagram_open(const char *to, struct address *own)
{
    struct address address;
    require(address_parse(to ? to : "127.0.0.1:0", &address) == NULL,
            "address '%s'", to);
    const struct sockaddr *name = (const struct sockaddr *)&address.bytes;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int answer =
        to ? connect(fd, name, address.length) : bind(fd, name, address.length);
    require(fd >= 0 && answer == 0, "datagram socket: %s", errno_name(errno));
    if (own != NULL) {
        own->length = sizeof own->bytes;
        (void)getsockname(fd, (struct sockaddr *)&own->bytes, &own->length);
    }
    return fd;
}

size_t datagram_get(int fd, char text[LINE_SIZE], struct address *source)
{
    struct address ignored;
    struct address *from = source ? source : &ignored;
    from->length = sizeof from->bytes;
    require(peer_readable(fd, patience_ms), "no datagram came");
    ssize_t n = recvfrom(fd, text, LINE_SIZE - 1, 0,
                         (struct sockaddr *)&from->bytes, &from->length);
    require(n >= 0, "recvfrom: %s", errno_name(errno));
    text[n] = '\0';
    return (size_t)n;
}

void datagram_put(int fd, const void *bytes, size_t length,
                  const struct address *to)
{
    ssize_t n = sendto(fd, bytes, length, MSG_NOSIGNAL,
                       to ? (const struct sockaddr *)&to->bytes : NULL,
                       to ? to->length : 0);
    require(n == (ssize_t)length, "sendto: %s", errno_name(errno));
}

void datagram_ask(int fd, const char *question, const char *answer)
{
    char text[LINE_SIZE];
    datagram_put(fd, question, strlen(question), NULL);
    datagram_get(fd, text, NULL);
    ck_assert_str_eq(text, answer);
}

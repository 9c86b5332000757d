/* SPDX-License-Identifier: MIT */
#include "common/client.h"

#include "common/report.h"
#include "common/sockets.h"
#include "common/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void client_options_parse(struct client_options *options, int argc, char **argv,
                          const char *about)
{
    client_options_parse_more(options, argc, argv, about, NULL);
}

void client_options_parse_more(struct client_options *options, int argc,
                               char **argv, const char *about,
                               const struct option_spec *more)
{
    *options = (struct client_options){.work = false};
    (void)address_parse("127.0.0.1:8080", &options->connect);
    const struct option_spec specs[] = {
        {'c', "connect", "ADDR",
         "HOST:PORT, [V6]:PORT, unix:PATH [127.0.0.1:8080]", OPTION_ADDRESS,
         &options->connect, 0, 0},
        {'w', "work", NULL, "do other work while waiting, and tell how much",
         OPTION_FLAG, &options->work, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "[MESSAGE ...]",
        .about = about,
        .after = "Without a MESSAGE it sends the lines of standard input.",
        .specs = specs,
        .more = more};
    int first = options_parse(argc, argv, &usage);
    options->words = argv + first;
    options->word_count = argc - first;
    /* Its own buffer: stdio would ask the kernel for one, between two calls
     * of the lesson. */
    static char shown[BUFSIZ];
    (void)setvbuf(stdout, shown, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF,
                  sizeof shown);
    /* A server that goes away is an error of send, not a silent death. */
    (void)signal(SIGPIPE, SIG_IGN);
}

static int finish_connect(int fd)
{
    struct pollfd pending = {.fd = fd, .events = POLLOUT};
    while (poll(&pending, 1, -1) < 0)
        if (errno != EINTR)
            return -1;
    errno = socket_error(fd);
    return errno ? -1 : 0;
}

int client_connect(const struct client_options *options, int flags)
{
    char text[ADDRESS_TEXT_MAX];
    int fd = socket_connect(&options->connect, flags);
    if (fd < 0 || (flags != 0 && finish_connect(fd) < 0))
        die_errno("connect to %s", address_format(&options->connect, text));
    return fd;
}

size_t client_next_message(const struct client_options *options, int *next,
                           char message[MESSAGE_SIZE])
{
    size_t length = 0;
    int byte = 0;
    if (options->word_count > 0) {
        if (*next == options->word_count)
            return 0;
        int text =
            snprintf(message, MESSAGE_SIZE, "%s\n", options->words[(*next)++]);
        if (text >= MESSAGE_SIZE)
            die(EXIT_USAGE,
                "a MESSAGE has at most %d bytes: send longer ones "
                "through standard input",
                MESSAGE_SIZE - 2);
        return (size_t)text;
    }
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        printf("> ");
        fflush(stdout);
    }
    while (length < MESSAGE_SIZE && byte != '\n' && (byte = getchar()) != EOF)
        message[length++] = (char)byte;
    if (byte == EOF && ferror(stdin))
        die_errno("read standard input");
    return length;
}

/* Shows what is complete in `tail`, and keeps the rest. */
static void show_tail(struct reply_tail *tail, bool at_end)
{
    while (tail->length > 0) {
        const unsigned char *c = tail->bytes;
        size_t used = text_printable(c, tail->length);
        if (text_character_length(c[0]) > tail->length && !at_end)
            return;
        if (used == 0 && (c[0] == '\n' || c[0] == '\t'))
            used = 1;
        if (used > 0) {
            fwrite(c, 1, used, stdout);
        } else {
            printf("\\x%02x", c[0]);
            used = 1;
        }
        tail->length -= used;
        memmove(tail->bytes, tail->bytes + used, tail->length);
    }
}

/* What nobody can read any more (a full disk, a closed pipe) must not look
 * like success; nor need a client go on asking for it. */
static void flush(void)
{
    if (fflush(stdout) < 0 || ferror(stdout))
        die_errno("write standard output");
}

void client_show(struct reply_tail *tail, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        tail->bytes[tail->length++] = (unsigned char)bytes[i];
        show_tail(tail, false);
    }
    flush();
}

void client_show_end(struct reply_tail *tail)
{
    show_tail(tail, true);
    flush();
}

void client_account(const struct client_options *options,
                    const struct waiting *waiting, const char *how)
{
    if (!options->work)
        return;
    fprintf(stderr,
            "%s: waited %.1f ms for %lu replies, %s; asked in vain %lu times; "
            "%lu units of other work\n",
            report_program_name(), (double)waiting->waited_us / 1000,
            waiting->replies, how, waiting->in_vain, waiting->units);
}

_Noreturn void client_cut_off(void)
{
    die(EXIT_CANNOT_START, "the server closed before the whole reply had come");
}

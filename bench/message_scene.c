/* SPDX-License-Identifier: MIT */
#include "bench/message_scene.h"

#include "common/clock.h"
#include "common/sockets.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char answer[] = "HELLO\n";

/* A client that says nothing for so long has failed. */
enum { PATIENCE_MS = 5000 };

/* "hello" and its newline. */
enum { QUESTION_LENGTH = 6 };

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready;
    while ((ready = poll(&p, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        ;
    return ready > 0;
}

/* Takes the client and its question, lets time go by, answers, and waits for
 * its good-bye. Returns 0, or -1 when the client did not do its part. */
static int play_peer(int listen_fd, int delay_ms, struct message_run *run)
{
    char bytes[64];
    size_t got = 0;
    ssize_t n = 1;
    if (!readable(listen_fd))
        return -1;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return -1;
    while (got < QUESTION_LENGTH && n > 0 && readable(fd))
        if ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
            got += (size_t)n;
    run->facts.question_ns = now_ns();
    nap_us((int64_t)delay_ms * 1000);
    run->facts.data_ns = now_ns();
    (void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    while (readable(fd) && recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
    (void)close(fd);
    return got == QUESTION_LENGTH ? 0 : -1;
}

/* The client's own account: "...; 5901 units of other work". */
static void read_account(struct message_run *run)
{
    char errors[600];
    const char *units;
    traced_errors(&run->traced, errors, sizeof errors);
    units = strstr(errors, " units of other work");
    while (units && units > errors && units[-1] >= '0' && units[-1] <= '9')
        units--;
    run->facts.units = units ? strtoul(units, NULL, 10) : 0;
    int status = trace_status(run->traced.trace);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    errors[strcspn(errors, "\n")] = '\0';
    snprintf(run->missing, sizeof run->missing, "%s",
             errors[0] ? errors : "its client ended in an error");
}

static int set_scene(struct message_run *run, int listen_fd, int delay_ms)
{
    char path[512], address[ADDRESS_TEXT_MAX];
    char *argv[] = {
        (char *)spawn_path(run->model->client, path),  "--work", "--connect",
        (char *)address_of_socket(listen_fd, address), "hello",  NULL};
    if (traced_start(&run->traced, argv) < 0) {
        snprintf(run->missing, sizeof run->missing, "%s", run->traced.fault);
        return -1;
    }
    int played = play_peer(listen_fd, delay_ms, run);
    traced_end(&run->traced, played < 0 ? SIGKILL : 0);
    read_account(run);
    if (played < 0 && run->missing[0] == '\0')
        snprintf(run->missing, sizeof run->missing,
                 "its client did not ask within 5 s");
    return run->missing[0] == '\0' ? 0 : -1;
}

int message_scene_play(struct message_run *run, const struct model *model,
                       int delay_ms)
{
    struct address address;
    *run = (struct message_run){.model = model};
    run->traced.child.output = run->traced.child.error = -1;
    (void)address_parse("127.0.0.1:0", &address);
    int listen_fd = socket_listen(&address, 0);
    if (listen_fd < 0) {
        snprintf(run->missing, sizeof run->missing, "listen: %s",
                 strerror(errno));
        return -1;
    }
    int played = set_scene(run, listen_fd, delay_ms);
    (void)close(listen_fd);
    if (played < 0)
        return -1;
    int64_t epoch = trace_epoch_ns(run->traced.trace);
    run->facts.question_ns -= epoch;
    run->facts.data_ns -= epoch;
    run->events = trace_events(run->traced.trace, &run->count);
    story_of_message(run->events, run->count, &run->facts, &run->story);
    return 0;
}

static void name_file(const char *folder, const char *model, const char *ending,
                      char path[512])
{
    snprintf(path, 512, "%s/%s-message.%s", folder, model, ending);
}

int message_scene_record(const struct message_run *run, const char *folder)
{
    const struct message_facts *facts = &run->facts;
    char path[512];
    name_file(folder, run->model->name, "json", path);
    if (trace_write_json(path, run->model->client, run->events, run->count) < 0)
        return -1;
    name_file(folder, run->model->name, "facts", path);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return -1;
    fprintf(file, "question_ns %lld\ndata_ns %lld\nunits %lu\n",
            (long long)facts->question_ns, (long long)facts->data_ns,
            facts->units);
    return fclose(file) == 0 ? 0 : -1;
}

int message_scene_recall(const char *folder, const char *model,
                         struct trace_recording *recording,
                         struct message_facts *facts)
{
    char path[512];
    long long question, data;
    name_file(folder, model, "facts", path);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    int read = fscanf(file, "question_ns %lld data_ns %lld units %lu",
                      &question, &data, &facts->units);
    (void)fclose(file);
    errno = EBADMSG;
    if (read != 3)
        return -1;
    facts->question_ns = question;
    facts->data_ns = data;
    name_file(folder, model, "json", path);
    return trace_read_json(path, recording);
}

void message_scene_free(struct message_run *run)
{
    traced_free(&run->traced);
}

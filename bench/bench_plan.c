/* SPDX-License-Identifier: MIT */
/* The command line of `iobench run`, and the cells that it asks for. */
#include "bench/bench.h"
#include "bench/bench_conditions.h"
#include "bench/bench_options.h"
#include "bench/bench_peers.h"
#include "common/report.h"
#include "common/sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 1000000, CONNECT_MS = 5000 };

/* What the command line says, before it is looked at more closely. */
struct words {
    const char *active, *idle, *bytes, *duration, *warm, *rate, *pin, *place;
    const char *connect, *json, *csv, *markdown, *hgrm, *plot;
    const struct service *service;
    long idle_with, requests, rounds, pid, budget_ms;
    bool peers, no_count, no_wait, wide;
};

static struct words words = {.active = "1,10,100",
                             .idle = "0",
                             .bytes = "64",
                             .warm = "50ms",
                             .pin = "auto",
                             .rounds = 3};

static const struct option_spec load_specs[] = {
    {'c', "connections", "LIST", "active connections [1,10,100]", OPTION_TEXT,
     &words.active, 0, 0},
    {'i', "idle", "LIST", "idle connections beside them [0]", OPTION_TEXT,
     &words.idle, 0, 0},
    {0, "idle-with", "N", "idle ones only beside N active ones", OPTION_NUMBER,
     &words.idle_with, 1, MOST_CONNECTIONS},
    {'s', "bytes", "LIST", "bytes in a request [64]", OPTION_TEXT, &words.bytes,
     0, 0},
    {'d', "duration", "TIME", "of each measurement, 2s or 200ms [1s]",
     OPTION_TEXT, &words.duration, 0, 0},
    {'n', "requests", "N", "so many requests instead of a time", OPTION_NUMBER,
     &words.requests, 1, 1000000000},
    {'r', "rate", "R", "open loop: R requests a second", OPTION_TEXT,
     &words.rate, 0, 0},
    {0, "warm-up", "TIME", "before each measurement [50ms]", OPTION_TEXT,
     &words.warm, 0, 0},
    {0, "rounds", "N", "measurements of each cell [3]", OPTION_NUMBER,
     &words.rounds, 1, ROUNDS_MAX},
    {0, "service", "NAME", "upper or echo [upper]", OPTION_SERVICE,
     &words.service, 0, 0},
    {0, "place", "WHERE", "server and load: split, same, free [split]",
     OPTION_TEXT, &words.place, 0, 0},
    {0, "pin", "CPUS", "auto, off, or SERVER,LOAD as in 0,1 [auto]",
     OPTION_TEXT, &words.pin, 0, 0},
    {0, "budget", "SECONDS", "no new round or repetition after so long",
     OPTION_SECONDS, &words.budget_ms, 1000, 86400000},
    {.name = NULL}};

static const struct option_spec other_specs[] = {
    {0, "connect", "ADDR", "a server that runs already", OPTION_TEXT,
     &words.connect, 0, 0},
    {0, "pid", "PID", "its process, to see its CPU and memory", OPTION_NUMBER,
     &words.pid, 1, 4194304},
    {0, "peers", NULL, "beside libuv, libevent and Python; echo only",
     OPTION_FLAG, &words.peers, 0, 0},
    {0, "no-count", NULL, "leave out the counted pass", OPTION_FLAG,
     &words.no_count, 0, 0},
    {0, "no-wait", NULL, "leave out the cost of waiting", OPTION_FLAG,
     &words.no_wait, 0, 0},
    {'w', "wide", NULL, "all columns, each with its min-max", OPTION_FLAG,
     &words.wide, 0, 0},
    {0, "json", "FILE", "all of it, for `iobench compare`", OPTION_TEXT,
     &words.json, 0, 0},
    {0, "csv", "FILE", "one line a cell", OPTION_TEXT, &words.csv, 0, 0},
    {0, "md", "FILE", "the tables as Markdown", OPTION_TEXT, &words.markdown, 0,
     0},
    {0, "plot", "FOLDER", "data for bench/plot.gp", OPTION_TEXT, &words.plot, 0,
     0},
    {0, "hgrm", "FOLDER", "a latency histogram for each cell", OPTION_TEXT,
     &words.hgrm, 0, 0},
    {.name = NULL}};

static const struct usage usage = {
    .operands = "[MODEL ...] [-- COMMAND ...]",
    .about = "Measures models of this suite, or any server that prints its "
             "HOST:PORT.",
    .after = "Without MODEL: all of them. `iobench list` names them.",
    .specs = load_specs,
    .more = other_specs};

/* The place that `text` names; `unsaid` when it is NULL. */
static enum place read_place(const char *text, enum place unsaid)
{
    for (int i = PLACE_SPLIT; i <= PLACE_FREE && text != NULL; i++)
        if (strcmp(text, place_names[i]) == 0)
            return (enum place)i;
    if (text != NULL)
        die(EXIT_USAGE, "--place %s: split, same or free (see --help)", text);
    return unsaid;
}

/* `--pin 0,1`: the server's CPU and the load's. */
static void read_pin(struct bench *b, const char *text)
{
    long pair[2];
    int all[1024];
    int usable = conditions_cpus(all, 1024);
    if (option_list("pin", text, pair, 2, 0, 1023, 0) != 2)
        die(EXIT_USAGE, "--pin %s: auto, off, or two CPUs as in 0,1", text);
    for (int i = 0, found = 0; i < 2; i++, found = 0) {
        for (int k = 0; k < usable; k++)
            found |= all[k] == pair[i];
        if (!found)
            die(EXIT_USAGE, "--pin %s: this process may not use CPU %ld", text,
                pair[i]);
    }
    b->server_cpu = (int)pair[0];
    b->load_cpu = (int)pair[1];
    b->place = pair[0] == pair[1] ? PLACE_SAME : PLACE_SPLIT;
}

static void set_place(struct bench *b, const struct words *w)
{
    int cpus[2];
    int count = conditions_cpus(cpus, 2);
    enum place wanted = read_place(w->place, PLACE_SPLIT);
    b->place = wanted;
    b->server_cpu = b->load_cpu = -1;
    if (strcmp(w->pin, "off") == 0) {
        b->place = PLACE_FREE;
    } else if (strcmp(w->pin, "auto") != 0) {
        read_pin(b, w->pin);
    } else if (wanted != PLACE_FREE && count > 0) {
        b->server_cpu = cpus[0];
        b->load_cpu = count > 1 && wanted == PLACE_SPLIT ? cpus[1] : cpus[0];
    }
    if (w->place != NULL && b->place != wanted)
        die(EXIT_USAGE, "--pin %s makes the place '%s', --place says '%s'",
            w->pin, place_names[b->place], w->place);
}

static void add_subject(struct bench *b, const struct subject *subject)
{
    if (b->subject_count == SUBJECTS_MAX)
        die(EXIT_USAGE, "more than %d servers in one run", SUBJECTS_MAX);
    for (int i = 0; i < b->subject_count; i++)
        if (strcmp(b->subjects[i].name, subject->name) == 0)
            die(EXIT_USAGE, "two servers are called '%s'", subject->name);
    b->subjects[b->subject_count++] = *subject;
}

static void add_model(struct bench *b, const char *name)
{
    const struct model *model = model_find(name);
    if (model == NULL)
        die(EXIT_USAGE, "no model is called '%s': `iobench list` names them",
            name);
    add_subject(b, &(struct subject){.name = model->name, .model = model});
}

/* Nobody there is told at once, and not as a fault of each cell. */
static void find_running(const char *text)
{
    struct address address;
    const char *fault = address_parse(text, &address);
    if (fault != NULL)
        die(EXIT_USAGE, "--connect %s: %s (see --help)", text, fault);
    struct pollfd up = {.fd = socket_connect(&address, SOCK_NONBLOCK),
                        .events = POLLOUT};
    if (up.fd >= 0)
        errno = poll(&up, 1, CONNECT_MS) == 1 ? socket_error(up.fd) : ETIMEDOUT;
    if (up.fd < 0 || errno != 0)
        die_errno("connect to %s", text);
    (void)close(up.fd);
}

static void add_subjects(struct bench *b, const struct words *w, char **names,
                         int count, char **command)
{
    bool others = command != NULL || w->connect != NULL || w->peers;
    for (int i = 0; i < count; i++)
        add_model(b, names[i]);
    for (const struct model *m = models; m->name != NULL && count == 0; m++)
        if (!others || w->peers)
            add_model(b, m->name);
    if (command != NULL && command[0] == NULL)
        die(EXIT_USAGE, "a command must stand behind --");
    if (command != NULL) {
        const char *slash = strrchr(command[0], '/');
        add_subject(b, &(struct subject){.name = slash ? slash + 1 : command[0],
                                         .argv = command});
    }
    if (w->pid > 0 && w->connect == NULL)
        die(EXIT_USAGE, "--pid goes with --connect");
    if (w->connect != NULL)
        find_running(w->connect);
    if (w->connect != NULL)
        add_subject(b, &(struct subject){.name = "running",
                                         .connect = w->connect,
                                         .pid = w->pid});
    for (int i = 0; w->peers && i < peers_count(); i++) {
        struct subject peer;
        if (peers_find(i, &peer))
            add_subject(b, &peer);
    }
}

/* With --idle-with, idle ones stand beside so many active ones only, and only
 * at the first size: the whole product would be a matter of hours. */
static bool is_wanted(const struct bench *b, long idle, long active, long bytes)
{
    return idle == 0 || b->idle_with == 0 ||
           (active == b->idle_with && bytes == b->bytes[0]);
}

static void make_cells(struct bench *b)
{
    int most =
        b->active_count * b->idle_count * b->bytes_count * b->subject_count;
    b->cells = calloc((size_t)most, sizeof *b->cells);
    if (b->cells == NULL)
        die_errno("memory for %d cells", most);
    for (int i = 0; i < most; i++) {
        int rest = i / b->subject_count;
        long active = b->active[rest % b->active_count];
        long idle = b->idle[(rest /= b->active_count) % b->idle_count];
        long bytes = b->bytes[rest / b->idle_count];
        if (is_wanted(b, idle, active, bytes))
            b->cells[b->cell_count++] =
                (struct cell){.subject = &b->subjects[i % b->subject_count],
                              .active = active,
                              .idle = idle,
                              .bytes = bytes};
    }
    if (b->cell_count == 0)
        die(EXIT_USAGE, "--idle-with %ld: not one of the connections",
            b->idle_with);
}

static void read_words(struct bench *b, const struct words *w)
{
    b->active_count = option_list("connections", w->active, b->active, LIST_MAX,
                                  1, MOST_CONNECTIONS, 0);
    b->idle_count =
        option_list("idle", w->idle, b->idle, LIST_MAX, 0, MOST_CONNECTIONS, 0);
    b->bytes_count = option_list("bytes", w->bytes, b->bytes, LIST_MAX, 1,
                                 LOAD_MOST_BYTES, 1);
    if (w->duration != NULL && w->requests > 0)
        die(EXIT_USAGE, "--duration or --requests, not both");
    b->measure_us =
        option_duration_us("duration", w->duration ? w->duration : "1s", 0);
    b->warm_us = option_duration_us("warm-up", w->warm, 1);
    b->rate = w->rate ? option_rate("rate", w->rate) : 0;
    b->budget_ms = w->budget_ms;
    b->requests = w->requests;
    b->rounds = w->rounds;
    b->service = w->service;
    b->wide = w->wide;
    b->json = w->json;
    b->csv = w->csv;
    b->markdown = w->markdown;
    b->hgrm = w->hgrm;
    b->plot = w->plot;
    b->idle_with = w->idle_with;
    b->count = !w->no_count;
    b->wait = !w->no_wait;
    b->progress = isatty(STDERR_FILENO);
    set_place(b, w);
}

void bench_options(struct bench *b, int argc, char **argv)
{
    char **names = calloc((size_t)argc, sizeof *names), **command;
    if (names == NULL)
        die_errno("the command line");
    memset(b, 0, sizeof *b);
    words.service = service_find("upper");
    int count = option_words(argc, argv, &usage, names, &command);
    read_words(b, &words);
    if (words.peers)
        b->service = service_find("echo"); /* the peers know no other */
    add_subjects(b, &words, names, count, command);
    free(names);
    make_cells(b);
}

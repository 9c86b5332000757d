/* SPDX-License-Identifier: MIT */
/*
 * torture: one table, fault x server. Whatever a network, a kernel and its
 * clients can do is done to every server of bench/models.c, to both chats, to
 * the UDP and the heartbeat server; after each the five things of victim.h
 * must hold.
 *
 * Try it
 *   build/tests/torture --list
 *   build/tests/torture select epoll --fault resets
 *   build/tests/torture select --server ./my_server
 */
#include "tests/matrix_print.h"

#include "common/clock.h"
#include "common/options.h"
#include "common/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Models with another of their options: what it changes in the model. */
static const struct variant {
    const char *model, *name;
    const char *args[3];
    unsigned traits, no_traits;
    int most_clients;
} variants[] = {
    {"fork", "prefork", {"--prefork", "4"}, MODEL_IN_TURN, MODEL_FORKS, 4},
    {"events", "events-select", {"--backend", "select"}, 0, 0, 0},
    {"events", "events-poll", {"--backend", "poll"}, 0, 0, 0},
    {"aio", "aio-thread", {"--notify", "thread"}, 0, 0, 0},
    {"aio", "aio-suspend", {"--notify", "suspend"}, 0, 0, 0},
    {"uring-multishot", "multishot-4", {"--buffers", "4"}, 0, 0, 0},
    {.name = NULL}};

/* The servers that answer to no row of bench/models.c. */
static const struct model talkers[] = {
    {.name = "chat-threads", .server = "blocking/chat_server"},
    {.name = "chat-poll", .server = "multiplexing/chat_server"},
    {.name = "udp", .server = "blocking/udp_server"},
    {.name = "heartbeat", .server = "multiplexing/heartbeat_server"},
    {.name = NULL}};

static const enum target_kind talker_kinds[] = {
    TARGET_CHAT, TARGET_CHAT, TARGET_DATAGRAM, TARGET_HEARTBEAT};

struct request {
    const char *fault, *server, *markdown;
    bool list;
    long workers, patience_ms, seed;
    char *names[MATRIX_TARGETS];
    int name_count;
};

static struct target targets[MATRIX_TARGETS];
static int target_count;

static void add_target(const struct model *model, enum target_kind kind)
{
    if (target_count == MATRIX_TARGETS)
        die(EXIT_CANNOT_START, "more servers than MATRIX_TARGETS");
    struct target *t = &targets[target_count++];
    *t = (struct target){.model = model, .kind = kind};
    spawn_path(model->server, t->server);
}

/* Adds the variants of one model. */
static void add_variants(const struct model *model)
{
    static struct model made[MATRIX_TARGETS];
    for (int i = 0; variants[i].name != NULL; i++) {
        const struct variant *v = &variants[i];
        if (strcmp(v->model, model->name) != 0)
            continue;
        made[i] = *model;
        made[i].name = v->name;
        memcpy(made[i].args, v->args, sizeof v->args);
        made[i].traits = (model->traits | v->traits) & ~v->no_traits;
        made[i].most_clients =
            v->most_clients ? v->most_clients : model->most_clients;
        add_target(&made[i], TARGET_STREAM);
    }
}

static void find_targets(void)
{
    for (const struct model *m = models; m->name != NULL; m++) {
        add_target(m, TARGET_STREAM);
        add_variants(m);
    }
    for (int i = 0; talkers[i].name != NULL; i++)
        add_target(&talkers[i], talker_kinds[i]);
}

static bool wanted(const struct request *request, const char *name)
{
    for (int i = 0; i < request->name_count; i++)
        if (strcmp(request->names[i], name) == 0)
            return true;
    return request->name_count == 0;
}

/* Why this machine cannot run the server; NULL when it can. */
static const char *why_not(const struct target *target)
{
    static char reason[256];
    const char *argv[] = {target->server, "--listen", "unix:/nonexistent/x",
                          NULL};
    if (access(target->server, X_OK) < 0)
        return "it is not built";
    if (!target_is(target, MODEL_NEEDS_URING))
        return NULL;
    struct run run = {.argv = argv};
    run_program(&run);
    snprintf(reason, sizeof reason, "%.*s", (int)strcspn(run.errors, "\n"),
             run.errors);
    run_free(&run);
    return run.status == EXIT_NOT_AVAILABLE ? reason : NULL;
}

static void choose_cells(const struct request *request)
{
    for (int i = 0; i < target_count; i++) {
        struct target *t = &targets[i];
        if (!wanted(request, t->model->name))
            continue;
        if (request->server != NULL)
            snprintf(t->server, PATH_SIZE, "%s", request->server);
        matrix_add(t, request->fault, why_not(t));
    }
}

static void print_list(void)
{
    for (int i = 0; i < target_count; i++)
        printf("server %s\n", targets[i].model->name);
    for (int t = 0; fault_tables[t] != NULL; t++)
        for (const struct fault *f = fault_tables[t]; f->name != NULL; f++)
            printf("fault  %-30s %s\n", f->name, f->about);
}

static bool is_target(const char *name)
{
    for (int i = 0; i < target_count; i++)
        if (strcmp(targets[i].model->name, name) == 0)
            return true;
    return false;
}

static void read_request(struct request *request, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'f', "fault", "NAME", "only this one", OPTION_TEXT, &request->fault, 0,
         0},
        {'l', "list", NULL, "print the names of servers and faults",
         OPTION_FLAG, &request->list, 0, 0},
        {'s', "server", "PATH", "torture this program in the server's place",
         OPTION_TEXT, &request->server, 0, 0},
        {'p', "patience", "SECONDS", "how long an answer may take [20]",
         OPTION_SECONDS, &request->patience_ms, 100, 100000},
        {'j', "jobs", "N", "so many cells at a time [one for each CPU]",
         OPTION_NUMBER, &request->workers, 1, 64},
        {'r', "seed", "N", "of what is chosen at random [the time]",
         OPTION_NUMBER, &request->seed, 0, 1000000000},
        {'F', "full", NULL, "all of the long sweeps, not a tenth", OPTION_FLAG,
         &torture_full, 0, 0},
        {'S', "share", "PERCENT", "so many of the cells, chosen by the seed",
         OPTION_NUMBER, &matrix_share, 1, 100},
        {'m', "md", "FILE", "write the matrix as Markdown, too", OPTION_TEXT,
         &request->markdown, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "[SERVER ...]",
        .about = "Does to every server what a hostile world can do.",
        .specs = specs};
    request->workers = sysconf(_SC_NPROCESSORS_ONLN);
    request->patience_ms = 20000;
    request->seed = (long)(now_us() % 1000000);
    int at = options_parse(argc, argv, &usage);
    while (at < argc) {
        if (!is_target(argv[at]) || request->name_count == MATRIX_TARGETS)
            die(EXIT_USAGE, "no server is called '%s' (see --list)", argv[at]);
        request->names[request->name_count++] = argv[at];
        argv[at] = argv[0];
        argc -= at;
        argv += at;
        at = options_parse(argc, argv, &usage);
    }
    patience_ms = (int)request->patience_ms;
    torture_seed = (uint64_t)request->seed;
}

int main(int argc, char **argv)
{
    struct request request = {.fault = NULL};
    int count;
    find_targets();
    read_request(&request, argc, argv);
    if (request.list) {
        print_list();
        return 0;
    }
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)dup2(nothing, STDIN_FILENO); /* the chats' operator says nothing */
    printf("seed %ld\n", request.seed);
    choose_cells(&request);
    (void)matrix_cells(&count);
    if (count == 0)
        die(EXIT_USAGE, "no fault is called '%s' (see --list)", request.fault);
    int64_t began = now_ms();
    matrix_run(request.workers);
    matrix_print();
    printf("%lld s, seed %ld\n", (long long)(now_ms() - began) / 1000,
           request.seed);
    if (request.markdown != NULL)
        matrix_write_markdown(request.markdown);
    return matrix_count(CELL_FELL) == 0 ? 0 : 1;
}

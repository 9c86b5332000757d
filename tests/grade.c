/* SPDX-License-Identifier: MIT */
/*
 * grade: what a server of your own survives. It is started by its command,
 * with {port} standing for the port that it shall listen on, once for each
 * fault; then a table of what held and what fell, with a hint for each fall.
 *
 * Exit status: 0 nothing fell, 1 something did, 2 a wrong command line.
 *
 * Try it
 *   build/tests/grade -- ./my_server --port {port}
 *   build/tests/grade --service echo --json grade.json -- ./my_server {port}
 */
#include "tests/matrix.h"

#include "common/clock.h"
#include "common/options.h"
#include "common/report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
    const char *fault, *json;
    const struct service *service;
    bool one_at_a_time, no_bench;
    long workers, patience_ms, seed;
    char **command;
};

static struct model model = {.name = "yours", .server = ""};
static struct target target = {.model = &model};

static void print_cells(void)
{
    int count;
    const struct cell *cells = matrix_cells(&count);
    for (int i = 0; i < count; i++) {
        const struct verdict *v = cells[i].verdict;
        if (v->state == CELL_SKIPPED)
            continue;
        printf("%-6s %-29s %s\n", v->state == CELL_HELD ? "held" : "FELL",
               cells[i].fault->name, cells[i].fault->about);
        if (v->state == CELL_FELL)
            printf("       it did: %s\n", v->reason);
        if (v->state == CELL_FELL && cells[i].fault->hint != NULL)
            printf("       hint: %s\n", cells[i].fault->hint);
        if (v->note[0] != '\0')
            printf("       %s\n", v->note);
    }
}

/* A text in JSON's quotes. */
static void write_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

static void write_json(const struct request *request)
{
    static const char *const words[] = {"not run", "held", "fell", "skipped"};
    int count;
    const struct cell *cells = matrix_cells(&count);
    FILE *file = fopen(request->json, "w");
    if (file == NULL)
        die_errno("%s", request->json);
    fprintf(file, "{\"command\": [");
    for (int i = 0; request->command[i] != NULL; i++) {
        fprintf(file, "%s", i ? ", " : "");
        write_text(file, request->command[i]);
    }
    fprintf(file, "], \"held\": %d, \"fell\": %d, \"seed\": %ld, \"faults\": [",
            matrix_count(CELL_HELD), matrix_count(CELL_FELL), request->seed);
    for (int i = 0; i < count; i++) {
        const struct cell *c = &cells[i];
        fprintf(file, "%s\n  {\"fault\": \"%s\", \"result\": \"%s\", ",
                i ? "," : "", c->fault->name, words[c->verdict->state]);
        fprintf(file, "\"reason\": ");
        write_text(file, c->verdict->reason);
        fprintf(file, ", \"fresh_us\": %lld}", (long long)c->verdict->fresh_us);
    }
    fprintf(file, "\n]}\n");
    if (fclose(file) != 0)
        die_errno("%s", request->json);
}

static void read_request(struct request *request, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'f', "fault", "NAME", "only this one", OPTION_TEXT, &request->fault, 0,
         0},
        {'s', "service", "NAME", "what it does: upper or echo [upper]",
         OPTION_SERVICE, &request->service, 0, 0},
        {'1', "one-at-a-time", NULL, "it serves one client at a time",
         OPTION_FLAG, &request->one_at_a_time, 0, 0},
        {'j', "json", "FILE", "write the results as JSON, too", OPTION_TEXT,
         &request->json, 0, 0},
        {'n', "no-bench", NULL, "leave out the short bench", OPTION_FLAG,
         &request->no_bench, 0, 0},
        {'p', "patience", "SECONDS", "how long an answer may take [5]",
         OPTION_SECONDS, &request->patience_ms, 100, 100000},
        {'J', "jobs", "N", "so many faults at a time [2]", OPTION_NUMBER,
         &request->workers, 1, 64},
        {'r', "seed", "N", "of what is random [1]", OPTION_NUMBER,
         &request->seed, 0, 1000000000},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "-- COMMAND [ARGUMENT ...]",
        .about = "What a server of your own survives.",
        .after = "{port} in COMMAND stands for the port to listen on.",
        .specs = specs};
    request->service = service_find("upper");
    request->workers = 2;
    request->patience_ms = 5000;
    request->seed = 1;
    int at = options_parse(argc, argv, &usage);
    if (at >= argc)
        die(EXIT_USAGE, "needs the command that starts your server");
    request->command = argv + at;
    bool port = false;
    for (int i = at; i < argc; i++)
        port |= strstr(argv[i], "{port}") != NULL;
    if (!port)
        die(EXIT_USAGE, "the command must say {port} where the port stands");
}

/* Runs the bench against the same command; its words are for the reader. */
static void run_bench(const struct request *request)
{
    char path[PATH_SIZE];
    const char *argv[64] = {spawn_path("bench/iobench", path), "run",
                            "--service", request->service->name, "--"};
    int count = 5;
    if (access(path, X_OK) < 0)
        return;
    for (int i = 0; request->command[i] != NULL && count < 63; i++)
        argv[count++] = request->command[i];
    printf("\n");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execv(path, (char *const *)argv);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    struct request request = {.fault = NULL};
    int count;
    read_request(&request, argc, argv);
    target.command = request.command;
    model.traits =
        request.one_at_a_time ? MODEL_ONE_AT_A_TIME | MODEL_IN_TURN : 0;
    model.most_clients = request.one_at_a_time ? 1 : 0;
    patience_ms = (int)request.patience_ms;
    peer_service = request.service;
    torture_seed = (uint64_t)request.seed;
    (void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    matrix_add(&target, request.fault, NULL);
    (void)matrix_cells(&count);
    if (count == 0)
        die(EXIT_USAGE, "no fault is called '%s'", request.fault);
    matrix_quiet = true;
    matrix_run(request.workers);
    print_cells();
    printf("\n%d held, %d fell\n", matrix_count(CELL_HELD),
           matrix_count(CELL_FELL));
    if (request.json != NULL)
        write_json(&request);
    if (!request.no_bench && request.fault == NULL)
        run_bench(&request);
    return matrix_count(CELL_FELL) == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * grade: what a server of your own survives. It is started by its command,
 * with {port} standing for the port that it shall listen on, once for each
 * fault, and a line says whether it held; then come a hint for each fall, and a
 * short bench.
 *
 * Exit status: 0 nothing fell, 1 something did, 2 a wrong command line, 3 there
 * is nothing to grade: it does not start, or does not answer as it should.
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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
    const char *fault, *json;
    const struct service *service;
    bool one_at_a_time, no_bench;
    long workers, patience_ms, timeout_ms, seed;
    char **command;
};

static struct model model = {.name = "yours", .server = ""};
static struct target target = {.model = &model};

enum { EXIT_NOTHING_TO_GRADE = 3 };

/* Before anything is done to it: it starts, and gives one answer. */
static void one_answer(const struct target *yours)
{
    static struct server server;
    char answer[16] = "";
    server_start(&server, yours, &usual_start);
    int fd = peer_connect(server.address);
    peer_send(fd, "Hello\n", 6);
    peer_receive(fd, answer, 6);
    bool echo = strcmp(answer, "Hello\n") == 0;
    bool upper = strcmp(answer, "HELLO\n") == 0;
    bool wanted = peer_service == service_find("echo") ? echo : upper;
    require(wanted || !(echo || upper),
            "asked \"Hello\" it answered \"%.5s\": with `make grade`, say "
            "SERVICE=%s",
            answer, echo ? "echo" : "upper");
    require(wanted, "asked \"Hello\" it answered \"%.5s\"", answer);
    (void)close(fd);
    (void)spawn_end(&server.child, SIGTERM, 500, NULL);
}

static const struct fault trial = {.name = "one_answer", .run = one_answer};

static const char *word_for(const struct verdict *v)
{
    return v->state == CELL_HELD ? "held" : "FELL";
}

/* How far it is: a line for each fault, as it ends. */
static void show_progress(const struct cell *cell)
{
    int count;
    (void)matrix_cells(&count);
    if (cell->verdict->state == CELL_SKIPPED)
        return;
    printf("%3d of %d  %s  %-29s %s\n",
           matrix_count(CELL_HELD) + matrix_count(CELL_FELL),
           count - matrix_count(CELL_SKIPPED), word_for(cell->verdict),
           cell->fault->name, cell->fault->about);
    fflush(stdout);
}

/* What it did at each fall, and what to look for. */
static void print_falls(void)
{
    int count;
    const struct cell *cells = matrix_cells(&count);
    if (matrix_count(CELL_FELL) > 1)
        printf("\nMend the first one first: others may have the same cause.\n");
    for (int i = 0; i < count; i++) {
        const struct verdict *v = cells[i].verdict;
        if (v->state != CELL_FELL)
            continue;
        printf("\n%s (%s)\n  it did: %s\n", cells[i].fault->name,
               cells[i].fault->about, v->reason);
        if (cells[i].fault->hint != NULL)
            printf("  hint:   %s\n", cells[i].fault->hint);
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

static FILE *begin_json(const struct request *request)
{
    FILE *file = fopen(request->json, "w");
    if (file == NULL)
        die_errno("%s", request->json);
    fprintf(file, "{\"command\": [");
    for (int i = 0; request->command[i] != NULL; i++) {
        fprintf(file, "%s", i ? ", " : "");
        write_text(file, request->command[i]);
    }
    fprintf(file, "], ");
    return file;
}

static void end_json(const struct request *request, FILE *file)
{
    fprintf(file, "}\n");
    if (fclose(file) != 0)
        die_errno("%s", request->json);
}

static void write_json(const struct request *request)
{
    static const char *const words[] = {"not run", "held", "fell", "skipped"};
    int count;
    const struct cell *cells = matrix_cells(&count);
    FILE *file = begin_json(request);
    fprintf(file,
            "\"started\": true, \"held\": %d, \"fell\": %d, \"seed\": %ld, "
            "\"faults\": [",
            matrix_count(CELL_HELD), matrix_count(CELL_FELL), request->seed);
    for (int i = 0; i < count; i++) {
        const struct cell *c = &cells[i];
        fprintf(file, "%s\n  {\"fault\": \"%s\", \"result\": \"%s\", ",
                i ? "," : "", c->fault->name, words[c->verdict->state]);
        fprintf(file, "\"reason\": ");
        write_text(file, c->verdict->reason);
        fprintf(file, ", \"fresh_us\": %lld}", (long long)c->verdict->fresh_us);
    }
    fprintf(file, "\n]");
    end_json(request, file);
}

/* Ends the program when there is nothing to grade. */
static void try_first(const struct request *request)
{
    const char *reason = matrix_try(&target, &trial);
    if (reason == NULL)
        return;
    if (request->json != NULL) {
        FILE *file = begin_json(request);
        fprintf(file, "\"started\": false, \"reason\": ");
        write_text(file, reason);
        end_json(request, file);
    }
    die(EXIT_NOTHING_TO_GRADE, "nothing to grade: %s", reason);
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
        {'t', "timeout", "SECONDS", "how long a fault may take [20]",
         OPTION_SECONDS, &request->timeout_ms, 1000, 1000000},
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
    request->timeout_ms = 20000;
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

/* Becomes the bench, with the server as its child: that one ends when the
 * bench does. */
static _Noreturn void become_bench(const struct request *request)
{
    static struct server server; /* server.address points into it */
    char path[PATH_SIZE], pid[24];
    server_start(&server, &target, &usual_start);
    snprintf(pid, sizeof pid, "%d", server.child.pid);
    const char *const argv[] = {spawn_path("bench/iobench", path),
                                "run",
                                "--connect",
                                server.address,
                                "--pid",
                                pid,
                                "--service",
                                request->service->name,
                                "--connections",
                                request->one_at_a_time ? "1" : "1,10,100",
                                "--duration",
                                "300ms",
                                "--rounds",
                                "2",
                                "--budget",
                                "20",
                                "--no-count",
                                NULL};
    execv(path, (char *const *)argv);
    _exit(127);
}

static void run_bench(const struct request *request)
{
    int status = -1;
    printf("\nA short bench (what its numbers mean: notes/bench.md)\n");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        become_bench(request);
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) == 127)
        printf("The bench could not be run.\n");
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
    try_first(&request);
    matrix_report = show_progress;
    matrix_timeout_s = (unsigned)request.timeout_ms / 1000;
    matrix_run(request.workers);
    print_falls();
    printf("\n%d held, %d fell\n", matrix_count(CELL_HELD),
           matrix_count(CELL_FELL));
    if (request.json != NULL)
        write_json(&request);
    if (!request.no_bench && request.fault == NULL &&
        matrix_count(CELL_HELD) > 0)
        run_bench(&request);
    return matrix_count(CELL_FELL) == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * conformance: one table, model x behaviour. Every server of bench/models.c
 * must do the same about every behaviour of a client, and what a model cannot
 * do is tested to be so.
 *
 * Each cell is a Check test of its own, in a process of its own. A few
 * workers take the cells in turn, so a slow cell keeps only its worker busy.
 * A model that this machine cannot run is skipped, with the reason, and
 * counted.
 *
 * Try it
 *   build/tests/conformance --list
 *   build/tests/conformance select -b never_reads
 *   build/tests/conformance select --server ./my_server
 */
#include "tests/behaviours.h"

#include "common/options.h"
#include "common/report.h"
#include "tests/peer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_MODELS = 64, MOST_CELLS = 4096, CELL_TIMEOUT_S = 120 };

static const struct behaviour *const tables[] = {
    stream_behaviours, crowd_behaviours,  limit_behaviours,  life_behaviours,
    start_behaviours,  client_behaviours, wrapped_behaviours};

struct cell {
    const struct target *target;
    const struct behaviour *behaviour;
};

/* What the workers share. */
struct board {
    atomic_int next; /* the cell that nobody has taken yet */
    atomic_int failures, errors;
};

struct request {
    const char *behaviour;
    const char *server; /* tested in the model's place; may be NULL */
    const char *client; /* the same */
    bool list;
    long workers, patience_ms;
    char *models[MOST_MODELS];
    int model_count;
};

static struct cell cells[MOST_CELLS];
static int cell_count;
static struct board *board;

START_TEST(one_cell)
{
    const struct cell *cell = &cells[_i];
    cell->behaviour->run(cell->target);
}
END_TEST

/* Prints what Check found wrong with one cell, as one line. */
static void print_result(const struct cell *cell, TestResult *result)
{
    char line[1024];
    snprintf(line, sizeof line, "FAIL %s: %s: %s (%s:%d)\n",
             cell->target->model->name, cell->behaviour->name, tr_msg(result),
             tr_lfile(result), tr_lno(result));
    fputs(line, stdout);
    fflush(stdout);
}

static void run_cell(int i)
{
    const struct cell *cell = &cells[i];
    TCase *tcase = tcase_create(cell->behaviour->name);
    Suite *suite = suite_create(cell->target->model->name);
    tcase_add_loop_test(tcase, one_cell, i, i + 1);
    tcase_set_timeout(tcase, CELL_TIMEOUT_S);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_SILENT);
    int bad = srunner_ntests_failed(runner);
    if (bad > 0) {
        TestResult **results = srunner_failures(runner);
        for (int n = 0; n < bad; n++) {
            print_result(cell, results[n]);
            atomic_fetch_add(tr_rtype(results[n]) == CK_ERROR
                                 ? &board->errors
                                 : &board->failures,
                             1);
        }
        free(results);
    }
    srunner_free(runner);
}

static void work(void)
{
    int i;
    while ((i = atomic_fetch_add(&board->next, 1)) < cell_count)
        run_cell(i);
}

static int run_cells(long workers)
{
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        die_errno("memory shared by the workers");
    fflush(stdout);
    for (long n = 0; n < workers; n++) {
        pid_t pid = fork();
        if (pid < 0)
            die_errno("fork");
        if (pid == 0) {
            work();
            exit(0);
        }
    }
    int status;
    while (wait(&status) > 0 || errno == EINTR)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            atomic_fetch_add(&board->errors, 1); /* a worker died */
    return atomic_load(&board->failures) + atomic_load(&board->errors);
}

/* Why this machine cannot run the model; NULL when it can. */
static const char *why_not(const struct target *target)
{
    static char reason[256];
    if (access(target->server, X_OK) < 0)
        return "its server is not built";
    if (!target_is(target, MODEL_NEEDS_URING))
        return NULL;
    const char *argv[] = {target->client, "-c", "unix:/nonexistent", "x", NULL};
    struct run run = {.argv = argv};
    run_program(&run);
    snprintf(reason, sizeof reason, "%.*s", (int)strcspn(run.errors, "\n"),
             run.errors);
    run_free(&run);
    return run.status == EXIT_NOT_AVAILABLE ? reason : NULL;
}

/* Adds the model's cells to the table. Returns how many are skipped: all of
 * them when there is a `reason`. */
static int add_cells(const struct target *target, const char *only,
                     const char *reason)
{
    int skipped = 0;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct behaviour *b = tables[t]; b->name != NULL; b++) {
            if (only != NULL && strcmp(only, b->name) != 0)
                continue;
            if (cell_count == MOST_CELLS)
                die(EXIT_CANNOT_START, "more cells than MOST_CELLS");
            if (reason != NULL) {
                skipped++;
            } else if (target->model->traits & b->not_for) {
                printf("1 skipped: %s: %s: %s\n", target->model->name, b->name,
                       b->because);
                skipped++;
            } else {
                cells[cell_count++] = (struct cell){target, b};
            }
        }
    }
    return skipped;
}

static void find_programs(struct target *target, const struct model *model,
                          const struct request *request)
{
    char path[PATH_SIZE];
    target->model = model;
    spawn_path(model->server, target->server);
    spawn_path(model->client, target->client);
    snprintf(path, sizeof path, "tests/wrapped/%s", model->server);
    spawn_path(path, target->wrapped_server);
    snprintf(path, sizeof path, "tests/wrapped/%s", model->client);
    spawn_path(path, target->wrapped_client);
    if (request->server != NULL) {
        snprintf(target->server, PATH_SIZE, "%s", request->server);
        snprintf(target->wrapped_server, PATH_SIZE, "%s", request->server);
    }
    if (request->client != NULL) {
        snprintf(target->client, PATH_SIZE, "%s", request->client);
        snprintf(target->wrapped_client, PATH_SIZE, "%s", request->client);
    }
}

static bool wanted(const struct request *request, const char *name)
{
    for (int i = 0; i < request->model_count; i++)
        if (strcmp(request->models[i], name) == 0)
            return true;
    return request->model_count == 0;
}

/* Fills the table of cells. Returns how many are skipped. */
static int choose_cells(const struct request *request)
{
    static struct target targets[MOST_MODELS];
    int used = 0, skipped = 0;
    for (const struct model *m = models; m->name != NULL; m++) {
        if (!wanted(request, m->name) || used == MOST_MODELS)
            continue;
        struct target *target = &targets[used++];
        find_programs(target, m, request);
        const char *reason = why_not(target);
        int some = add_cells(target, request->behaviour, reason);
        if (reason != NULL)
            printf("%d skipped: %s: %s\n", some, m->name, reason);
        skipped += some;
    }
    return skipped;
}

static void print_list(void)
{
    for (const struct model *m = models; m->name != NULL; m++)
        printf("model      %s\n", m->name);
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (const struct behaviour *b = tables[t]; b->name != NULL; b++)
            printf("behaviour  %s\n", b->name);
}

static void read_request(struct request *request, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {'b', "behaviour", "NAME", "only this one", OPTION_TEXT,
         &request->behaviour, 0, 0},
        {'l', "list", NULL, "print the names of models and behaviours",
         OPTION_FLAG, &request->list, 0, 0},
        {'s', "server", "PATH", "test this server in the model's place",
         OPTION_TEXT, &request->server, 0, 0},
        {'c', "client", "PATH", "test this client in the model's place",
         OPTION_TEXT, &request->client, 0, 0},
        {'p', "patience", "SECONDS", "how long an answer may take [30]",
         OPTION_SECONDS, &request->patience_ms, 100, 100000},
        {'j', "jobs", "N", "test so many cells at a time [2]", OPTION_NUMBER,
         &request->workers, 1, 64},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "[MODEL ...]",
        .about = "Tests every server against every behaviour of a client.",
        .specs = specs};
    request->workers = 2;
    request->patience_ms = patience_ms;
    /* Parsing ends at each MODEL, and goes on behind it. */
    int at = options_parse(argc, argv, &usage);
    while (at < argc) {
        if (model_find(argv[at]) == NULL)
            die(EXIT_USAGE, "no model is called '%s' (see --list)", argv[at]);
        if (request->model_count == MOST_MODELS)
            die(EXIT_USAGE, "at most %d models", MOST_MODELS);
        request->models[request->model_count++] = argv[at];
        argv[at] = argv[0];
        argc -= at;
        argv += at;
        at = options_parse(argc, argv, &usage);
    }
    patience_ms = (int)request->patience_ms;
}

int main(int argc, char **argv)
{
    struct request request = {.behaviour = NULL};
    read_request(&request, argc, argv);
    if (request.list) {
        print_list();
        return 0;
    }
    int skipped = choose_cells(&request);
    if (cell_count == 0 && skipped == 0)
        die(EXIT_USAGE, "no behaviour is called '%s' (see --list)",
            request.behaviour);
    int bad = run_cells(request.workers);
    if (skipped > 0)
        printf("%d skipped in all\n", skipped);
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n",
           cell_count ? 100 * (cell_count - bad) / cell_count : 100, cell_count,
           atomic_load(&board->failures), atomic_load(&board->errors));
    return bad == 0 ? 0 : 1;
}

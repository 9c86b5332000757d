/* SPDX-License-Identifier: MIT */
#include "tests/matrix.h"

#include "common/report.h"
#include "tests/bad.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CELL_TIMEOUT_S = 180, FULL_TIMEOUT_S = 1200 };

const struct fault *const fault_tables[] = {
    byte_faults,   client_faults,   crowd_faults,  limit_faults,
    memory_faults, signal_faults,   start_faults,  injected_faults,
    chat_faults,   datagram_faults, random_faults, NULL};

uint64_t torture_seed;
bool torture_full;
long matrix_share = 100;
unsigned matrix_timeout_s;
void (*matrix_report)(const struct cell *cell);

/* What the workers share. */
static struct board {
    atomic_int next; /* the cell that nobody has taken yet */
    struct verdict verdicts[MATRIX_CELLS];
} * board;

static struct cell cells[MATRIX_CELLS];
static int cell_count;
static bool trying; /* for matrix_try() */

static void make_board(void)
{
    if (board != NULL)
        return;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        die_errno("memory shared by the workers");
}

/* What a fault needs that other kinds of servers do not have. */
static const char *what_it_needs(unsigned kinds)
{
    switch (kinds) {
    case STREAMS:
        return "it needs the service as a stream";
    case CHATS:
        return "it is for members of a chat";
    case HEARTBEATS:
        return "it is for members of a heartbeat";
    case UNCONNECTED:
        return "it is for datagrams";
    default:
        return "it needs connections";
    }
}

/* Why the fault is not for this server; NULL when it is. */
static const char *why_not(const struct target *target,
                           const struct fault *fault)
{
    if (!(fault->kinds & (1u << target->kind)))
        return what_it_needs(fault->kinds);
    if (target->model->traits & fault->not_for)
        return fault->because;
    if (fault->ours_only && target->command != NULL)
        return "it needs options of this suite's servers";
    return NULL;
}

/* The same for a cell whatever other cells there are. */
static bool in_share(const struct target *target, const struct fault *fault)
{
    uint64_t seed = torture_seed;
    for (const char *c = target->model->name; *c != '\0'; c++)
        seed = seed * 31 + (unsigned char)*c;
    for (const char *c = fault->name; *c != '\0'; c++)
        seed = seed * 31 + (unsigned char)*c;
    return (long)(bad_random(&seed) % 100) < matrix_share;
}

void matrix_add(const struct target *target, const char *only,
                const char *reason)
{
    make_board();
    for (int t = 0; fault_tables[t] != NULL; t++) {
        for (const struct fault *f = fault_tables[t]; f->name != NULL; f++) {
            if (only != NULL && strcmp(only, f->name) != 0)
                continue;
            if (!in_share(target, f))
                continue;
            if (cell_count == MATRIX_CELLS)
                die(EXIT_CANNOT_START, "more cells than MATRIX_CELLS");
            struct verdict *v = &board->verdicts[cell_count];
            cells[cell_count++] = (struct cell){target, f, v};
            const char *not = reason ? reason : why_not(target, f);
            if (not == NULL)
                continue;
            v->state = CELL_SKIPPED;
            snprintf(v->reason, sizeof v->reason, "%s", not );
        }
    }
}

START_TEST(one_cell)
{
    verdict = cells[_i].verdict;
    peer_service = peer_service ? peer_service : service_find("upper");
    cells[_i].fault->run(cells[_i].target);
}
END_TEST

static unsigned timeout_s(void)
{
    if (matrix_timeout_s > 0)
        return matrix_timeout_s;
    return torture_full ? FULL_TIMEOUT_S : CELL_TIMEOUT_S;
}

/* What Check says of a test that it had to kill is about itself. */
static void write_reason(struct verdict *v, const char *said)
{
    if (strstr(said, "timeout expired") != NULL)
        snprintf(
            v->reason, sizeof v->reason,
            "not done after %u s: somebody waits, or the queue of listen() "
            "is so short that each connect does",
            timeout_s());
    else
        snprintf(v->reason, sizeof v->reason, "%s", said);
}

static void run_cell(int i)
{
    const struct cell *cell = &cells[i];
    struct verdict *v = cell->verdict;
    TCase *tcase = tcase_create(cell->fault->name);
    Suite *suite = suite_create(cell->target->model->name);
    tcase_add_loop_test(tcase, one_cell, i, i + 1);
    tcase_set_timeout(tcase, timeout_s());
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_SILENT);
    if (srunner_ntests_failed(runner) == 0) {
        v->state = CELL_HELD;
    } else if (v->state != CELL_SKIPPED) {
        TestResult **results = srunner_failures(runner);
        write_reason(v, tr_msg(results[0]));
        v->state = CELL_FELL;
        if (matrix_report == NULL && !trying)
            printf("FELL %s: %s: %s\n", cell->target->model->name,
                   cell->fault->name, v->reason);
        fflush(stdout);
        free(results);
    }
    srunner_free(runner);
    if (matrix_report != NULL && !trying)
        matrix_report(cell);
}

const char *matrix_try(const struct target *target, const struct fault *fault)
{
    make_board();
    struct verdict *v = &board->verdicts[cell_count];
    cells[cell_count] = (struct cell){target, fault, v};
    trying = true;
    run_cell(cell_count);
    trying = false;
    return v->state == CELL_HELD ? NULL : v->reason;
}

static _Noreturn void work(void)
{
    int i;
    while ((i = atomic_fetch_add(&board->next, 1)) < cell_count)
        if (cells[i].verdict->state == CELL_NOT_RUN)
            run_cell(i);
    exit(0);
}

void matrix_run(long workers)
{
    make_board();
    fflush(stdout);
    for (long n = 0; n < workers; n++) {
        pid_t pid = fork();
        if (pid < 0)
            die_errno("fork");
        if (pid == 0)
            work();
    }
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    /* A worker that died leaves its cell behind. */
    for (int i = 0; i < cell_count; i++) {
        if (cells[i].verdict->state != CELL_NOT_RUN)
            continue;
        cells[i].verdict->state = CELL_FELL;
        snprintf(cells[i].verdict->reason, sizeof cells[i].verdict->reason,
                 "the test itself died");
    }
}

const struct cell *matrix_cells(int *count)
{
    *count = cell_count;
    return cells;
}

int matrix_count(int state)
{
    int count = 0;
    for (int i = 0; i < cell_count; i++)
        count += (int)cells[i].verdict->state == state;
    return count;
}

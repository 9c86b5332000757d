/* SPDX-License-Identifier: MIT */
/*
 * Two lessons about measuring, each on one screen.
 *
 * observer: the same server under the same load, its calls counted twice. The
 * slower it is made by whoever watches, the more clients are ready whenever it
 * wakes up, and the fewer waits it seems to need.
 *
 * omission: a server that stands still for 200 ms. The closed loop, and a
 * clock that starts when a request is sent, hardly notice: the requests that
 * would have waited were not sent.
 */
#include "bench/bench_conditions.h"
#include "bench/bench_count.h"
#include "bench/bench_run.h"
#include "common/clock.h"
#include "common/options.h"
#include "common/report.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURE_MS = 2000, STALL_AT_MS = 700, STALL_MS = 200, RATE = 2000 };

static void read_command(int argc, char **argv, struct bench *b,
                         const char *usual, const char *about)
{
    const struct usage usage = {.operands = "[MODEL]", .about = about};
    int cpus[2];
    int first = options_parse(argc, argv, &usage);
    const char *name = first < argc ? argv[first] : usual;
    const struct model *model = model_find(name);
    if (model == NULL)
        die(EXIT_USAGE, "no model is called '%s': `iobench list` names them",
            name);
    memset(b, 0, sizeof *b);
    b->service = service_find("upper");
    b->warm_us = 50000;
    b->measure_us = MEASURE_MS * 1000;
    int count = conditions_cpus(cpus, 2);
    b->server_cpu = count > 0 ? cpus[0] : -1;
    b->load_cpu = count > 1 ? cpus[1] : b->server_cpu;
    b->subject_count = 1;
    b->subjects[0] = (struct subject){.name = model->name, .model = model};
}

static void print_observed(const char *how, const struct counts *counts)
{
    const struct count_row *wait = NULL;
    if (counts->method == NOT_COUNTED) {
        printf("%-34s %s\n", how, counts->gap);
        return;
    }
    for (int i = 0; i < counts->row_count; i++)
        if (strncmp(counts->rows[i].phase, "wait", 4) == 0 &&
            (wait == NULL || counts->rows[i].calls > wait->calls))
            wait = &counts->rows[i];
    printf("%-34s %10.0f %9.2f", how, counts->rate, counts->total);
    if (wait != NULL)
        printf("  %s %.3f", wait->call, wait->calls);
    printf("\n");
}

int command_observer(int argc, char **argv)
{
    static struct bench b;
    read_command(argc, argv, &b, "select",
                 "Counts a server's calls gently and not so gently.");
    struct cell cells[2] = {{.subject = b.subjects, .active = 10, .bytes = 64},
                            {.subject = b.subjects, .active = 10, .bytes = 64}};
    (void)count_by_trace(&b, &cells[0]);
    b.cells = cells; /* the tracer found out the phases */
    b.cell_count = 1;
    (void)count_by_preload(&b, &cells[1]);
    printf("%s, 10 connections, 64 bytes: who counts changes the count\n\n"
           "%-34s %10s %9s  %s\n",
           b.subjects[0].name, "", "requests/s", "calls/req", "waits/req");
    print_observed("in life (library in the server)", &cells[1].counts);
    print_observed("traced (each call stops it)", &cells[0].traced);
    printf("\nThe traced server is slower, so more clients are ready whenever "
           "it wakes up:\none wait serves them all, and its waits per request "
           "look fewer than they are.\nSo iobench traces with one connection "
           "only, where nothing can be gathered.\n");
    return cells[1].counts.method == NOT_COUNTED ? EXIT_CANNOT_START : 0;
}

/* One load with the server stopped in its midst. */
static int stall(const struct bench *b, struct cell *cell, struct trial *t)
{
    struct load_plan plan = cell_plan(b, cell);
    if (trial_begin(t, b, cell, &plan, false) < 0)
        return -1;
    if (load_go(&t->load) < 0)
        goto failed;
    nap_us(STALL_AT_MS * 1000);
    (void)kill(t->server.pid, SIGSTOP); /* our child, and it is there */
    nap_us(STALL_MS * 1000);
    (void)kill(t->server.pid, SIGCONT);
    if (load_wait(&t->load, 4 * MEASURE_MS) == 0)
        return 0;
failed:
    snprintf(cell->fault, sizeof cell->fault, "the load ended early: %.170s",
             t->load.result->first_fault);
    trial_end(t);
    return -1;
}

static void print_columns(const struct histogram *const h[3])
{
    static const double wanted[] = {50, 90, 99, 99.9, 100};
    char text[NUMBER_SIZE];
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (wanted[i] < 100)
            printf("  p%-7g", wanted[i]);
        else
            printf("  %-8s", "max");
        for (int k = 0; k < 3; k++) {
            double us = (double)histogram_percentile(h[k], wanted[i]) / 1000;
            bool known = histogram_knows(h[k], wanted[i]);
            printf("%20s", known ? text_number(us, text) : "-");
        }
        printf("\n");
    }
    printf("  %-8s", "requests");
    for (int k = 0; k < 3; k++)
        printf("%20s", text_number((double)h[k]->count, text));
    printf("\n");
}

int command_omission(int argc, char **argv)
{
    static struct bench b;
    static struct histogram closed;
    char text[NUMBER_SIZE];
    struct trial t;
    read_command(argc, argv, &b, "threads",
                 "Stops a server for 200 ms and asks who noticed.");
    struct cell cell = {.subject = b.subjects, .active = 1, .bytes = 64};
    if (stall(&b, &cell, &t) < 0)
        die(EXIT_CANNOT_START, "%s%s", cell.gap, cell.fault);
    histogram_merge(&closed, &t.load.result->latency);
    trial_end(&t);
    b.rate = RATE;
    if (stall(&b, &cell, &t) < 0)
        die(EXIT_CANNOT_START, "%s%s", cell.gap, cell.fault);
    const struct histogram *const columns[3] = {
        &closed, &t.load.result->since_sent, &t.load.result->latency};
    printf("%s: one connection, %d s; the server stands still for %d ms\n\n"
           "  %-8s%20s%20s%20s\n  %-8s%20s%20s%20s\n",
           b.subjects[0].name, MEASURE_MS / 1000, STALL_MS, "", "closed loop,",
           "open loop,", "open loop,", "us", "since sent", "since sent",
           "since it was due");
    print_columns(columns);
    printf("\nA tenth of the time nobody was served. Only the right column "
           "shows it: it counts\nfrom the moment a request was due, %s times "
           "a second. In the others the\nrequests that would have waited came "
           "later, or never: coordinated omission.\n",
           text_number(RATE, text));
    trial_end(&t);
    return 0;
}

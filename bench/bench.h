/* SPDX-License-Identifier: MIT */
/*
 * What the files of iobench share.
 *
 * A subject is a server: a model of this suite, or anybody's command. A cell
 * is a subject under one load. The bare pass measures each cell once a round,
 * and the rounds go through all cells again and again, so that a slow minute
 * of the machine hurts all subjects alike. The counted pass comes after it and
 * yields no times.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "bench/bench_probe.h"
#include "bench/load.h"
#include "bench/models.h"

#include <stdbool.h>
#include <stdio.h>

enum {
    ROUNDS_MAX = 25,
    LIST_MAX = 16,     /* values in -c 1,10,100 */
    SUBJECTS_MAX = 32, /* models in one run */
    COUNT_ROWS = 40,   /* different calls (or phases of a call) of a server */
    REASON_SIZE = 200,
    CONNECTIONS_FOR_MEMORY = 100 /* with fewer, pages round it to nonsense */
};

enum measure_id {
    MEASURE_RATE,
    MEASURE_P50,
    MEASURE_P90,
    MEASURE_P99,
    MEASURE_P999,
    MEASURE_MAX,
    MEASURE_CPU,
    MEASURE_USER,
    MEASURE_SYSTEM,
    MEASURE_VOLUNTARY,
    MEASURE_INVOLUNTARY,
    MEASURE_THREADS,
    MEASURE_PEAK,
    MEASURE_OWN,
    MEASURE_STACK,
    MEASURE_BUSY,
    MEASURE_LOAD_BUSY,
    MEASURES
};

/* What a measure is called where. The unit is part of the key. */
struct measure_kind {
    const char *key;     /* in JSON and CSV: "p99_us" */
    const char *heading; /* of its column: "p99" */
    const char *unit;    /* below it: "us" */
    int more_is_better;  /* 1, or -1, or 0: neither */
};
extern const struct measure_kind measure_kinds[MEASURES];

/* One value a round. */
struct measure {
    int count;
    double values[ROUNDS_MAX];
};

struct summary {
    bool known; /* at least one round measured it */
    double median, min, max;
};
void measure_add(struct measure *measure, double value);

/* True where max and min lie more than 20 % of the median apart. */
bool summary_is_wide(const struct summary *summary);

/* Calls of a server, per request. */
struct count_row {
    char call[24];
    const char *phase; /* static, or kept by the bench */
    double calls;      /* per request, answers of EAGAIN included */
    double again;      /* per request, answers of EAGAIN */
};

enum count_method { NOT_COUNTED, COUNTED_BY_TRACE, COUNTED_BY_PRELOAD };
/* "exact: every system call (ptrace)", for the line below a table. */
extern const char *const count_method_names[];

struct counts {
    enum count_method method;
    char gap[REASON_SIZE]; /* why not counted, or not exactly */
    unsigned long requests;
    double total, again; /* per request; the sums of the rows */
    int row_count;
    struct count_row rows[COUNT_ROWS];
    double hidden;   /* per request: libc's own calls, which interposition
                        does not see; as traced at one connection */
    double slowdown; /* server CPU per request, counted / bare; 0: unknown */
    double rate;     /* requests a second while counting; for no table */
};

struct subject {
    const char *name;
    const struct model *model; /* NULL: a command, or a running server */
    char *const *argv;         /* of the command; NULL: see `address` */
    const char *connect;       /* of the running one, or NULL */
    long pid;                  /* of the running one; 0: unknown */
};

enum gap_kind {
    GAP_BY_NATURE, /* a limit of the model or of the machine */
    GAP_BROKEN,    /* the server could not be started, or ended early */
    GAP_SILENT     /* it never got ready: nobody waits for it again */
};

struct cell {
    const struct subject *subject;
    long active, idle, bytes;
    char gap[REASON_SIZE]; /* not "": it cannot be measured, and why */
    enum gap_kind gap_kind;
    char fault[REASON_SIZE]; /* not "": answers were wrong, and how */
    unsigned long faults, syn_retries, unsent;
    struct measure measures[MEASURES];
    struct histogram *latency;    /* of all rounds; *owned* */
    struct histogram *since_sent; /* only in an open loop; *owned* */
    int repeats;                  /* because of noise */
    int noisy;                    /* rounds that stayed between bad probes */
    struct counts counts;         /* what is shown */
    struct counts traced;         /* exact, if it could be; tells the phases */
    int64_t recounting_ms;        /* spent on counting again */
};

/* Ten idle clients for two seconds. */
struct waiting_cost {
    const struct subject *subject;
    char gap[REASON_SIZE];
    double cpu_ms_per_s, wakeups_per_s, calls_per_s;
    bool calls_known;
    int threads;
    long own_kib;
};

/* The rounds' median and extremes. A measure that some rounds could not measure
 * (p99.9 without the samples) is not known. */
struct summary cell_summary(const struct cell *cell, enum measure_id id);

enum place { PLACE_SPLIT, PLACE_SAME, PLACE_FREE };
extern const char *const place_names[];

struct bench {
    int subject_count;
    struct subject subjects[SUBJECTS_MAX];
    int active_count, idle_count, bytes_count;
    long active[LIST_MAX], idle[LIST_MAX], bytes[LIST_MAX];
    const struct service *service;
    int64_t measure_us, warm_us;
    long requests;
    long idle_with; /* idle ones only beside so many active ones; 0: all */
    double rate;
    long rounds;
    long budget_ms; /* 0: none */
    enum place place;
    int server_cpu, load_cpu; /* -1: anywhere */
    bool count, wait;         /* the other two parts */
    bool wide, progress;
    const char *json, *csv, *markdown, *hgrm, *plot;

    int cell_count;
    struct cell *cells;
    int cost_count;
    struct waiting_cost costs[SUBJECTS_MAX];
    struct probe best;
    int64_t began_ms;
    int rounds_done;
    bool interrupted; /* by SIGINT or SIGTERM: what was measured stays */
    int measurements; /* repetitions too */
};

/* bench_options.c: reads the command line of `run`; ends the program on a
 * fault in it. */
void bench_options(struct bench *bench, int argc, char **argv);

/* bench_rounds.c: the bare pass over all cells. */
void bench_measure(struct bench *bench);

/* bench_count.c: the counted pass. */
void bench_count(struct bench *bench);

/* bench_wait.c: the cost of waiting. */
void bench_wait(struct bench *bench);

/* bench_progress.c: one line on a terminal's standard error. */
void progress_say(const struct bench *bench, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void progress_clear(const struct bench *bench);

/* bench_text.c: numbers as people read them. Each returns `text`. */
enum { NUMBER_SIZE = 32, LOAD_SIZE = 160 };
char *text_whole(long value, char text[NUMBER_SIZE]);    /* "61,234" "8" */
char *text_number(double value, char text[NUMBER_SIZE]); /* "61,234" "8.10" */
/* "1 connection", "2,000 connections": `what` is the word for one. */
char *text_plural(long count, const char *what, char text[64]);
/* The median, "-" if unknown, with ~ if the rounds spread widely. */
char *text_figure(enum measure_id id, const struct summary *s,
                  char text[NUMBER_SIZE]);
/* "0.93-1.02", as exact as the median is printed. */
char *text_range(enum measure_id id, const struct summary *s,
                 char text[2 * NUMBER_SIZE]);
/* "58.1-61.2": of a rate, in thousands. */
char *text_thousands(const struct summary *s, char text[NUMBER_SIZE]);
/* "10 connections beside 900 idle ones, 64 bytes" */
char *text_cell(long active, long idle, long bytes, char text[LOAD_SIZE]);
/* The same with ", closed loop". */
char *text_load(const struct bench *bench, const struct cell *cell,
                char text[LOAD_SIZE]);
/* Writes `line` broken at blanks so that it keeps within 80 columns; what goes
 * on begins at column `indent`. */
void text_wrap(const char *line, int indent, FILE *out);

/* Why a cell has no figures; "" when it has. */
const char *cell_reason(const struct cell *cell);

/* 'E': wrong answers; '!': noisy; ' ': neither. */
char cell_mark(const struct cell *cell);

/* True for the cells of one table: the same load, other subjects. */
bool cell_has_same_load(const struct cell *a, const struct cell *b);

/* bench_remarks.c: gaps, wrong answers, noise, a load that was the limit; each
 * line behind `prefix`. */
void bench_print_remarks(const struct bench *bench, FILE *out,
                         const char *prefix);

/* bench_table.c, bench_markdown.c, bench_json.c, bench_csv.c. */
void bench_print_table(const struct bench *bench, FILE *out);
void bench_print_markdown(const struct bench *bench, FILE *out);
void bench_print_json(const struct bench *bench, FILE *out);
/* bench_plot.c: the data of the plots, into the folder `plot`. */
void bench_write_plots(const struct bench *bench);

void bench_print_csv(const struct bench *bench, FILE *out);

#endif

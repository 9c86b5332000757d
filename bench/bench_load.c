/* SPDX-License-Identifier: MIT */
/* `iobench load`: the load alone, in this process, against any address; and
 * `iobench merge`, which puts several of its histograms together. */
#include "bench/bench.h"
#include "bench/bench_conditions.h"
#include "bench/bench_options.h"
#include "bench/bench_run.h"
#include "common/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, MOST_CONNECTIONS = 1000000 };

struct words {
    struct address connect;
    const struct service *service;
    const char *active, *idle, *bytes, *duration, *warm, *rate, *hgrm;
    long requests, cpu;
};

static struct words words = {
    .active = "1", .idle = "0", .bytes = "64", .warm = "50ms", .cpu = -1};

static const struct option_spec specs[] = {
    {'C', "connect", "ADDR", "the server: HOST:PORT, unix:PATH", OPTION_ADDRESS,
     &words.connect, 0, 0},
    {'c', "connections", "N", "active connections [1]", OPTION_TEXT,
     &words.active, 0, 0},
    {'i', "idle", "N", "idle connections beside them [0]", OPTION_TEXT,
     &words.idle, 0, 0},
    {'s', "bytes", "N", "bytes in a request [64]", OPTION_TEXT, &words.bytes, 0,
     0},
    {'d', "duration", "TIME", "2s or 200ms [2s]", OPTION_TEXT, &words.duration,
     0, 0},
    {'n', "requests", "N", "so many requests instead of a time", OPTION_NUMBER,
     &words.requests, 1, 1000000000},
    {'r', "rate", "R", "open loop: R requests a second", OPTION_TEXT,
     &words.rate, 0, 0},
    {0, "warm-up", "TIME", "before it measures [50ms]", OPTION_TEXT,
     &words.warm, 0, 0},
    {0, "service", "NAME", "what to expect: upper or echo [upper]",
     OPTION_SERVICE, &words.service, 0, 0},
    {0, "cpu", "N", "run on this CPU only", OPTION_NUMBER, &words.cpu, 0, 1023},
    {0, "hgrm", "FILE", "write the latency histogram", OPTION_TEXT, &words.hgrm,
     0, 0},
    {.name = NULL}};

static long one(const char *name, const char *text, long min, long max)
{
    long value;
    (void)option_list(name, text, &value, 1, min, max, 1); /* it exits */
    return value;
}

static struct load_plan read_plan(int argc, char **argv)
{
    const struct usage usage = {
        .about = "Asks a server that runs already, and checks every answer.",
        .after = "Without --rate the loop is closed: a connection asks again "
                 "when it was answered.",
        .specs = specs};
    words.service = service_find("upper");
    (void)options_parse(argc, argv, &usage);
    if (words.connect.length == 0)
        die(EXIT_USAGE, "--connect ADDR is needed (see --help)");
    if (words.duration != NULL && words.requests > 0)
        die(EXIT_USAGE, "--duration or --requests, not both");
    struct load_plan plan = {
        .address = words.connect,
        .service = words.service,
        .active = one("connections", words.active, 1, MOST_CONNECTIONS),
        .idle = one("idle", words.idle, 0, MOST_CONNECTIONS),
        .bytes = one("bytes", words.bytes, 1, LOAD_MOST_BYTES),
        .warm_us = option_duration_us("warm-up", words.warm, 1),
        .measure_us = option_duration_us(
            "duration", words.duration ? words.duration : "2s", 0),
        .requests = words.requests,
        .rate = words.rate ? option_rate("rate", words.rate) : 0,
        .patience = PATIENCE_MS,
        .cpu = (int)words.cpu};
    long fits = load_fits(plan.active + plan.idle);
    if (fits > 0)
        die(EXIT_CANNOT_START,
            "%ld connections need more descriptors than the limit (ulimit "
            "-Hn): %ld would fit",
            plan.active + plan.idle, fits);
    return plan;
}

static void print_percentiles(const char *what, const struct histogram *h)
{
    static const double wanted[] = {50, 90, 99, 99.9, 100};
    printf("%-26s", what);
    for (int i = 0; i < 5; i++) {
        if (wanted[i] < 100)
            printf("  p%g", wanted[i]);
        else
            printf("  max");
        if (histogram_knows(h, wanted[i]))
            printf(" %.1f", (double)histogram_percentile(h, wanted[i]) / 1000);
        else
            printf(" -");
    }
    printf("\n");
}

/* Latencies of a load that could not keep up are those of its queue. */
static void print_kept(const struct load_plan *plan,
                       const struct load_result *r, double achieved)
{
    char is[NUMBER_SIZE], must_be[NUMBER_SIZE];
    if (plan->rate <= 0 || load_fault_count(r) > 0 ||
        load_kept(plan->rate, achieved, r->unsent))
        return;
    printf("the rate was not held: %s of %s/s", text_number(achieved, is),
           text_number(plan->rate, must_be));
    if (r->unsent > 0)
        printf("; %s requests were never sent",
               text_number((double)r->unsent, is));
    printf("\n");
}

static void print_faults(const struct load_result *r)
{
    for (int i = 0; i < LOAD_FAULTS; i++)
        if (r->faults[i] > 0)
            printf("ERRORS: %lu %s (warm-up included)\n", r->faults[i],
                   load_fault_names[i]);
    if (r->first_fault[0] != '\0')
        printf("the first: %s\n", r->first_fault);
}

static void print_result(const struct load_plan *plan,
                         const struct load_result *r)
{
    double seconds = (double)r->elapsed_ns / 1e9;
    double achieved = seconds > 0 ? (double)r->requests / seconds : 0;
    printf("%lu requests in %.3f s: %.0f/s, %s\n", r->requests, seconds,
           achieved, plan->rate > 0 ? "open loop" : "closed loop");
    print_kept(plan, r, achieved);
    if (plan->rate > 0) {
        print_percentiles("us since a request was due", &r->latency);
        print_percentiles("us since it was sent", &r->since_sent);
    } else {
        print_percentiles("latency in us", &r->latency);
    }
    printf("the load itself used %.0f %% of a CPU\n",
           seconds > 0 ? (double)(r->user_ns + r->system_ns) / 1e7 / seconds
                       : 0);
    if (r->syn_retries > 0)
        printf("SYN retry: %lu connects took 1 s or more, because the server's "
               "backlog was full\n",
               r->syn_retries);
    print_faults(r);
}

static void nothing(void *data)
{
    (void)data; /* nobody waits between the parts */
}

static FILE *open_file(const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        die_errno("write %s", path);
    return out;
}

static void write_file(FILE *out, const char *path, const struct histogram *h)
{
    if (histogram_write(h, out) < 0 || fclose(out) != 0)
        die_errno("write %s", path);
}

/* The histogram, with its conditions as comments before the header. */
static void write_histogram(const struct load_plan *plan,
                            const struct load_result *result)
{
    struct condition list[CONDITIONS];
    struct bench like = {.rate = plan->rate,
                         .measure_us = plan->measure_us,
                         .requests = plan->requests};
    char text[LOAD_SIZE];
    FILE *out = open_file(words.hgrm);
    int n = conditions_machine(list);
    list[n].key = "load";
    conditions_load(&like, list[n++].text);
    fprintf(out, "# load alone, %s\n",
            text_cell(plan->active, plan->idle, plan->bytes, text));
    conditions_comment(list, n, out);
    write_file(out, words.hgrm, &result->latency);
}

int command_load(int argc, char **argv)
{
    struct load_plan plan = read_plan(argc, argv);
    struct load_result *result = calloc(1, sizeof *result);
    const struct load_hooks hooks = {nothing, nothing, NULL};
    if (result == NULL)
        die_errno("memory for the result");
    int status = load_run(&plan, result, &hooks);
    if (status == 0)
        print_result(&plan, result);
    else
        fprintf(stderr, "%s: %s\n", report_program_name(), result->first_fault);
    if (status == 0 && words.hgrm != NULL)
        write_histogram(&plan, result);
    bool wrong = status < 0 || load_fault_count(result) > 0;
    free(result);
    return wrong ? EXIT_CANNOT_START : 0;
}

/* Adds the histogram in `path`, and keeps its conditions. */
static void merge(struct histogram *sum, const char *path, FILE *conditions)
{
    char line[512];
    FILE *in = fopen(path, "r");
    if (in == NULL)
        die_errno("read %s", path);
    if (histogram_read(sum, in) < 0)
        die(EXIT_CANNOT_START,
            "%s is no histogram of iobench, or not a whole one", path);
    rewind(in);
    while (fgets(line, sizeof line, in) != NULL)
        if (strncmp(line, "# ", 2) == 0)
            fputs(line, conditions);
    (void)fclose(in); /* nothing was written */
}

int command_merge(int argc, char **argv)
{
    const char *output = NULL;
    const struct option_spec merge_specs[] = {
        {'o', "output", "FILE", "where to write [standard output]", OPTION_TEXT,
         &output, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "FILE.hgrm ...",
        .about = "Puts histograms together; no sample loses a digit.",
        .specs = merge_specs};
    struct histogram *sum = calloc(1, sizeof *sum);
    int first = options_parse(argc, argv, &usage);
    char *text = NULL;
    size_t size;
    FILE *conditions = open_memstream(&text, &size);
    if (sum == NULL || conditions == NULL)
        die_errno("memory for a histogram");
    if (first == argc)
        die(EXIT_USAGE, "which files? (see --help)");
    for (int i = first; i < argc; i++)
        merge(sum, argv[i], conditions);
    if (fclose(conditions) != 0)
        die_errno("memory for the conditions");
    FILE *out = output ? open_file(output) : stdout;
    fputs(text, out);
    write_file(out, output ? output : "standard output", sum);
    free(text), free(sum);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* `iobench run` from the command line to the files, and `iobench list`. */
#include "bench/bench_run.h"

#include "bench/bench_cell.h"
#include "bench/bench_conditions.h"
#include "common/options.h"
#include "common/report.h"
#include "common/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUTS = 3, INTERRUPTED = 128 + SIGINT };

struct output {
    const char *path; /* NULL: not wanted */
    void (*print)(const struct bench *, FILE *);
    FILE *file;
};

/* Before the first cell, so that an hour's work is not lost to a wrong path.
 * What the file held stays until there is something new. */
static void open_output(struct output *output)
{
    if (output->path == NULL)
        return;
    int fd = open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    output->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (output->file == NULL)
        die_errno("write %s", output->path);
}

static void write_output(const struct bench *b, struct output *output)
{
    if (output->path == NULL)
        return;
    /* A pipe has no length: EINVAL. */
    if (ftruncate(fileno(output->file), 0) < 0 && errno != EINVAL)
        die_errno("write %s", output->path);
    output->print(b, output->file);
    if (ferror(output->file) || fclose(output->file) != 0)
        die_errno("write %s", output->path);
}

static void make_folder(const char *path)
{
    char inside[512];
    if (path == NULL)
        return;
    snprintf(inside, sizeof inside, "%s/.", path);
    if ((mkdir(path, 0777) < 0 && errno != EEXIST) || access(inside, W_OK) < 0)
        die_errno("write into %s", path);
}

/* With its conditions, as comments before the header: the plotters skip them,
 * and so does histogram_read. */
static void write_histogram(const struct bench *b, const struct cell *cell,
                            const char *kind, const struct histogram *h)
{
    char path[512], load[LOAD_SIZE];
    struct condition list[CONDITIONS];
    if (h == NULL || h->count == 0)
        return;
    snprintf(path, sizeof path, "%s/%s-c%ld-i%ld-s%ld%s.hgrm", b->hgrm,
             cell->subject->name, cell->active, cell->idle, cell->bytes, kind);
    FILE *out = fopen(path, "w");
    if (out == NULL)
        die_errno("write %s", path);
    fprintf(out, "# %s, %s\n", cell->subject->name, text_load(b, cell, load));
    conditions_comment(list, conditions_read(b, list), out);
    if (histogram_write(h, out) < 0 || fclose(out) != 0)
        die_errno("write %s", path);
}

static void write_histograms(const struct bench *b)
{
    if (b->hgrm == NULL)
        return;
    for (int i = 0; i < b->cell_count; i++) {
        write_histogram(b, &b->cells[i], "", b->cells[i].latency);
        write_histogram(b, &b->cells[i], "-since-sent", b->cells[i].since_sent);
    }
}

static bool is_empty(const struct bench *b)
{
    for (int i = 0; i < b->cell_count; i++)
        if (b->cells[i].measures[MEASURE_RATE].count > 0)
            return false;
    return true;
}

/* All passes, or as far as they came when Ctrl-C was hit. A second one ends
 * the program at once. */
static void measure(struct bench *b)
{
    stop_catch(NULL);
    (void)signal(SIGPIPE, SIG_DFL); /* or each server would inherit it */
    bench_measure(b);
    b->count = b->count && !stop_requested();
    if (b->count)
        bench_count(b);
    b->wait = b->wait && !stop_requested();
    if (b->wait)
        bench_wait(b);
    b->interrupted = stop_requested();
    if (b->interrupted && b->wait) {
        b->wait = false; /* two seconds cut short say nothing */
        b->cost_count = 0;
    }
}

/* 0, or 1 when an answer was wrong, a server broken, or nothing measured. */
static int verdict(const struct bench *b)
{
    bool any = false, wrong = false, broken = false;
    for (int i = 0; i < b->cell_count; i++) {
        any |= b->cells[i].gap[0] == '\0';
        wrong |= b->cells[i].faults > 0;
        broken |= b->cells[i].gap_kind != GAP_BY_NATURE;
    }
    if (!any)
        warn("nothing was measured: %s", b->cells[0].gap);
    return any && !wrong && !broken ? 0 : EXIT_CANNOT_START;
}

int command_run(int argc, char **argv)
{
    static struct bench b;
    bench_options(&b, argc, argv);
    struct output outputs[OUTPUTS] = {{b.json, bench_print_json, NULL},
                                      {b.csv, bench_print_csv, NULL},
                                      {b.markdown, bench_print_markdown, NULL}};
    for (int i = 0; i < OUTPUTS; i++)
        open_output(&outputs[i]);
    make_folder(b.hgrm);
    make_folder(b.plot);
    measure(&b);
    if (b.interrupted && is_empty(&b))
        die(INTERRUPTED, "interrupted before anything was measured");
    bench_print_table(&b, stdout);
    for (int i = 0; i < OUTPUTS; i++)
        write_output(&b, &outputs[i]);
    write_histograms(&b);
    bench_write_plots(&b);
    int status = b.interrupted ? INTERRUPTED : verdict(&b);
    for (int i = 0; i < b.cell_count; i++)
        cell_free(&b.cells[i]);
    free(b.cells);
    return status;
}

int command_list(int argc, char **argv)
{
    const struct usage usage = {
        .about = "Lists the models, what each shows, and what it cannot do."};
    (void)options_parse(argc, argv, &usage);
    for (const struct model *m = models; m->name != NULL; m++) {
        printf("%-16s %s\n", m->name, m->shows);
        if (m->most_clients > 0)
            printf("%-16s   at most %d client%s at a time\n", "",
                   m->most_clients, m->most_clients == 1 ? "" : "s");
        if (m->traits & MODEL_SPINS)
            printf("%-16s   uses a whole CPU while it waits\n", "");
        if (m->traits & MODEL_NEEDS_URING)
            printf("%-16s   needs io_uring, which a kernel may forbid\n", "");
    }
    return 0;
}

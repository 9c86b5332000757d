/* SPDX-License-Identifier: MIT */
/*
 * `iobench compare`: what really differs between two results.
 *
 * The extremes of the rounds are the only honest error bars of so few rounds:
 * where the two ranges overlap, nothing is said to be faster.
 */
#include "bench/bench_result.h"
#include "bench/bench_run.h"
#include "common/options.h"
#include "common/report.h"

#include <math.h>
#include <string.h>

/* Calls per request that differ by less are printed as the same number. */
static const double SAME_CALLS = 0.005;

static const enum measure_id compared[] = {
    MEASURE_RATE, MEASURE_P50, MEASURE_P99, MEASURE_CPU, MEASURE_OWN};

static const char *const verdict_words[] = {
    [SAME] = "no measurable difference",
    [BETTER] = "better",
    [WORSE] = "worse",
    [NO_SPREAD] = "one round: no spread, no verdict",
    [NOT_COMPARED] = "not measured in both"};

static const struct result_cell *find(const struct result *result,
                                      const struct result_cell *like)
{
    for (int i = 0; i < result->cell_count; i++) {
        const struct result_cell *cell = &result->cells[i];
        if (strcmp(cell->model, like->model) == 0 &&
            cell->connections == like->connections &&
            cell->idle == like->idle && cell->bytes == like->bytes)
            return cell;
    }
    return NULL;
}

/* Different conditions explain a difference before any program does. */
static void print_conditions(const struct result *before,
                             const struct result *after)
{
    char line[CONDITION_SIZE + 64];
    for (int i = 0; i < before->condition_count; i++)
        for (int k = 0; k < after->condition_count; k++) {
            const char *key = before->conditions[i].key;
            if (strcmp(key, after->conditions[k].key) != 0 ||
                strcmp(key, "date") == 0 || strcmp(key, "probes") == 0 ||
                strcmp(before->conditions[i].text, after->conditions[k].text) ==
                    0)
                continue;
            snprintf(line, sizeof line, "other %s: %s", key,
                     before->conditions[i].text);
            text_wrap(line, 2, stdout);
            snprintf(line, sizeof line, "  now: %s", after->conditions[k].text);
            text_wrap(line, 2, stdout);
        }
}

/* One line, in 80 columns. */
static void print_line(const char *what, bool noisy, const char *before,
                       const char *after, const char *ratio,
                       const char *verdict)
{
    printf("  %-13s %c %8s %8s  %-16s %s\n", what, noisy ? '!' : ' ', before,
           after, ratio, verdict);
}

static void print_figure(const struct result_cell *a,
                         const struct result_cell *b, enum measure_id id)
{
    const struct measure_kind *kind = &measure_kinds[id];
    char before[NUMBER_SIZE], after[NUMBER_SIZE], what[32], text[128];
    char median[NUMBER_SIZE], min[NUMBER_SIZE], max[NUMBER_SIZE];
    long rounds = a->rounds < b->rounds ? a->rounds : b->rounds;
    struct ratio ratio = ratio_of(&a->measures[id], &b->measures[id],
                                  kind->more_is_better, rounds);
    if (ratio.verdict == NOT_COMPARED)
        return;
    snprintf(what, sizeof what, "%s %s", kind->heading, kind->unit);
    snprintf(text, sizeof text, "%s (%s-%s)", text_number(ratio.median, median),
             text_number(ratio.min, min), text_number(ratio.max, max));
    print_line(what, a->noisy + b->noisy > 0,
               text_number(a->measures[id].median, before),
               text_number(b->measures[id].median, after), text,
               verdict_words[ratio.verdict]);
}

/* Noise does not touch them, but there is no spread either: only an exact
 * count allows a verdict. */
static void print_calls(const struct result_cell *a,
                        const struct result_cell *b)
{
    char before[NUMBER_SIZE], after[NUMBER_SIZE], ratio[NUMBER_SIZE];
    const char *verdict = "counted once: no verdict";
    if (!a->counted || !b->counted || a->calls <= 0)
        return;
    if (a->exact && b->exact)
        verdict = fabs(a->calls - b->calls) < SAME_CALLS ? "the same"
                  : b->calls < a->calls                  ? verdict_words[BETTER]
                                                         : verdict_words[WORSE];
    print_line("calls /req", false, text_number(a->calls, before),
               text_number(b->calls, after),
               text_number(b->calls / a->calls, ratio), verdict);
}

static void print_title(const struct result_cell *cell)
{
    char load[LOAD_SIZE], line[LOAD_SIZE + 80];
    snprintf(line, sizeof line, "%s, %s", cell->model,
             text_cell(cell->connections, cell->idle, cell->bytes, load));
    printf("\n");
    text_wrap(line, 2, stdout);
}

static void print_cell(const struct result_cell *a, const struct result_cell *b)
{
    print_title(b);
    if (a == NULL) {
        printf("  only in the new result\n");
        return;
    }
    printf("  %-15s %8s %8s  new / old\n", "", "old", "new");
    print_calls(a, b);
    for (size_t i = 0; i < sizeof compared / sizeof compared[0]; i++)
        print_figure(a, b, compared[i]);
}

/* Reads one of the two, or ends with what is wrong with it. */
static void read_result(const char *path, struct result *result)
{
    const char *fault = result_read(path, result);
    if (fault != NULL)
        die(EXIT_CANNOT_START, "read %s: %s", path, fault);
}

static bool is_noisy(const struct result *result)
{
    long noisy = 0;
    for (int i = 0; i < result->cell_count; i++)
        noisy += result->cells[i].noisy;
    return noisy > 0;
}

int command_compare(int argc, char **argv)
{
    static const struct option_spec specs[] = {{.name = NULL}};
    const struct usage usage = {
        .operands = "OLD.json NEW.json",
        .about = "Compares two results of `iobench run --json`.",
        .after = "A ratio is new / old, with the smallest and the largest that "
                 "the rounds allow.",
        .specs = specs};
    struct result before, after;
    int first = options_parse(argc, argv, &usage);
    if (argc - first != 2)
        die(EXIT_USAGE, "two files are needed: OLD.json NEW.json (see --help)");
    read_result(argv[first], &before);
    read_result(argv[first + 1], &after);
    print_conditions(&before, &after);
    for (int i = 0; i < after.cell_count; i++)
        print_cell(find(&before, &after.cells[i]), &after.cells[i]);
    for (int i = 0; i < before.cell_count; i++)
        if (find(&after, &before.cells[i]) == NULL) {
            print_title(&before.cells[i]);
            printf("  only in the old result\n");
        }
    if (is_noisy(&before) || is_noisy(&after))
        printf("\n! some of its rounds were noisy\n");
    result_free(&before);
    result_free(&after);
    return 0;
}

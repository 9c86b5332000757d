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

#include <string.h>

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
    for (int i = 0; i < before->condition_count; i++)
        for (int k = 0; k < after->condition_count; k++) {
            const char *key = before->conditions[i].key;
            if (strcmp(key, after->conditions[k].key) != 0 ||
                strcmp(key, "date") == 0 || strcmp(key, "probes") == 0 ||
                strcmp(before->conditions[i].text, after->conditions[k].text) ==
                    0)
                continue;
            printf("other %s: %s\n  now: %s\n", key, before->conditions[i].text,
                   after->conditions[k].text);
        }
}

static void print_figure(const struct result_cell *a,
                         const struct result_cell *b, enum measure_id id)
{
    const struct measure_kind *kind = &measure_kinds[id];
    char old_text[NUMBER_SIZE], new_text[NUMBER_SIZE];
    long rounds = a->rounds < b->rounds ? a->rounds : b->rounds;
    struct ratio ratio = ratio_of(&a->measures[id], &b->measures[id],
                                  kind->more_is_better, rounds);
    if (ratio.verdict == NOT_COMPARED)
        return;
    printf("  %-8s %-6s %9s %9s  %.2f (%.2f-%.2f)  %s%s\n", kind->heading,
           kind->unit, text_number(a->measures[id].median, old_text),
           text_number(b->measures[id].median, new_text), ratio.median,
           ratio.min, ratio.max, verdict_words[ratio.verdict],
           a->noisy + b->noisy > 0 ? " (noisy)" : "");
}

static void print_cell(const struct result_cell *a, const struct result_cell *b)
{
    printf("\n%s, %ld connections, %ld idle, %ld bytes\n", b->model,
           b->connections, b->idle, b->bytes);
    if (a == NULL) {
        printf("  only in the new result\n");
        return;
    }
    printf("  %-15s %9s %9s  %s\n", "", "old", "new", "new / old");
    for (size_t i = 0; i < sizeof compared / sizeof compared[0]; i++)
        print_figure(a, b, compared[i]);
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
    const char *fault = result_read(argv[first], &before);
    if (fault != NULL)
        die(EXIT_CANNOT_START, "%s: %s", argv[first], fault);
    fault = result_read(argv[first + 1], &after);
    if (fault != NULL)
        die(EXIT_CANNOT_START, "%s: %s", argv[first + 1], fault);
    print_conditions(&before, &after);
    for (int i = 0; i < after.cell_count; i++)
        print_cell(find(&before, &after.cells[i]), &after.cells[i]);
    for (int i = 0; i < before.cell_count; i++)
        if (find(&after, &before.cells[i]) == NULL)
            printf("\n%s, %ld connections, %ld idle, %ld bytes\n"
                   "  only in the old result\n",
                   before.cells[i].model, before.cells[i].connections,
                   before.cells[i].idle, before.cells[i].bytes);
    result_free(&before);
    result_free(&after);
    return 0;
}

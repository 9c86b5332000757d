/* SPDX-License-Identifier: MIT */
/*
 * quiz: a scenario, and what a model's server does in it. Without --answer it
 * asks; with it the real server is started, once bare for the times and once
 * under the tracer for the calls.
 *
 * Try it
 *   build/bench/quiz select --seed 7
 *   build/bench/quiz select --seed 7 --answer
 */
#include "bench/quiz.h"
#include "common/options.h"
#include "common/report.h"
#include "common/stop.h"

#include <signal.h>
#include <string.h>

/* The answers. They stand in the order of their questions, so the fourth, from
 * the run without the tracer, has to wait for the others. */
static void show_answers(const struct performance *bare,
                         const struct screen *screen)
{
    static struct performance traced;
    static struct quiz_answer answer;
    bool seen = perform_traced(&traced, bare->model, bare->scene, 1) == 0;
    if (seen) {
        quiz_answer(&traced, &answer);
        const char *why = trace_no_anchors(traced.traced.trace);
        if (answer.row_count == 0 && why != NULL)
            printf("\n Which calls are of the lesson is not known: %s\n\n",
                   why);
        quiz_print_calls(&answer, &traced, screen, stdout);
    } else {
        printf("\n The calls cannot be shown: %s\n\n", traced.missing);
    }
    quiz_print_waits(bare, stdout);
    if (seen)
        quiz_print_cost(&answer, bare->scene, stdout);
    performance_free(&traced);
}

/* Returns the exit status. */
static int answer_it(const struct model *model, const struct scene *scene,
                     const struct screen *screen)
{
    static struct performance bare;
    if (perform_bare(&bare, model, scene, 1) < 0) {
        printf("\n It cannot be played here: %s\n", bare.missing);
        return model->traits & MODEL_NEEDS_URING ? EXIT_NOT_AVAILABLE
                                                 : EXIT_CANNOT_START;
    }
    if (!stop_requested())
        show_answers(&bare, screen);
    return stop_requested() ? 128 + SIGINT : 0;
}

int main(int argc, char **argv)
{
    bool ascii = false, answer = false;
    long seed = 1;
    struct scene scene;
    const struct option_spec specs[] = {
        {'s', "seed", "N", "which scenario [1]", OPTION_NUMBER, &seed, 0,
         1000000000},
        {'a', "answer", NULL, "run it, and show what the server does",
         OPTION_FLAG, &answer, 0, 0},
        {0, "ascii", NULL, "plain characters only", OPTION_FLAG, &ascii, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "MODEL",
        .about = "A scenario, and what the server of MODEL does in it: first "
                 "the questions, then\nthe answer from a run of the server.",
        .specs = specs};
    int first = options_parse(argc, argv, &usage);
    if (first + 1 < argc) { /* options may stand behind MODEL, too */
        char *name = argv[first];
        argv[first] = argv[0];
        int more = options_parse(argc - first, argv + first, &usage);
        if (first + more < argc)
            die(EXIT_USAGE, "%s: one MODEL at a time", argv[first + more]);
        argv[first] = name;
    } else if (first == argc) {
        die(EXIT_USAGE, "which MODEL? (see `make help`)");
    }
    const struct model *model = model_find(argv[first]);
    if (model == NULL)
        die(EXIT_USAGE, "%s: no such model (see `make help`)", argv[first]);
    struct screen screen = screen_look(ascii);
    stop_catch(NULL);
    quiz_scene(seed, &scene);
    quiz_print_scene(model, &scene, seed, &screen, stdout);
    if (answer)
        return answer_it(model, &scene, &screen);
    quiz_print_questions(model, &scene, seed, stdout);
    return 0;
}

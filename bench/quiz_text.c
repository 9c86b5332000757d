/* SPDX-License-Identifier: MIT */
#include "bench/quiz.h"

static void print_title(const struct model *model, long seed,
                        const struct screen *screen, FILE *out)
{
    const char *dot = screen_glyph(screen, "·", "-");
    fprintf(out, " %s%s %s quiz %ld%s %s build/%s",
            screen_ink(screen, INK_TITLE), model->name, dot, seed,
            screen_ink(screen, INK_PLAIN), dot, model->server);
    for (int i = 0; model->args[i] != NULL; i++)
        fprintf(out, " %s", model->args[i]);
    for (int i = 0; model->demo_args[i] != NULL; i++)
        fprintf(out, " %s", model->demo_args[i]);
    fprintf(out, "\n");
}

static const char *verb(enum scene_action action)
{
    switch (action) {
    case SCENE_CONNECT:
        return "connects";
    case SCENE_SAY:
        return "says";
    case SCENE_LEAVE:
        return "leaves";
    case SCENE_FINISH:
        return "half-closes";
    }
    return "";
}

/* A line for each client: when it does what, in ms. */
void quiz_print_scene(const struct model *model, const struct scene *scene,
                      long seed, const struct screen *screen, FILE *out)
{
    print_title(model, seed, screen, out);
    for (int client = 0; client < scene->client_count; client++) {
        const char *comma = "";
        fprintf(out, " %s ", scene->names[client]);
        for (int i = 0; i < scene->step_count; i++) {
            const struct scene_step *step = &scene->steps[i];
            if (step->client != client)
                continue;
            fprintf(out, "%s %d ms %s", comma, step->at_ms, verb(step->action));
            if (step->text)
                fprintf(out, " \"%s\"", step->text);
            comma = ",";
        }
        fprintf(out, "\n");
    }
}

/* With a ring there is no recv to ask for, but its completion. */
static const char *second_question(const struct model *model)
{
    return model->traits & MODEL_NEEDS_URING
               ? " 2  Which requests does each io_uring_enter hand over? Which "
                 "have completed when\n    it returns, and with what? Which "
                 "recv brings 0?\n"
               : " 2  What does each call return? Which recv or read brings 0, "
                 "which call EAGAIN?\n";
}

void quiz_print_questions(const struct model *model, const struct scene *scene,
                          long seed, FILE *out)
{
    fprintf(out,
            "\n Who leaves or half-closes has waited for every answer first."
            " A half-close says\n 'I ask no more'; that client stays until the"
            " server closes.\n\n"
            " Take paper. The server is set up, and everybody behaves as "
            "above.\n\n"
            " 1  Which calls does it make, in what order? Begin with the one in"
            " which it\n    waits when %s connects.\n"
            "%s"
            " 3  At %d ms: which of its threads sleeps, and in which call?\n"
            " 4  Who waits longer than %d ms for an answer, for whom, how "
            "long?\n"
            " 5  How many calls does one message cost?\n\n"
            " Then let it run:  make quiz-%s SEED=%ld ANSWER=1\n",
            scene->names[0], second_question(model), quiz_moment_ms(scene),
            QUIZ_HELD_UP_US / 1000, model->name, seed);
}

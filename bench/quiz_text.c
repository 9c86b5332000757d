/* SPDX-License-Identifier: MIT */
#include "bench/quiz.h"

#include <string.h>

/* From this wait on somebody was held up: half of the shortest gap between two
 * steps, and far longer than a server needs to wake up. */
enum { HELD_UP_US = 15000, LINE = 80 };

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

void quiz_print_questions(const struct model *model, const struct scene *scene,
                          long seed, const struct screen *screen, FILE *out)
{
    (void)screen;
    fprintf(out,
            "\n Who leaves or half-closes has waited for every answer first."
            " A half-close says\n 'I ask no more'; that client stays until the"
            " server closes.\n\n"
            " Take paper. The server is set up, and everybody behaves as "
            "above.\n\n"
            " 1  Which calls does it make, in what order? Begin with the one in"
            " which it\n    waits when %s connects.\n"
            " 2  What does each call return? Which recv returns 0, which call "
            "EAGAIN?\n"
            " 3  At %d ms: which of its threads sleeps, and in which call?\n"
            " 4  Who waits longer than %d ms for an answer, for whom, how "
            "long?\n"
            " 5  How many calls does one message cost?\n\n"
            " Then let it run:  make quiz-%s SEED=%ld ANSWER=1\n",
            scene->names[0], quiz_moment_ms(scene), HELD_UP_US / 1000,
            model->name, seed);
}

static void print_row(const struct quiz_answer *answer,
                      const struct quiz_row *row, const struct screen *screen,
                      FILE *out)
{
    bool many = answer->task_count > 1;
    int room = LINE - 8 - (many ? 9 : 0) - 1;
    int length = (int)strlen(row->text), anchors = (int)strlen(row->where);
    if (row->at_ms_10 >= 0)
        fprintf(out, "%5d.%d ", (int)(row->at_ms_10 / 10),
                (int)(row->at_ms_10 % 10));
    else
        fprintf(out, "%8s", "");
    if (many)
        fprintf(out, "%-9s", answer->tasks[row->task].name);
    if (length + anchors + 1 > room) /* the first anchor, then less text */
        anchors = (int)strcspn(row->where, " ");
    if (length + anchors + 1 > room)
        length = room - anchors - 1 > 12 ? room - anchors - 1 : 12;
    int padded = anchors > 0 && room - anchors > length ? room - anchors : 0;
    fprintf(out, "%s%-*.*s%s", screen_ink(screen, row->ink), padded, length,
            row->text, screen_ink(screen, INK_PLAIN));
    fprintf(out, "%.*s\n", anchors, row->where);
}

/* Words in lines of 80 columns, the later ones indented. */
static void print_wrapped(FILE *out, const char *text)
{
    int column = 0;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > 0 && column + 1 + word > LINE - 1)
            column = fprintf(out, "\n   ") - 1;
        column += fprintf(out, " %.*s", word, text);
        text += word + (text[word] == ' ');
    }
    fprintf(out, "\n");
}

/* Adds `part` to a text of limited size, after ", " if it is not the first. */
static void add_part(char *line, size_t size, const char *between,
                     const char *part)
{
    size_t used = strlen(line);
    snprintf(line + used, size - used, "%s%s", between, part);
}

static void add_counts(char *line, size_t size, const struct quiz_task *task)
{
    char part[64];
    for (int i = 0; i < task->name_count; i++) {
        snprintf(part, sizeof part, "%s %lu", task->names[i], task->counts[i]);
        add_part(line, size, i > 0 ? ", " : " ", part);
    }
}

static void sum_up(struct quiz_task *sum, const struct quiz_task *task)
{
    for (int i = 0; i < task->name_count; i++) {
        int at = 0;
        while (at < sum->name_count &&
               strcmp(sum->names[at], task->names[i]) != 0)
            at++;
        if (at == QUIZ_NAMES_MAX)
            sum->names[--at] = "others";
        else if (at == sum->name_count)
            sum->names[sum->name_count++] = task->names[i];
        sum->counts[at] += task->counts[i];
    }
}

/* The calls of the C library's own threads, together. */
static void print_hidden(const struct quiz_answer *answer, FILE *out)
{
    struct quiz_task sum = {.name_count = 0};
    char line[LINE * 8] = "";
    for (int i = 0; i < answer->task_count; i++) {
        const struct quiz_task *task = &answer->tasks[i];
        if (!task->hidden)
            continue;
        add_part(line, sizeof line, line[0] ? ", " : "", task->name);
        sum_up(&sum, task);
    }
    if (line[0] == '\0')
        return;
    add_part(line, sizeof line, ", ", "hidden:");
    add_counts(line, sizeof line, &sum);
    print_wrapped(out, line);
}

/* How many calls, and those of which no row tells. */
static void print_sums(const struct quiz_answer *answer, int messages,
                       FILE *out)
{
    struct quiz_task sum = {.name_count = 0};
    char line[LINE * 8];
    for (int i = 0; i < answer->task_count; i++)
        if (!answer->tasks[i].hidden)
            sum_up(&sum, &answer->tasks[i]);
    snprintf(line, sizeof line,
             "%lu calls for %d messages, %lu in vain (EAGAIN)", answer->calls,
             messages, answer->in_vain);
    if (sum.name_count > 0)
        add_part(line, sizeof line, "; ", "not shown:");
    add_counts(line, sizeof line, &sum);
    print_wrapped(out, line);
    if (answer->rows_left_out > 0)
        fprintf(out, " %lu rows more\n", answer->rows_left_out);
}

static const char *place_of(const struct quiz_task *task, bool at_end)
{
    return at_end ? task->rest : task->moment;
}

/* Where each thread was, at the moment of the question or at the end. Threads
 * in the same call are named together. */
static void add_places(char *line, size_t size,
                       const struct quiz_answer *answer, bool at_end)
{
    bool many = answer->task_count > 1, told[QUIZ_TASKS_MAX] = {false};
    const char *between = " ";
    for (int i = 0; i < answer->task_count; i++) {
        const char *place = place_of(&answer->tasks[i], at_end);
        if (told[i] || place[0] == '\0')
            continue;
        for (int j = i; j < answer->task_count; j++) {
            if (strcmp(place_of(&answer->tasks[j], at_end), place) != 0)
                continue;
            told[j] = true;
            add_part(line, size, between,
                     many ? answer->tasks[j].name : "it is");
            between = ", ";
        }
        add_part(line, size, " ", place);
        between = "; ";
    }
    if (*between == ' ')
        add_part(line, size, between, "it runs its own code");
}

static void print_places(const struct quiz_answer *answer,
                         const struct scene *scene, FILE *out)
{
    char line[LINE * 12];
    bool somebody_sleeps = false;
    for (int i = 0; i < answer->task_count; i++)
        somebody_sleeps |= answer->tasks[i].rest[0] != '\0';
    snprintf(line, sizeof line, "At %d ms:", quiz_moment_ms(scene));
    add_places(line, sizeof line, answer, false);
    if (somebody_sleeps) {
        add_part(line, sizeof line, ". ", "At the end:");
        add_places(line, sizeof line, answer, true);
    }
    print_wrapped(out, line);
}

void quiz_print_answer(const struct quiz_answer *answer,
                       const struct performance *traced,
                       const struct screen *screen, FILE *out)
{
    for (int i = 0; i < answer->row_count; i++)
        print_row(answer, &answer->rows[i], screen, out);
    print_hidden(answer, out);
    print_sums(answer, quiz_count(traced->scene, SCENE_SAY), out);
    print_places(answer, traced->scene, out);
}

static bool asked(const struct scene *scene, int client)
{
    for (int i = 0; i < scene->step_count; i++)
        if (scene->steps[i].client == client &&
            scene->steps[i].action == SCENE_SAY)
            return true;
    return false;
}

void quiz_print_waits(const struct performance *bare,
                      const struct screen *screen, FILE *out)
{
    const char *comma = "";
    fprintf(out, " Waited (a run without the tracer):");
    for (int i = 0; i < bare->scene->client_count; i++) {
        int64_t us = scene_longest_wait_us(bare->scene, &bare->record, i);
        bool held = us < 0 || us > HELD_UP_US;
        fprintf(out, "%s %s ", comma, bare->scene->names[i]);
        comma = ",";
        fprintf(out, "%s", screen_ink(screen, held ? INK_ALARM : INK_PLAIN));
        if (us < 0)
            fprintf(out, "for ever");
        else if (!asked(bare->scene, i))
            fprintf(out, "-");
        else
            fprintf(out, "%.*f ms", held ? 0 : 1, (double)us / 1000);
        fprintf(out, "%s", screen_ink(screen, INK_PLAIN));
    }
    fprintf(out, "\n");
}

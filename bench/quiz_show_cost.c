/* SPDX-License-Identifier: MIT */
/* The answer to question 5: what a message costs, and what the rest was. */
#include "bench/quiz_private.h"

#include <limits.h>
#include <string.h>

enum { NAMES_SHOWN = 4 };

/* "setsockopt 4, mmap 2, others 6" */
static void add_tally(char *line, size_t size, const struct quiz_tally *tally)
{
    unsigned long others = 0;
    for (int i = 0; i < tally->count; i++) {
        const struct quiz_name *name = &tally->names[i];
        if (i < NAMES_SHOWN)
            quiz_add(line, size, "%s%s %lu", i > 0 ? ", " : "", name->name,
                     name->calls);
        else
            others += name->calls;
    }
    if (others > 0)
        quiz_add(line, size, ", others %lu", others);
}

/* The numbers of calls of messages that are alike but for these. */
struct range {
    unsigned long least, most;
};

static void add_range(char *line, size_t size, const struct range *range)
{
    quiz_add(line, size, "%lu", range->least);
    if (range->most > range->least)
        quiz_add(line, size, "-%lu", range->most);
}

static void widen(struct range *range, unsigned long value)
{
    range->least = value < range->least ? value : range->least;
    range->most = value > range->most ? value : range->most;
}

/* A futex is a lock of the C library: needed or not, as it happens. */
static bool has_names_of(const struct quiz_tally *a, const struct quiz_tally *b)
{
    for (int i = 0; i < b->count; i++)
        if (strcmp(b->names[i].name, "futex") != 0 &&
            quiz_tally_of(a, b->names[i].name, b->names[i].in_vain) == 0)
            return false;
    return true;
}

static bool same_names(const struct quiz_tally *a, const struct quiz_tally *b)
{
    return has_names_of(a, b) && has_names_of(b, a);
}

/* "4 (epoll_wait, recv, send, recv EAGAIN)", or with numbers that differ from
 * one to the next: "5-6 (sigwaitinfo, futex 2-3, send, aio_read)". */
static void add_cost(char *line, size_t size,
                     const struct quiz_tally *const *alike, int count)
{
    struct range sum = {ULONG_MAX, 0};
    struct quiz_tally all = {.count = 0};
    for (int i = 0; i < count; i++) {
        widen(&sum, quiz_tally_sum(alike[i]));
        quiz_tally_all(&all, alike[i]);
    }
    add_range(line, size, &sum);
    for (int n = 0; n < all.count; n++) {
        const struct quiz_name *name = &all.names[n];
        struct range calls = {ULONG_MAX, 0};
        for (int i = 0; i < count; i++)
            widen(&calls, quiz_tally_of(alike[i], name->name, name->in_vain));
        quiz_add(line, size, "%s%s%s", n > 0 ? ", " : " (", name->name,
                 name->in_vain ? " EAGAIN" : "");
        if (calls.least == 1 && calls.most == 1)
            continue;
        quiz_add(line, size, " ");
        add_range(line, size, &calls);
    }
    quiz_add(line, size, ")");
}

/* Messages for which the same calls were made, beginning with that of step
 * `first`, are told together. */
static void add_alike(const struct quiz_answer *answer,
                      const struct scene *scene, int first, bool *told,
                      char *line, size_t size)
{
    const struct quiz_message *model = &answer->messages[first];
    const struct quiz_tally *own[SCENE_STEPS_MAX], *hidden[SCENE_STEPS_MAX];
    char names[QUIZ_TEXT_MAX] = "";
    int count = 0;
    for (int i = first; i < scene->step_count; i++) {
        const struct quiz_message *message = &answer->messages[i];
        if (scene->steps[i].action != SCENE_SAY ||
            !same_names(&model->own, &message->own) ||
            !same_names(&model->hidden, &message->hidden))
            continue;
        quiz_add(names, sizeof names, "%s%s \"%s\"", count > 0 ? ", " : "",
                 scene->names[scene->steps[i].client], scene->steps[i].text);
        own[count] = &message->own;
        hidden[count++] = &message->hidden;
        told[i] = true;
    }
    bool all = count == quiz_count(scene, SCENE_SAY);
    quiz_add(line, size, "%s: ", all ? "A message" : names);
    add_cost(line, size, own, count);
    if (model->hidden.count > 0) {
        quiz_add(line, size, " and hidden ");
        add_cost(line, size, hidden, count);
    }
}

void quiz_print_cost(const struct quiz_answer *answer,
                     const struct scene *scene, FILE *out)
{
    char line[QUIZ_TEXT_MAX * 10] = "5";
    bool told[SCENE_STEPS_MAX] = {false};
    struct quiz_tally besides = {.count = 0};
    unsigned long other = answer->calls, in_vain = answer->in_vain;
    for (int i = 0; i < scene->step_count; i++) {
        const struct quiz_message *message = &answer->messages[i];
        other -= quiz_tally_sum(&message->own);
        other -= quiz_tally_sum(&message->hidden);
        for (int n = 0; n < message->own.count; n++)
            if (message->own.names[n].in_vain)
                in_vain -= message->own.names[n].calls;
        if (scene->steps[i].action != SCENE_SAY || told[i])
            continue;
        quiz_add(line, sizeof line, i > 0 && line[1] ? "; " : "  ");
        add_alike(answer, scene, i, told, line, sizeof line);
    }
    quiz_add(line, sizeof line, ". The other %lu of %lu: coming, leaving",
             other, answer->calls);
    if (in_vain > 0)
        quiz_add(line, sizeof line, ", %lu EAGAIN", in_vain);
    for (int i = 0; i < answer->task_count; i++)
        if (!answer->tasks[i].hidden)
            quiz_tally_all(&besides, &answer->tasks[i].besides);
    if (besides.count > 0) {
        quiz_add(line, sizeof line, "; not shown: ");
        add_tally(line, sizeof line, &besides);
    }
    quiz_add(line, sizeof line, ".");
    quiz_print_line(out, line);
}

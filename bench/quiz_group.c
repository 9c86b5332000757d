/* SPDX-License-Identifier: MIT */
/*
 * A long answer made shorter, from its end, until it fits on the screen. First
 * a row of the screen for two of one thread that follow each other: that costs
 * marks only. Then one for a turn of the loop that has been seen before, for
 * another client. A turn begins with a sleep and has the same calls in the
 * same places; results, times and names may differ.
 */
#include "bench/quiz_private.h"

#include <ctype.h>
#include <string.h>

/* A screen of 24 lines keeps one for the prompt. Beside the rows stand the
 * title, a line for each client, the heading, and the other answers. */
enum {
    SCREEN_LINES = 23,
    LINES_ALONE = 6,
    LINES_AMONG_MANY = 8,
    LINES_OF_HIDDEN = 2
};

static int rows_that_fit(const struct teller *t)
{
    const struct quiz_answer *a = t->answer;
    int others = a->task_count > 1 ? LINES_AMONG_MANY : LINES_ALONE;
    return SCREEN_LINES - t->p->scene->client_count - others -
           (a->reads[0] ? LINES_OF_HIDDEN : 0);
}

/* Rows [at, at + count) are gone. */
static void remove_rows(struct quiz_answer *a, int at, int count)
{
    memmove(&a->rows[at], &a->rows[at + count],
            (size_t)(a->row_count - at - count) * sizeof *a->rows);
    a->row_count -= count;
}

/* Row `at` behind the one before, if that is of the same thread, nothing was
 * slept in between, and both have room. */
static void join_rows(struct teller *t, int at)
{
    struct quiz_answer *a = t->answer;
    struct quiz_row *row = &a->rows[at], *before = row - 1;
    size_t used = strlen(before->text);
    if (row->task != before->task || row->ink == INK_ASLEEP ||
        used + 2 + strlen(row->text) > (size_t)t->room)
        return;
    snprintf(before->text + used, sizeof before->text - used, "; %s",
             row->text);
    remove_rows(a, at, 1);
}

/* The client of `scene` whose name stands in `text` as a word, or NULL. */
static const char *name_in(const struct scene *scene, const char *text)
{
    for (int c = 0; c < scene->client_count; c++) {
        size_t length = strlen(scene->names[c]);
        const char *at = strstr(text, scene->names[c]);
        if (at != NULL && at > text && at[-1] == ' ' &&
            !isalpha((unsigned char)at[length]))
            return scene->names[c];
    }
    return NULL;
}

/* The calls of a row alone: without results, digits, words and names. */
static void form_of(const struct scene *scene, const struct quiz_row *row,
                    char form[QUIZ_TEXT_MAX])
{
    const char *name = name_in(scene, row->text);
    const char *text = row->text;
    size_t used = 0;
    while (*text != '\0') {
        if (name && strncmp(text, name, strlen(name)) == 0) {
            text += strlen(name);
        } else if (strncmp(text, " = ", 3) == 0) {
            text += strcspn(text, ",");
        } else {
            if (!isdigit((unsigned char)*text))
                form[used++] = *text;
            text++;
        }
    }
    form[used] = '\0';
}

static bool same_form(const struct scene *scene, const struct quiz_row *a,
                      const struct quiz_row *b)
{
    char left[QUIZ_TEXT_MAX], right[QUIZ_TEXT_MAX];
    form_of(scene, a, left);
    form_of(scene, b, right);
    return strcmp(left, right) == 0 && strcmp(a->where, b->where) == 0;
}

/* How many rows from row `begin` on are one turn of one thread; 0 when no turn
 * begins there. */
static int turn_length(const struct quiz_answer *a, int begin)
{
    int end = begin + 1;
    if (a->rows[begin].ink != INK_ASLEEP)
        return 0;
    while (end < a->row_count && a->rows[end].ink != INK_ASLEEP)
        if (a->rows[end++].task != a->rows[begin].task)
            return 0;
    return end - begin;
}

/* The row at which the turn of rows [begin, begin + length) was seen before,
 * or -1. */
static int seen_at(const struct teller *t, int begin, int length)
{
    const struct quiz_answer *a = t->answer;
    for (int at = 0; at < begin; at++) {
        int i = 0;
        if (turn_length(a, at) != length)
            continue;
        while (i < length &&
               same_form(t->p->scene, &a->rows[at + i], &a->rows[begin + i]))
            i++;
        if (i == length)
            return at;
    }
    return -1;
}

/* Row `begin` stands for its whole turn, as it was at row `at`. */
static void tell_turn(const struct teller *t, int begin, int length, int at)
{
    struct quiz_row *row = &t->answer->rows[begin];
    const struct quiz_row *before = &t->answer->rows[at];
    const char *name = NULL, *again = strstr(row->text, ", again");
    size_t used = strcspn(row->text, ":;");
    if (again && (size_t)(again - row->text) < used)
        used = (size_t)(again - row->text);
    for (int i = 0; i < length && name == NULL; i++)
        name = name_in(t->p->scene, row[i].text);
    snprintf(row->text + used, sizeof row->text - used,
             "; the rest as at %d.%d%s%s", (int)(before->at_ms_10 / 10),
             (int)(before->at_ms_10 % 10), name ? ", for " : "",
             name ? name : "");
    row->where[0] = '\0';
}

static void fold_turns(struct teller *t, int least_length)
{
    struct quiz_answer *a = t->answer;
    for (int i = a->row_count - 1; i > 0 && a->row_count > rows_that_fit(t);
         i--) {
        int length = turn_length(a, i);
        int at = length < least_length ? -1 : seen_at(t, i, length);
        if (at < 0)
            continue;
        tell_turn(t, i, length, at);
        remove_rows(a, i + 1, length - 1);
    }
}

void quiz_group(struct teller *t)
{
    struct quiz_answer *a = t->answer;
    for (int i = a->row_count - 1; i > 0 && a->row_count > rows_that_fit(t);
         i--)
        join_rows(t, i);
    fold_turns(t, 3);
    fold_turns(t, 2);
}

/* SPDX-License-Identifier: MIT */
/* The answers to the questions 1 to 4, each behind its number. */
#include "bench/quiz_private.h"

#include <stdarg.h>
#include <string.h>

enum { LINE = 80 };

/* A row's text in lines of `room` columns, divided at a space. Returns the
 * length of the last line. */
static int print_text(FILE *out, const char *text, int room, int indent)
{
    int length = (int)strlen(text);
    while (length > room) {
        int cut = room;
        while (cut > 1 && text[cut] != ' ')
            cut--;
        fprintf(out, "%.*s\n%*s", cut, text, indent, "");
        text += cut;
        length -= cut;
    }
    fprintf(out, "%s", text);
    return length;
}

/* A row: when, who, what it returned; and its marks as far as there is room. */
static void print_row(const struct quiz_answer *answer,
                      const struct quiz_row *row, const struct screen *screen,
                      FILE *out)
{
    bool many = answer->task_count > 1;
    int room = many ? ROOM_AMONG_MANY : ROOM_ALONE;
    int length = (int)strlen(row->text), anchors = (int)strlen(row->where);
    if (row->at_ms_10 >= 0)
        fprintf(out, "%4d.%d ", (int)(row->at_ms_10 / 10),
                (int)(row->at_ms_10 % 10));
    else
        fprintf(out, "%7s", "");
    if (many)
        fprintf(out, "%-9s", answer->tasks[row->task].name);
    if (length + anchors + 1 > room)
        anchors = (int)strcspn(row->where, " ");
    if (length + anchors + 1 > room)
        anchors = 0;
    fprintf(out, "%s", screen_ink(screen, row->ink));
    length = print_text(out, row->text, room, LINE - room);
    fprintf(out, "%s", screen_ink(screen, INK_PLAIN));
    if (anchors > 0)
        fprintf(out, "%*.*s", room - length, anchors, row->where);
    fprintf(out, "\n");
}

void quiz_print_line(FILE *out, const char *text)
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

void quiz_add(char *line, size_t size, const char *format, ...)
{
    size_t used = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, size - used, format, arguments);
    va_end(arguments);
}

/* What the C library's own threads did: no row tells it. */
static void print_hidden(const struct quiz_answer *answer, FILE *out)
{
    char line[LINE * 8] = "";
    for (int i = 0; i < answer->task_count; i++)
        if (answer->tasks[i].hidden)
            quiz_add(line, sizeof line, "%s%s", line[0] ? ", " : "",
                     answer->tasks[i].name);
    if (line[0] == '\0')
        return;
    quiz_add(line, sizeof line, " (hidden threads of the C library): %s",
             answer->reads);
    quiz_print_line(out, line);
}

static void print_heading(const struct quiz_answer *answer,
                          const struct model *model, FILE *out)
{
    if (!(model->traits & MODEL_NEEDS_URING))
        fprintf(out, " 1, 2  When (ms) which call returned what, how it slept; "
                     "# its mark\n");
    else if (answer->rings)
        fprintf(out, " 1, 2  ms, io_uring_enter = how many (requests handed "
                     "over): completed; # mark\n");
    else
        fprintf(out,
                " 1    When (ms) which call returned, and how it slept\n"
                " 2    Cannot be seen: the kernel does not list the requests of"
                " a ring in\n      /proc/PID/fdinfo (Linux 6.0 does).\n");
}

/* Where each thread was at the moment of the question. Threads in the same
 * call are named together. */
static void print_places(const struct quiz_answer *answer,
                         const struct scene *scene, FILE *out)
{
    char line[LINE * 8] = "";
    bool many = answer->task_count > 1, told[QUIZ_TASKS_MAX] = {false};
    const char *between = " ";
    quiz_add(line, sizeof line, "3  At %d ms:", quiz_moment_ms(scene));
    for (int i = 0; i < answer->task_count; i++) {
        const char *place = answer->tasks[i].moment;
        if (told[i] || place[0] == '\0')
            continue;
        for (int j = i; j < answer->task_count; j++) {
            if (strcmp(answer->tasks[j].moment, place) != 0)
                continue;
            told[j] = true;
            quiz_add(line, sizeof line, "%s%s", between,
                     many ? answer->tasks[j].name : "it is");
            between = ", ";
        }
        quiz_add(line, sizeof line, " %s", place);
        between = "; ";
    }
    if (*between == ' ')
        quiz_add(line, sizeof line, " it runs its own code");
    quiz_add(line, sizeof line, ".");
    quiz_print_line(out, line);
}

void quiz_print_calls(const struct quiz_answer *answer,
                      const struct performance *traced,
                      const struct screen *screen, FILE *out)
{
    print_heading(answer, traced->model, out);
    for (int i = 0; i < answer->row_count; i++)
        print_row(answer, &answer->rows[i], screen, out);
    if (answer->rows_left_out > 0)
        fprintf(out, " %lu rows more\n", answer->rows_left_out);
    print_hidden(answer, out);
    print_places(answer, traced->scene, out);
}

static bool is_held(int64_t us)
{
    return us < 0 || us > QUIZ_HELD_UP_US;
}

/* The step in which `client` says what is answered last, or -1. */
static int slowest_step(const struct performance *p, int client)
{
    int slowest = -1;
    int64_t longest = -1;
    for (int i = 0; i < p->scene->step_count; i++) {
        const struct scene_moment *moment = &p->record.moments[i];
        int64_t us = moment->answered_us - moment->done_us;
        if (p->scene->steps[i].client != client ||
            p->scene->steps[i].action != SCENE_SAY)
            continue;
        if (moment->answered_us < 0)
            return i;
        if (us > longest) {
            slowest = i;
            longest = us;
        }
    }
    return slowest;
}

/* Who leaves last while the answer to `said` is due: the one for whom it waits
 * where clients take turns. Else NULL: then the machine was busy. */
static const char *waits_for(const struct performance *p, int said)
{
    const struct scene *scene = p->scene;
    const char *name = NULL;
    for (int i = 0; i < scene->step_count; i++) {
        const struct scene_step *step = &scene->steps[i];
        int64_t us = p->record.moments[i].done_us;
        if ((p->model->traits & MODEL_IN_TURN) &&
            (step->action == SCENE_LEAVE || step->action == SCENE_FINISH) &&
            step->client != scene->steps[said].client &&
            us > p->record.moments[said].done_us &&
            us < p->record.moments[said].answered_us)
            name = scene->names[step->client];
    }
    return name;
}

void quiz_print_waits(const struct performance *bare, FILE *out)
{
    const struct scene *scene = bare->scene;
    char line[LINE * 4] = "4 ", wait[24];
    const char *between = " ", *verb = "waits ";
    bool anybody = false;
    for (int i = 0; i < scene->client_count; i++)
        anybody |= is_held(scene_longest_wait_us(scene, &bare->record, i));
    quiz_add(line, sizeof line,
             "%s Without tracer:", anybody ? "" : " Nobody.");
    for (int i = 0; i < scene->client_count; i++) {
        int said = slowest_step(bare, i);
        int64_t us = scene_longest_wait_us(scene, &bare->record, i);
        if (said < 0)
            continue;
        quiz_add(line, sizeof line, "%s%s %s%s", between, scene->names[i], verb,
                 us < 0 ? "for ever" : scene_wait_text(us, wait));
        if (us >= 0 && is_held(us) && waits_for(bare, said))
            quiz_add(line, sizeof line, " until %s leaves",
                     waits_for(bare, said));
        between = ", ";
        verb = "";
    }
    quiz_add(line, sizeof line, ".");
    quiz_print_line(out, line);
}

/* SPDX-License-Identifier: MIT */
/*
 * iodemo: plays two scripted scenes against the real programs and draws what
 * they did. Every number on the screen was measured in this run.
 *
 *   scene 1, one message     the model's client is traced; this program is the
 *                            peer and answers 300 ms late
 *   scene 2, three clients   the model's server is traced; one client is
 *                            silent, two talk
 *
 * Without a MODEL: all of them side by side, and the comparison.
 */
#include "bench/bench_options.h"
#include "bench/demo.h"
#include "bench/message_scene.h"
#include "bench/models.h"
#include "bench/performance.h"
#include "bench/screen.h"
#include "bench/spawn.h"
#include "common/options.h"
#include "common/report.h"
#include "common/stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard pace is 1; PACE=3 takes three times as long. */
static double pace_from_environment(void)
{
    const char *text = getenv("PACE");
    double pace = text ? atof(text) : 1;
    return pace >= 0.1 && pace <= 20 ? pace : 1;
}

static void show_message(struct demo *demo, const struct model *model)
{
    struct message_run run;
    struct figure figure;
    if (message_scene_play(&run, model, (int)(MESSAGE_DELAY_MS * demo->pace)) <
        0) {
        printf(" %s: one message was not drawn: %s\n", model->name,
               run.missing);
        message_scene_free(&run);
        return;
    }
    figure_of_message(model, run.events, run.count, &run.story, &demo->screen,
                      &figure);
    demo_save_svg(demo, &figure, model->name, "message");
    if (demo->events_folder &&
        message_scene_record(&run, demo->events_folder) < 0)
        die_errno("write events to %s", demo->events_folder);
    if (demo->crowded)
        figure.note_count--; /* what it did meanwhile: nothing, in recv */
    figure_legend_add(&demo->legend, &figure);
    figure_print(&figure, &demo->screen, stdout);
    if (!demo->crowded && !demo->step && run.story.hidden_threads == 0)
        printf(" %s\n", model->look);
    /* Lanes for a family of processes or threads take its place. */
    if (!demo->crowded && !(model->traits & (MODEL_FORKS | MODEL_IN_TURN)))
        putchar('\n');
    figure_free(&figure);
    message_scene_free(&run);
    demo_step(demo, model->look);
}

/* "4 threads", or "4 processes" when the server forks. */
static const char *tasks_text(int tasks, bool forks, char text[24])
{
    snprintf(text, 24, "%d %s%s", tasks, forks ? "process" : "thread",
             tasks == 1 ? ""
             : forks    ? "es"
                        : "s");
    return text;
}

/* Who was held up, in one line; on a crowded screen with `tasks`. */
static void note_verdict(const struct demo *demo, const struct performance *p,
                         const char *tasks, struct figure *figure)
{
    char line[FIGURE_TEXT_MAX] = "", text[16], tail[32] = "";
    int64_t longest = 0;
    size_t used = 0;
    if (demo->crowded)
        snprintf(tail, sizeof tail, " %s.", tasks);
    for (int i = 0; i < p->scene->client_count; i++) {
        int64_t wait = scene_longest_wait_us(p->scene, &p->record, i);
        if (wait >= 0 && wait < HELD_UP_MS * 1000) {
            longest = wait > longest ? wait : longest;
            continue;
        }
        used += (size_t)snprintf(
            line + used, sizeof line - used, "%s%s waited %s", used ? ", " : "",
            p->scene->names[i], demo_wait_text(wait, text));
    }
    if (used == 0)
        figure_note(figure, "Nobody waited for anybody: %s at most.%s",
                    demo_wait_text(longest, text), tail);
    else
        figure_note(figure, "%s: %s%s", line,
                    p->model->traits & MODEL_ONE_AT_A_TIME
                        ? "behind ana, who said nothing."
                        : "until somebody was free.",
                    tail);
}

/* Calls a message by phase, on a second line if they do not fit into one. */
static void note_phases(const struct scene_calls *calls, struct figure *figure)
{
    char line[FIGURE_TEXT_MAX], part[32];
    double messages = (double)calls->messages;
    snprintf(line, sizeof line,
             "%lu messages, %.1f calls each:", calls->messages,
             (double)calls->all / messages);
    for (int p = 0; p <= 8; p++) {
        bool last = p == 8 || trace_phases[p] == NULL;
        unsigned long count = last ? calls->other : calls->phases[p];
        snprintf(part, sizeof part, "  %s %.1f",
                 last ? "other" : trace_phases[p], (double)count / messages);
        if (count > 0 && strlen(line) + strlen(part) > 78) {
            figure_note(figure, "%s", line);
            snprintf(line, sizeof line, "%27s", "");
        }
        if (count > 0)
            strncat(line, part, sizeof line - strlen(line) - 1);
        if (last)
            break;
    }
    figure_note(figure, "%s", line);
}

/* What the server did and what it cost: calls from the traced scene, CPU time
 * from the bare one. */
static void note_cost(const struct scene_calls *calls, const char *tasks,
                      const struct performance *bare, struct figure *figure)
{
    note_phases(calls, figure);
    figure_note(figure,
                "%lu calls in vain (EAGAIN); %s; not traced: %.1f ms of CPU.",
                calls->in_vain, tasks, bare->cpu_ms);
}

static void show_clients(struct demo *demo, const struct model *model,
                         bool last)
{
    struct performance bare, traced = {.model = NULL};
    struct scene_calls calls;
    struct figure figure;
    char tasks[24];
    if (perform_bare(&bare, model, &scene_three_clients, demo->pace) < 0) {
        printf(" %s: not played: %s\n", model->name, bare.missing);
        return;
    }
    if (stop_requested())
        return;
    if (perform_traced(&traced, model, &scene_three_clients, demo->pace) == 0) {
        figure_of_scene(model, traced.scene, &traced.record, traced.events,
                        traced.count, traced.from_ns, &demo->screen, &calls,
                        &figure);
        bool forks = calls.processes > 1;
        tasks_text(forks ? calls.processes : calls.threads, forks, tasks);
        note_verdict(demo, &traced, tasks, &figure);
        if (!demo->crowded)
            note_cost(&calls, tasks, &bare, &figure);
    } else {
        figure_of_clients(model, bare.scene, &bare.record, &demo->screen,
                          &figure);
        tasks_text(bare.threads, model->traits & MODEL_FORKS, tasks);
        note_verdict(demo, &bare, tasks, &figure);
        figure_note(&figure, "no trace: %.80s", traced.missing);
        figure_note(&figure, "%s; %.1f ms of CPU", tasks, bare.cpu_ms);
    }
    demo_save_svg(demo, &figure, model->name, "clients");
    figure.without_axis = !last;
    figure_print(&figure, &demo->screen, stdout);
    figure_legend_add(&demo->legend, &figure);
    figure_free(&figure);
    performance_free(&traced);
    demo_step(demo,
              "Each client's lane ends in the longest time that it waited. "
              "What was the\n server doing meanwhile?");
}

static void show_models(struct demo *demo, char **names, int count)
{
    const struct model *last = NULL;
    demo->crowded = count > 1;
    for (int i = 0; i < count && !stop_requested(); i++) {
        const struct model *model = model_find(names[i]);
        if (last == NULL || strcmp(last->client, model->client) != 0)
            show_message(demo, model);
        if (!stop_requested())
            show_clients(demo, model, i + 1 == count);
        fflush(stdout);
        last = model;
    }
    if (stop_requested())
        return;
    figure_legend_print(&demo->legend, &demo->screen, stdout);
    if (!demo->crowded)
        printf(" Next: read %s beside %s.c\n", last->note, last->server);
}

static const struct model *known_model(const char *name)
{
    const struct model *model = model_find(name);
    if (model == NULL)
        die(EXIT_USAGE, "%s: no such model (see `make help`)", name);
    return model;
}

/* Becomes iotrace with the model's server, for a class to connect to. */
static _Noreturn void watch(const struct model *model, const char *listen)
{
    char tracer[512], server[512], address[ADDRESS_TEXT_MAX + 16];
    char *argv[12] = {(char *)spawn_path("bench/iotrace", tracer),
                      "--quiet-setup", "--",
                      (char *)spawn_path(model->server, server), address};
    snprintf(address, sizeof address, "--listen=%s", listen);
    for (int i = 0; model->args[i] != NULL; i++)
        argv[5 + i] = (char *)model->args[i];
    printf(" %s under iotrace; connect with `nc`, Ctrl-C ends it.\n",
           model->server);
    fflush(stdout);
    execv(tracer, argv);
    die_errno("%s", tracer);
}

static void make_folder(const char *path)
{
    if (path != NULL && mkdir(path, 0777) < 0 && errno != EEXIST)
        die_errno("make folder %s", path);
}

/* Options and models, in any order. `*names` is the caller's to free. */
static int read_words(int argc, char **argv, const struct usage *usage,
                      char ***names)
{
    char **rest;
    *names = calloc((size_t)argc + 1, sizeof **names);
    if (*names == NULL)
        die_errno("the command line");
    int count = option_words(argc, argv, usage, *names, &rest);
    if (rest != NULL)
        die(EXIT_USAGE, "nothing may stand behind -- (see --help)");
    for (int i = 0; i < count; i++)
        (void)known_model((*names)[i]);
    return count;
}

int main(int argc, char **argv)
{
    bool ascii = false;
    const char *watched = NULL, *listen = "127.0.0.1:8080";
    struct demo demo = {.pace = pace_from_environment()};
    const struct option_spec specs[] = {
        {'a', "ascii", NULL, "plain characters only", OPTION_FLAG, &ascii, 0,
         0},
        {0, "svg", "FOLDER", "write the figures there as SVG, too", OPTION_TEXT,
         &demo.svg_folder, 0, 0},
        {0, "events", "FOLDER", "write what was traced there as JSON, too",
         OPTION_TEXT, &demo.events_folder, 0, 0},
        {0, "watch", "MODEL", "start its server under iotrace, and narrate",
         OPTION_TEXT, &watched, 0, 0},
        {0, "listen", "ADDR", "where, with --watch [127.0.0.1:8080]",
         OPTION_TEXT, &listen, 0, 0},
        {.name = NULL}};
    const struct usage usage = {
        .operands = "[MODEL ...]",
        .about = "Plays two scenes against each MODEL's real programs and "
                 "draws what they did.\nWithout a MODEL: all of them side by "
                 "side, and the comparison.",
        .after = "In the environment: PACE=3 plays three times as slowly; "
                 "STEP=1 waits for\nEnter; ALL=1 shows every model; NO_COLOR.",
        .specs = specs};
    char **names;
    int count = read_words(argc, argv, &usage, &names);
    const char *steps = getenv("STEP"), *all = getenv("ALL");
    demo.screen = screen_look(ascii);
    demo.step = steps && strcmp(steps, "1") == 0;
    demo.all = all && strcmp(all, "1") == 0;
    if (watched)
        watch(known_model(watched), listen);
    make_folder(demo.svg_folder);
    make_folder(demo.events_folder);
    stop_catch(NULL);
    if (count == 0)
        demo_all(&demo);
    else
        show_models(&demo, names, count);
    free(names);
    return stop_requested() ? 128 + SIGINT : 0;
}

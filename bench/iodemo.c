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
#include "bench/comparison.h"
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
#include <unistd.h>

enum {
    /* From this wait on a client was held up, in milliseconds: a sleeping
     * server needs far less to wake up, and ana's silence is far longer. */
    HELD_UP_MS = 30,
    COLUMNS_MAX = 24
};

struct demo {
    struct screen screen;
    double pace;
    bool step;
    bool all;               /* every model, not one for each family */
    bool crowded;           /* several models on one screen: no line to spare */
    const char *svg_folder; /* or NULL */
    const char *events_folder; /* or NULL */
};

/* Standard pace is 1; PACE=3 takes three times as long. */
static double pace_from_environment(void)
{
    const char *text = getenv("PACE");
    double pace = text ? atof(text) : 1;
    return pace >= 0.1 && pace <= 20 ? pace : 1;
}

/* With STEP=1: says what to look at, and waits for Enter. */
static void step(const struct demo *demo, const char *look)
{
    int byte;
    if (!demo->step || stop_requested())
        return;
    printf("\n %s%s%s\n [Enter] ", screen_ink(&demo->screen, INK_TITLE), look,
           screen_ink(&demo->screen, INK_PLAIN));
    fflush(stdout);
    while ((byte = getchar()) != '\n' && byte != EOF && !stop_requested())
        ;
    if (byte == EOF)
        putchar('\n');
}

static void save_svg(const struct demo *demo, const struct figure *figure,
                     const char *model, const char *scene)
{
    char path[512];
    if (demo->svg_folder == NULL)
        return;
    snprintf(path, sizeof path, "%s/%s-%s.svg", demo->svg_folder, model, scene);
    if (figure_write_svg(figure, path) < 0)
        die_errno("write %s", path);
}

static void show_message(const struct demo *demo, const struct model *model)
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
    save_svg(demo, &figure, model->name, "message");
    if (demo->events_folder &&
        message_scene_record(&run, demo->events_folder) < 0)
        die_errno("write events to %s", demo->events_folder);
    if (demo->crowded)
        figure.note_count--; /* what it did meanwhile: nothing, in recv */
    figure_print(&figure, &demo->screen, stdout);
    if (!demo->crowded)
        putchar('\n');
    figure_free(&figure);
    message_scene_free(&run);
    step(demo, model->look);
}

static const char *wait_text(int64_t us, char text[16])
{
    if (us < 0)
        return "for ever";
    snprintf(text, 16, us < 9950 ? "%.1f ms" : "%.0f ms", (double)us / 1000);
    return text;
}

/* Who was held up, in one line. */
static void note_verdict(const struct performance *p, struct figure *figure)
{
    char line[FIGURE_TEXT_MAX] = "", text[16];
    int64_t longest = 0;
    size_t used = 0;
    for (int i = 0; i < p->scene->client_count; i++) {
        int64_t wait = scene_longest_wait_us(p->scene, &p->record, i);
        if (wait >= 0 && wait < HELD_UP_MS * 1000) {
            longest = wait > longest ? wait : longest;
            continue;
        }
        used += (size_t)snprintf(line + used, sizeof line - used,
                                 "%s%s waited %s", used ? ", " : "",
                                 p->scene->names[i], wait_text(wait, text));
    }
    if (used > 0)
        figure_note(figure, "%s: %s", line,
                    p->model->traits & MODEL_ONE_AT_A_TIME
                        ? "behind ana, who said nothing."
                        : "until somebody was free.");
    else
        figure_note(figure, "Nobody waited for anybody: %s at most.",
                    wait_text(longest, text));
}

/* What the server did and what it cost: calls from the traced scene, CPU time
 * from the bare one. */
static void note_cost(const struct demo *demo, const struct scene_calls *calls,
                      const struct performance *bare, struct figure *figure)
{
    char line[FIGURE_TEXT_MAX] = "";
    double messages = (double)calls->messages;
    const char *threads = calls->threads == 1 ? "thread" : "threads";
    size_t used = 0;
    for (int p = 0; p < 8 && trace_phases[p] != NULL; p++)
        if (calls->phases[p] > 0 && used < sizeof line)
            used += (size_t)snprintf(line + used, sizeof line - used,
                                     "  %s %.1f", trace_phases[p],
                                     (double)calls->phases[p] / messages);
    if (!demo->crowded)
        figure_note(figure, "%lu messages, %.1f calls each:%s", calls->messages,
                    (double)calls->all / messages, line);
    figure_note(figure, "In vain %lu; %d %s; %.1f ms of CPU when not traced.",
                calls->in_vain, calls->threads, threads, bare->cpu_ms);
}

static void show_clients(const struct demo *demo, const struct model *model,
                         bool last)
{
    struct performance bare, traced = {.model = NULL};
    struct scene_calls calls;
    struct figure figure;
    if (perform_bare(&bare, model, demo->pace) < 0) {
        printf(" %s: not played: %s\n", model->name, bare.missing);
        return;
    }
    if (stop_requested())
        return;
    if (perform_traced(&traced, model, demo->pace) == 0) {
        figure_of_scene(model, traced.scene, &traced.record, traced.events,
                        traced.count, traced.from_ns, &demo->screen, &calls,
                        &figure);
        note_verdict(&traced, &figure);
        note_cost(demo, &calls, &bare, &figure);
    } else {
        figure_of_clients(model, bare.scene, &bare.record, &demo->screen,
                          &figure);
        note_verdict(&bare, &figure);
        figure_note(&figure, "no trace: %.80s", traced.missing);
        figure_note(&figure, "%d thread%s; %.1f ms of CPU", bare.threads,
                    bare.threads == 1 ? "" : "s", bare.cpu_ms);
    }
    save_svg(demo, &figure, model->name, "clients");
    figure.without_axis = !last;
    figure_print(&figure, &demo->screen, stdout);
    if (!demo->crowded)
        figure_print_legend(&figure, &demo->screen, stdout);
    figure_free(&figure);
    performance_free(&traced);
    step(demo, "Each client's lane ends in the longest time that it waited. "
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
    if (!stop_requested())
        printf(" Next: read %s beside %s.c\n", last->note, last->server);
}

/* One line a model while they are played. */
static void print_row(const struct demo *demo, const struct performance *p)
{
    char text[16];
    if (p->missing[0] != '\0') {
        printf(" %-15s not played: %.60s\n", p->model->name, p->missing);
        return;
    }
    printf(" %-15s", p->model->name);
    for (int i = 0; i < p->scene->client_count; i++) {
        int64_t wait = scene_longest_wait_us(p->scene, &p->record, i);
        bool held_up = wait < 0 || wait >= HELD_UP_MS * 1000;
        printf("%s%9s%s",
               screen_ink(&demo->screen, held_up ? INK_ALARM : INK_PLAIN),
               wait_text(wait, text), screen_ink(&demo->screen, INK_PLAIN));
    }
    printf("%9.1f ms %8d\n", p->cpu_ms, p->threads);
}

static void show_comparison(const struct demo *demo,
                            struct comparison_column *columns, int count)
{
    printf("\n%s One message, its answer 300 ms late: what each client did"
           "%s (time downwards)\n",
           screen_ink(&demo->screen, INK_TITLE),
           screen_ink(&demo->screen, INK_PLAIN));
    comparison_print(columns, count, &demo->screen, stdout);
    if (demo->svg_folder) {
        struct figure figure;
        comparison_figure(columns, count, &demo->screen, &figure);
        save_svg(demo, &figure, "all", "comparison");
        figure_free(&figure);
    }
}

static void play_all(const struct demo *demo)
{
    static struct comparison_column columns[COLUMNS_MAX];
    int count = 0;
    printf("%s Three clients, one silent%s: ana says nothing for a while\n",
           screen_ink(&demo->screen, INK_TITLE),
           screen_ink(&demo->screen, INK_PLAIN));
    printf("                  longest wait of each      CPU of  "
           "threads or\n");
    printf(" model                ana      ben      caz   server  processes\n");
    for (const struct model *m = models; m->name && !stop_requested(); m++) {
        bool family = m->traits & MODEL_IS_FAMILY;
        struct comparison_column *column = &columns[count];
        if (!family && !demo->all && !(m->traits & MODEL_ONE_AT_A_TIME))
            continue;
        (void)perform_bare(&column->bare, m, demo->pace / 2);
        print_row(demo, &column->bare);
        fflush(stdout);
        if (!family || count == COLUMNS_MAX || stop_requested())
            continue;
        (void)message_scene_play(&column->run, m,
                                 (int)(MESSAGE_DELAY_MS * demo->pace));
        count++;
    }
    step(demo, "Only the server that takes one client at a time lets ben and "
               "caz wait.");
    if (!stop_requested())
        show_comparison(demo, columns, count);
    for (int i = 0; i < count; i++)
        message_scene_free(&columns[i].run);
    printf(" Next: `make demo-select` draws one of them, and so on for every "
           "name.\n");
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
    int first = options_parse(argc, argv, &usage);
    const char *steps = getenv("STEP"), *all = getenv("ALL");
    demo.screen = screen_look(ascii);
    demo.step = steps && strcmp(steps, "1") == 0;
    demo.all = all && strcmp(all, "1") == 0;
    for (int i = first; i < argc; i++)
        (void)known_model(argv[i]);
    if (watched)
        watch(known_model(watched), listen);
    stop_catch(NULL);
    if (first == argc)
        play_all(&demo);
    else
        show_models(&demo, argv + first, argc - first);
    return stop_requested() ? 128 + SIGINT : 0;
}

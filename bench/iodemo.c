/* SPDX-License-Identifier: MIT */
/*
 * iodemo: plays a scripted scene against the real programs and shows what
 * happened. Every number on the screen was measured in this run.
 */
#include "bench/models.h"
#include "bench/scene.h"
#include "bench/screen.h"
#include "bench/spawn.h"
#include "common/options.h"
#include "common/report.h"
#include "common/stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* From this wait on, in milliseconds, a client was held up: a sleeping server
 * needs far less to wake up, and ana's silence is far longer. */
enum { HELD_UP_MS = 50 };

struct demo {
    struct screen screen;
    double pace;
};

/* One server and what it cost. */
struct performance {
    const struct model *model;
    struct child server;
    struct scene_record record;
    struct rusage usage;
    int threads;       /* the most that were seen */
    char missing[640]; /* why it could not be played; empty when it was */
};

/* Standard pace is 1; PACE=3 takes three times as long. */
static double pace_from_environment(void)
{
    const char *text = getenv("PACE");
    double pace = text ? atof(text) : 1;
    return pace >= 0.1 && pace <= 20 ? pace : 1;
}

/* Threads are counted while the scene goes on; afterwards they are gone. */
static void count_threads(void *data)
{
    struct performance *p = data;
    char path[64], line[128];
    int threads = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)p->server.pid);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    if (status)
        fclose(status);
    if (threads > p->threads)
        p->threads = threads;
}

/* The server's own words, the first line of them, say why it ended. */
static void explain_missing(struct performance *p)
{
    char words[sizeof p->missing];
    ssize_t n = read(p->server.error, words, sizeof words - 1);
    words[n > 0 ? n : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    snprintf(p->missing, sizeof p->missing, "%s",
             n > 0 ? words : "its server ended before it was ready");
}

static void perform(const struct demo *demo, const struct model *model,
                    struct performance *p)
{
    char path[512];
    char listen[] = "--listen=127.0.0.1:0";
    char *argv[8] = {(char *)spawn_path(model->server, path), listen};
    struct address address;
    for (int i = 0; model->args[i] != NULL; i++)
        argv[2 + i] = (char *)model->args[i];
    *p = (struct performance){.model = model};
    const struct spawn spawn = {.argv = argv, .catch_error = 1};
    if (spawn_start(&p->server, &spawn) < 0) {
        snprintf(p->missing, sizeof p->missing, "%s: %s: run `make` first",
                 path, strerror(errno));
        return;
    }
    if (spawn_wait_ready(&p->server, 5000) < 0) {
        explain_missing(p);
        spawn_end(&p->server, SIGTERM, 1000, NULL);
        return;
    }
    (void)address_parse(p->server.ready, &address); /* spawn has parsed it */
    if (scene_play(&scene_three_clients, &address, demo->pace, stop_requested,
                   count_threads, p, &p->record) < 0)
        snprintf(p->missing, sizeof p->missing, "connect: %s", strerror(errno));
    spawn_end(&p->server, SIGTERM, 3000, &p->usage);
}

static double cpu_ms(const struct performance *p)
{
    const struct timeval *user = &p->usage.ru_utime;
    const struct timeval *system = &p->usage.ru_stime;
    return (double)(user->tv_sec + system->tv_sec) * 1000 +
           (double)(user->tv_usec + system->tv_usec) / 1000;
}

static const char *wait_text(int64_t us, char text[16])
{
    if (us < 0)
        return "no answer";
    snprintf(text, 16, us < 9950 ? "%.1f ms" : "%.0f ms", (double)us / 1000);
    return text;
}

/* One question and its answer, with a bar for the time between the two. */
static void print_exchange(const struct demo *demo, const struct performance *p,
                           int step)
{
    enum { BAR = 24 };
    const struct scene *scene = &scene_three_clients;
    const struct scene_moment *m = &p->record.moments[step];
    const struct screen *screen = &demo->screen;
    int64_t length = p->record.length_us + 1;
    int64_t end = m->answered_us < 0 ? length - 1 : m->answered_us;
    char waited[16];
    printf(" %5.0f ms  %-4s %-9s %-9s ", (double)m->done_us / 1000,
           scene->names[scene->steps[step].client], scene->steps[step].text,
           m->answer);
    bool held_up = end - m->done_us >= HELD_UP_MS * 1000;
    printf("%s%10s%s  ", screen_ink(screen, held_up ? INK_ALARM : INK_PLAIN),
           wait_text(m->answered_us < 0 ? -1 : end - m->done_us, waited),
           screen_ink(screen, INK_PLAIN));
    for (int i = 0; i < BAR; i++) {
        bool waiting = i >= m->done_us * BAR / length && i < end * BAR / length;
        bool answer = m->answered_us >= 0 && i == end * BAR / length;
        fputs(answer    ? screen_glyph(screen, "◆", "*")
              : waiting ? screen_glyph(screen, "░", "-")
                        : screen_glyph(screen, "·", "."),
              stdout);
    }
    putchar('\n');
}

static void print_verdict(const struct performance *p)
{
    const struct scene *scene = &scene_three_clients;
    int64_t longest = 0;
    char text[16];
    int held_up = 0;
    for (int i = 0; i < scene->client_count; i++) {
        int64_t wait = scene_longest_wait_us(scene, &p->record, i);
        if (wait >= 0 && wait < HELD_UP_MS * 1000) {
            longest = wait > longest ? wait : longest;
            continue;
        }
        printf("%s%s waited %s", held_up++ ? ", " : " ", scene->names[i],
               wait_text(wait, text));
    }
    if (held_up > 0)
        printf(": behind ana, who said nothing.\n");
    else
        printf(" Nobody waited for anybody: %s at most.\n",
               wait_text(longest, text));
}

static void print_performance(const struct demo *demo,
                              const struct performance *p)
{
    const struct scene *scene = &scene_three_clients;
    const struct screen *screen = &demo->screen;
    printf("%s %s %s %s%s: %s\n", screen_ink(screen, INK_TITLE), p->model->name,
           screen_glyph(screen, "·", "-"), scene->title,
           screen_ink(screen, INK_PLAIN), p->model->server);
    if (p->missing[0] != '\0') {
        printf(" not played: %s\n", p->missing);
        return;
    }
    printf("%s      at  who  asks      gets          waited  %s%s\n",
           screen_ink(screen, INK_FAINT), "from question to answer",
           screen_ink(screen, INK_PLAIN));
    for (int i = 0; i < scene->step_count; i++)
        if (scene->steps[i].action == SCENE_SAY)
            print_exchange(demo, p, i);
    print_verdict(p);
    double seconds = (double)p->record.length_us / 1e6;
    printf(" The server: %d thread%s, %.1f ms of CPU in %.2f s (%.0f %%).\n",
           p->threads, p->threads == 1 ? "" : "s", cpu_ms(p), seconds,
           cpu_ms(p) / seconds / 10);
}

/* One line a model, side by side. */
static void print_row(const struct demo *demo, const struct performance *p)
{
    char text[3][16];
    if (p->missing[0] != '\0') {
        printf(" %-12s not played: %s\n", p->model->name, p->missing);
        return;
    }
    printf(" %-12s", p->model->name);
    for (int i = 0; i < 3; i++) {
        int64_t wait =
            scene_longest_wait_us(&scene_three_clients, &p->record, i);
        bool held_up = wait < 0 || wait >= HELD_UP_MS * 1000;
        printf("%s%9s%s ",
               screen_ink(&demo->screen, held_up ? INK_ALARM : INK_PLAIN),
               wait_text(wait, text[i]), screen_ink(&demo->screen, INK_PLAIN));
    }
    printf("%9.1f ms %5d   %s\n", cpu_ms(p), p->threads, p->model->waits);
}

static void play_all(const struct demo *demo)
{
    printf("%s All models %s %s%s\n\n", screen_ink(&demo->screen, INK_TITLE),
           screen_glyph(&demo->screen, "·", "-"), scene_three_clients.title,
           screen_ink(&demo->screen, INK_PLAIN));
    printf("              longest wait of each client     CPU of  most\n");
    printf(" model              ana       ben       caz   server  threads "
           "who waits for data\n");
    for (const struct model *m = models; m->name && !stop_requested(); m++) {
        struct performance p;
        perform(demo, m, &p);
        print_row(demo, &p);
        fflush(stdout);
    }
    printf("\n ana connects first and stays silent for %.0f ms: in `serial` "
           "the others wait.\n",
           400 * demo->pace);
    printf(" Next: `make demo-select` shows one of them, and so on for every "
           "name.\n");
}

int main(int argc, char **argv)
{
    bool ascii = false;
    const struct option_spec specs[] = {{'a', "ascii", NULL,
                                         "plain characters only", OPTION_FLAG,
                                         &ascii, 0, 0},
                                        {.name = NULL}};
    const struct usage usage = {
        .operands = "[MODEL ...]",
        .about = "Plays three clients, one of them silent, against each "
                 "MODEL's server.\nWithout a MODEL: all of them, side by side.",
        .after = "PACE=3 in the environment makes it three times as slow.",
        .specs = specs};
    int first = options_parse(argc, argv, &usage);
    struct demo demo = {screen_look(ascii), pace_from_environment()};
    const struct model *last = NULL;
    for (int i = first; i < argc; i++)
        if (model_find(argv[i]) == NULL)
            die(EXIT_USAGE, "%s: no such model (see make help)", argv[i]);
    stop_catch(NULL);
    if (first == argc)
        play_all(&demo);
    for (int i = first; i < argc && !stop_requested(); i++) {
        struct performance p;
        last = model_find(argv[i]);
        perform(&demo, last, &p);
        print_performance(&demo, &p);
        fflush(stdout);
    }
    if (last && !stop_requested())
        printf(" Next: read %s beside %s.c\n", last->note, last->server);
    return stop_requested() ? 128 + SIGINT : 0;
}

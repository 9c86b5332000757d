/* SPDX-License-Identifier: MIT */
/* All models side by side: what each client waited, and the comparison. */
#include "bench/demo.h"

#include "bench/comparison.h"
#include "bench/models.h"
#include "common/report.h"
#include "common/stop.h"

#include <stdio.h>

enum { COLUMNS_MAX = 24 };

void demo_step(const struct demo *demo, const char *look)
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

void demo_save_svg(const struct demo *demo, const struct figure *figure,
                   const char *model, const char *scene)
{
    char path[512];
    if (demo->svg_folder == NULL)
        return;
    snprintf(path, sizeof path, "%s/%s-%s.svg", demo->svg_folder, model, scene);
    if (figure_write_svg(figure, path) < 0)
        die_errno("write %s", path);
}

const char *demo_wait_text(int64_t us, char text[16])
{
    return us < 0 ? "for ever" : scene_wait_text(us, text);
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
               demo_wait_text(wait, text),
               screen_ink(&demo->screen, INK_PLAIN));
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
        comparison_figure(columns, count, &figure);
        demo_save_svg(demo, &figure, "all", "comparison");
        figure_free(&figure);
    }
}

void demo_all(const struct demo *demo)
{
    static struct comparison_column columns[COLUMNS_MAX];
    int count = 0;
    printf("%s Three clients, one silent%s: ana says nothing for %.0f ms\n",
           screen_ink(&demo->screen, INK_TITLE),
           screen_ink(&demo->screen, INK_PLAIN), 200 * demo->pace);
    printf("                  longest wait of each      CPU of  "
           "threads or\n");
    printf(" model                ana      ben      caz   server  processes\n");
    for (const struct model *m = models; m->name && !stop_requested(); m++) {
        bool family = m->traits & MODEL_IS_FAMILY;
        struct comparison_column *column = &columns[count];
        if (!family && !demo->all && !(m->traits & MODEL_ONE_AT_A_TIME))
            continue;
        (void)perform_bare(&column->bare, m, &scene_three_clients,
                           demo->pace / 2);
        if (stop_requested())
            break;
        print_row(demo, &column->bare);
        fflush(stdout);
        if (!family || count == COLUMNS_MAX || stop_requested())
            continue;
        (void)message_scene_play(&column->run, m,
                                 (int)(MESSAGE_DELAY_MS * demo->pace));
        count++;
    }
    demo_step(demo,
              "Only the server that takes one client at a time lets ben and "
              "caz wait.");
    if (!stop_requested())
        show_comparison(demo, columns, count);
    for (int i = 0; i < count; i++)
        message_scene_free(&columns[i].run);
    if (!stop_requested())
        printf(" With 1,000 clients more would differ: `make bench`. "
               "Next: `make demo-select` ...\n");
}

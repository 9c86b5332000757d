/* SPDX-License-Identifier: MIT */
#include "bench/comparison.h"

#include <string.h>

enum { HEAD_COLUMNS = 9, COLUMN_COLUMNS = 12, GAP = 2, STEPS = 6 };

static void draw_lane(const struct message_run *run, struct figure_lane *lane)
{
    const struct message_story *s = &run->story;
    const struct story_span span = {s->start_ns, s->end_ns, 1, {s->data_ns}};
    story_draw_thread(lane, run->events, run->count, run->events[0].tid, &span,
                      s->units > 0);
}

/* What the main thread did most of between two moments of the figure. */
static enum figure_kind most_of(const struct figure_lane *lane, int64_t from_ns,
                                int64_t to_ns)
{
    int64_t sums[FIGURE_KINDS] = {0};
    int most = FIGURE_NONE;
    for (size_t i = 0; i < lane->segment_count; i++) {
        const struct figure_segment *s = &lane->segments[i];
        int64_t begin = s->from_ns > from_ns ? s->from_ns : from_ns;
        int64_t end = s->to_ns < to_ns ? s->to_ns : to_ns;
        if (end > begin)
            sums[s->kind] += end - begin;
    }
    for (int k = 0; k < FIGURE_KINDS; k++)
        if (sums[k] > sums[most])
            most = k;
    return (enum figure_kind)most;
}

/* Padded by columns: printf counts bytes, and a mark has three. */
static void print_padded(const char *text, int columns, FILE *out)
{
    fputs(text, out);
    for (; *text != '\0'; text++)
        columns -= ((unsigned char)*text & 0xc0) != 0x80;
    for (; columns > 0; columns--)
        fputc(' ', out);
}

static void print_head(const char *head, FILE *out)
{
    fputc(' ', out);
    print_padded(head, HEAD_COLUMNS - 1, out);
}

/* One cell; the last of a line ends without padding. */
static void print_cell(const char *text, bool last, FILE *out)
{
    print_padded(text, last ? 0 : COLUMN_COLUMNS, out);
    if (last)
        fputc('\n', out);
}

static void print_bar(enum figure_kind kind, bool last,
                      const struct screen *screen, FILE *out)
{
    fputs(screen_ink(screen, figure_ink(kind)), out);
    for (int i = 0; i < COLUMN_COLUMNS - GAP; i++)
        fputs(figure_glyph(screen, kind), out);
    fputs(screen_ink(screen, INK_PLAIN), out);
    print_padded("", last ? 0 : GAP, out);
    if (last)
        fputc('\n', out);
}

static void print_times(struct comparison_column *columns, const int *shown,
                        int count, const struct screen *screen, FILE *out)
{
    struct figure figure = {.lane_count = 0};
    for (int c = 0; c < count; c++)
        draw_lane(&columns[shown[c]].run, figure_add_lane(&figure, ""));
    const struct message_story *first = &columns[shown[0]].run.story;
    int64_t delay_ns = first->data_ns - first->start_ns;
    for (int step = 0; step < STEPS; step++) {
        char head[32];
        snprintf(head, sizeof head, "%3lld%s",
                 (long long)(delay_ns * step / STEPS / 1000000),
                 step == 0 ? " ms" : "");
        print_head(head, out);
        for (int c = 0; c < count; c++) {
            const struct message_story *s = &columns[shown[c]].run.story;
            int64_t data_ns = s->data_ns - s->start_ns;
            print_bar(most_of(&figure.lanes[c], data_ns * step / STEPS,
                              data_ns * (step + 1) / STEPS),
                      c + 1 == count, screen, out);
        }
    }
    figure_free(&figure);
}

static void copy_cell(const struct comparison_column *column, char text[32])
{
    const struct message_story *s = &column->run.story;
    snprintf(text, 32,
             s->copier == COPIED_BY_US       ? "our %.8s"
             : s->copier == COPIED_BY_HELPER ? "hidden"
                                             : "the kernel",
             s->copy_name ? s->copy_name : "");
}

static void wait_cell(const struct comparison_column *column, char text[32])
{
    const struct message_story *s = &column->run.story;
    snprintf(text, 32, "%s",
             s->waits == FIGURE_ASLEEP   ? "asleep"
             : s->waits == FIGURE_ASKING ? "asking"
             : s->hidden_threads > 0     ? "free *"
                                         : "free");
}

static void calls_cell(const struct comparison_column *column, char text[32])
{
    snprintf(text, 32, "%lu", column->run.story.calls);
}

static void vain_cell(const struct comparison_column *column, char text[32])
{
    snprintf(text, 32, "%lu", column->run.story.in_vain);
}

static void work_cell(const struct comparison_column *column, char text[32])
{
    snprintf(text, 32, "%lu", column->run.story.units);
}

static void threads_cell(const struct comparison_column *column, char text[32])
{
    snprintf(text, 32, "%d", column->run.story.threads);
}

static void cpu_cell(const struct comparison_column *column, char text[32])
{
    if (column->bare.missing[0] != '\0')
        snprintf(text, 32, "-");
    else
        snprintf(text, 32, "%.1f ms", column->bare.cpu_ms);
}

static const struct {
    const char *head, *ascii;
    void (*cell)(const struct comparison_column *column, char text[32]);
} rows[] = {
    {"wait", "wait", wait_cell},    {"◆ copy", "* copy", copy_cell},
    {"calls", "calls", calls_cell}, {"in vain", "in vain", vain_cell},
    {"work", "work", work_cell},    {"threads", "threads", threads_cell},
    {"server", "server", cpu_cell}};

/* A brace below the columns whose copy is the program's own call, and one
 * below the others: the classical division. */
static void print_families(struct comparison_column *columns, const int *shown,
                           int count, const struct screen *screen, FILE *out)
{
    const char *line = screen_glyph(screen, "─", "-");
    print_head("", out);
    for (int begin = 0, end; begin < count; begin = end) {
        bool ours = columns[shown[begin]].run.story.copier == COPIED_BY_US;
        const char *name = ours ? " synchronous " : " asynchronous ";
        for (end = begin; end < count; end++)
            if ((columns[shown[end]].run.story.copier == COPIED_BY_US) != ours)
                break;
        int room = (end - begin) * COLUMN_COLUMNS - GAP - (int)strlen(name);
        for (int i = 0; i < room / 2; i++)
            fputs(line, out);
        fputs(room >= 0 ? name : "", out);
        for (int i = 0; i < room - room / 2; i++)
            fputs(line, out);
        print_padded("", end < count ? GAP : 0, out);
    }
    fputc('\n', out);
}

static void print_columns(struct comparison_column *columns, const int *shown,
                          int count, const struct screen *screen, FILE *out)
{
    print_head("", out);
    fputs(screen_ink(screen, INK_TITLE), out);
    for (int c = 0; c < count; c++)
        print_cell(columns[shown[c]].run.model->name, c + 1 == count, out);
    fputs(screen_ink(screen, INK_PLAIN), out);
    print_times(columns, shown, count, screen, out);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        print_head(screen_glyph(screen, rows[r].head, rows[r].ascii), out);
        for (int c = 0; c < count; c++) {
            char text[32];
            rows[r].cell(&columns[shown[c]], text);
            print_cell(text, c + 1 == count, out);
        }
    }
    print_families(columns, shown, count, screen, out);
}

/* What the numbers are. The last line only where somebody hides. */
static const char *const footer[] = {
    "calls, in vain (EAGAIN), units of other work, threads: the client's",
    "server: CPU time of its server for three clients, one of them silent",
    ("* a hidden thread of the C library sleeps instead: glibc's POSIX AIO is "
     "threads")};

enum { FOOTER = sizeof footer / sizeof footer[0] };

static void print_legend(const struct screen *screen, FILE *out)
{
    static const enum figure_kind kinds[] = {FIGURE_ASLEEP, FIGURE_ASKING,
                                             FIGURE_WORK};
    for (int i = 0; i < 3; i++)
        fprintf(out, " %s%s%s %s ", screen_ink(screen, figure_ink(kinds[i])),
                figure_glyph(screen, kinds[i]), screen_ink(screen, INK_PLAIN),
                figure_kind_name(kinds[i]));
    fprintf(out, " %s the answer comes, and is copied\n",
            screen_glyph(screen, "◆", "*"));
}

void comparison_print(struct comparison_column *columns, int count,
                      const struct screen *screen, FILE *out)
{
    int per_block = (screen->width - HEAD_COLUMNS + GAP) / COLUMN_COLUMNS;
    int shown[16], n = 0;
    bool hidden = false;
    for (int i = 0; i < count; i++) {
        if (columns[i].run.missing[0] != '\0')
            continue;
        hidden = hidden || columns[i].run.story.hidden_threads > 0;
        shown[n++] = i;
        if (n == per_block || n == 16) {
            print_columns(columns, shown, n, screen, out);
            n = 0;
        }
    }
    if (n > 0)
        print_columns(columns, shown, n, screen, out);
    print_legend(screen, out);
    for (size_t i = 0; i < FOOTER; i++)
        if (hidden || footer[i][0] != '*')
            fprintf(out, " %s\n", footer[i]);
}

/* A line below the figure: what stands in the screen's rows, and the family. */
#define NOTE_FORMAT "%-12s %-8s %-11s %8s %8s %8s %8s %11s  %s"

void comparison_figure(struct comparison_column *columns, int count,
                       struct figure *figure)
{
    char text[32];
    bool hidden = false;
    memset(figure, 0, sizeof *figure);
    snprintf(figure->title, sizeof figure->title,
             "One message, waited for in every way");
    snprintf(figure->subtitle, sizeof figure->subtitle,
             "each client's main "
             "thread");
    figure_note(figure, NOTE_FORMAT, "", "wait", "copy", "calls", "in vain",
                "work", "threads", "server CPU", "");
    for (int i = 0; i < count; i++) {
        struct comparison_column *column = &columns[i];
        const struct message_story *s = &column->run.story;
        char cells[7][32];
        if (column->run.missing[0] != '\0')
            continue;
        hidden = hidden || s->hidden_threads > 0;
        if (s->end_ns - s->start_ns > figure->length_ns)
            figure->length_ns = s->end_ns - s->start_ns;
        struct figure_lane *lane =
            figure_add_lane(figure, column->run.model->name);
        draw_lane(&column->run, lane);
        figure_mark(lane, s->data_ns - s->start_ns, FIGURE_DATA, "");
        copy_cell(column, text);
        snprintf(lane->tail, sizeof lane->tail, "%.15s", text);
        for (int r = 0; r < 7; r++)
            rows[r].cell(column, cells[r]);
        figure_note(figure, NOTE_FORMAT, column->run.model->name, cells[0],
                    cells[1], cells[2], cells[3], cells[4], cells[5], cells[6],
                    s->copier == COPIED_BY_US ? "synchronous" : "asynchronous");
    }
    figure_note(figure, " ");
    for (size_t i = 0; i < FOOTER; i++)
        if (hidden || footer[i][0] != '*')
            figure_note(figure, "%s", footer[i]);
}

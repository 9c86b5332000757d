/* SPDX-License-Identifier: MIT */
/*
 * The figure as text. Each lane is a row of cells; a cell shows what took the
 * most of its time, but a copy or another call is always shown, however short:
 * it is what the figure is about.
 */
#include "bench/figure.h"

#include <string.h>

enum { NAME_COLUMNS = 8, TAIL_COLUMNS = 10, CELLS_MAX = 400 };

struct cell {
    enum figure_kind kind;
    char text[5]; /* one UTF-8 character instead of the kind's shape, or "" */
};

struct row {
    int count;
    struct cell cells[CELLS_MAX];
};

static int column_of(const struct figure *figure, const struct row *row,
                     int64_t at_ns)
{
    int64_t column = at_ns * row->count / (figure->length_ns + 1);
    return column < 0 ? 0 : column >= row->count ? row->count - 1 : (int)column;
}

/* Fills each cell with the kind that took the most of its time. */
static void fill_cells(const struct figure *figure,
                       const struct figure_lane *lane, struct row *row)
{
    for (int c = 0; c < row->count; c++) {
        int64_t from = (figure->length_ns + 1) * c / row->count;
        int64_t to = (figure->length_ns + 1) * (c + 1) / row->count;
        int64_t most = 0;
        row->cells[c] = (struct cell){FIGURE_NONE, ""};
        for (size_t i = 0; i < lane->segment_count; i++) {
            const struct figure_segment *s = &lane->segments[i];
            int64_t begin = s->from_ns > from ? s->from_ns : from;
            int64_t end = s->to_ns < to ? s->to_ns : to;
            int64_t weight = end - begin;
            if (weight > 0 &&
                (s->kind == FIGURE_COPY || s->kind == FIGURE_CALL))
                weight += (to - from) * (s->kind == FIGURE_COPY ? 2 : 1);
            if (weight > most) {
                most = weight;
                row->cells[c].kind = s->kind;
            }
        }
    }
}

/* Splits off the next UTF-8 character of `text`. Returns what follows it. */
static const char *next_character(const char *text, char character[5])
{
    size_t length = 1;
    while (length < 4 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length++;
    memcpy(character, text, length);
    character[length] = '\0';
    return text + length;
}

static int columns_of(const char *text)
{
    int columns = 0;
    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void write_text(struct row *row, int column, const char *text)
{
    while (*text != '\0' && column >= 0 && column < row->count)
        text = next_character(text, row->cells[column++].text);
}

/* A label stands in the middle of its segment, with a space on both sides. */
static void write_labels(const struct figure *figure,
                         const struct figure_lane *lane, struct row *row)
{
    for (size_t i = 0; i < lane->segment_count; i++) {
        const struct figure_segment *s = &lane->segments[i];
        int from = column_of(figure, row, s->from_ns);
        int room = column_of(figure, row, s->to_ns - 1) - from + 1;
        int columns = columns_of(s->label) + 2;
        const char *label = s->label, *last_word = strrchr(label, ' ');
        char text[FIGURE_TEXT_MAX + 2];
        if (columns + 2 > room && last_word) {
            label = last_word + 1;
            columns = columns_of(label) + 2;
        }
        if (label[0] == '\0' || columns + 2 > room)
            continue;
        snprintf(text, sizeof text, " %s ", label);
        write_text(row, from + (room - columns) / 2, text);
    }
}

static const char *point_glyph(const struct screen *screen,
                               enum figure_point_kind kind)
{
    static const char *const blocks[FIGURE_POINT_KINDS] = {
        [FIGURE_DATA] = "◆", [FIGURE_SIGNAL] = "↯", [FIGURE_CONNECT] = "○",
        [FIGURE_ASK] = "▶",  [FIGURE_ANSWER] = "◀", [FIGURE_SAY] = "▶",
        [FIGURE_HEAR] = "◀", [FIGURE_EXPIRED] = "┤"};
    static const char *const ascii[FIGURE_POINT_KINDS] = {
        [FIGURE_DATA] = "*", [FIGURE_SIGNAL] = "!", [FIGURE_CONNECT] = "o",
        [FIGURE_ASK] = ">",  [FIGURE_ANSWER] = "<", [FIGURE_SAY] = ">",
        [FIGURE_HEAR] = "<", [FIGURE_EXPIRED] = "|"};
    return screen_glyph(screen, blocks[kind], ascii[kind]);
}

/* Two points in one column move apart by one: both are seen. A label stands
 * where the point wants it, or else where there is room. */
static void write_points(const struct figure *figure,
                         const struct figure_lane *lane,
                         const struct screen *screen, struct row *row)
{
    int last = -1;
    for (size_t i = 0; i < lane->point_count; i++) {
        const struct figure_point *p = &lane->points[i];
        int column = column_of(figure, row, p->at_ns);
        int columns = columns_of(p->label);
        if (column <= last && last + 1 < row->count)
            column = last + 1;
        write_text(row, column, point_glyph(screen, p->kind));
        bool fits_before = column - columns > last;
        last = column;
        if (p->before && fits_before)
            write_text(row, column - columns, p->label);
        else if (columns > 0 && column + 1 + columns < row->count) {
            write_text(row, column + 1, p->label);
            last += columns;
        } else if (fits_before) {
            write_text(row, column - columns, p->label);
        }
    }
}

static void print_row(const struct row *row, const struct screen *screen,
                      FILE *out)
{
    enum screen_ink ink = INK_PLAIN;
    for (int c = 0; c < row->count; c++) {
        const struct cell *cell = &row->cells[c];
        enum screen_ink wanted =
            cell->text[0] ? INK_TITLE : figure_ink(cell->kind);
        if (wanted != ink) {
            fputs(screen_ink(screen, INK_PLAIN), out);
            if (wanted != INK_PLAIN)
                fputs(screen_ink(screen, wanted), out);
            ink = wanted;
        }
        fputs(cell->text[0] ? cell->text : figure_glyph(screen, cell->kind),
              out);
    }
    fputs(screen_ink(screen, INK_PLAIN), out);
}

/* The first step of 10, 20, 50, 100, 200 ... ms that gives 4 to 9 marks. */
static int64_t axis_step_ms(int64_t length_ms)
{
    int64_t step = 10;
    while (length_ms / step > 8) {
        int64_t decade = step;
        while (decade >= 10)
            decade /= 10;
        step = decade == 2 ? step / 2 * 5 : step * 2;
    }
    return step;
}

/* The last mark carries the unit; one that would touch it is left out. */
static void print_axis(const struct figure *figure, int cells, FILE *out)
{
    struct row row = {.count = cells};
    struct screen plain = {.utf8 = false};
    int64_t length_ms = figure->length_ns / 1000000;
    int64_t step = axis_step_ms(length_ms > 0 ? length_ms : 1);
    int room = cells + 1;
    for (int64_t ms = length_ms / step * step; ms >= 0; ms -= step) {
        char text[32];
        snprintf(text, sizeof text, room > cells ? "%lld ms" : "%lld",
                 (long long)ms);
        int column = column_of(figure, &row, ms * 1000000);
        int columns = (int)strlen(text);
        if (room > cells && column + columns > cells)
            column = cells - columns;
        if (column + columns >= room)
            continue;
        write_text(&row, column, text);
        room = column;
    }
    fprintf(out, " %*s  ", NAME_COLUMNS, "");
    print_row(&row, &plain, out);
    if (figure->tail_title[0] != '\0')
        fprintf(out, " %*s", TAIL_COLUMNS - 1, figure->tail_title);
    fputc('\n', out);
}

void figure_print(const struct figure *figure, const struct screen *screen,
                  FILE *out)
{
    struct row row = {.count = screen->width - NAME_COLUMNS - 4 - TAIL_COLUMNS};
    int gap = screen->width - 3 - columns_of(figure->title) -
              columns_of(figure->subtitle);
    if (row.count > CELLS_MAX)
        row.count = CELLS_MAX;
    if (row.count < 20)
        row.count = 20;
    fprintf(out, " %s%s%s%*s%s%s%s\n", screen_ink(screen, INK_TITLE),
            figure->title, screen_ink(screen, INK_PLAIN), gap > 1 ? gap : 1, "",
            screen_ink(screen, INK_FAINT), figure->subtitle,
            screen_ink(screen, INK_PLAIN));
    for (int i = 0; i < figure->lane_count; i++) {
        const struct figure_lane *lane = &figure->lanes[i];
        fill_cells(figure, lane, &row);
        write_labels(figure, lane, &row);
        write_points(figure, lane, screen, &row);
        fprintf(out, " %-*s %s", NAME_COLUMNS, lane->name,
                screen_glyph(screen, "┊", "|"));
        print_row(&row, screen, out);
        if (lane->tail[0] != '\0')
            fprintf(out, " %*s", TAIL_COLUMNS - 1, lane->tail);
        fputc('\n', out);
    }
    if (figure->length_ns > 0 && !figure->without_axis)
        print_axis(figure, row.count, out);
    for (int i = 0; i < figure->note_count; i++)
        fprintf(out, " %s\n", figure->notes[i]);
}

void figure_legend_add(struct figure_legend *legend,
                       const struct figure *figure)
{
    for (int i = 0; i < figure->lane_count; i++) {
        const struct figure_lane *lane = &figure->lanes[i];
        for (size_t j = 0; j < lane->segment_count; j++)
            legend->kinds[lane->segments[j].kind] = true;
        for (size_t j = 0; j < lane->point_count; j++)
            legend->points[lane->points[j].kind] = true;
    }
}

/* One entry of the legend, on a new line when this one is full. */
static void print_entry(const struct screen *screen, enum screen_ink ink,
                        const char *glyph, const char *name, int *columns,
                        FILE *out)
{
    int needed = 3 + columns_of(name);
    if (*columns + needed > screen->width) {
        fputc('\n', out);
        *columns = 0;
    }
    *columns += needed;
    fprintf(out, " %s%s%s %s", screen_ink(screen, ink), glyph,
            screen_ink(screen, INK_PLAIN), name);
}

const char *figure_point_name(enum figure_point_kind kind)
{
    static const char *const names[FIGURE_POINT_KINDS] = {
        "data is there", "signal", "connects", "asks",
        "answered",      "says",   "hears",    "time is up"};
    return names[kind];
}

void figure_legend_print(const struct figure_legend *legend,
                         const struct screen *screen, FILE *out)
{
    int columns = 0;
    for (int k = FIGURE_ASLEEP; k < FIGURE_KINDS; k++)
        if (legend->kinds[k])
            print_entry(screen, figure_ink((enum figure_kind)k),
                        figure_glyph(screen, (enum figure_kind)k),
                        figure_kind_name((enum figure_kind)k), &columns, out);
    for (int k = FIGURE_SIGNAL; k < FIGURE_POINT_KINDS; k++)
        if (legend->points[k])
            print_entry(screen, INK_PLAIN,
                        point_glyph(screen, (enum figure_point_kind)k),
                        figure_point_name((enum figure_point_kind)k), &columns,
                        out);
    fputc('\n', out);
}

/* SPDX-License-Identifier: MIT */
#include "bench/figure.h"

#include "common/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct figure_lane *figure_add_lane(struct figure *figure, const char *name)
{
    if (figure->lane_count == FIGURE_LANES_MAX)
        return &figure->lanes[FIGURE_LANES_MAX - 1];
    struct figure_lane *lane = &figure->lanes[figure->lane_count++];
    *lane = (struct figure_lane){.segments = NULL};
    snprintf(lane->name, sizeof lane->name, "%s", name);
    return lane;
}

/* Room for one more of `size` bytes: the array doubles whenever its count is a
 * power of two. */
static void *grow(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    array = realloc(array, (count == 0 ? 1 : 2 * count) * size);
    if (array == NULL)
        die_errno("memory for a figure");
    return array;
}

void figure_add(struct figure_lane *lane, int64_t from_ns, int64_t to_ns,
                enum figure_kind kind, const char *label)
{
    struct figure_segment *last = lane->segment_count > 0
                                      ? &lane->segments[lane->segment_count - 1]
                                      : NULL;
    if (to_ns <= from_ns)
        return;
    if (last && last->kind == kind && last->to_ns == from_ns &&
        strcmp(last->label, label) == 0) {
        last->to_ns = to_ns;
        return;
    }
    lane->segments =
        grow(lane->segments, lane->segment_count, sizeof *lane->segments);
    struct figure_segment *added = &lane->segments[lane->segment_count++];
    *added = (struct figure_segment){from_ns, to_ns, kind, ""};
    snprintf(added->label, sizeof added->label, "%s", label);
}

static void mark(struct figure_lane *lane, const struct figure_point *point)
{
    lane->points = grow(lane->points, lane->point_count, sizeof *lane->points);
    size_t place = lane->point_count++;
    for (; place > 0 && lane->points[place - 1].at_ns > point->at_ns; place--)
        lane->points[place] = lane->points[place - 1];
    lane->points[place] = *point;
}

void figure_mark(struct figure_lane *lane, int64_t at_ns,
                 enum figure_point_kind kind, const char *label)
{
    struct figure_point point = {.at_ns = at_ns, .kind = kind};
    snprintf(point.label, sizeof point.label, "%s", label);
    mark(lane, &point);
}

void figure_mark_before(struct figure_lane *lane, int64_t at_ns,
                        enum figure_point_kind kind, const char *label)
{
    struct figure_point point = {.at_ns = at_ns, .kind = kind, .before = true};
    snprintf(point.label, sizeof point.label, "%s", label);
    mark(lane, &point);
}

void figure_note(struct figure *figure, const char *format, ...)
{
    va_list arguments;
    if (figure->note_count == FIGURE_NOTES_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(figure->notes[figure->note_count++], FIGURE_TEXT_MAX, format,
              arguments);
    va_end(arguments);
}

void figure_free(struct figure *figure)
{
    for (int i = 0; i < figure->lane_count; i++) {
        free(figure->lanes[i].segments);
        free(figure->lanes[i].points);
    }
    figure->lane_count = 0;
}

const char *figure_kind_name(enum figure_kind kind)
{
    static const char *const names[FIGURE_KINDS] = {
        [FIGURE_NONE] = "not there",  [FIGURE_SILENT] = "silent",
        [FIGURE_ASLEEP] = "asleep",   [FIGURE_ASKING] = "in vain",
        [FIGURE_WORK] = "other work", [FIGURE_CALL] = "call",
        [FIGURE_COPY] = "copying",    [FIGURE_HELD] = "held up"};
    return names[kind];
}

const char *figure_glyph(const struct screen *screen, enum figure_kind kind)
{
    static const char *const blocks[FIGURE_KINDS] = {
        [FIGURE_NONE] = " ",   [FIGURE_SILENT] = "·", [FIGURE_ASLEEP] = "░",
        [FIGURE_ASKING] = "x", [FIGURE_WORK] = "█",   [FIGURE_CALL] = "▒",
        [FIGURE_COPY] = "▓",   [FIGURE_HELD] = "━"};
    static const char *const ascii[FIGURE_KINDS] = {
        [FIGURE_NONE] = " ",   [FIGURE_SILENT] = ".", [FIGURE_ASLEEP] = "-",
        [FIGURE_ASKING] = "x", [FIGURE_WORK] = "W",   [FIGURE_CALL] = "+",
        [FIGURE_COPY] = "#",   [FIGURE_HELD] = "="};
    return screen_glyph(screen, blocks[kind], ascii[kind]);
}

enum screen_ink figure_ink(enum figure_kind kind)
{
    static const enum screen_ink inks[FIGURE_KINDS] = {
        [FIGURE_NONE] = INK_PLAIN,    [FIGURE_SILENT] = INK_FAINT,
        [FIGURE_ASLEEP] = INK_ASLEEP, [FIGURE_ASKING] = INK_ASKING,
        [FIGURE_WORK] = INK_WORK,     [FIGURE_CALL] = INK_PLAIN,
        [FIGURE_COPY] = INK_COPY,     [FIGURE_HELD] = INK_ALARM};
    return inks[kind];
}

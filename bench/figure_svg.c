/* SPDX-License-Identifier: MIT */
/*
 * The figure as SVG: the same segments and points as the text, drawn to scale.
 * Kinds are told apart by pattern as well as by colour (the colours are those
 * of Okabe and Ito, safe for colour-blind readers); light and dark backgrounds
 * are served by the viewer's own preference; text stays text.
 */
#include "bench/figure.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
    WIDTH = 1000,
    NAME_X = 16,
    LANE_X = 140,
    LANE_END = 880, /* the longest tail is "the kernel" */
    LANES_Y = 78,
    LANE_STEP = 54,
    LANE_HEIGHT = 30,
    LEAST_WIDTH =
        4, /* a copy of 20 microseconds would be thinner than a line */
    LEGEND_STEP = 26,
    NOTE_STEP = 24
};

/* Text of a document, with the characters that XML reserves written safely. */
static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void text_at(FILE *out, double x, double y, const char *style,
                    const char *text)
{
    fprintf(out,
            "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" xml:space=\"preserve\">",
            x, y, style);
    put_text(out, text);
    fputs("</text>\n", out);
}

static double x_of(const struct figure *figure, int64_t at_ns)
{
    double share = (double)at_ns / (double)(figure->length_ns + 1);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return LANE_X + share * (LANE_END - LANE_X);
}

static const char style[] =
    "<style>\n"
    "text { font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: "
    "16px; }\n"
    ".title { font-size: 22px; font-weight: 600; }\n"
    ".end { text-anchor: end; } .middle, .label { text-anchor: middle; }\n"
    ".label, .halo { paint-order: stroke; stroke-width: 6px; stroke-linejoin: "
    "round; "
    "}\n"
    ".note { font-family: 'DejaVu Sans Mono', monospace; font-size: 15px;\n"
    " white-space: pre; }\n"
    ".asleep { fill: url(#asleep); } .asking { fill: url(#asking); }\n"
    ".call { fill: url(#call); } .held { fill: url(#held); }\n"
    ".silent { fill: none; stroke-dasharray: 2 6; stroke-width: 2; }\n"
    ".sleepy { stroke-width: 1.2; } .crossed { stroke-width: 1.6; }\n"
    ".ruled { stroke-width: 2; } .barred { stroke-width: 3; }\n"
    "text, .point { fill: #1a1a1a; } .faint { fill: #5f5f5f; }\n"
    ".paper { fill: #ffffff; } .point, .label, .halo { stroke: #ffffff; }\n"
    ".line, .silent { stroke: #5f5f5f; }\n"
    ".asleep, .sleepy { stroke: #0072b2; } .asking, .crossed { stroke: "
    "#b35900; }\n"
    ".work { fill: #56b4e9; } .copy { fill: #007a5a; }\n"
    ".call, .ruled { stroke: #777777; } .held, .barred { stroke: #c0392b; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "text, .point { fill: #f0f0f0; } .faint { fill: #a8a8a8; }\n"
    ".paper { fill: #16181c; } .point, .label, .halo { stroke: #16181c; }\n"
    ".line, .silent { stroke: #a8a8a8; }\n"
    ".asleep, .sleepy { stroke: #5db7f0; } .asking, .crossed { stroke: "
    "#f0a030; }\n"
    ".work { fill: #2f7fae; } .copy { fill: #2fd09c; }\n"
    ".call, .ruled { stroke: #aaaaaa; } .held, .barred { stroke: #ff7b6b; }\n"
    "}\n"
    "</style>\n"
    "<defs>\n"
    "<pattern id=\"asleep\" width=\"8\" height=\"8\" patternUnits="
    "\"userSpaceOnUse\"><path d=\"M0 8L8 0\" class=\"sleepy\"/></pattern>\n"
    "<pattern id=\"asking\" width=\"10\" height=\"10\" patternUnits="
    "\"userSpaceOnUse\"><path d=\"M2 2L8 8M8 2L2 8\" "
    "class=\"crossed\"/></pattern>\n"
    "<pattern id=\"call\" width=\"6\" height=\"6\" patternUnits="
    "\"userSpaceOnUse\"><path d=\"M3 0V6\" class=\"ruled\"/></pattern>\n"
    "<pattern id=\"held\" width=\"8\" height=\"8\" patternUnits="
    "\"userSpaceOnUse\"><path d=\"M0 4H8\" class=\"barred\"/></pattern>\n"
    "</defs>\n";

static const char *class_of(enum figure_kind kind)
{
    static const char *const classes[FIGURE_KINDS] = {
        [FIGURE_NONE] = "none",     [FIGURE_SILENT] = "silent",
        [FIGURE_ASLEEP] = "asleep", [FIGURE_ASKING] = "asking",
        [FIGURE_WORK] = "work",     [FIGURE_CALL] = "call",
        [FIGURE_COPY] = "copy",     [FIGURE_HELD] = "held"};
    return classes[kind];
}

/* How many segments from the first on become one shape, whose time they add to
 * `sum_ns`: of one kind, too short for a label, each beginning within the shape
 * before it. Who asks in vain ten thousand times is not ten thousand shapes. */
static size_t one_shape(const struct figure *figure,
                        const struct figure_segment *s, size_t count,
                        int64_t *sum_ns)
{
    double end = x_of(figure, s->from_ns) + LEAST_WIDTH;
    size_t n = 0;
    *sum_ns = 0;
    do {
        *sum_ns += s[n].to_ns - s[n].from_ns;
        end = fmax(end, x_of(figure, s[n].from_ns) + LEAST_WIDTH);
        n++;
    } while (n < count && s[n].kind == s->kind &&
             x_of(figure, s[n].from_ns) < end &&
             x_of(figure, s[n].to_ns) < end);
    return n;
}

/* Draws the first of `count` segments, and those that join it in one shape, if
 * they are copies, or if they are not. Returns how many they were. */
static size_t draw_segments(const struct figure *figure,
                            const struct figure_segment *s, size_t count,
                            bool copies, double y, FILE *out)
{
    int64_t sum_ns;
    size_t n = one_shape(figure, s, count, &sum_ns);
    double x = x_of(figure, s->from_ns);
    double width = x_of(figure, s[n - 1].to_ns) - x;
    if (s->kind == FIGURE_NONE || (s->kind == FIGURE_COPY) != copies)
        return n;
    if (s->kind == FIGURE_SILENT) {
        fprintf(out, "<path d=\"M%.1f %.1fH%.1f\" class=\"silent\"/>\n", x,
                y + LANE_HEIGHT / 2.0, x + width);
    } else {
        fprintf(out,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\""
                " class=\"%s\"><title>",
                x, y, fmax(width, LEAST_WIDTH), LANE_HEIGHT, class_of(s->kind));
        put_text(out, figure_kind_name(s->kind));
        if (n > 1)
            fprintf(out, ", %zu times", n);
        fprintf(out, ": %.3f ms</title></rect>\n", (double)sum_ns / 1e6);
    }
    if (n == 1 && s->label[0] != '\0' && width > 9.0 * (double)strlen(s->label))
        text_at(out, x + width / 2, y + LANE_HEIGHT / 2.0 + 6, "label",
                s->label);
    return n;
}

static void draw_shape(enum figure_point_kind kind, double x, double y,
                       FILE *out)
{
    static const char *const shapes[FIGURE_POINT_KINDS] = {
        [FIGURE_DATA] = "M0-9L9 0L0 9L-9 0Z",
        [FIGURE_SIGNAL] = "M3-11L-6 2H0L-3 11L6-2H0Z",
        [FIGURE_CONNECT] = "M0-6A6 6 0 1 0 .1-6Z",
        [FIGURE_ASK] = "M-14-8L0 0L-14 8Z",
        [FIGURE_ANSWER] = "M14-8L0 0L14 8Z",
        [FIGURE_SAY] = "M-14-8L0 0L-14 8Z",
        [FIGURE_HEAR] = "M14-8L0 0L14 8Z",
        [FIGURE_EXPIRED] = "M-9-11H9V-7L3 0L9 7V11H-9V7L-3 0L-9-7Z"};
    fprintf(out,
            "<path d=\"%s\" transform=\"translate(%.1f %.1f)\""
            " class=\"point\"/>\n",
            shapes[kind], x, y);
}

static void draw_point(const struct figure *figure,
                       const struct figure_point *p, double y, FILE *out)
{
    double x = x_of(figure, p->at_ns);
    double length = 10 * (double)strlen(p->label);
    bool before = p->before ? x - LANE_X > length : LANE_END - x <= length;
    /* These stand on the lane, or they would hide what they tell of. */
    bool above = p->kind == FIGURE_SIGNAL || p->kind == FIGURE_EXPIRED;
    draw_shape(p->kind, x, above ? y : y + LANE_HEIGHT / 2.0, out);
    if (p->label[0] != '\0')
        text_at(out, before ? x - 18 : x + 18, y + LANE_HEIGHT / 2.0 + 5,
                before ? "halo end" : "halo", p->label);
}

static void draw_axis(const struct figure *figure, double y, FILE *out)
{
    double length_ms = (double)figure->length_ns / 1e6;
    double step = pow(10, floor(log10(fmax(length_ms, 1e-3))));
    if (length_ms / step < 2)
        step /= 5;
    else if (length_ms / step < 5)
        step /= 2;
    fprintf(out, "<path d=\"M%d %.1fH%d\" class=\"line\"/>\n", LANE_X, y,
            LANE_END);
    for (int i = 0; i * step <= length_ms; i++) {
        char text[32];
        double x = x_of(figure, (int64_t)(i * step * 1e6));
        bool last = (i + 1) * step > length_ms;
        snprintf(text, sizeof text, last ? "%g ms" : "%g", i * step);
        fprintf(out, "<path d=\"M%.1f %.1fv6\" class=\"line\"/>\n", x, y);
        text_at(out, x, y + 22, "middle faint", text);
    }
}

/* The shapes that the figure uses, with their names: what goes on, and below it
 * the moments. */
static void draw_legend(const struct figure_legend *used, double y, FILE *out)
{
    double x = LANE_X;
    for (int k = FIGURE_ASLEEP; k < FIGURE_KINDS; k++) {
        const char *name = figure_kind_name((enum figure_kind)k);
        if (!used->kinds[k])
            continue;
        fprintf(out,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"26\" height=\"16\""
                " class=\"%s\"/>\n",
                x, y - 13, class_of((enum figure_kind)k));
        text_at(out, x + 34, y, "faint", name);
        x += 60 + 9.0 * (double)strlen(name);
    }
    x = LANE_X;
    for (int k = 0; k < FIGURE_POINT_KINDS; k++) {
        const char *name = figure_point_name((enum figure_point_kind)k);
        if (!used->points[k])
            continue;
        int centre = k == FIGURE_ASK || k == FIGURE_SAY       ? 20
                     : k == FIGURE_ANSWER || k == FIGURE_HEAR ? 6
                                                              : 13;
        draw_shape((enum figure_point_kind)k, x + centre, y + LEGEND_STEP - 5,
                   out);
        text_at(out, x + 34, y + LEGEND_STEP, "faint", name);
        x += 60 + 9.0 * (double)strlen(name);
    }
}

static void draw_lane(const struct figure *figure, int i, FILE *out)
{
    const struct figure_lane *lane = &figure->lanes[i];
    double y = LANES_Y + LANE_STEP * i;
    text_at(out, NAME_X, y + LANE_HEIGHT / 2.0 + 5, "", lane->name);
    text_at(out, WIDTH - NAME_X, y + LANE_HEIGHT / 2.0 + 5, "end", lane->tail);
    /* Copies are short, and last: nothing may be painted over them. */
    for (int copies = 0; copies < 2; copies++)
        for (size_t j = 0; j < lane->segment_count;)
            j += draw_segments(figure, &lane->segments[j],
                               lane->segment_count - j, copies == 1, y, out);
    for (size_t j = 0; j < lane->point_count; j++)
        draw_point(figure, &lane->points[j], y, out);
}

int figure_write_svg(const struct figure *figure, const char *path)
{
    double axis_y = LANES_Y + LANE_STEP * figure->lane_count;
    double legend_y = axis_y + 54;
    struct figure_legend used = {{false}, {false}};
    figure_legend_add(&used, figure);
    double notes_y = legend_y + LEGEND_STEP + 36;
    int height = (int)notes_y + NOTE_STEP * figure->note_count;
    FILE *out = fopen(path, "we");
    if (out == NULL)
        return -1;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
            " role=\"img\">\n<title>",
            WIDTH, height);
    put_text(out, figure->title);
    fputs("</title>\n", out);
    fputs(style, out);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" class=\"paper\"/>\n", WIDTH,
            height);
    text_at(out, NAME_X, 36, "title", figure->title);
    text_at(out, WIDTH - NAME_X, 36, "faint end", figure->subtitle);
    for (int i = 0; i < figure->lane_count; i++)
        draw_lane(figure, i, out);
    draw_axis(figure, axis_y, out);
    draw_legend(&used, legend_y, out);
    for (int i = 0; i < figure->note_count; i++)
        text_at(out, NAME_X, notes_y + NOTE_STEP * i, "note", figure->notes[i]);
    fputs("</svg>\n", out);
    bool failed = ferror(out);
    return fclose(out) != 0 || failed ? -1 : 0;
}

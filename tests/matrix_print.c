/* SPDX-License-Identifier: MIT */
#include "tests/matrix_print.h"

#include "common/report.h"

#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 256, NAME_WIDTH = 29 };

/* The cells in their places. */
static int row_count, column_count;
static const struct fault *rows[ROWS_MAX];
static const struct target *columns[MATRIX_TARGETS];
static const struct cell *grid[ROWS_MAX][MATRIX_TARGETS];

static int row_of(const struct fault *fault)
{
    for (int i = 0; i < row_count; i++)
        if (rows[i] == fault)
            return i;
    return -1;
}

static int column_of(const struct target *target)
{
    for (int i = 0; i < column_count; i++)
        if (columns[i] == target)
            return i;
    columns[column_count] = target;
    return column_count++;
}

static void fill_grid(void)
{
    int count;
    const struct cell *cells = matrix_cells(&count);
    row_count = column_count = 0;
    memset(grid, 0, sizeof grid);
    for (int t = 0; fault_tables[t] != NULL; t++)
        for (const struct fault *f = fault_tables[t]; f->name != NULL; f++)
            if (row_count < ROWS_MAX)
                rows[row_count++] = f;
    for (int i = 0; i < count; i++)
        grid[row_of(cells[i].fault)][column_of(cells[i].target)] = &cells[i];
}

static char mark(const struct cell *cell)
{
    static const char marks[] = {'?', '+', 'F', '.'};
    return cell == NULL ? ' ' : marks[cell->verdict->state];
}

static void print_rows(FILE *file, bool markdown)
{
    for (int r = 0; r < row_count; r++) {
        bool any = false;
        for (int c = 0; c < column_count; c++)
            any |= grid[r][c] != NULL;
        if (!any)
            continue;
        if (markdown)
            fprintf(file, "| `%s` |", rows[r]->name);
        else
            fprintf(file, "%-*s", NAME_WIDTH, rows[r]->name);
        for (int c = 0; c < column_count; c++)
            fprintf(file, markdown ? " %c |" : " %c", mark(grid[r][c]));
        fprintf(file, "\n");
    }
}

/* The names of the servers, read downwards above their columns. */
static void print_heads(void)
{
    size_t longest = 0;
    for (int c = 0; c < column_count; c++)
        if (strlen(columns[c]->model->name) > longest)
            longest = strlen(columns[c]->model->name);
    for (size_t line = 0; line < longest; line++) {
        printf("%*s", NAME_WIDTH, "");
        for (int c = 0; c < column_count; c++) {
            const char *name = columns[c]->model->name;
            size_t skip = longest - strlen(name);
            printf(" %c", line < skip ? ' ' : name[line - skip]);
        }
        printf("\n");
    }
}

/* Why a place is empty; NULL when it is not. */
static const char *reason_at(int row, int column)
{
    const struct cell *cell = grid[row][column];
    return cell != NULL && cell->verdict->state == CELL_SKIPPED
               ? cell->verdict->reason
               : NULL;
}

/* The columns whose places in `row` are empty for this reason: bit i stands
 * for column i. */
static unsigned long empty_for(int row, const char *reason)
{
    unsigned long set = 0;
    for (int c = 0; c < column_count; c++) {
        const char *other = reason_at(row, c);
        if (other != NULL && strcmp(other, reason) == 0)
            set |= 1ul << c;
    }
    return set;
}

/* The next word of a list whose lines are not too long. */
static void print_word(FILE *file, int *width, const char *word)
{
    if (*width + (int)strlen(word) > 78)
        *width = fprintf(file, "\n ") - 1;
    *width += fprintf(file, " %s", word);
}

/* A paragraph: a reason, the servers, and all rows of which both are so. */
static void print_reason(FILE *file, int row, const char *reason,
                         unsigned long set)
{
    int width = fprintf(file, "- not applicable: %s.", reason);
    for (int c = 0; c < column_count; c++)
        if (set & 1ul << c)
            print_word(file, &width, columns[c]->model->name);
    width += fprintf(file, ":");
    for (int r = row; r < row_count; r++)
        if (empty_for(r, reason) == set)
            print_word(file, &width, rows[r]->name);
    fprintf(file, "\n");
}

/* Each once: where no row above has the same reason for the same servers. */
static void print_reasons(FILE *file)
{
    for (int r = 0; r < row_count; r++) {
        for (int c = 0; c < column_count; c++) {
            const char *reason = reason_at(r, c);
            unsigned long set = reason ? empty_for(r, reason) : 0;
            bool first = reason && !(set & ((1ul << c) - 1));
            for (int above = 0; first && above < r; above++)
                first = empty_for(above, reason) != set;
            if (first)
                print_reason(file, r, reason, set);
        }
    }
}

/* What was measured in a row: a paragraph. */
static void print_measured(FILE *file, int row)
{
    int width = 0;
    for (int c = 0; c < column_count; c++) {
        char word[160];
        if (grid[row][c] == NULL)
            continue;
        const struct verdict *v = grid[row][c]->verdict;
        if (v->note[0] == '\0' || v->injections > 0)
            continue;
        if (width == 0)
            width =
                fprintf(file, "- %s (%s):", rows[row]->name, rows[row]->about);
        snprintf(word, sizeof word, "%s %s", columns[c]->model->name, v->note);
        print_word(file, &width, word);
    }
    if (width > 0)
        fprintf(file, "\n");
}

/* What was measured, and why some do not apply. */
static void print_notes(FILE *file)
{
    for (int r = 0; r < row_count; r++)
        print_measured(file, r);
    print_reasons(file);
}

/* The cell whose fresh client waited longest. */
static const struct cell *slowest_cell(void)
{
    int count;
    const struct cell *cells = matrix_cells(&count), *slowest = cells;
    for (int i = 0; i < count; i++)
        if (cells[i].verdict->fresh_us > slowest->verdict->fresh_us)
            slowest = &cells[i];
    return slowest;
}

static void print_counts(FILE *file)
{
    int count, injections = 0;
    const struct cell *cells = matrix_cells(&count), *slowest = slowest_cell();
    for (int i = 0; i < count; i++)
        injections += cells[i].verdict->injections;
    fprintf(file,
            "%d held, %d fell, %d not applicable; %d errors injected\n"
            "a fresh client waited %lld ms at most (%s, %s), the machine's "
            "part was %lld ms\n",
            matrix_count(CELL_HELD), matrix_count(CELL_FELL),
            matrix_count(CELL_SKIPPED), injections,
            (long long)(slowest->verdict->fresh_us + 999) / 1000,
            slowest->fault->name, slowest->target->model->name,
            (long long)(slowest->verdict->busy_us + 999) / 1000);
}

void matrix_print(void)
{
    fill_grid();
    print_heads();
    print_rows(stdout, false);
    printf("\n+ held   F fell   . not applicable\n");
    print_notes(stdout);
    print_counts(stdout);
}

void matrix_write_markdown(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        die_errno("%s", path);
    fill_grid();
    fprintf(file, "| fault |");
    for (int c = 0; c < column_count; c++)
        fprintf(file, " %s |", columns[c]->model->name);
    fprintf(file, "\n| --- |");
    for (int c = 0; c < column_count; c++)
        fprintf(file, " --- |");
    fprintf(file, "\n");
    print_rows(file, true);
    fprintf(file, "\n`+` held, `F` fell, `.` not applicable.\n\n");
    print_notes(file);
    fprintf(file, "\n");
    print_counts(file);
    if (fclose(file) != 0)
        die_errno("%s", path);
}

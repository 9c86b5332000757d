/* SPDX-License-Identifier: MIT */
/*
 * The matrix as a reader sees it: a row for each fault, a column for each
 * server, what was measured, and of each empty place the reason.
 */
#ifndef TESTS_MATRIX_PRINT_H
#define TESTS_MATRIX_PRINT_H

#include "tests/matrix.h"

/* On standard output, 80 columns wide. */
void matrix_print(void);

/* The same as Markdown into the file `path`. */
void matrix_write_markdown(const char *path);

#endif

/* SPDX-License-Identifier: MIT */
#include "tests/benched.h"

#include "bench/spawn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

char folder[64];
char output[BENCHED_OUTPUT_SIZE];

void benched_set_up(void)
{
    strcpy(folder, "/tmp/iobench-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void benched_tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

int sh(const char *format, ...)
{
    char command[2048], build[512];
    va_list arguments;
    size_t used = 0;
    snprintf(command, sizeof command, "cd '%s' && exec 2>&1; ",
             spawn_path(".", build));
    size_t length = strlen(command);
    va_start(arguments, format);
    vsnprintf(command + length, sizeof command - length, format, arguments);
    va_end(arguments);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    size_t n;
    while ((n = fread(output + used, 1, sizeof output - 1 - used, pipe)) > 0)
        used += n;
    output[used] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double number_in_json(const char *key)
{
    ck_assert_int_eq(
        sh("grep -o '\"%s\": [^0-9]*[0-9.]*' %s/r.json | head -1", key, folder),
        0);
    const char *colon = strrchr(output, ':');
    ck_assert_msg(colon != NULL, "no %s in the result", key);
    return strtod(colon + 1, NULL);
}

void expect(const char *words)
{
    ck_assert_msg(strstr(output, words) != NULL, "no '%s' in:\n%s", words,
                  output);
}

bool lacks(const char *program)
{
    bool missing = sh("command -v %s >/dev/null", program) != 0;
    if (missing)
        fprintf(stderr, "skipped: %s is not there\n", program);
    return missing;
}

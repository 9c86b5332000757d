/* SPDX-License-Identifier: MIT */
/* Options: words end at newlines. Numbers and seconds that were accepted are
 * within their limits. exit() comes back here: -Wl,--wrap=exit. */
#include "common/server.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 12 };

static jmp_buf ended;
static bool parsing; /* otherwise the fuzzer itself ends */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
_Noreturn void __wrap_exit(int status);
_Noreturn void __real_exit(int status);

_Noreturn void __wrap_exit(int status)
{
    if (!parsing)
        __real_exit(status);
    parsing = false;
    longjmp(ended, status + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[512];
    static struct server_options options;
    char *argv[MOST_WORDS + 2] = {"fuzz"};
    int argc = 1;
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *word = strtok(text, "\n"); word != NULL && argc <= MOST_WORDS;
         word = strtok(NULL, "\n"))
        argv[argc++] = word;
    /* getopt may still stand in the middle of the last word of the last run. */
    char *none[] = {"fuzz", NULL};
    optind = 0;
    (void)getopt(1, none, "");
    if (setjmp(ended) != 0)
        return 0;
    parsing = true;
    server_options_parse(&options, argc, argv, "fuzz", "Fuzz.", 1000, NULL);
    parsing = false;
    if (options.max_clients < 1 || options.max_clients > 1000 ||
        options.idle_timeout_ms < 0 || options.idle_timeout_ms > 86400000 ||
        options.service == NULL)
        abort();
    return 0;
}

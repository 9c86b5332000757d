/* SPDX-License-Identifier: MIT */
/* Numbers with units: the first byte says which kind. What was accepted is
 * within its limits. exit() comes back here (-Wl,--wrap=exit), where what it
 * would have ended with the program is freed (--wrap=strdup,--wrap=free). */
#include "bench/bench_options.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8, LEAST_NUMBER = 1, MOST_NUMBER = 20000 };

static jmp_buf ended;
static bool parsing; /* otherwise the fuzzer itself ends */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
_Noreturn void __wrap_exit(int status);
_Noreturn void __real_exit(int status);

char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);

static char *copy;

char *__wrap_strdup(const char *text)
{
    return copy = __real_strdup(text);
}

void __wrap_free(void *bytes);
void __real_free(void *bytes);

void __wrap_free(void *bytes)
{
    if (bytes == copy)
        copy = NULL;
    __real_free(bytes);
}

_Noreturn void __wrap_exit(int status)
{
    if (!parsing)
        __real_exit(status);
    parsing = false;
    longjmp(ended, status + 1);
}

static bool duration_is_wrong(const char *text, bool or_none)
{
    int64_t us = option_duration_us("time", text, or_none);
    return (us < 1000 && !(or_none && us == 0)) || us > INT64_C(3600000000);
}

static bool list_is_wrong(const char *text, bool binary)
{
    long list[MOST];
    int count = option_list("list", text, list, MOST, LEAST_NUMBER, MOST_NUMBER,
                            binary);
    for (int i = 0; i < count && count <= MOST; i++)
        if (list[i] < LEAST_NUMBER || list[i] > MOST_NUMBER)
            return true;
    return count < 1 || count > MOST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[256];
    if (size < 1 || size > sizeof text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    copy = NULL;
    if (setjmp(ended) != 0) {
        free(copy);
        return 0;
    }
    bool wrong;
    parsing = true;
    if (data[0] % 3 == 0) {
        wrong = duration_is_wrong(text, data[0] & 0x80);
    } else if (data[0] % 3 == 1) {
        wrong = list_is_wrong(text, data[0] & 0x80);
    } else {
        double rate = option_rate("rate", text);
        wrong = !(rate >= 1 && rate <= 1e7);
    }
    parsing = false;
    if (wrong)
        abort();
    return 0;
}

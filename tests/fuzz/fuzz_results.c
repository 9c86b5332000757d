/* SPDX-License-Identifier: MIT */
/* What iobench reads again: a result (compare), a histogram (merge). Any bytes
 * are read or refused. */
#include "bench/bench_result.h"
#include "bench/histogram.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct histogram sum;
    char path[64];
    struct result result;
    int fd = memfd_create("result", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (result_read(path, &result) == NULL)
        result_free(&result);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        abort();
    histogram_clear(&sum);
    (void)histogram_read(&sum, file);
    (void)fclose(file);
    (void)close(fd);
    return 0;
}

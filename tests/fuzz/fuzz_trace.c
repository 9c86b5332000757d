/* SPDX-License-Identifier: MIT */
/* The file of events: any bytes are read or refused. */
#include "bench/trace_json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct trace_recording recording;
    int fd = memfd_create("events", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (trace_read_json(path, &recording) == 0)
        trace_recording_free(&recording);
    (void)close(fd);
    return 0;
}

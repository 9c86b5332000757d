/* SPDX-License-Identifier: MIT */
/* Addresses: any text is read or refused; what was read, written out, reads
 * as the same address again. */
#include "common/address.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256], again[ADDRESS_TEXT_MAX];
    struct address a = {.length = 0}, b = {.length = 0};
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (address_parse(text, &a) != NULL)
        return 0;
    if (address_parse(address_format(&a, again), &b) != NULL ||
        a.length != b.length || memcmp(&a.bytes, &b.bytes, a.length) != 0)
        abort();
    return 0;
}

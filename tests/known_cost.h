/* SPDX-License-Identifier: MIT */
/* What the server of known_cost.c costs, on purpose. */
#ifndef TESTS_KNOWN_COST_H
#define TESTS_KNOWN_COST_H

enum {
    BURN_US = 200,           /* CPU for each request, beside the calls */
    CLIENT_BYTES = 64 * 1024 /* memory for each client, touched */
};

#endif

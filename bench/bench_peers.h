/* SPDX-License-Identifier: MIT */
/* Echo servers on other people's event loops, from tests/peers/, to be
 * measured beside ours. */
#ifndef BENCH_BENCH_PEERS_H
#define BENCH_BENCH_PEERS_H

#include "bench/bench.h"

#include <stdbool.h>

int peers_count(void);

/* Fills `subject` with peer `i`. False, with a line on standard error that
 * says what to install, when it was not built here. */
bool peers_find(int i, struct subject *subject);

#endif

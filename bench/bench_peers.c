/* SPDX-License-Identifier: MIT */
#include "bench/bench_peers.h"

#include "bench/spawn.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

struct peer {
    const char *name;
    const char *program;  /* below the build folder */
    const char *argument; /* or NULL */
    const char *missing;
};

static const struct peer peers[] = {
    {"libuv", "tests/peers/uv_echo", NULL,
     "apt install libuv1-dev, then make peers"},
    {"libuv-try", "tests/peers/uv_echo", "try",
     "apt install libuv1-dev, then make peers"},
    {"bufferevent", "tests/peers/bufferevent_echo", NULL,
     "apt install libevent-dev, then make peers"},
    {"python", "tests/peers/selectors_echo", NULL,
     "apt install python3, then make peers"},
};

enum { PEERS = sizeof peers / sizeof peers[0] };

int peers_count(void)
{
    return PEERS;
}

bool peers_find(int i, struct subject *subject)
{
    static char paths[PEERS][512];
    static char *argv[PEERS][3];
    argv[i][0] = (char *)(uintptr_t)spawn_path(peers[i].program, paths[i]);
    argv[i][1] = (char *)(uintptr_t)peers[i].argument;
    if (access(paths[i], X_OK) < 0) {
        fprintf(stderr, "iobench: %s is left out: %s\n", peers[i].name,
                peers[i].missing);
        return false;
    }
    *subject = (struct subject){.name = peers[i].name, .argv = argv[i]};
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * known_cost: an upper-casing server whose price is known, for the tests of
 * iobench: BURN_US of CPU for each request, CLIENT_BYTES for each client.
 *
 * Limits: a reply that does not fit the socket's buffer ends its client.
 * Try it
 *   build/bench/iobench run -c 100 -- build/tests/known_cost
 */
#include "tests/known_cost.h"

#include "common/report.h"
#include "common/service.h"
#include "common/sockets.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 256 };

static struct pollfd polled[1 + CLIENTS_MAX]; /* the listening one first */
static char *memory[1 + CLIENTS_MAX];         /* *owned* */
static nfds_t count = 1;

static int64_t cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* cannot fail here */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void burn(void)
{
    int64_t until = cpu_us() + BURN_US;
    while (cpu_us() < until)
        ;
}

static void add_client(void)
{
    int fd = accept(polled[0].fd, NULL, NULL);
    char *bytes = malloc(CLIENT_BYTES);
    if (fd < 0 || bytes == NULL || count > CLIENTS_MAX)
        die_errno("a client");
    memset(bytes, '.', CLIENT_BYTES); /* memory counts when it is touched */
    memory[count] = bytes;
    polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop_client(nfds_t i)
{
    (void)close(polled[i].fd);
    free(memory[i]);
    polled[i] = polled[--count];
    memory[i] = memory[count];
}

/* False when the client is gone. */
static bool answer(nfds_t i)
{
    ssize_t n = recv(polled[i].fd, memory[i], CLIENT_BYTES, 0);
    if (n <= 0)
        return false;
    burn();
    service_find("upper")->apply(memory[i], (size_t)n);
    return send(polled[i].fd, memory[i], (size_t)n, MSG_NOSIGNAL) == n;
}

int main(void)
{
    struct address any;
    char text[ADDRESS_TEXT_MAX];
    const char *fault = address_parse("127.0.0.1:0", &any);
    report_name_program("known_cost");
    polled[0] = (struct pollfd){.fd = fault ? -1 : socket_listen(&any, 0),
                                .events = POLLIN};
    if (polled[0].fd < 0)
        die_errno("listen");
    printf("listening on %s\n", address_of_socket(polled[0].fd, text));
    (void)fflush(stdout); /* iobench waits for the line */
    for (;;) {
        if (poll(polled, count, -1) < 0)
            die_errno("poll");
        for (nfds_t i = count - 1; i > 0; i--)
            if (polled[i].revents != 0 && !answer(i))
                drop_client(i);
        if (polled[0].revents != 0)
            add_client();
    }
}

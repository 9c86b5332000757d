/* SPDX-License-Identifier: MIT */
/* Datagrams to the heartbeat server, as it takes them: through a socket. The
 * first byte says how many bytes each has. */
#define main heartbeat_main
#include "multiplexing/heartbeat_server.c"
#undef main

#include <fcntl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct server s = {.timeout_ms = 3000, .most_members = 4};
    static int client = -1;
    struct message m;
    char answer[2048];
    if (client < 0) {
        struct address here = {.length = sizeof here.bytes};
        if (freopen("/dev/null", "w", stdout) == NULL ||
            address_parse("127.0.0.1:0", &here) != NULL)
            abort();
        s.fd = datagram_bind(&here, SOCK_NONBLOCK);
        here.length = sizeof here.bytes;
        if (getsockname(s.fd, (struct sockaddr *)&here.bytes, &here.length) < 0)
            abort();
        client = datagram_connect(&here, SOCK_NONBLOCK);
    }
    size_t length = size > 0 ? (size_t)data[0] * 3 : 0;
    for (size_t at = 1; at < size; at += length + 1) {
        size_t n = size - at < length ? size - at : length;
        (void)send(client, data + at, n, 0);
        if (receive(&s, &m))
            hear(&s, &m);
        while (recv(client, answer, sizeof answer, 0) > 0)
            ;
    }
    if (s.count > s.most_members)
        abort();
    return 0;
}

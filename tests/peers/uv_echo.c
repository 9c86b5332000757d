/* SPDX-License-Identifier: MIT */
/*
 * uv_echo: the smallest echo server on libuv, to be measured beside ours. It
 * listens on a free port of 127.0.0.1 and prints which.
 *
 *   uv_echo       each answer is queued with uv_write, as libuv's own examples
 *                 do; libuv writes it at once when it can
 *   uv_echo try   uv_try_write first, and only a rest is queued: the least
 *                 that libuv can cost
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BUFFER_SIZE = 16 * 1024 };

/* One read is answered before the next is made, so one buffer serves all; what
 * is queued has a copy. */
static char shared[BUFFER_SIZE];

struct answer {
    uv_write_t request;
    char bytes[];
};

static bool tries;

static void closed(uv_handle_t *handle)
{
    free(handle);
}

static void drop(uv_stream_t *client)
{
    if (!uv_is_closing((uv_handle_t *)client))
        uv_close((uv_handle_t *)client, closed);
}

static void written(uv_write_t *request, int status)
{
    if (status < 0)
        drop(request->handle);
    free(request); /* an answer begins with its request */
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    (void)handle, (void)wanted;
    *buffer = uv_buf_init(shared, sizeof shared);
}

static void queue(uv_stream_t *client, const char *bytes, size_t length)
{
    struct answer *answer = malloc(sizeof *answer + length);
    if (answer == NULL) {
        drop(client);
        return;
    }
    memcpy(answer->bytes, bytes, length);
    uv_buf_t buffer = uv_buf_init(answer->bytes, (unsigned)length);
    if (uv_write(&answer->request, client, &buffer, 1, written) < 0) {
        free(answer);
        drop(client);
    }
}

static void arrived(uv_stream_t *client, ssize_t n, const uv_buf_t *buffer)
{
    if (n < 0)
        drop(client);
    if (n <= 0)
        return;
    uv_buf_t all = uv_buf_init(buffer->base, (unsigned)n);
    int sent = tries ? uv_try_write(client, &all, 1) : 0;
    if (sent < 0)
        sent = 0; /* uv_write will say whether it was more than 'not now' */
    if (sent < n)
        queue(client, buffer->base + sent, (size_t)(n - sent));
}

static void knocked(uv_stream_t *listener, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);
    if (client == NULL || status < 0) {
        free(client);
        return;
    }
    (void)uv_tcp_init(listener->loop, client);
    if (uv_accept(listener, (uv_stream_t *)client) < 0) {
        drop((uv_stream_t *)client);
        return;
    }
    (void)uv_tcp_nodelay(client, 1);
    if (uv_read_start((uv_stream_t *)client, lend_buffer, arrived) < 0)
        drop((uv_stream_t *)client);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in address;
    int length = sizeof address;
    tries = argc > 1 && strcmp(argv[1], "try") == 0;
    (void)uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_init(loop, &listener) < 0 ||
        uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&listener, 4096, knocked) < 0 ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length) <
            0) {
        fprintf(stderr, "uv_echo: cannot listen\n");
        return 1;
    }
    printf("listening on 127.0.0.1:%u (libuv %s)\n", ntohs(address.sin_port),
           uv_version_string());
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}

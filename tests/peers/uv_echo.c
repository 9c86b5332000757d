/* SPDX-License-Identifier: MIT */
/*
 * uv_echo: the smallest echo server on libuv, to be measured beside ours.
 * No options: it listens on a free port of 127.0.0.1 and prints which.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { BUFFER_SIZE = 16 * 1024 };

/* One read is answered before the next is made, so one buffer serves all; a
 * rest that the kernel does not take at once is copied. */
static char shared[BUFFER_SIZE];

struct rest {
    uv_write_t request;
    char bytes[];
};

static void closed(uv_handle_t *handle)
{
    free(handle);
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    (void)handle, (void)wanted;
    *buffer = uv_buf_init(shared, BUFFER_SIZE);
}

static void written(uv_write_t *request, int status)
{
    if (status < 0 && !uv_is_closing((uv_handle_t *)request->handle))
        uv_close((uv_handle_t *)request->handle, closed);
    free(request);
}

static void send_rest(uv_stream_t *client, const char *bytes, size_t length)
{
    struct rest *rest = malloc(sizeof *rest + length);
    if (rest == NULL) {
        uv_close((uv_handle_t *)client, closed);
        return;
    }
    for (size_t i = 0; i < length; i++)
        rest->bytes[i] = bytes[i];
    uv_buf_t buffer = uv_buf_init(rest->bytes, (unsigned)length);
    if (uv_write(&rest->request, client, &buffer, 1, written) < 0) {
        free(rest);
        uv_close((uv_handle_t *)client, closed);
    }
}

static void arrived(uv_stream_t *client, ssize_t n, const uv_buf_t *buffer)
{
    if (n < 0) {
        uv_close((uv_handle_t *)client, closed);
        return;
    }
    if (n == 0)
        return;
    uv_buf_t all = uv_buf_init(buffer->base, (unsigned)n);
    int sent = uv_try_write(client, &all, 1);
    if (sent < 0)
        sent = 0;
    if (sent < n)
        send_rest(client, buffer->base + sent, (size_t)(n - sent));
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
        uv_close((uv_handle_t *)client, closed);
        return;
    }
    (void)uv_tcp_nodelay(client, 1);
    if (uv_read_start((uv_stream_t *)client, lend_buffer, arrived) < 0)
        uv_close((uv_handle_t *)client, closed);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in address;
    int length = sizeof address;
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

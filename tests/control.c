/* SPDX-License-Identifier: MIT */
#include "tests/control.h"

#include "common/clock.h"
#include "common/sockets.h"

#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REST_US = 1000 };

/* A byte back for a byte, one client after the other. */
static void *serve(void *data)
{
    const struct control *c = data;
    char byte;
    int fd;
    while ((fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (recv(fd, &byte, 1, 0) == 1)
            (void)send(fd, &byte, 1, MSG_NOSIGNAL);
        (void)close(fd);
    }
    return NULL;
}

static void visit(const struct control *c)
{
    char byte = '?';
    int fd = socket_connect(&c->address, 0);
    if (fd < 0)
        return;
    if (send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
        (void)recv(fd, &byte, 1, 0);
    (void)close(fd);
}

static void *go_and_come(void *data)
{
    struct control *c = data;
    do {
        int64_t began = now_us();
        visit(c);
        int64_t took = now_us() - began;
        if (took > c->slowest_us)
            c->slowest_us = took;
        nap_us(REST_US);
    } while (!c->leave);
    return NULL;
}

static void end_server(struct control *c)
{
    (void)shutdown(c->listen_fd, SHUT_RDWR); /* its accept returns */
    (void)pthread_join(c->server, NULL);
}

void control_start(struct control *c)
{
    char text[ADDRESS_TEXT_MAX];
    *c = (struct control){.listen_fd = -1};
    (void)address_parse("127.0.0.1:0", &c->address);
    int fd = socket_listen(&c->address, 0);
    if (fd < 0)
        return;
    (void)address_parse(address_of_socket(fd, text), &c->address);
    c->listen_fd = fd;
    if (pthread_create(&c->server, NULL, serve, c) == 0) {
        if (pthread_create(&c->client, NULL, go_and_come, c) == 0)
            return;
        end_server(c);
    }
    c->listen_fd = -1;
    (void)close(fd);
}

int64_t control_stop(struct control *c)
{
    if (c->listen_fd < 0)
        return 0;
    c->leave = true;
    (void)pthread_join(c->client, NULL);
    end_server(c);
    (void)close(c->listen_fd);
    return c->slowest_us;
}

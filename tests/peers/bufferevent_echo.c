/* SPDX-License-Identifier: MIT */
/*
 * bufferevent_echo: the smallest echo server on libevent's bufferevents, to be
 * measured beside ours. No options: it listens on a free port of 127.0.0.1 and
 * prints which.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

static void arrived(struct bufferevent *client, void *data)
{
    (void)data;
    /* Moves the chain of buffers from one side to the other, uncopied. */
    if (bufferevent_write_buffer(client, bufferevent_get_input(client)) < 0)
        bufferevent_free(client);
}

static void ended(struct bufferevent *client, short what, void *data)
{
    (void)data;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        bufferevent_free(client);
}

static void knocked(struct evconnlistener *listener, evutil_socket_t fd,
                    struct sockaddr *address, int length, void *base)
{
    const int on = 1;
    (void)listener, (void)address, (void)length;
    struct bufferevent *client =
        bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (client == NULL) {
        (void)evutil_closesocket(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bufferevent_setcb(client, arrived, NULL, ended, NULL);
    (void)bufferevent_enable(client, EV_READ | EV_WRITE);
}

int main(void)
{
    struct event_base *base = event_base_new();
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct evconnlistener *listener =
        base
            ? evconnlistener_new_bind(base, knocked, base,
                                      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                      4096, (struct sockaddr *)&address,
                                      sizeof address)
            : NULL;
    if (listener == NULL ||
        getsockname(evconnlistener_get_fd(listener),
                    (struct sockaddr *)&address, &length) < 0) {
        fprintf(stderr, "bufferevent_echo: cannot listen\n");
        return 1;
    }
    printf("listening on 127.0.0.1:%u (libevent %s, %s)\n",
           ntohs(address.sin_port), event_get_version(),
           event_base_get_method(base));
    fflush(stdout);
    return event_base_dispatch(base) < 0;
}

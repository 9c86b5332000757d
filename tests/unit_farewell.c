/* SPDX-License-Identifier: MIT */
/* The end of a server, and clients that would keep it from ending. */
#include "tests/unit.h"

#include "common/address.h"
#include "common/farewell.h"
#include "common/sockets.h"
#include "common/stop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int client_fd;
static atomic_long sent_kib;

static void *send_on(void *nothing)
{
    static char bytes[256 * 1024];
    ssize_t n;
    while ((n = send(client_fd, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0)
        sent_kib += n / 1024;
    return nothing;
}

/* A connection whose client has not read what it was sent. Returns the
 * server's end; client_fd is the other. */
static int connect_one_who_never_reads(void)
{
    static const char answer[64 * 1024];
    struct address address;
    (void)address_parse("127.0.0.1:0", &address);
    int listener = socket_listen(&address, 0);
    address.length = sizeof address.bytes;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&address.bytes,
                                    &address.length) < 0)
        abort();
    client_fd = socket_connect(&address, 0);
    int fd = accept(listener, NULL, NULL);
    if (client_fd < 0 || fd < 0)
        abort();
    while (send(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
        ;
    return fd;
}

static void client_sends_on(void *data)
{
    struct stats stats = {.served = 0};
    pthread_t sender;
    (void)data;
    int fd = connect_one_who_never_reads();
    if (pthread_create(&sender, NULL, send_on, NULL) != 0)
        abort();
    stop_request(SIGTERM);
    farewell_say(fd, NULL);
    farewell_wait(&stats);
    printf("%ld", sent_kib / 1024);
}

/* A thousand looks at 64 KiB each, and what the two kernels hold. */
START_TEST(it_reads_little_of_a_client_that_sends_on)
{
    struct outcome o;
    run_apart(&o, client_sends_on, NULL);
    ck_assert_int_eq(o.status, 0);
    ck_assert_msg(atoi(o.output) < 100, "it read %s MiB", o.output);
}
END_TEST

Suite *farewell_suite(void);
Suite *farewell_suite(void)
{
    Suite *suite = suite_create("farewell");
    TCase *tcase = tcase_create("farewell");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, it_reads_little_of_a_client_that_sends_on);
    suite_add_tcase(suite, tcase);
    return suite;
}

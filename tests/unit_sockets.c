/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"

#include "common/clock.h"
#include "common/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int listen_at(const char *text, int flags)
{
    struct address address;
    ck_assert_ptr_null(address_parse(text, &address));
    return socket_listen(&address, flags);
}

/* A connection to ourselves: pair[0] connected, pair[1] accepted. */
static void connect_pair(int listen_fd, int pair[2])
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    address_of_socket(listen_fd, text);
    ck_assert_ptr_null(address_parse(text, &address));
    pair[0] = socket_connect(&address, 0);
    ck_assert_int_ge(pair[0], 0);
    pair[1] = accept(listen_fd, NULL, NULL);
    ck_assert_int_ge(pair[1], 0);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    ck_assert_int_eq(getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

START_TEST(both_ends_of_a_connection_have_nodelay)
{
    int pair[2];
    int fd = listen_at("127.0.0.1:0", 0);
    ck_assert_int_ge(fd, 0);
    connect_pair(fd, pair);
    ck_assert_int_ne(option(pair[0], IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_ne(option(pair[1], IPPROTO_TCP, TCP_NODELAY), 0);
}
END_TEST

START_TEST(flags_are_as_asked_and_close_on_exec)
{
    int plain = listen_at("127.0.0.1:0", 0);
    int fd = listen_at("127.0.0.1:0", SOCK_NONBLOCK);
    ck_assert_int_eq(fcntl(plain, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(plain, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    ck_assert_int_ne(option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
}
END_TEST

START_TEST(a_taken_address_is_eaddrinuse_and_leaks_nothing)
{
    char text[ADDRESS_TEXT_MAX];
    int fd = listen_at("127.0.0.1:0", 0);
    address_of_socket(fd, text);
    errno = 0;
    ck_assert_int_eq(listen_at(text, 0), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    int next = dup(fd);
    ck_assert_int_eq(next, fd + 1); /* the failed one's is free again */
}
END_TEST

START_TEST(an_address_of_another_machine_is_eaddrnotavail)
{
    ck_assert_int_eq(listen_at("192.0.2.1:0", 0), -1);
    ck_assert_int_eq(errno, EADDRNOTAVAIL);
}
END_TEST

/* A folder of its own; `text` becomes unix:FOLDER/s. Returns the path. */
static const char *unix_name(char text[ADDRESS_TEXT_MAX])
{
    char folder[] = "/tmp/unit-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(text, ADDRESS_TEXT_MAX, "unix:%s/s", folder);
    return text + 5;
}

static void remove_name(char text[ADDRESS_TEXT_MAX])
{
    (void)unlink(text + 5);
    *strrchr(text, '/') = '\0';
    ck_assert_int_eq(rmdir(text + 5), 0);
}

START_TEST(a_socket_file_that_nobody_listens_on_is_replaced)
{
    char text[ADDRESS_TEXT_MAX];
    int pair[2];
    unix_name(text);
    int killed = listen_at(text, 0);
    ck_assert_int_ge(killed, 0);
    close(killed); /* and no unlink: as if killed */
    int fd = listen_at(text, 0);
    ck_assert_int_ge(fd, 0);
    connect_pair(fd, pair);
    remove_name(text);
}
END_TEST

START_TEST(a_live_socket_file_is_not_replaced)
{
    char text[ADDRESS_TEXT_MAX];
    int pair[2];
    unix_name(text);
    int fd = listen_at(text, 0);
    ck_assert_int_eq(listen_at(text, 0), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    connect_pair(accept(fd, NULL, NULL) < 0 ? -1 : fd, pair);
    remove_name(text);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_not_replaced)
{
    char text[ADDRESS_TEXT_MAX];
    struct stat found;
    const char *path = unix_name(text);
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(file, "mine", 4), 4);
    ck_assert_int_eq(listen_at(text, 0), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert(S_ISREG(found.st_mode) && found.st_size == 4);
    remove_name(text);
}
END_TEST

START_TEST(connecting_to_nobody_is_econnrefused)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    int fd = listen_at("127.0.0.1:0", 0);
    address_of_socket(fd, text);
    close(fd);
    ck_assert_ptr_null(address_parse(text, &address));
    ck_assert_int_eq(socket_connect(&address, 0), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    /* Non-blocking: now, or later in SO_ERROR. */
    fd = socket_connect(&address, SOCK_NONBLOCK);
    if (fd >= 0) {
        struct pollfd pending = {.fd = fd, .events = POLLOUT};
        ck_assert_int_eq(poll(&pending, 1, 30000), 1);
        ck_assert_int_eq(socket_error(fd), ECONNREFUSED);
        ck_assert_int_eq(socket_error(fd), 0); /* told once */
    }
}
END_TEST

START_TEST(a_timeout_ends_a_recv_with_eagain)
{
    int pair[2];
    char byte;
    connect_pair(listen_at("127.0.0.1:0", 0), pair);
    ck_assert_int_eq(socket_set_timeout(pair[0], 50), 0);
    int64_t began = now_ms();
    ck_assert_int_eq(recv(pair[0], &byte, 1, 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_ge(now_ms() - began, 40);
}
END_TEST

static void raises_limit(void *data)
{
    struct rlimit limit = {64, 128};
    (void)data;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(1);
    printf("%ld ", socket_raise_descriptor_limit(32));
    printf("%ld ", socket_raise_descriptor_limit(100));
    printf("%ld ", socket_raise_descriptor_limit(1000000));
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(1);
    printf("%ld", (long)limit.rlim_cur);
}

START_TEST(the_descriptor_limit_rises_to_the_hard_one_and_never_falls)
{
    struct outcome o;
    run_apart(&o, raises_limit, NULL);
    ck_assert_str_eq(o.output, "64 100 128 128");
}
END_TEST

Suite *sockets_suite(void);
Suite *sockets_suite(void)
{
    Suite *suite = suite_create("sockets");
    TCase *tcase = tcase_create("sockets");
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    tcase_add_test(tcase, both_ends_of_a_connection_have_nodelay);
    tcase_add_test(tcase, flags_are_as_asked_and_close_on_exec);
    tcase_add_test(tcase, a_taken_address_is_eaddrinuse_and_leaks_nothing);
    tcase_add_test(tcase, an_address_of_another_machine_is_eaddrnotavail);
    tcase_add_test(tcase, a_socket_file_that_nobody_listens_on_is_replaced);
    tcase_add_test(tcase, a_live_socket_file_is_not_replaced);
    tcase_add_test(tcase, a_file_that_is_no_socket_is_not_replaced);
    tcase_add_test(tcase, connecting_to_nobody_is_econnrefused);
    tcase_add_test(tcase, a_timeout_ends_a_recv_with_eagain);
    tcase_add_test(tcase,
                   the_descriptor_limit_rises_to_the_hard_one_and_never_falls);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* SPDX-License-Identifier: MIT */
#include "common/datagram.h"

#include "common/report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where the hops stand in a header of IPv4 and of IPv6. */
enum { TTL_PLACE = 8, HOP_LIMIT_PLACE = 7 };

static int family_of(const struct address *address)
{
    return ((const struct sockaddr *)&address->bytes)->sa_family;
}

static int fail(int fd)
{
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

/* A datagram socket whose datagrams leave with `hops` hops to go. */
static int make_socket(int family, int flags, int hops)
{
    static const int on = 1;
    if (family != AF_INET && family != AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int name = family == AF_INET6 ? IPV6_UNICAST_HOPS : IP_TTL;
    if (setsockopt(fd, level, name, &hops, sizeof hops) < 0)
        return fail(fd);
    if (family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return fail(fd);
    return fd;
}

/* A program of four instructions that the kernel runs on each datagram: take
 * all of it when its hops are more than an answer's, else nothing. */
static int keep_answers_out(int fd, int family)
{
    unsigned place = family == AF_INET6 ? HOP_LIMIT_PLACE : TTL_PLACE;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (unsigned)SKF_NET_OFF + place),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ANSWER_HOPS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {sizeof code / sizeof code[0], code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                      sizeof program);
}

int datagram_bind(const struct address *address, int flags)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->bytes;
    int family = family_of(address);
    int fd = make_socket(family, flags, ANSWER_HOPS);
    if (fd < 0)
        return -1;
    /* The filter first: from bind on, datagrams come. No SO_REUSEADDR: with
     * it two servers could share one port, and only one of them would hear. */
    if (keep_answers_out(fd, family) < 0 || bind(fd, name, address->length) < 0)
        return fail(fd);
    return fd;
}

int datagram_serve(const struct address *address, const char *model, int flags)
{
    char text[ADDRESS_TEXT_MAX];
    int fd = datagram_bind(address, flags);
    if (fd < 0)
        die_errno("listen on %s", address_format(address, text));
    if (!address_is_local(address))
        warn("warning: everybody who can reach this machine can send here");
    printf("listening on %s (%s)\n", address_of_socket(fd, text), model);
    fflush(stdout);
    return fd;
}

int datagram_connect(const struct address *address, int flags)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->bytes;
    int fd = make_socket(family_of(address), flags, QUESTION_HOPS);
    if (fd < 0)
        return -1;
    return connect(fd, name, address->length) < 0 ? fail(fd) : fd;
}

static int port_of(const struct address *address)
{
    const void *bytes = &address->bytes;
    if (family_of(address) == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)bytes)->sin6_port);
    return ntohs(((const struct sockaddr_in *)bytes)->sin_port);
}

bool datagram_may_answer(const struct address *source)
{
    return port_of(source) >= IPPORT_RESERVED;
}

unsigned datagram_dropped(int fd)
{
    unsigned info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
        return 0;
    return info[SK_MEMINFO_DROPS];
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->length == b->length &&
           memcmp(&a->bytes, &b->bytes, a->length) == 0;
}

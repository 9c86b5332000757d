/* SPDX-License-Identifier: MIT */
/* What can be done to servers of datagrams and to the chat. */
#include "tests/faults.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/datagram.h"
#include "common/report.h"
#include "tests/bad.h"
#include "tests/injector.h"
#include "tests/talk.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Empty, longest, of any bytes, and far too many of them. */
static void odd_datagrams(const struct target *target)
{
    static unsigned char bytes[DATAGRAM_MAX];
    struct victim v;
    uint64_t seed = torture_seed;
    victim_start(&v, target, &usual_start, 0);
    int fd = victim_connect(&v);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)bad_random(&seed);
    for (int n = 0; n < 2000; n++) {
        size_t length = n % 10 == 0   ? 0
                        : n % 10 == 1 ? sizeof bytes
                                      : bad_random(&seed) % 3000;
        (void)send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n % 50 == 0)
            nap_us(2000);
    }
    (void)close(fd);
    victim_finish(&v);
}

/* Who asks is gone before the answer: its port is closed, and the answer to
 * that is an ICMP error. */
static void asker_is_gone(const struct target *target)
{
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    for (int i = 0; i < 200; i++) {
        int fd = victim_connect(&v);
        (void)send(fd, "anybody?\n", 9, MSG_NOSIGNAL);
        (void)close(fd);
    }
    victim_finish(&v);
}

/* Two servers and one datagram that claims to come from the other: they may
 * not go on talking to each other. Needs a raw socket to forge it. */
static void forged_sender(const struct target *target)
{
    struct victim v;
    struct server other;
    struct address a, b;
    unsigned char packet[64] = {0};
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
    if (raw < 0)
        skip_cell("a raw socket: %s", errno_name(errno));
    victim_start(&v, target, &usual_start, 0);
    server_start(&other, target, &usual_start);
    (void)address_parse(v.server.address, &a);
    (void)address_parse(other.address, &b);
    const struct sockaddr_in *to = (const struct sockaddr_in *)&a.bytes;
    const struct sockaddr_in *from = (const struct sockaddr_in *)&b.bytes;
    memcpy(packet, &from->sin_port, 2);
    memcpy(packet + 2, &to->sin_port, 2);
    packet[5] = 8 + 5; /* length; a checksum of 0 means none */
    memcpy(packet + 8, "loop\n", 5);
    struct sockaddr_in there = *to;
    there.sin_port = 0;
    for (int i = 0; i < 10; i++)
        require(sendto(raw, packet, 13, 0, (struct sockaddr *)&there,
                       sizeof there) == 13,
                "sendto: %s", errno_name(errno));
    (void)close(raw);
    nap_us(100000);
    int64_t before = family_cpu_us(other.child.pid);
    nap_us(200000); /* nobody asks the other one anything */
    int64_t used = family_cpu_us(other.child.pid) - before;
    require(used < 20000, "the two talk to each other: %lld ms of the CPU",
            (long long)used / 1000);
    (void)spawn_end(&other.child, SIGTERM, 5000, NULL);
    (void)close(other.error_fd);
    victim_finish(&v);
}

/* Errors at recvfrom and sendto, at all times; a datagram may be lost. */
static void datagram_errors(const struct target *target)
{
    static const char *const errors[] = {"error=EINTR",        "error=EAGAIN",
                                         "error=ECONNREFUSED", "error=ENOMEM",
                                         "error=EHOSTUNREACH", "error=ENOBUFS"};
    if (!injector_works())
        skip_cell("strace is not here: make deps");
    for (int n = 0; n < 24; n++) {
        const struct injection injection = {n % 2 ? "recvfrom" : "sendto",
                                            errors[n / 4], 1 + n % 3,
                                            n / 2 % 2 == 1};
        struct victim v;
        struct injector injector;
        if (!torture_full && n % 6 != (int)(torture_seed % 6))
            continue;
        victim_start(&v, target, &usual_start, NO_BYSTANDER);
        injector_attach(&injector, v.pid, &injection);
        int fd = victim_connect(&v);
        for (int i = 0; i < 30 && injector_count(&injector) == 0; i++)
            (void)probe_ask(target->kind, fd, 1, 60);
        int times = injector_detach(&injector);
        verdict->injections += times;
        require(times > 0, "%s %s was never injected", injection.call,
                injection.what);
        (void)close(fd);
        victim_finish(&v);
    }
}

/* More members than the table has room for, and then their silence. */
static void too_many_members(const struct target *target)
{
    const char *args[] = {"--timeout", "0.4", "--max-clients", "20", NULL};
    struct victim v;
    victim_start(&v, target, &(struct start){.args = args}, NO_BYSTANDER);
    for (int i = 0; i < 100; i++) {
        int fd = victim_connect(&v);
        (void)send(fd, "hb", 2, MSG_NOSIGNAL);
        (void)close(fd);
    }
    nap_us(900000); /* their time runs out */
    victim_finish(&v);
    unsigned long refused = child_count(&v.server.child, "refused");
    unsigned long lost = child_count(&v.server.child, "lost");
    require(refused >= 50 && lost >= 20, "%lu refused and %lu lost of 100",
            refused, lost);
}

/* A member of the chat that reads nothing, while two talk a lot. */
static void member_reads_nothing(const struct target *target)
{
    char line[401];
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    v.allowed_kib = 4096;
    int deaf = peer_connect_tight(v.server.address);
    int talking = victim_connect(&v);
    memset(line, 'x', 399);
    line[399] = '\n';
    for (int i = 0; i < 400; i++) {
        peer_send(talking, line, 400);
        if (i % 20 == 0)
            victim_ask(&v, talking);
    }
    victim_ask(&v, talking);
    peer_wait_hangup(deaf); /* dropped: else too little was said */
    (void)close(deaf);
    (void)close(talking);
    victim_finish(&v);
}

/* Names and lines that would pass for somebody else's, or drive a terminal. */
static void forged_lines(const struct target *target)
{
    static const char evil[] = "/nick server\n/nick a\nb\n"
                               "hello\x1b]0;x\x07\x1b[2J\x9b"
                               "2J\rserver: I am the operator\n"
                               "* ana left\n";
    char heard[4096];
    size_t got = 0;
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    int witness = victim_connect(&v);
    victim_ask(&v, witness);
    int fd = victim_connect(&v);
    peer_send(fd, evil, sizeof evil - 1);
    victim_ask(&v, fd); /* all of it has been heard */
    while (got < sizeof heard - 1 && peer_readable(witness, PAUSE_MS)) {
        ssize_t n = recv(witness, heard + got, sizeof heard - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    heard[got] = '\0';
    require(strstr(heard, "ana left") != NULL, "the lines did not come");
    for (size_t i = 0; i < got; i++)
        require(heard[i] == '\n' || (unsigned char)heard[i] >= 0x20,
                "byte 0x%02x reached another member", (unsigned char)heard[i]);
    for (const char *at = heard; at != NULL && *at != '\0';
         at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        require(strncmp(at, "server:", 7) != 0 &&
                    strncmp(at, "* ana left", 10) != 0,
                "a member passed for the server: %.60s", at);
    (void)close(fd);
    (void)close(witness);
    victim_finish(&v);
}

/* The operator types half a line and leaves it so. */
static void half_a_line_typed(const struct target *target)
{
    int keyboard[2];
    require(pipe(keyboard) == 0, "pipe: %s", errno_name(errno));
    (void)dup2(keyboard[0], STDIN_FILENO);
    struct victim v;
    victim_start(&v, target, &usual_start, 0);
    require(write(keyboard[1], "half a li", 9) == 9, "write");
    int fd = victim_connect(&v);
    for (int i = 0; i < 20; i++)
        victim_ask(&v, fd);
    (void)close(fd);
    victim_finish(&v);
    (void)close(keyboard[1]);
}

const struct fault datagram_faults[] = {
    {"odd_datagrams", "2000: empty, of 64 KiB, of any bytes", odd_datagrams,
     UNCONNECTED, 0, NULL, true, NULL},
    {"asker_is_gone", "200 answers to closed ports", asker_is_gone, UNCONNECTED,
     0, NULL, true, NULL},
    {"forged_sender", "a datagram that seems another server's", forged_sender,
     UNCONNECTED, 0, NULL, true, NULL},
    {"datagram_errors", "EINTR ... ENOBUFS at recvfrom and sendto",
     datagram_errors, UNCONNECTED, 0, NULL, true, NULL},
    {"too_many_members", "100 members, room for 20", too_many_members,
     HEARTBEATS, 0, NULL, true, NULL},
    {.name = NULL}};

const struct fault chat_faults[] = {
    {"member_reads_nothing", "160 KB of talk to one who does not read",
     member_reads_nothing, CHATS, 0, NULL, true, NULL},
    {"forged_lines", "names, notices and escapes that are not theirs",
     forged_lines, CHATS, 0, NULL, true, NULL},
    {"half_a_line_typed", "the operator stops typing", half_a_line_typed, CHATS,
     0, NULL, true, NULL},
    {.name = NULL}};

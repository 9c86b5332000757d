/* SPDX-License-Identifier: MIT */
#include "tests/probe.h"

#include "common/clock.h"
#include "common/sockets.h"
#include "tests/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A lost datagram is sent again after so long: soon, for what a fresh client
 * waits is measured. And how long the bystander rests between two questions. */
enum { RESEND_MS = 25, REST_US = 3000, ANSWER_MAX = 4096 };

static bool is_datagram(enum target_kind kind)
{
    return kind == TARGET_DATAGRAM || kind == TARGET_HEARTBEAT;
}

int probe_open(enum target_kind kind, const char *text)
{
    struct address address;
    if (address_parse(text, &address) != NULL) {
        errno = EINVAL;
        return -1;
    }
    if (!is_datagram(kind))
        return socket_connect(&address, 0);
    const struct sockaddr *name = (const struct sockaddr *)&address.bytes;
    int fd = socket(name->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, name, address.length) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Writes the question and what the answer must end in. */
static void word_question(enum target_kind kind, unsigned long number,
                          char question[64], char due[64])
{
    snprintf(question, 64, "question %lu\n", number);
    snprintf(due, 64, "question %lu", number);
    if (kind == TARGET_CHAT) {
        snprintf(question, 64, "/what\n");
        snprintf(due, 64, "* the commands are");
    } else if (kind != TARGET_HEARTBEAT) {
        snprintf(due, 64, "question %lu\n", number);
        if (peer_service == NULL)
            peer_service = service_find("upper");
        peer_service->apply(due, strlen(due));
    }
}

/* Reads until `due` has come. The service's stream holds nothing else. */
static const char *read_answer(enum target_kind kind, int fd, const char *due,
                               int64_t until)
{
    char answer[ANSWER_MAX];
    size_t got = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left = until - now_ms();
        if (poll(&p, 1, left > 0 ? (int)left : 0) == 0)
            return "no answer";
        if (got > ANSWER_MAX / 2) { /* what others say may be long */
            memmove(answer, answer + got - 128, 128);
            got = 128; /* the answer may have begun in these */
        }
        ssize_t n =
            recv(fd, answer + got, sizeof answer - 1 - got, MSG_DONTWAIT);
        if (n < 0 && would_block(errno))
            continue;
        if (n < 0)
            return "a connection that failed";
        if (n == 0 && !is_datagram(kind))
            return "the end of input instead of an answer";
        got += (size_t)n;
        answer[got] = '\0';
        if (strstr(answer, due) != NULL)
            return NULL;
        if (kind == TARGET_STREAM && strncmp(answer, due, got) != 0)
            return "a wrong answer";
    }
}

const char *probe_ask(enum target_kind kind, int fd, unsigned long number,
                      int timeout_ms)
{
    char question[64], due[64];
    int64_t until = now_ms() + timeout_ms;
    const char *fault;
    word_question(kind, number, question, due);
    do {
        size_t length = strlen(question);
        if (send(fd, question, length, MSG_NOSIGNAL) != (ssize_t)length &&
            !is_datagram(kind))
            return "a connection that takes no question";
        int64_t now = now_ms();
        fault = read_answer(kind, fd, due,
                            is_datagram(kind) && until - now > RESEND_MS
                                ? now + RESEND_MS
                                : until);
    } while (fault != NULL && is_datagram(kind) && now_ms() < until);
    return fault;
}

/* Rests; in a chat what others say must be read all the time. */
static void rest(const struct bystander *b)
{
    char heard[ANSWER_MAX];
    if (b->kind == TARGET_CHAT) {
        struct pollfd p = {.fd = b->fd, .events = POLLIN};
        if (poll(&p, 1, REST_US / 1000) > 0)
            while (recv(b->fd, heard, sizeof heard, MSG_DONTWAIT) > 0)
                ;
    } else {
        nap_us(REST_US);
    }
}

static void *bystander_life(void *data)
{
    struct bystander *b = data;
    while (!b->leave && b->fault == NULL) {
        int64_t began = now_us();
        b->fault = probe_ask(b->kind, b->fd, b->asked, patience_ms);
        int64_t took = now_us() - began;
        if (took > b->slowest_us)
            b->slowest_us = took;
        b->asked++;
        rest(b);
    }
    return NULL;
}

const char *bystander_start(struct bystander *b, enum target_kind kind,
                            const char *address)
{
    *b = (struct bystander){.kind = kind, .fd = probe_open(kind, address)};
    if (b->fd < 0)
        return "no connection";
    const char *fault = probe_ask(kind, b->fd, 0, patience_ms);
    if (fault == NULL &&
        pthread_create(&b->thread, NULL, bystander_life, b) != 0)
        fault = "no thread";
    return fault;
}

const char *bystander_stop(struct bystander *b)
{
    b->leave = true;
    (void)pthread_join(b->thread, NULL);
    return b->fault;
}

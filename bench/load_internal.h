/* SPDX-License-Identifier: MIT */
/* What the files of the load share: a connection, and the loop's state. */
#ifndef BENCH_LOAD_INTERNAL_H
#define BENCH_LOAD_INTERNAL_H

#include "bench/load.h"

enum {
    PATTERN_SPAN = 1 << 16, /* requests begin at any of so many places */
    SCRATCH_SIZE = 1 << 16,
    EVENTS_AT_ONCE = 256
};

enum connection_state { CONNECTING, QUIET, ASKING, GONE };

struct connection {
    int fd;
    enum connection_state state;
    bool wants_room;       /* EPOLLOUT is armed */
    uint32_t place;        /* where in the pattern its request begins */
    uint32_t length;       /* of this request */
    uint32_t sent, got;    /* bytes of it */
    bool wrong;            /* a byte of this answer was wrong */
    int64_t due_ns;        /* when the request should have been sent */
    int64_t sent_ns;       /* when it was; connecting: when that began */
    unsigned long overdue; /* open loop: due and not yet sent */
};

struct load {
    const struct load_plan *plan;
    struct load_result *result;
    int epoll_fd;
    long count, made;               /* connections planned, and begun so far */
    long greeted;                   /* had their first answer */
    unsigned long answers;          /* all that came, right or wrong */
    long asking;                    /* requests under way */
    long gone;                      /* active connections that were lost */
    struct connection *connections; /* the active ones come first */
    char *pattern, *expected;       /* PATTERN_SPAN + the largest request */
    char scratch[SCRATCH_SIZE];
    int source; /* last byte of the next source address */
    /* The part that runs now. */
    bool recording;
    bool sending;       /* new requests may still be sent */
    unsigned long left; /* requests still to send, when counted */
    int64_t end_ns;     /* no request after this; 0 when counted */
    int again_count;    /* closed loop: answered in this turn, to ask again */
    struct connection *again[EVENTS_AT_ONCE];
    /* Of an open loop. */
    int64_t start_ns;   /* when number 0 was due */
    int64_t give_up_ns; /* what is not sent then will not be */
    unsigned long next; /* the number that is due next */
};

/* load_connect.c: makes all connections; each has one answer at the end. */
int load_connect_all(struct load *l);

/* load_connection.c: what one connection does. */
void connection_ask(struct load *l, struct connection *c, int64_t due_ns);
void connection_event(struct load *l, struct connection *c, uint32_t events);
void connection_fail(struct load *l, struct connection *c,
                     enum load_fault fault, const char *words);
void load_first_fault(struct load *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* load.c: its request was answered; it may have another. */
void load_answered(struct load *l, struct connection *c);

/* load.c: waits at most until `until_ns` and handles what comes. */
void load_turn(struct load *l, int64_t until_ns);

#endif

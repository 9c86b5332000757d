/* SPDX-License-Identifier: MIT */
/*
 * The load: active connections that ask and wait for the answer, idle ones
 * that only stay open, and every answer compared byte by byte with what the
 * service must return.
 *
 * Closed loop: a connection sends its next request when the last one was
 * answered. A server that stalls is then asked less, and the requests that
 * would have waited are never sent: percentiles look better than they are.
 * Open loop (`rate`): requests are due at fixed times whatever the server
 * does, and a latency counts from the time the request was due.
 *
 * One thread and one epoll instance. Each part of a run ends quiet: all that
 * was asked is answered, so that counts taken between parts belong to whole
 * requests.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "bench/histogram.h"
#include "common/address.h"
#include "common/service.h"

#include <stdbool.h>
#include <sys/types.h>

struct load_plan {
    struct address address;
    const struct service *service; /* what the answers must be */
    long active;                   /* connections that ask; at least 1 */
    long idle;                     /* connections that do not */
    long bytes;                    /* a request, 1 to LOAD_MOST_BYTES */
    int64_t warm_us;               /* asked, but not measured */
    int64_t measure_us;
    long requests;    /* > 0: measure so many instead of measure_us */
    double rate;      /* requests a second; 0: closed loop */
    int64_t patience; /* ms that an answer may take before it is missing */
    int cpu;          /* where the load runs; -1: anywhere */
};

enum { LOAD_MOST_BYTES = 1 << 20 };

/* What can go wrong with an answer. */
enum load_fault {
    LOAD_WRONG,   /* other bytes than the service returns, or too many */
    LOAD_CLOSED,  /* the server closed the connection */
    LOAD_RESET,   /* an error from send or recv */
    LOAD_MISSING, /* no answer within `patience` */
    LOAD_CONNECT, /* the connection never came about */
    LOAD_FAULTS
};
extern const char *const load_fault_names[LOAD_FAULTS];

struct load_result {
    unsigned long requests;            /* answered, and rightly so */
    unsigned long faults[LOAD_FAULTS]; /* of the warm-up, too */
    unsigned long unsent; /* open loop: due, and never sent: see load_kept */
    unsigned long syn_retries; /* connects that took a second or more */
    unsigned long sources;     /* 127.0.0.x addresses it connected from */
    int64_t elapsed_ns;
    int64_t user_ns, system_ns;  /* CPU of the load itself */
    bool refused;                /* the server said `busy: ...` */
    char first_fault[200];       /* in words; "" when all went well */
    struct histogram latency;    /* since the request was due */
    struct histogram since_sent; /* since it was sent: the misleading one */
};

/* The sum of all faults. */
unsigned long load_fault_count(const struct load_result *result);

/*
 * False when an open loop fell behind `rate` so far that its latencies tell
 * nothing: `achieved` a second, `unsent` never. It may be late, but what is not
 * sent one second after the last request was due is given up.
 */
bool load_kept(double rate, double achieved, unsigned long unsent);

/*
 * Called between the parts: when every connection has had a first answer and
 * the warm-up is over, and when the measured part is. The load is quiet then.
 */
struct load_hooks {
    void (*ready)(void *data);
    void (*done)(void *data);
    void *data;
};

/* Runs the whole plan in this process. `result` starts zeroed. Returns 0, or
 * -1 when the connections could not be made (first_fault says why). */
int load_run(const struct load_plan *plan, struct load_result *result,
             const struct load_hooks *hooks);

/*
 * Raises the descriptor limit to what `connections` need. Returns 0, or the
 * number of connections that would fit within the hard limit.
 */
long load_fits(long connections);

/* The load in a process of its own. */
struct load_process {
    pid_t pid;
    int control; /* *owned* */
    struct load_result *result;
};

/* Starts it; it begins to connect at once. Returns 0, or -1 with errno. */
int load_start(struct load_process *load, const struct load_plan *plan);

/* Waits until it is ready (load_go lets it measure) or done. 0, or -1 with
 * ETIMEDOUT, or ECHILD when it ended early (result->first_fault says why). */
int load_wait(struct load_process *load, int timeout_ms);
int load_go(struct load_process *load);

/* Ends it, waits for it, frees `result`. */
void load_end(struct load_process *load);

#endif

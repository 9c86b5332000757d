/* SPDX-License-Identifier: MIT */
/*
 * The tracer's library: what a program asked of the kernel, call by call, and
 * which line of its source asked. See ptrace(2).
 *
 *   trace_new -> trace_start or trace_attach -> trace_run -> trace_resolve
 *             -> trace_events ... -> trace_free
 *
 * Threads: ptrace binds a tracee to the thread that traces it, so one thread
 * makes all these calls for a trace (and a waiting trace_run ends that thread's
 * own children too: start those elsewhere). Only trace_pid, trace_epoch_ns and
 * trace_let_go may be called from another thread; trace_let_go from a signal
 * handler as well.
 * Time: nanoseconds since trace_epoch_ns(), a moment of now_ns() (clock.h).
 * Not seen: calls that the vDSO answers in user space (clock_gettime and its
 * kin are no system calls there), and what io_uring does inside the kernel, but
 * for what its queues show (see `rings`).
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum trace_kind {
    TRACE_CALL,   /* a system call, entry to return */
    TRACE_SIGNAL, /* a signal is delivered; `number` is which */
    TRACE_BEGIN,  /* a thread or process begins (or was attached to) */
    TRACE_END     /* it ended; `result` is its wait status */
};

/* Requests of a ring of io_uring, each told as the call that it stands for:
 * name, fd, fd_text; of a finished one result, error and outcome, too. */
struct trace_ring {
    int count;
    const struct trace_event *calls;
};

/* How an event reached us: part of what `number` and `result` mean. */
struct trace_event {
    enum trace_kind kind;
    int64_t begin_ns;
    int64_t end_ns;   /* -1: the call did not return (exit, a killed thread) */
    int64_t sleep_ns; /* asleep in this call; 0: it did not sleep. See
                         trace_decode.c for what counts as sleep */
    pid_t pid, tid;
    long number;      /* of the call on this machine, or of the signal */
    const char *name; /* "recvfrom"; "SIGTERM"; "begin"; "end" */
    uint64_t args[6];
    int64_t result; /* >= 0, or -error */
    int error;      /* errno value, 0 for success */
    int fd;         /* the descriptor it acts on, or -1 */

    /* Only with `decode` in the options; else NULL. Kept until trace_free. */
    const char *fd_text; /* "5 <- 127.0.0.1:50112", "3 listening on ..." */
    const char *text;    /* arguments: `fd 5 <- 127.0.0.1:50112, 16384` */
    const char *outcome; /* result: `6 "hello\n"`, "EAGAIN", "fd 5 ready" */
    const char *story;   /* "asleep 412 ms, woken: fd 5 has bytes", or NULL */

    /* Of io_uring_enter, only with `rings`: what it hands over, and what lies
     * finished in the queue when it returns. Empty where the kernel does not
     * tell (before Linux 6.0). */
    struct trace_ring handed, done;

    /* Set by trace_resolve (and before on_call with `live`). */
    const struct trace_site *site; /* NULL: not attributed */
};

/* Where in the program a call was made; shared by all calls made there.
 * Strings live as long as the trace. */
struct trace_site {
    const char *program;  /* base name of the executable */
    const char *file;     /* base name: "select_server.c", NULL: unknown */
    const char *path;     /* as the debug information has it, or NULL */
    int line;             /* 0: unknown */
    const char *function; /* or NULL */
    const char *phase;    /* "wait"; NULL: no mark above the line */
    const char *anchor;   /* "select_server.c#wait:select", or NULL */
    const char *origin;   /* not the program's own call: "libc (before main)",
                             "libc (aio helper thread)"; else NULL */
    struct trace_frames *frames; /* private */
};

struct trace_options {
    bool decode;     /* fill text, outcome, story, fd_text */
    bool rings;      /* fill handed and done; needs `decode` */
    bool attribute;  /* note where each call comes from */
    bool collect;    /* keep all events for trace_events */
    bool live;       /* resolve each site when first met, not at the end */
    bool skip_setup; /* begin with the first call out of the program's own
                        text in main or below; needs `attribute` */
    /* May be NULL. Each event when it has ended; strings as above. */
    void (*on_event)(const struct trace_event *event, void *data);
    /* May be NULL. Once for a call that has not returned after 50 ms (its
     * sleep_ns says how long it is in there), or when on_event is about to
     * tell of something later than its beginning (sleep_ns is 0): so what is
     * told is in the order of time. */
    void (*on_pending)(const struct trace_event *event, void *data);
    void *data;
    /* The program's standard input, output and error; 0: the same as ours.
     * Borrowed until trace_start returns. */
    int input_fd, output_fd, error_fd;
    /* Called in the child before exec, async-signal-safe; may be NULL. */
    void (*prepare)(void *data);
};

struct trace;

/* NULL with ENOMEM. *Caller frees* with trace_free. */
struct trace *trace_new(const struct trace_options *options);

/* Starts argv[0] (found by PATH) traced; it is killed if the tracer dies.
 * 0, or -1: trace_fault says why in one sentence, errno is set. Returns when
 * the program has been executed; it goes on in trace_run. */
int trace_start(struct trace *t, char *const argv[]);

/* Attaches to process `pid` with all its threads; again, to one more. Results
 * as trace_start. */
int trace_attach(struct trace *t, pid_t pid);

/* Runs until every traced process has ended or trace_let_go was called.
 * 0, or -1 with errno and trace_fault. */
int trace_run(struct trace *t);

/* Makes trace_run let go of all tracees, unharmed, and return. */
void trace_let_go(struct trace *t);

/* Attributes every collected event (one addr2line for each executable). */
void trace_resolve(struct trace *t);

/* NULL, or why (some) calls have no anchor. Valid after trace_resolve. */
const char *trace_no_anchors(const struct trace *t);

/* The collected events in order of their beginning. Borrowed until free. */
const struct trace_event *trace_events(struct trace *t, size_t *count);

const char *trace_fault(const struct trace *t);
int64_t trace_epoch_ns(const struct trace *t);
pid_t trace_pid(const struct trace *t);  /* the first process */
int trace_status(const struct trace *t); /* its wait status; -1: let go */
const struct rusage *trace_usage(const struct trace *t); /* of its whole life,
                                    stops for the tracer included; zero after
                                    SIGKILL */
void trace_free(struct trace *t);

/* The call as programs write it: recvfrom -> recv, pselect6 -> select,
 * rt_sigtimedwait -> sigwaitinfo; any other name unchanged. */
const char *trace_plain_name(const char *name);

/* "SIGIO", "SIGRTMIN+1"; static until the next call. */
const char *trace_signal_name(int number);

/* "ECONNRESET"; "interrupted" for the kernel's own 'begin again' codes. */
const char *trace_error_name(int error);

/* The kernel's name of call `number` on this machine, or "call N". Static
 * until the next unknown one. */
const char *trace_call_name(long number);

/* All phases in the order of the vocabulary; NULL ends it. */
extern const char *const trace_phases[];

/*
 * Events in a file, one JSON object a line within one array: see trace_json.c
 * for the schema. Reading gives a set that stands by itself.
 */
struct trace_recording {
    char program[64];
    size_t count;
    struct trace_event *events; /* `args` are not recorded */
    struct trace_site *sites;   /* one for each event */
    char *memory;
};

/* 0, or -1 with errno. */
int trace_write_json(const char *path, const char *program,
                     const struct trace_event *events, size_t count);

/* 0, or -1 with errno (EBADMSG: not such a file). *Caller frees.* */
int trace_read_json(const char *path, struct trace_recording *recording);
void trace_recording_free(struct trace_recording *recording);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the files of the tracer share among themselves.
 *
 *   trace.c         a trace from new to free; starting, attaching, letting go
 *   trace_stops.c   the engine: each time a thread of the program stops
 *   trace_tasks.c   the threads and processes that there are
 *   trace_decode.c  what a call's numbers mean       trace_fds.c  descriptors
 *   trace_story.c   how it went, in words            trace_ring.c  io_uring
 *   trace_source.c  the line that called, through addr2line
 *   trace_marks.c   the phase mark above that line
 *   trace_unwind.c  the chain of callers (trace_cfi.c, trace_modules.c)
 */
#ifndef BENCH_TRACE_PRIVATE_H
#define BENCH_TRACE_PRIVATE_H

#include "bench/trace.h"
#include "bench/trace_unwind.h"

#include <signal.h>
#include <stdatomic.h>

enum { TASK_BUCKETS = 256, SITE_BUCKETS = 1024, FRAMES_MAX = 16 };

/* Shorter than this between entry and return is not called sleep. */
enum { SLEEP_LEAST_NS = 200000, TICK_NS = 50000000 };

/* One descriptor of a traced process, as far as we have met it. */
struct trace_fd {
    bool known, nonblocking, accepted, listening;
    const char *text; /* "<- 127.0.0.1:50112" */
};

/* What epoll_ctl was told for a descriptor, so that epoll_wait's answer can
 * be read back. */
struct trace_watch {
    int epoll_fd, fd;
    uint64_t data;
};

/* A request of a ring in flight, found by what its completion will carry. */
struct trace_request {
    int ring_fd;
    uint64_t data;
    uint64_t address; /* of the bytes; 0: of nothing, or not known */
    struct trace_event call;
};

struct trace_process {
    pid_t pid;
    int tasks; /* how many threads of it are traced */
    struct trace_process *next;
    struct modules modules;
    uint64_t no_file; /* a call was made from here, which is no file's code */
    int fd_count;
    struct trace_fd *fds;
    int watch_count;
    struct trace_watch *watches;
    int request_count;
    struct trace_request *requests;
};

struct trace_task {
    pid_t tid;
    struct trace_process *process;
    struct trace_task *next;
    struct trace_event event;         /* the call it is in; name NULL: none */
    const struct trace_frames *maker; /* the call that made this thread */
    uint64_t stack_far;               /* see unwind_frames */
    bool told;
    bool hidden;  /* not yet the program: before the first exec */
    bool in_step; /* seen entering or leaving a call: they take turns now */
};

/* The chain of callers behind a site; the key by which a site is found. */
struct trace_frames {
    struct trace_site site;
    struct trace_frames *next_in_bucket, *next;
    const struct elf_file *program;    /* NULL: unknown */
    const struct elf_file *entry_file; /* the library... */
    uint64_t entry;                    /* ...and function that was called */
    const struct trace_frames *maker;  /* of a thread without own code */
    bool resolved, has_main;
    size_t count;
    uint64_t addresses[FRAMES_MAX];
};

struct arena_block {
    struct arena_block *next;
    size_t used;
    char bytes[];
};

struct addr2line;
struct marks;

struct trace {
    struct trace_options options;
    struct trace_task *tasks[TASK_BUCKETS], *last_task;
    struct trace_process *processes;
    size_t task_count;
    struct elf_file *files;
    struct trace_frames *sites[SITE_BUCKETS];
    struct trace_frames *first_site, **last_site;
    struct addr2line *translators;
    struct marks *marks;
    struct arena_block *arena;
    struct trace_event *events;
    size_t event_count, event_room;
    bool out_of_memory, sorted, attached, executed, begun, ending;
    bool saw_line, saw_source, saw_mark, seen_main;
    bool saw_addr2line, no_addr2line; /* it answered once; it did not once */
    int64_t epoch_ns;
    atomic_int first_pid;
    int status;
    struct rusage usage;
    atomic_bool let_go;
    char fault[400];
};

/* trace.c */
/* Strings that live as long as the trace; "" when memory ran out. */
const char *trace_keep(struct trace *t, const char *text);
const char *trace_keep_format(struct trace *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void *trace_allocate(struct trace *t, size_t size);
int64_t trace_now(const struct trace *t);
/* Hands an event to whoever wants it. */
void trace_emit(struct trace *t, struct trace_event *event);

/* trace_tasks.c */
struct trace_task *task_find(struct trace *t, pid_t tid);
struct trace_task *task_add(struct trace *t, pid_t tid, pid_t pid);
/* Tells that it has begun: at its first exec, at its birth, when attached. */
void task_begins(struct trace *t, const struct trace_task *task);
void task_remove(struct trace *t, struct trace_task *task, int status);
void task_rename(struct trace *t, struct trace_task *task, pid_t tid);
void process_execs(struct trace *t, struct trace_process *process);
void tasks_free(struct trace *t);
/* The thread group that `tid` belongs to, from /proc; `tid` if unknown. */
pid_t process_of(pid_t tid);

/* trace_stops.c: options for PTRACE_SEIZE; what to do about a stop. */
unsigned long stops_options(const struct trace *t);
/* Waits for one stop and handles it. 0, or -1 with errno. */
int stops_wait(struct trace *t);
/* Handles the stop `status` of `tid` and sets the thread going again. */
int stops_handle(struct trace *t, pid_t tid, int status,
                 const struct rusage *usage);

/* trace_fds.c */
struct trace_fd *fd_describe(struct trace *t, struct trace_process *process,
                             int fd);
void fd_forget(struct trace_process *process, int fd);
void fd_accepted(struct trace *t, struct trace_process *process, int fd);
/* It may have changed: look at it again when it is next met. */
void fd_ask_again(struct trace_process *process, int fd);
bool fd_nonblocking(struct trace *t, struct trace_process *process, int fd);
void watch_set(struct trace_process *process, int epoll_fd, int fd,
               uint64_t data);
int watch_find(const struct trace_process *process, int epoll_fd,
               uint64_t data);

/* trace_decode.c: which descriptor a call acts on (always), and its texts. */
void decode_enter(struct trace *t, struct trace_task *task);
void decode_return(struct trace *t, struct trace_task *task);
bool trace_read(pid_t tid, uint64_t address, void *bytes, size_t length);
/* trace_ring.c: what io_uring_enter hands over, and what it finds done. */
void ring_enter(struct trace *t, struct trace_task *task);
void ring_leave(struct trace *t, struct trace_task *task);
/* trace_story.c: sleep_ns and story. */
void story_tell(struct trace *t, struct trace_task *task);

/* trace_source.c */
const struct trace_site *site_here(struct trace *t, struct trace_task *task,
                                   const struct registers *registers,
                                   bool *in_program);
void site_resolve(struct trace *t, struct trace_frames *frames);
void source_free(struct trace *t);

/* trace_marks.c: the mark above `line` of the source at `path` in the same
 * function, "wait:select", or NULL. `*readable` says whether it was read. */
const char *marks_find(struct trace *t, const char *path, int line,
                       const char *program, bool *readable);
void marks_free(struct trace *t);

#endif

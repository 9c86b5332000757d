/* SPDX-License-Identifier: MIT */
/*
 * The ring from its three system calls. See io_uring_setup(2),
 * io_uring_enter(2) and io_uring_register(2).
 *
 * Two processors share the queues' memory: ours, and whichever one the kernel
 * runs on. A processor and a compiler may reorder plain reads and writes, so
 * each index is read and written with a barrier:
 *
 *   we write a request, then the tail    tail: release. Whoever sees the new
 *                                        tail sees the request, too.
 *   the kernel reads it, then moves      head: acquire. When we see the new
 *   the head                             head, it has read the old request,
 *                                        and we may write over it.
 *   the kernel writes a completion,      tail: acquire. When we see the new
 *   then the tail                        tail, the completion is there.
 *   we read it, then move the head       head: release. When the kernel sees
 *                                        the new head, we have read it, and
 *                                        the kernel may write over it.
 *
 * An index that only we write is read without a barrier: we know what we wrote.
 * Indices are never reduced: they run on through 2^32, `index & (entries - 1)`
 * is the place in the queue, and tail - head is the number of entries in it.
 */
#include "asyncio/uring.h"

#include "common/report.h"

#include <errno.h>
#include <linux/time_types.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the code below builds on: one mapping for both queues (5.4), results
 * kept by the kernel when the queue is full (5.5), readiness without a kernel
 * thread for each request (5.7), a signal mask and a timeout in
 * io_uring_enter (5.11). */
static const unsigned needed_features =
    IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL |
    IORING_FEAT_EXT_ARG;

static int setup(unsigned entries, struct io_uring_params *params)
{
    /* [setup:ring] The kernel makes the queues and a descriptor for them. */
    return (int)syscall(SYS_io_uring_setup, entries, params);
}

static void *map(const struct uring *ring, size_t size, off_t offset)
{
    /* [setup:map] The same memory, in our address space. */
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                ring->fd, offset);
}

/* Where everything lies in the memory that was mapped. */
static void find_queues(struct uring *ring, const struct io_uring_params *p)
{
    char *base = ring->queues;
    unsigned *array = (unsigned *)(base + p->sq_off.array);
    ring->sq_head = (atomic_uint *)(base + p->sq_off.head);
    ring->sq_tail = (atomic_uint *)(base + p->sq_off.tail);
    ring->sq_flags = (atomic_uint *)(base + p->sq_off.flags);
    ring->sq_entries = p->sq_entries;
    ring->cq_head = (atomic_uint *)(base + p->cq_off.head);
    ring->cq_tail = (atomic_uint *)(base + p->cq_off.tail);
    ring->cq_entries = p->cq_entries;
    ring->cqes = (struct io_uring_cqe *)(base + p->cq_off.cqes);
    /* The submission queue is a queue of numbers of requests, so that requests
     * can go out in another order than they lie in. We need no other order:
     * place i holds number i, once and for all. */
    for (unsigned i = 0; i < ring->sq_entries; i++)
        array[i] = i;
}

static int map_queues(struct uring *ring, const struct io_uring_params *p)
{
    size_t sq_size = p->sq_off.array + p->sq_entries * sizeof(unsigned);
    size_t cq_size =
        p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
    ring->queues_size = sq_size > cq_size ? sq_size : cq_size;
    ring->sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
    ring->queues = map(ring, ring->queues_size, IORING_OFF_SQ_RING);
    if (ring->queues == MAP_FAILED)
        return -1;
    ring->sqes = map(ring, ring->sqes_size, IORING_OFF_SQES);
    if (ring->sqes == MAP_FAILED) {
        (void)munmap(ring->queues, ring->queues_size);
        return -1;
    }
    find_queues(ring, p);
    return 0;
}

int uring_open(struct uring *ring, unsigned entries, unsigned completions,
               unsigned wish)
{
    const unsigned always = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    if (completions < entries)
        completions = entries; /* the kernel would say EINVAL */
    struct io_uring_params p = {.flags = always | wish,
                                .cq_entries = completions};
    memset(ring, 0, sizeof *ring);
    ring->fd = setup(entries, &p);
    if (ring->fd < 0 && errno == EINVAL && wish != 0) {
        p = (struct io_uring_params){.flags = always,
                                     .cq_entries = completions};
        ring->fd = setup(entries, &p);
    }
    if (ring->fd < 0)
        return -1;
    ring->setup = p.flags;
    if ((p.features & needed_features) != needed_features)
        errno = ENOSYS;
    else if (map_queues(ring, &p) == 0)
        return 0;
    int saved = errno;
    (void)close(ring->fd);
    errno = saved;
    return -1;
}

void uring_close(struct uring *ring)
{
    (void)munmap(ring->sqes, ring->sqes_size);
    (void)munmap(ring->queues, ring->queues_size);
    /* [end:ring] */
    (void)close(ring->fd);
}

/* The sysctl that forbids io_uring to all (2), or to all but privileged
 * processes and a group (1); 0 where it allows it, or the kernel (before 6.6)
 * has none. */
static int disabled_by_sysctl(void)
{
    FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    int value = 0;
    if (file == NULL)
        return 0;
    if (fscanf(file, "%d", &value) != 1)
        value = 0;
    (void)fclose(file); /* only read */
    return value;
}

static const char *likely_cause(int error)
{
    switch (error) {
    case ENOSYS:
        return "the kernel is older than 5.11, was built without io_uring, or "
               "a sandbox hides it; a newer kernel has it";
    case EPERM:
    case EACCES:
        if (disabled_by_sysctl() != 0)
            return "/proc/sys/kernel/io_uring_disabled forbids it; root allows "
                   "it with `sysctl kernel.io_uring_disabled=0`";
        return "a seccomp profile forbids it, as a container's does by "
               "default; start the container with `--security-opt "
               "seccomp=unconfined`, or try outside of it";
    case ENOMEM:
        return "too little memory may be locked (see `ulimit -l`), or the "
               "memory of a container is used up; try fewer --max-clients";
    case EMFILE:
    case ENFILE:
        return "no descriptor is free for the ring (see `ulimit -n`)";
    default:
        return "no usual cause";
    }
}

_Noreturn void uring_not_available(int error)
{
    die(EXIT_NOT_AVAILABLE,
        "no io_uring here: %s (%s): %s. `make doctor` tells more.",
        errno_name(error), strerror(error), likely_cause(error));
}

struct io_uring_sqe *uring_request(struct uring *ring)
{
    unsigned head = atomic_load_explicit(ring->sq_head, memory_order_acquire);
    if (ring->sq_filled - head == ring->sq_entries)
        return NULL;
    return &ring->sqes[ring->sq_filled++ & (ring->sq_entries - 1)];
}

int uring_enter(struct uring *ring, unsigned wait, int sleep_ms,
                const sigset_t *mask)
{
    struct __kernel_timespec t = {.tv_sec = sleep_ms / 1000,
                                  .tv_nsec = sleep_ms % 1000 * 1000000LL};
    struct io_uring_getevents_arg limits = {
        .sigmask = (uintptr_t)mask,
        .sigmask_sz = _NSIG / 8, /* the kernel's own size of a signal set */
        .ts = sleep_ms < 0 ? 0 : (uintptr_t)&t};
    unsigned flags = IORING_ENTER_EXT_ARG;
    /* What is new is what the kernel has not taken yet. Its own head says so:
     * after a call that was cut short there is nothing to put right. */
    unsigned head = atomic_load_explicit(ring->sq_head, memory_order_acquire);
    unsigned requests = ring->sq_filled - head;
    atomic_store_explicit(ring->sq_tail, ring->sq_filled, memory_order_release);
    if (wait > 0 || uring_overflowed(ring))
        flags |= IORING_ENTER_GETEVENTS;
    else if (requests == 0)
        return 0;
    /* [wait:enter] Requests in; asleep until a completion, the time limit or
     * a signal. */
    int taken = (int)syscall(SYS_io_uring_enter, ring->fd, requests, wait,
                             flags, &limits, sizeof limits);
    if (taken < 0 && (errno == ETIME || errno == EBUSY))
        return 0;
    return taken;
}

bool uring_reap(struct uring *ring, struct completion *done)
{
    unsigned head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
    if (head == atomic_load_explicit(ring->cq_tail, memory_order_acquire))
        return false;
    const struct io_uring_cqe *cqe = &ring->cqes[head & (ring->cq_entries - 1)];
    *done = (struct completion){cqe->user_data, cqe->res, cqe->flags};
    atomic_store_explicit(ring->cq_head, head + 1, memory_order_release);
    return true;
}

bool uring_overflowed(const struct uring *ring)
{
    unsigned flags = atomic_load_explicit(ring->sq_flags, memory_order_relaxed);
    return (flags & IORING_SQ_CQ_OVERFLOW) != 0;
}

int uring_register(struct uring *ring, unsigned what, void *argument,
                   unsigned count)
{
    /* Without a mark: the caller's tells what is lent, or taken back. */
    return (int)syscall(SYS_io_uring_register, ring->fd, what, argument, count);
}

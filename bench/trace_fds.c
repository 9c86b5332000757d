/* SPDX-License-Identifier: MIT */
/*
 * What a descriptor of a traced process is. A socket is asked itself: with
 * pidfd_getfd(2) we hold the same one for a moment. Each answer is kept until
 * the descriptor is closed or made anew.
 */
#include "bench/trace_private.h"

#include "common/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS_MAX = 1 << 20 };

static struct trace_fd *slot(struct trace_process *process, int fd)
{
    if (fd < 0 || fd >= FDS_MAX)
        return NULL;
    if (fd >= process->fd_count) {
        int count = fd < 32 ? 64 : 2 * fd;
        struct trace_fd *fds =
            realloc(process->fds, (size_t)count * sizeof *fds);
        if (fds == NULL)
            return NULL;
        memset(fds + process->fd_count, 0,
               (size_t)(count - process->fd_count) * sizeof *fds);
        process->fds = fds;
        process->fd_count = count;
    }
    return &process->fds[fd];
}

static int borrow(pid_t pid, int fd)
{
    int process = pidfd_open(pid, 0);
    if (process < 0)
        return -1;
    int copy = pidfd_getfd(process, fd, 0);
    (void)close(process);
    return copy;
}

/* True when the process listens at `address`: then a connection with this
 * near end came from outside. For processes that we attached to. */
static bool listens_at(const struct trace_process *process, const char *address)
{
    for (int i = 0; i < process->fd_count; i++) {
        const struct trace_fd *other = &process->fds[i];
        if (other->known && other->listening &&
            strcmp(strrchr(other->text, ' ') + 1, address) == 0)
            return true;
    }
    return false;
}

static void describe_socket(struct trace *t, struct trace_process *process,
                            struct trace_fd *slot_of, int copy)
{
    char near[ADDRESS_TEXT_MAX], far[ADDRESS_TEXT_MAX];
    int listening = 0;
    socklen_t length = sizeof listening;
    struct address peer = {.length = sizeof peer.bytes};
    (void)getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length);
    slot_of->nonblocking = (fcntl(copy, F_GETFL) & O_NONBLOCK) != 0;
    slot_of->listening = listening != 0;
    address_of_socket(copy, near);
    if (listening) {
        slot_of->text = trace_keep_format(t, "listening on %s", near);
    } else if (getpeername(copy, (struct sockaddr *)&peer.bytes, &peer.length) <
               0) {
        slot_of->text = trace_keep(t, "socket");
        slot_of->known = false; /* ask again once it is connected */
    } else {
        bool in = slot_of->accepted || listens_at(process, near);
        address_of_peer(copy, far);
        if (strcmp(far, "unix:") == 0)
            (void)snprintf(far, sizeof far, "%s", near);
        slot_of->text = trace_keep_format(t, "%s %s", in ? "<-" : "->", far);
    }
}

/* "pipe:[123]" -> "pipe"; "anon_inode:[eventpoll]" -> "epoll". */
static const char *plain_file(const char *target, char text[128])
{
    static const char *const kinds[][2] = {
        {"pipe:", "pipe"},
        {"socket:", "socket"},
        {"anon_inode:[eventpoll]", "epoll"},
        {"anon_inode:[eventfd]", "eventfd"},
        {"anon_inode:[signalfd]", "signalfd"},
        {"anon_inode:[timerfd]", "timerfd"},
        {"anon_inode:[io_uring]", "io_uring"},
        {"/dev/pts/", "terminal"},
        {"/dev/tty", "terminal"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(target, kinds[i][0], strlen(kinds[i][0])) == 0)
            return kinds[i][1];
    size_t length = strlen(target);
    snprintf(text, 128, "%s%.100s", length > 40 ? "..." : "",
             length > 40 ? target + length - 37 : target);
    return text;
}

/* O_NONBLOCK of what cannot be borrowed, from /proc. */
static bool flags_nonblocking(pid_t pid, int fd)
{
    char path[64], line[128];
    unsigned long flags = 0;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, fd);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "flags:", 6) == 0)
            flags = strtoul(line + 6, NULL, 8);
    if (file)
        (void)fclose(file);
    return (flags & O_NONBLOCK) != 0;
}

struct trace_fd *fd_describe(struct trace *t, struct trace_process *process,
                             int fd)
{
    char path[64], target[512], text[128];
    struct trace_fd *s = slot(process, fd);
    if (s == NULL || s->known)
        return s;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", process->pid, fd);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return NULL; /* not open */
    target[n] = '\0';
    s->known = true;
    int copy =
        strncmp(target, "socket:", 7) == 0 ? borrow(process->pid, fd) : -1;
    if (copy >= 0) {
        describe_socket(t, process, s, copy);
        (void)close(copy);
    } else {
        s->nonblocking = flags_nonblocking(process->pid, fd);
        s->text = trace_keep(t, plain_file(target, text));
    }
    return s;
}

bool fd_nonblocking(struct trace *t, struct trace_process *process, int fd)
{
    const struct trace_fd *s = fd_describe(t, process, fd);
    return s && s->nonblocking;
}

void fd_forget(struct trace_process *process, int fd)
{
    if (fd >= 0 && fd < process->fd_count)
        process->fds[fd] = (struct trace_fd){.known = false};
    for (int i = process->watch_count - 1; i >= 0; i--)
        if (process->watches[i].fd == fd || process->watches[i].epoll_fd == fd)
            process->watches[i] = process->watches[--process->watch_count];
}

void fd_ask_again(struct trace_process *process, int fd)
{
    if (fd >= 0 && fd < process->fd_count)
        process->fds[fd].known = false;
}

void fd_accepted(struct trace *t, struct trace_process *process, int fd)
{
    struct trace_fd *s;
    fd_forget(process, fd);
    if ((s = slot(process, fd)))
        s->accepted = true;
    (void)t;
}

void watch_set(struct trace_process *process, int epoll_fd, int fd,
               uint64_t data)
{
    struct trace_watch *w = process->watches;
    int i;
    for (i = 0; i < process->watch_count; i++)
        if (w[i].epoll_fd == epoll_fd && w[i].fd == fd)
            break;
    if (i == process->watch_count) {
        if (i % 64 == 0) {
            w = realloc(w, ((size_t)i + 64) * sizeof *w);
            if (w == NULL)
                return;
            process->watches = w;
        }
        process->watch_count++;
    }
    w[i] = (struct trace_watch){epoll_fd, fd, data};
}

int watch_find(const struct trace_process *process, int epoll_fd, uint64_t data)
{
    for (int i = 0; i < process->watch_count; i++)
        if (process->watches[i].epoll_fd == epoll_fd &&
            process->watches[i].data == data)
            return process->watches[i].fd;
    return -1;
}

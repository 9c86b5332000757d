/* SPDX-License-Identifier: MIT */
/*
 * The load in a process of its own: its CPU, its descriptors and its place are
 * then not the bench's. The two talk by single bytes over a socket pair, and
 * the result lies in memory that both share.
 */
#include "bench/load.h"

#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: the next part is over; wait for leave to go on. When the bench
 * is gone the read ends, and so does the load. */
static void wait_for_leave(void *data)
{
    const int *control = data;
    char byte = '.';
    if (send(*control, &byte, 1, MSG_NOSIGNAL) != 1 ||
        recv(*control, &byte, 1, 0) != 1)
        _exit(1);
}

int load_start(struct load_process *load, const struct load_plan *plan)
{
    int pair[2];
    load->result = mmap(NULL, sizeof *load->result, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (load->result == MAP_FAILED)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        (load->pid = fork()) < 0) {
        int saved = errno;
        (void)munmap(load->result, sizeof *load->result);
        errno = saved;
        return -1;
    }
    if (load->pid == 0) {
        struct load_hooks hooks = {wait_for_leave, wait_for_leave, &pair[1]};
        /* Ctrl-C is for the bench, which then ends the load by SIGTERM. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGTERM, SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)close(pair[0]);
        _exit(load_run(plan, load->result, &hooks) < 0);
    }
    (void)close(pair[1]);
    load->control = pair[0];
    return 0;
}

int load_wait(struct load_process *load, int timeout_ms)
{
    struct pollfd said = {.fd = load->control, .events = POLLIN};
    int64_t until = now_ms() + timeout_ms;
    char byte;
    int ready;
    do {
        int64_t left = until - now_ms();
        ready = poll(&said, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    if (ready <= 0)
        return -1;
    if (recv(load->control, &byte, 1, 0) == 1)
        return 0;
    errno = ECHILD;
    return -1;
}

int load_go(struct load_process *load)
{
    return send(load->control, ".", 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

void load_end(struct load_process *load)
{
    if (load->pid <= 0)
        return;
    /* Without leave to go on it ends by itself; a stuck one is helped. */
    (void)close(load->control);
    (void)kill(load->pid, SIGTERM);
    while (waitpid(load->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)munmap(load->result, sizeof *load->result);
    load->pid = 0;
}

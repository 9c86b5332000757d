/* SPDX-License-Identifier: MIT */
/*
 * in_vain: stands between an exercise's server and recv and send, and counts
 * the calls that found nothing ready (EAGAIN). A server that sleeps until a
 * socket is ready makes hardly any; one that asks everybody makes many, and
 * its answers are just as right. Linked with -Wl,--wrap=recv,--wrap=send.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static unsigned long recv_in_vain, send_in_vain, sent;

ssize_t __real_recv(int fd, void *bytes, size_t length, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);

ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags)
{
    ssize_t n = __real_recv(fd, bytes, length, flags);
    recv_in_vain += n < 0 && errno == EAGAIN;
    return n;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
    ssize_t n = __real_send(fd, bytes, length, flags);
    send_in_vain += n < 0 && errno == EAGAIN;
    sent += n >= 0;
    return n;
}

/* One line at the end of each run, behind those of other runs. */
__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("EXERCISE_IN_VAIN");
    FILE *file = path ? fopen(path, "ae") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "%lu recv, %lu send, %lu sent\n", recv_in_vain, send_in_vain,
            sent);
    fclose(file);
}

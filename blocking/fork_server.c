/* SPDX-License-Identifier: MIT */
/*
 * fork_server: a process for each client.
 *
 * Shows
 *   - the serial server's code, run in a process for each client: a crash
 *     there ends that client only;
 *   - a child that has ended is a zombie until its parent asks for it; one
 *     SIGCHLD may stand for many, so the parent asks until none is left;
 *   - --prefork N: N processes sleep in accept, and one is woken for each.
 *
 * Who waits, who copies: each child sleeps in recv (wait); the same call
 * copies. The parent sleeps in ppoll: accept cannot let SIGCHLD in meanwhile.
 * Processes and ownership: the child owns its connection. It alone writes the
 * counts in its slot of shared memory; the parent reads them after its end.
 * Limits: --max-clients; a fork costs more than a pthread_create.
 * Try it
 *   build/blocking/fork_server
 *   build/blocking/blocking_client            (in other terminals, twice)
 * Note: notes/03-blocking.md
 * Compare: blocking/serial_server.c, blocking/thread_server.c
 */
#include "common/buffer.h"
#include "common/clock.h"
#include "common/farewell.h"
#include "common/server.h"
#include "common/sockets.h"
#include "common/stop.h"
#include "common/timers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the children have to end before they are killed. */
enum { FAREWELL_MS = STOP_GRACE_MS + 1000, PROCESSES_MAX = 32768 };

/* One place in the shared memory. */
struct child {
    pid_t pid;          /* 0: free; the parent's, as the child lives */
    bool has_client;    /* the child's, as all that follows */
    struct stats stats; /* of all its clients */
};

struct client {
    int fd;
    int64_t active_ms; /* when its last answer had gone out whole */
    struct stats *stats;
    struct buffer buffer;
};

struct server {
    struct server_options options;
    struct stats stats; /* the parent's, and of children that have ended */
    struct timers timers;
    sigset_t wait_mask; /* lets our signals in, during ppoll only */
    long prefork;       /* 0: fork when a client comes */
    int listen_fd;
    long alive; /* children */
    long slot_count;
    struct child *slots;
    struct child *self;   /* in a child: its slot */
    struct client client; /* in a child: the one and only */
};

/* In a child: its client's descriptor, or -1 between two clients. */
static volatile sig_atomic_t client_fd = -1;

static void drop_client(struct server *s, struct client *c)
{
    server_tell(&s->options, c->fd, "leaves");
    farewell_linger(c->fd);
    c->stats->served++;
    s->self->has_client = false;
    stop_wakes(STOP_CLIENT, client_fd = -1);
    /* [end:close] The last descriptor of this connection: now it ends. */
    close(c->fd);
}

/* What a call that gave up with `error` means. True: try it again. */
static bool carry_on(struct server *s, struct client *c, int error)
{
    if (error == EINTR)
        return true; /* end_child() has shut the socket down: it will tell */
    if (error == EAGAIN && !timers_idle(&s->timers, c->active_ms))
        return true;
    if (error == EAGAIN) /* SO_RCVTIMEO or SO_SNDTIMEO has run out */
        c->stats->idle++;
    else
        server_client_failed(&s->options, c->fd, error, c->stats);
    return false;
}

/* Bytes in, service applied. False when this client's conversation is over. */
static bool receive(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    ssize_t n;
    do {
        /* [wait+copy:recv] Phase 1 and 2 in one call: this process sleeps until
         * its client has bytes, then they are copied. The others run on. */
        n = recv(c->fd, b->bytes, BUFFER_SIZE, 0);
    } while (n < 0 && carry_on(s, c, errno));
    if (n <= 0)
        return false;
    c->stats->bytes_in += (size_t)n;
    buffer_fill(b, (size_t)n);
    /* [work:service] */
    s->options.service->apply(b->bytes, (size_t)n);
    return true;
}

/* Bytes out, all of them. False when the client is gone. */
static bool reply(struct server *s, struct client *c)
{
    struct buffer *b = &c->buffer;
    while (buffer_unsent_length(b) > 0) {
        /* [copy:send] Sleeps only when the kernel's buffer has no room: a
         * client that does not read. */
        ssize_t n = send(c->fd, buffer_unsent(b), buffer_unsent_length(b),
                         MSG_NOSIGNAL);
        int error = n < 0 ? errno : EAGAIN; /* a part: the time ran out */
        if (n > 0) {
            c->stats->bytes_out += (size_t)n;
            buffer_sent(b, (size_t)n);
        }
        if (buffer_unsent_length(b) > 0 && !carry_on(s, c, error))
            return false;
    }
    c->active_ms = now_ms();
    return true;
}

/* In a child: one conversation from beginning to end. */
static void serve_client(struct server *s, int fd)
{
    struct client *c = &s->client;
    stop_wakes(STOP_CLIENT, c->fd = client_fd = fd);
    c->active_ms = now_ms();
    c->stats = &s->self->stats;
    s->self->has_client = true;
    (void)socket_set_timeout(fd, s->options.idle_timeout_ms);
    server_tell(&s->options, fd, "connected");
    sigprocmask(SIG_SETMASK, &s->wait_mask, NULL); /* now SIGTERM may come */
    while (receive(s, c) && reply(s, c))
        ;
    drop_client(s, c);
}

/* SIGTERM in a child. Between two clients there is nothing to lose; otherwise
 * the shutdown ends its recv or send, and it counts and ends by itself. */
static void end_child(int signal_number)
{
    int saved = errno;
    if (client_fd < 0 || stop_requested())
        _exit(0); /* a second one: the parent is gone */
    stop_request(signal_number);
    (void)shutdown(client_fd, SHUT_RD); /* ENOTCONN: it is gone already */
    (void)alarm(STOP_GRACE_MS / 1000);  /* then stop.c shuts the other half */
    errno = saved;
}

/* A child's life, for the client `fd` or (-1) for whoever comes. */
static _Noreturn void live(struct server *s, int fd, pid_t parent)
{
    (void)signal(SIGTERM, end_child);
    (void)signal(SIGINT, SIG_IGN); /* Ctrl-C comes to all: the parent acts */
    timers_start(&s->timers, s->options.idle_timeout_ms);
    /* The parent's death is a SIGTERM, unless it is dead already. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        _exit(1);
    if (fd >= 0) {
        close(s->listen_fd); /* the parent's alone */
        serve_client(s, fd);
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &s->wait_mask, NULL);
    while (!stop_requested()) {
        /* [wait+copy:accept] N processes sleep here, and one is woken. */
        if ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
            serve_client(s, fd);
        else
            timers_accept_failed(&s->timers, errno, &s->self->stats);
        if (!timers_may_accept(&s->timers))
            nap_us(ACCEPT_PAUSE_MS * 1000);
    }
    _exit(0);
}

/* The child with this `pid`, or a free slot for 0. NULL: none; a process can
 * have children that it did not make, inherited through exec. */
static struct child *find_child(struct server *s, pid_t pid)
{
    for (long i = 0; i < s->slot_count; i++)
        if (s->slots[i].pid == pid)
            return &s->slots[i];
    return NULL;
}

/* A process for `fd`, or a --prefork one for -1. False when there is none to
 * be had. */
static bool start_child(struct server *s, int fd)
{
    struct child *child = find_child(s, 0); /* there is one */
    pid_t parent = getpid();
    *child = (struct child){.has_client = fd >= 0};
    /* [setup:fork] From here on two processes hold the connection. */
    pid_t pid = fork();
    if (pid == 0) {
        s->self = child;
        live(s, fd, parent);
    }
    if (pid < 0) {
        warn("fork: %s", errno_name(errno));
        return false;
    }
    child->pid = pid;
    s->alive++;
    return true;
}

static void add_client(struct server *s)
{
    /* [copy:accept] The parent knows that somebody knocks: no sleep. */
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        timers_accept_failed(&s->timers, errno, &s->stats);
    else if (s->alive == s->slot_count)
        server_refuse(&s->options, fd, "too many clients", &s->stats);
    else if (start_child(s, fd))
        /* [end:close-copy] The child has it, too: nothing ends by this. */
        close(fd);
    else
        server_refuse(&s->options, fd, "no process left", &s->stats);
}

static void drop_children(struct server *s)
{
    int status;
    pid_t pid;
    /* [reap:waitpid] Until nobody is left who has ended: SIGCHLDs merge. */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = find_child(s, pid);
        bool crashed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        if (child == NULL)
            continue;
        if (crashed)
            warn("a child crashed: its client is gone, the others stay");
        child->stats.served += child->has_client;
        child->stats.reset += child->has_client && crashed;
        stats_add(&s->stats, &child->stats);
        child->pid = 0;
        s->alive--;
        timers_client_left(&s->timers);
        if (crashed && s->prefork) /* no storm of forks and crashes */
            s->timers.accept_at_ms = now_ms() + ACCEPT_PAUSE_MS;
    }
}

/* --prefork: as many as there should be; or we try again a little later. */
static void keep_children(struct server *s)
{
    while (s->alive < s->prefork && timers_may_accept(&s->timers))
        if (!start_child(s, -1))
            s->timers.accept_at_ms = now_ms() + ACCEPT_PAUSE_MS;
}

static void serve(struct server *s)
{
    struct pollfd listener = {.events = POLLIN};
    while (!stop_requested()) {
        struct timespec t;
        keep_children(s);
        listener.fd = s->listen_fd;
        if (s->prefork || !timers_may_accept(&s->timers))
            listener.fd = -1; /* ppoll looks past it */
        /* [wait:ppoll] The parent sleeps until somebody knocks, a child ends
         * or a stop comes. Its signals can come here and nowhere else. */
        int ready =
            ppoll(&listener, 1, timers_sleep(&s->timers, &t), &s->wait_mask);
        drop_children(s);
        if (ready > 0)
            add_client(s);
    }
}

/* Asked first; whoever does not end in time (stopped, perhaps) is killed. */
static void end_children(struct server *s)
{
    for (int sign = SIGTERM; s->alive > 0; sign = SIGKILL) {
        int64_t until = now_ms() + FAREWELL_MS, now;
        for (long i = 0; i < s->slot_count; i++)
            if (s->slots[i].pid != 0)
                (void)kill(s->slots[i].pid, sign); /* ours: not reaped yet */
        /* A newcomer is refused from now on. close() would not do: the
         * children of --prefork have the listener, too. */
        (void)shutdown(s->listen_fd, SHUT_RDWR);
        while (s->alive > 0 && (now = now_ms()) < until) {
            struct timespec t = timespec_of_us((until - now) * 1000);
            /* [wait:ppoll-children] Asleep until the next one has ended. */
            (void)ppoll(NULL, 0, &t, &s->wait_mask);
            drop_children(s);
        }
    }
}

static void note_death(int signal_number)
{
    (void)signal_number; /* ppoll has returned: that is all it is for */
}

/* Before any child: the third signal, and the memory that all share. */
static void found_family(struct server *s)
{
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    sigprocmask(SIG_BLOCK, &deaths, NULL);
    (void)signal(SIGCHLD, note_death);
    sigdelset(&s->wait_mask, SIGCHLD);
    s->slot_count = s->prefork ? s->prefork : s->options.max_clients;
    /* [setup:mmap] Memory that fork shares and does not copy. */
    s->slots = mmap(NULL, (size_t)s->slot_count * sizeof *s->slots,
                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s->slots == MAP_FAILED)
        die_errno("memory for %ld children", s->slot_count);
}

int main(int argc, char **argv)
{
    static struct server s;
    const struct option_spec more[] = {
        {'p', "prefork", "N", "N processes, made first, that all accept",
         OPTION_NUMBER, &s.prefork, 1, PROCESSES_MAX},
        {.name = NULL}};
    server_options_parse(&s.options, argc, argv, "fork",
                         "A process sleeps for each client.", PROCESSES_MAX,
                         more);
    stop_catch(&s.wait_mask);
    found_family(&s);
    timers_start(&s.timers, 0); /* the children look after idle clients */
    /* The --prefork processes are to sleep in accept, the parent never. */
    s.listen_fd = server_listen(&s.options, s.prefork ? 0 : SOCK_NONBLOCK);
    serve(&s);
    end_children(&s);
    close(s.listen_fd);
    munmap(s.slots, (size_t)s.slot_count * sizeof *s.slots);
    server_end(&s.options, &s.stats);
    return 0;
}

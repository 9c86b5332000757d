/* SPDX-License-Identifier: MIT */
/* The start: a kernel that refuses what a server needs to begin. It must
 * begin all the same, or say in one line why not and end with status 1 (2 for
 * what was typed wrong, 77 for what this machine lacks). */
#include "tests/faults.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"
#include "tests/bad.h"
#include "tests/injector.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 32 };

/* The server's own words behind `words`; NULL ends them. */
static void add_words(const struct target *target, const char **argv, int count,
                      const char *listen)
{
    argv[count++] = target->server;
    argv[count++] = "--listen";
    argv[count++] = listen;
    for (int i = 0; i < 4 && target->model->args[i] != NULL; i++)
        argv[count++] = target->model->args[i];
    argv[count] = NULL;
}

/* The one line that says why; `said` is all of standard error. */
static void expect_reason(int status, int due, const char *said)
{
    require(WIFEXITED(status), "signal %d ended it: %.300s", WTERMSIG(status),
            said);
    require(WEXITSTATUS(status) == due, "status %d where %d is due: %.300s",
            WEXITSTATUS(status), due, said);
    require(count_lines(said) >= 1 && count_lines(said) <= 3 &&
                strchr(said, ':') != NULL,
            "it does not say why in a line: '%.300s'", said);
}

static void expect_no_start(const struct target *target, const char *listen,
                            int due)
{
    const char *argv[MOST_WORDS];
    struct run run = {.argv = argv};
    add_words(target, argv, 0, listen);
    run_program(&run);
    expect_reason(W_EXITCODE(run.status, 0), due, run.errors);
    run_free(&run);
}

static void bad_addresses(const struct target *target)
{
    static const char *const wrong[] = {"127.0.0.1:70000", "127.0.0.1:80x",
                                        "127.0.0.1:-1",    "256.1.1.1:80",
                                        "127.0.0.1",       "%n%s:1"};
    struct address any;
    char taken[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_no_start(target, wrong[i], EXIT_USAGE);
    expect_no_start(target, "192.0.2.1:0", EXIT_CANNOT_START);
    if (target->kind == TARGET_DATAGRAM || target->kind == TARGET_HEARTBEAT)
        return;
    (void)address_parse("127.0.0.1:0", &any);
    int fd = socket_listen(&any, 0);
    require(fd >= 0, "a port to be taken: %s", errno_name(errno));
    expect_no_start(target, address_of_socket(fd, taken), EXIT_CANNOT_START);
    (void)close(fd);
}

/* Nobody but this machine, unless told otherwise; and then a warning. */
static void open_to_all(const struct target *target)
{
    struct server server;
    char said[TEXT_SIZE];
    server_start(&server, target, &usual_start);
    require(strncmp(server.address, "127.0.0.1:", 10) == 0, "it listens on %s",
            server.address);
    (void)spawn_end(&server.child, SIGTERM, 5000, NULL);
    (void)close(server.error_fd);
    server_start(&server, target, &(struct start){.listen = "*:0"});
    server_errors(&server, said);
    (void)spawn_end(&server.child, SIGTERM, 5000, NULL);
    (void)close(server.error_fd);
    require(strstr(said, "warning") != NULL,
            "everybody can connect, and it does not warn");
}

/* In the child: the call `number` fails with `error` from now on. This is what
 * a container's sandbox does to io_uring. */
struct ban {
    long number;
    int error;
};

static void ban_call(void *data)
{
    const struct ban *ban = data;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ban->number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)ban->error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(126);
}

/* Starts it with a ban: it serves, or ends with a reason and `due`. */
static void start_banned(const struct target *target, struct ban ban, int due)
{
    const char *argv[MOST_WORDS];
    struct child child;
    char said[4096] = "";
    const struct spawn spawn = {.argv = (char *const *)argv,
                                .prepare = ban_call,
                                .data = &ban,
                                .catch_error = 1};
    add_words(target, argv, 0, "127.0.0.1:0");
    require(spawn_start(&child, &spawn) == 0, "start: %s", errno_name(errno));
    bool ready = spawn_wait_ready(&child, patience_ms) == 0;
    if (!ready) {
        ssize_t n = read(child.error, said, sizeof said - 1);
        said[n > 0 ? n : 0] = '\0';
    } else {
        int fd = probe_open(target->kind, child.ready);
        const char *fault = probe_ask(target->kind, fd, 1, patience_ms);
        require(fault == NULL, "without the call it gives %s", fault);
        (void)close(fd);
    }
    int status = spawn_end(&child, ready ? SIGTERM : 0, 5000, NULL);
    if (ready)
        require(status == 0, "wait status 0x%x", (unsigned)status);
    else
        expect_reason(status, due, said);
}

/* Its runtime makes the same calls before main() does, and cannot do without
 * them. */
static void not_for_thread_sanitizer(void)
{
#if defined(__SANITIZE_THREAD__)
    skip_cell("the thread sanitizer itself needs the calls that fail");
#endif
}

static void sandboxed(const struct target *target)
{
    static const struct ban bans[] = {
        {SYS_io_uring_setup, EPERM},  {SYS_io_uring_setup, ENOSYS},
        {SYS_io_uring_setup, ENOMEM}, {SYS_io_uring_register, EINVAL},
        {SYS_epoll_create1, EMFILE},  {SYS_epoll_create1, ENOSYS},
        {SYS_prlimit64, EPERM},       {SYS_socket, EACCES}};
    not_for_thread_sanitizer();
    for (size_t i = 0; i < sizeof bans / sizeof bans[0]; i++)
        start_banned(target, bans[i],
                     bans[i].number == SYS_io_uring_setup ? EXIT_NOT_AVAILABLE
                                                          : EXIT_CANNOT_START);
}

/* One start with an error put in. Returns how often it was. */
static int start_injected(const struct target *target,
                          const struct injection *injection)
{
    const char *argv[MOST_WORDS];
    char text[2][128], said[TEXT_SIZE];
    struct injector log = {.log = "/tmp/torture-XXXXXX"};
    struct child child;
    int fd = mkstemp(log.log);
    require(fd >= 0, "mkstemp: %s", errno_name(errno));
    (void)close(fd);
    injector_words(injection, log.log, text, argv);
    add_words(target, argv, INJECTOR_WORDS, "127.0.0.1:0");
    const struct spawn spawn = {.argv = (char *const *)argv, .catch_error = 1};
    require(spawn_start(&child, &spawn) == 0, "start: %s", errno_name(errno));
    int error = dup(child.error);
    bool ready = spawn_wait_ready(&child, patience_ms) == 0;
    require(ready || errno == ECHILD, "%s %s, call %d: it hangs",
            injection->call, injection->what, injection->nth);
    int status = spawn_end(&child, ready ? SIGTERM : 0, 5000, NULL);
    ssize_t n = read(error, said, sizeof said - 1);
    said[n > 0 ? n : 0] = '\0';
    (void)close(error);
    nap_us(2000); /* strace writes its last lines when the server has gone */
    int count = injector_count(&log);
    (void)unlink(log.log);
    /* Some find out only after they have said that they listen. */
    if (!ready || status != 0)
        expect_reason(status,
                      WIFEXITED(status) && WEXITSTATUS(status) == 77 ? 77 : 1,
                      said);
    return count;
}

/* Each call of the start, the first times that it is made. */
static void errors_at_start(const struct target *target)
{
    static const struct injection table[] = {
        {"socket", "error=EMFILE", 1, false},
        {"socket", "error=ENOBUFS", 1, false},
        {"bind", "error=EACCES", 1, false},
        {"bind", "error=EADDRINUSE", 1, false},
        {"listen", "error=EADDRINUSE", 1, false},
        {"setsockopt", "error=ENOMEM", 1, true},
        {"rt_sigaction", "error=EINVAL", 1, true},
        {"epoll_create1", "error=ENOMEM", 1, false},
        {"epoll_ctl", "error=ENOSPC", 1, false},
        {"io_uring_setup", "error=EMFILE", 1, false},
        {"clone3", "error=EAGAIN", 1, false},
        {"clone3", "error=EAGAIN", 2, false},
        {"fcntl", "error=EINVAL", 1, false},
        {"prlimit64", "error=EPERM", 1, true}};
    int injected = 0, done = 0;
    if (!injector_works())
        skip_cell("strace is not here: make deps");
    injector_stays_to_the_end();
    not_for_thread_sanitizer();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++, done++)
        injected += start_injected(target, &table[i]) > 0;
    verdict->injections = injected;
    snprintf(verdict->note, sizeof verdict->note,
             "%d of %d starts met an error", injected, done);
    require(injected >= 2, "only %d errors were injected", injected);
}

const struct fault start_faults[] = {
    {"bad_addresses", "taken, foreign and impossible addresses", bad_addresses,
     EVERYBODY, 0, NULL, true, NULL},
    {"open_to_all", "loopback, or a warning", open_to_all, EVERYBODY, 0, NULL,
     true, NULL},
    {"sandboxed", "seccomp takes a call away", sandboxed, EVERYBODY, 0, NULL,
     true, NULL},
    {"errors_at_start", "each call of the start fails", errors_at_start,
     EVERYBODY, 0, NULL, true, NULL},
    {.name = NULL}};

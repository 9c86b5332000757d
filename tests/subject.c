/* SPDX-License-Identifier: MIT */
#include "tests/subject.h"

#include "common/clock.h"
#include "common/report.h"
#include "common/sockets.h"
#include "tests/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MS = 5000, MOST_ARGS = 24 };

/* What the child does between fork and exec. */
struct plan {
    int files[3]; /* become 0, 1, 2; -1 leaves one as it is */
    long descriptors, queued_signals;
    const char *const *settings;
    bool closed_streams, unread_errors;
};

static void set_limit(int what, long value)
{
    const struct rlimit limit = {(rlim_t)value, (rlim_t)value};
    if (value > 0 && setrlimit(what, &limit) < 0)
        _exit(126);
}

/* Queued signals are counted for all programs of a user together: what others
 * have in their queues would use up the few places of this one. In a user
 * namespace of its own it is counted alone. */
static void count_signals_alone(void)
{
    if (unshare(CLONE_NEWUSER) < 0)
        return; /* not allowed here: then with the others */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a change of rights clears it */
}

/* Both ends are the program's own, and it knows nothing of the reading one. */
static void errors_into_a_pipe(void)
{
    int ends[2];
    if (pipe(ends) < 0 || fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0 ||
        dup2(ends[1], STDERR_FILENO) < 0)
        _exit(126);
}

static void prepare(void *data)
{
    const struct plan *plan = data;
    for (int i = 0; i < 3; i++)
        if (plan->files[i] >= 0 && dup2(plan->files[i], i) < 0)
            _exit(126);
    if (plan->closed_streams) {
        (void)close(STDIN_FILENO);
        (void)close(STDERR_FILENO);
    }
    if (plan->unread_errors)
        errors_into_a_pipe();
    for (const char *const *s = plan->settings; s != NULL && *s != NULL; s++)
        (void)putenv((char *)*s); /* our copy: this process is about to exec */
    if (plan->queued_signals > 0)
        count_signals_alone();
    set_limit(RLIMIT_NOFILE, plan->descriptors);
    set_limit(RLIMIT_SIGPENDING, plan->queued_signals);
}

static int make_file(void)
{
    int fd = memfd_create("said", MFD_CLOEXEC);
    require(fd >= 0, "memfd_create: %s", errno_name(errno));
    return fd;
}

/* Reads `fd` from its beginning, whatever its offset is. */
static size_t read_file(int fd, char *bytes, size_t size)
{
    ssize_t n = pread(fd, bytes, size - 1, 0);
    bytes[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

int target_room(const struct target *target, int wanted)
{
    int most = target->model->most_clients;
    return most > 0 && most < wanted ? most : wanted;
}

/* The server that was started last. */
static const struct server *subject;

/* True when it has; `end` then tells how. It stays to be waited for. */
static bool has_ended(const struct server *server, siginfo_t *end)
{
    end->si_pid = 0;
    return waitid(P_PID, (id_t)server->child.pid, end,
                  WEXITED | WNOHANG | WNOWAIT) == 0 &&
           end->si_pid != 0;
}

/* Adds the end of the server, if it has ended, and the last line it said. */
static void last_words(char *text, size_t size)
{
    char said[TEXT_SIZE];
    siginfo_t end;
    if (!has_ended(subject, &end))
        return;
    char *line = (char *)server_errors(subject, said);
    for (char *c = line; (c = strchr(c, '\n')) != NULL && *++c != '\0';)
        line = c;
    snprintf(text, size, "; it had ended (%s %d)%s%.*s",
             end.si_code == CLD_EXITED ? "status" : "signal", end.si_status,
             *line ? " and said: " : "", (int)strcspn(line, "\n"), line);
}

static void begin(struct server *server, char *const *argv,
                  const struct start *start)
{
    server->error_fd = make_file();
    struct plan plan = {{-1, -1, server->error_fd}, start->descriptors,
                        start->queued_signals,      start->settings,
                        start->closed_streams,      start->unread_errors};
    const struct spawn spawn = {
        .argv = argv, .prepare = prepare, .data = &plan};
    require(spawn_start(&server->child, &spawn) == 0, "start %s: %s", argv[0],
            errno_name(errno));
    subject = server;
    peer_last_words = last_words;
}

/* A port that was free a moment ago. */
static int free_port(void)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    (void)address_parse("127.0.0.1:0", &address);
    int fd = socket_listen(&address, 0);
    require(fd >= 0, "a free port: %s", errno_name(errno));
    int port = atoi(strrchr(address_of_socket(fd, text), ':') + 1);
    (void)close(fd);
    return port;
}

/* Copies `word` with the port for {port}. */
static char *with_port(const char *word, int port)
{
    const char *place = strstr(word, "{port}");
    char *text = calloc(1, strlen(word) + 16);
    require(text != NULL, "no memory");
    if (place == NULL)
        return strcpy(text, word);
    sprintf(text, "%.*s%d%s", (int)(place - word), word, port, place + 6);
    return text;
}

/* It says nothing of being ready, so it is knocked at until it opens. */
static void start_command(struct server *server, const struct target *target,
                          const struct start *start)
{
    char *argv[MOST_ARGS] = {NULL};
    struct address address;
    siginfo_t end;
    int port = free_port(), fd = -1;
    for (int i = 0; i < MOST_ARGS - 1 && target->command[i] != NULL; i++)
        argv[i] = with_port(target->command[i], port);
    begin(server, argv, start);
    snprintf(server->child.ready, sizeof server->child.ready, "127.0.0.1:%d",
             port);
    (void)address_parse(server->child.ready, &address);
    int64_t until = now_ms() + patience_ms;
    while ((fd = socket_connect(&address, 0)) < 0) {
        require(!has_ended(server, &end), "%s does not listen on port %d",
                argv[0], port);
        require(now_ms() < until, "nobody listens on port %d", port);
        nap_us(10000);
    }
    (void)close(fd);
    server->address = server->child.ready;
    for (int i = 0; argv[i] != NULL; i++)
        free(argv[i]);
}

void server_start(struct server *server, const struct target *target,
                  const struct start *start)
{
    if (target->command != NULL) {
        start_command(server, target, start);
        return;
    }
    char *argv[MOST_ARGS] = {
        (char *)(start->wrapped ? target->wrapped_server : target->server),
        (char *)"--listen",
        (char *)(start->listen ? start->listen : "127.0.0.1:0")};
    int count = 3;
    const char *const *more = target->model->args;
    for (int i = 0; i < 4 && more[i] != NULL; i++)
        argv[count++] = (char *)more[i];
    for (more = start->args; more != NULL && *more != NULL; more++)
        argv[count++] = (char *)*more;
    begin(server, argv, start);
    if (spawn_wait_ready(&server->child, patience_ms) < 0) {
        char said[TEXT_SIZE];
        ck_abort_msg("no ready line (%s): %s%s", errno_name(errno),
                     server->child.words, server_errors(server, said));
    }
    server->address = server->child.ready;
}

static void read_summary(const struct server *server, struct summary *summary)
{
    const char *line = strstr(server->child.words, " clients served");
    require(line != NULL, "no summary line; it said: %s", server->child.words);
    while (line > server->child.words && line[-1] != '\n')
        line--;
    snprintf(summary->line, sizeof summary->line, "%.*s",
             (int)strcspn(line, "\n"), line);
    int found = sscanf(summary->line,
                       "%*[^:]: %lu clients served, %lu refused; "
                       "%llu bytes in, %llu out",
                       &summary->served, &summary->refused, &summary->bytes_in,
                       &summary->bytes_out);
    require(found == 4, "the summary line reads: %s", summary->line);
}

void server_stop(struct server *server, int signal_number,
                 struct summary *summary)
{
    char said[TEXT_SIZE];
    struct summary ignored;
    int status = spawn_end(&server->child, signal_number, STOP_MS, NULL);
    server_errors(server, said);
    require(!WIFSIGNALED(status), "signal %d ended it (9: it was too slow); %s",
            WTERMSIG(status), said);
    require(WEXITSTATUS(status) == 0, "exit status %d; it said: %s",
            WEXITSTATUS(status), said);
    read_summary(server, summary ? summary : &ignored);
    (void)close(server->error_fd);
}

void server_freeze(const struct server *server)
{
    siginfo_t info;
    require(kill(server->child.pid, SIGSTOP) == 0, "the server is gone");
    require(waitid(P_PID, (id_t)server->child.pid, &info, WSTOPPED | WEXITED) ==
                    0 &&
                info.si_code == CLD_STOPPED,
            "the server does not stop");
}

void server_thaw(const struct server *server)
{
    require(kill(server->child.pid, SIGCONT) == 0, "the server is gone");
}

const char *server_errors(const struct server *server, char text[TEXT_SIZE])
{
    (void)read_file(server->error_fd, text, TEXT_SIZE);
    return text;
}

int count_lines(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

int process_descriptors(pid_t pid)
{
    char path[64];
    int count = -2; /* . and .. */
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    require(folder != NULL, "%s: %s", path, errno_name(errno));
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    require(file != NULL, "%s: %s", path, errno_name(errno));
    size_t n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    (void)fclose(file);
}

long process_peak_kib(pid_t pid)
{
    char text[4096];
    read_proc(pid, "status", text, sizeof text);
    const char *line = strstr(text, "VmHWM:");
    require(line != NULL, "no VmHWM in /proc/%d/status", pid);
    return strtol(line + 6, NULL, 10);
}

long process_cpu_ms(pid_t pid)
{
    char text[1024];
    unsigned long user = 0, system = 0;
    read_proc(pid, "stat", text, sizeof text);
    const char *rest = strrchr(text, ')');
    require(rest != NULL && sscanf(rest + 1,
                                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
                                   "%*u %lu %lu",
                                   &user, &system) == 2,
            "cannot read /proc/%d/stat", pid);
    return (long)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

void run_begin(struct run *run, struct child *child, int files[3])
{
    for (int i = 0; i < 3; i++)
        files[i] = make_file();
    ssize_t n = write(files[0], run->input, run->input_length);
    require(n == (ssize_t)run->input_length, "write: %s", errno_name(errno));
    (void)lseek(files[0], 0, SEEK_SET);
    struct plan plan = {.files = {files[0], files[1], files[2]},
                        .settings = run->settings};
    const struct spawn spawn = {
        .argv = (char *const *)run->argv, .prepare = prepare, .data = &plan};
    require(spawn_start(child, &spawn) == 0, "start %s: %s", run->argv[0],
            errno_name(errno));
}

void run_finish(struct run *run, struct child *child, int files[3])
{
    int status = spawn_end(child, 0, patience_ms, NULL);
    off_t size = lseek(files[1], 0, SEEK_END);
    run->status =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    run->output = calloc(1, (size_t)size + 1);
    require(run->output != NULL, "no memory");
    run->output_length = read_file(files[1], run->output, (size_t)size + 1);
    (void)read_file(files[2], run->errors, sizeof run->errors);
    for (int i = 0; i < 3; i++)
        (void)close(files[i]);
    require(run->status != 128 + SIGKILL, "%s did not end; it said: %s",
            run->argv[0], run->errors);
}

void run_program(struct run *run)
{
    struct child child;
    int files[3];
    run_begin(run, &child, files);
    run_finish(run, &child, files);
}

void run_free(struct run *run)
{
    free(run->output);
    run->output = NULL;
}

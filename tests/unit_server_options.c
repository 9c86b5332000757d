/* SPDX-License-Identifier: MIT */
/* The options that only one server has do what its header promises. */
#include "tests/peer.h"
#include "tests/subject.h"
#include "tests/unit.h"

#include "common/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Starts the model's server with `args` more. */
static void start_with(struct server *server, const char *model,
                       const char *const *args)
{
    static struct target target;
    const struct start start = {.args = args};
    target = (struct target){.model = model_find(model)};
    spawn_path(target.model->server, target.server);
    server_start(server, &target, &start);
}

static long cpu_while_idle_ms(const char *nap)
{
    const char *const args[] = {"--nap", nap, NULL};
    struct server server;
    start_with(&server, "nonblocking", args);
    peer_ask(peer_connect(server.address), "hello\n");
    long before = process_cpu_ms(server.child.pid);
    nap_us(400000); /* nothing happens, and that is what is watched */
    long used = process_cpu_ms(server.child.pid) - before;
    server_stop(&server, SIGTERM, NULL);
    return used;
}

START_TEST(nap_saves_cpu)
{
    long spinning = cpu_while_idle_ms("0");
    long napping = cpu_while_idle_ms("20000");
    ck_assert_msg(napping * 4 <= spinning, "%ld ms with naps, %ld without",
                  napping, spinning);
}
END_TEST

START_TEST(nap_delays_answers)
{
    const char *const args[] = {"--nap", "200000", NULL};
    struct server server;
    char answer[6];
    start_with(&server, "nonblocking", args);
    int fd = peer_connect(server.address);
    peer_ask(fd, "hello\n"); /* now it naps, or is about to */
    peer_send(fd, "again\n", 6);
    ck_assert(!peer_readable(fd, 50));
    peer_receive(fd, answer, sizeof answer);
    (void)close(fd);
    server_stop(&server, SIGTERM, NULL);
}
END_TEST

static long virtual_kib(pid_t pid)
{
    char path[64], line[128];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    ck_assert_ptr_nonnull(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmSize: %ld", &kib) == 1)
            break;
    fclose(status);
    return kib;
}

/* What 40 threads add to the address space. */
static long growth_kib(const char *stack_kib)
{
    const char *const args[] = {"--stack-kib", stack_kib, NULL};
    struct server server;
    start_with(&server, "threads", args);
    peer_ask(peer_connect(server.address), "the first makes what all share\n");
    long before = virtual_kib(server.child.pid);
    for (int i = 0; i < 40; i++)
        peer_ask(peer_connect(server.address), "hello\n");
    long growth = virtual_kib(server.child.pid) - before;
    server_stop(&server, SIGTERM, NULL);
    return growth;
}

START_TEST(stack_kib_is_the_size_of_each_stack)
{
    long small = growth_kib("64"), large = growth_kib("1088");
    long more = (large - small) / 40;
    ck_assert_msg(more >= 1000 && more <= 1100,
                  "1024 KiB more for each of 40 stacks, and it is %ld", more);
}
END_TEST

START_TEST(workers_serve_so_many_at_a_time)
{
    const char *const args[] = {"--workers", "2", NULL};
    struct server server;
    char answer[6];
    int fds[3];
    start_with(&server, "pool", args);
    for (int i = 0; i < 3; i++)
        fds[i] = peer_connect(server.address);
    peer_ask(fds[0], "hello\n");
    peer_ask(fds[1], "hello\n");
    peer_send(fds[2], "hello\n", 6);
    ck_assert(!peer_readable(fds[2], 100));
    (void)close(fds[0]);
    peer_receive(fds[2], answer, sizeof answer);
    server_stop(&server, SIGTERM, NULL);
}
END_TEST

/* Every way of working that an option chooses: it serves several clients, one
 * of them silent, and ends in good order. */
static const struct variant {
    const char *model;
    const char *args[3];
} variants[] = {
    {"events", {"--backend", "select"}}, {"events", {"--backend", "poll"}},
    {"events", {"--backend", "epoll"}},  {"aio", {"--notify", "signal"}},
    {"aio", {"--notify", "thread"}},     {"aio", {"--notify", "suspend"}},
    {"fork", {"--prefork", "3"}}};

START_TEST(each_variant_serves_beside_a_silent_client)
{
    const struct variant *variant = &variants[_i];
    struct server server;
    struct summary summary;
    start_with(&server, variant->model, variant->args);
    int silent = peer_connect(server.address);
    for (int i = 0; i < 2; i++) {
        int fd = peer_connect(server.address);
        for (int message = 0; message < 20; message++)
            peer_ask(fd, "one of twenty\n");
        (void)close(fd);
    }
    (void)close(silent);
    server_stop(&server, SIGTERM, &summary);
    ck_assert_uint_eq(summary.bytes_in, 2 * 20 * strlen("one of twenty\n"));
    ck_assert_uint_eq(summary.bytes_out, summary.bytes_in);
}
END_TEST

Suite *server_options_suite(void);

Suite *server_options_suite(void)
{
    Suite *suite = suite_create("server_options");
    TCase *own = tcase_create("own");
    tcase_set_timeout(own, UNIT_TIMEOUT_S);
    tcase_add_test(own, nap_saves_cpu);
    tcase_add_test(own, nap_delays_answers);
    tcase_add_test(own, stack_kib_is_the_size_of_each_stack);
    tcase_add_test(own, workers_serve_so_many_at_a_time);
    tcase_add_loop_test(own, each_variant_serves_beside_a_silent_client, 0,
                        sizeof variants / sizeof variants[0]);
    suite_add_tcase(suite, own);
    return suite;
}

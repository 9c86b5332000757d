/* SPDX-License-Identifier: MIT */
/* Is the machine as fast as at its best? On made-up probes, and with a
 * neighbour that takes half of a CPU. */
#include "tests/unit.h"

#include "bench/bench_conditions.h"
#include "bench/bench_probe.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The best: 600 steps on the first CPU, 400 on the second, 90 ns between. */
static const struct probe best = {{600, 400}, 90};

static const struct {
    struct probe probe;
    int noisy;
} probes[] = {
    {{{600, 400}, 90}, 0},
    {{{660, 440}, 70}, 0}, /* better still */
    {{{451, 301}, 119}, 0},
    {{{449, 400}, 90}, 1}, /* one CPU had something else to do */
    {{{600, 299}, 90}, 1},
    {{{600, 400}, 121}, 1}, /* they were moved apart */
    {{{600, 400}, 0}, 1},   /* a CPU was not there at all */
};

START_TEST(a_third_worse_than_the_best_is_noise)
{
    ck_assert_int_eq(probe_is_noisy(&best, &probes[_i].probe),
                     probes[_i].noisy);
}
END_TEST

START_TEST(on_one_cpu_there_is_no_way_between)
{
    const struct probe one = {{600, 600}, 0};
    ck_assert_int_eq(probe_is_noisy(&one, &one), 0);
}
END_TEST

START_TEST(the_best_of_each_part_is_kept)
{
    struct probe kept = {{0, 0}, 0};
    probe_keep_best(&kept, &(struct probe){{500, 400}, 0});
    probe_keep_best(&kept, &(struct probe){{600, 300}, 95});
    probe_keep_best(&kept, &(struct probe){{100, 100}, 90});
    ck_assert(kept.loops_per_us[0] > 599 && kept.loops_per_us[1] > 399);
    ck_assert(kept.round_trip_ns > 89 && kept.round_trip_ns < 91);
}
END_TEST

static pid_t start_neighbour(int cpu)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set); /* the probe's CPU */
    (void)alarm(UNIT_TIMEOUT_S); /* it ends, whatever the test does */
    for (volatile unsigned spin = 0;; spin++)
        ;
}

/* The probe's best of ten alone, then ten with two neighbours: of three one is
 * left. */
START_TEST(a_probe_feels_its_neighbours)
{
    struct probe probe, alone = {{0, 0}, 0};
    int cpu, noisy = 0;
    ck_assert_int_eq(conditions_cpus(&cpu, 1), 1);
    for (int i = 0; i < 10; i++) {
        probe_run(&probe, cpu, cpu);
        probe_keep_best(&alone, &probe);
    }
    pid_t neighbours[2] = {start_neighbour(cpu), start_neighbour(cpu)};
    for (int i = 0; i < 10; i++) {
        probe_run(&probe, cpu, cpu);
        noisy += probe_is_noisy(&alone, &probe);
    }
    for (int i = 0; i < 2; i++) {
        (void)kill(neighbours[i], SIGKILL);
        (void)waitpid(neighbours[i], NULL, 0);
    }
    ck_assert_msg(noisy >= 5, "%d of 10 probes felt it", noisy);
}
END_TEST

Suite *probe_suite(void);
Suite *probe_suite(void)
{
    Suite *suite = suite_create("probe");
    TCase *tests = tcase_create("probe");
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_loop_test(tests, a_third_worse_than_the_best_is_noise, 0,
                        sizeof probes / sizeof probes[0]);
    tcase_add_test(tests, on_one_cpu_there_is_no_way_between);
    tcase_add_test(tests, the_best_of_each_part_is_kept);
    tcase_add_test(tests, a_probe_feels_its_neighbours);
    suite_add_tcase(suite, tests);
    return suite;
}

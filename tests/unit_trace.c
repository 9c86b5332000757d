/* SPDX-License-Identifier: MIT */
/* The parts of the tracer that need no traced program. */
#include "tests/unit.h"

#include "bench/trace.h"
#include "bench/trace_private.h"
#include "bench/trace_report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void make_file(char path[32], const char *text)
{
    strcpy(path, "/tmp/unit-trace-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static struct trace *make_trace(void)
{
    const struct trace_options options = {.attribute = true};
    struct trace *t = trace_new(&options);
    ck_assert_ptr_nonnull(t);
    return t;
}

START_TEST(calls_have_their_names)
{
    ck_assert_str_eq(trace_call_name(SYS_read), "read");
    ck_assert_str_eq(trace_call_name(SYS_pselect6), "pselect6");
    ck_assert_str_eq(trace_call_name(SYS_io_uring_enter), "io_uring_enter");
    ck_assert_str_eq(trace_call_name(-1), "call -1");
    ck_assert_str_eq(trace_call_name(99999), "call 99999");
    ck_assert_str_eq(trace_plain_name("recvfrom"), "recv");
    ck_assert_str_eq(trace_plain_name("pselect6"), "select");
    ck_assert_str_eq(trace_plain_name("close"), "close");
    ck_assert_str_eq(trace_error_name(EAGAIN), "EAGAIN");
    ck_assert_str_eq(trace_error_name(512), "interrupted");
    ck_assert_str_eq(trace_error_name(9999), "E?");
}
END_TEST

static const char source[] = "static void one(void)\n"            /* 1 */
                             "{\n"                                /* 2 */
                             "    before();\n"                    /* 3 */
                             "    /* [wait:poll] Sleep,\n"        /* 4 */
                             "     * for long. */\n"              /* 5 */
                             "    poll();\n"                      /* 6 */
                             "    /* [copy:recv] */\n"            /* 7 */
                             "    recv(fd,\n"                     /* 8 */
                             "         bytes);\n"                 /* 9 */
                             "}\n"                                /* 10 */
                             "\n"                                 /* 11 */
                             "static void two(void)\n"            /* 12 */
                             "{\n"                                /* 13 */
                             "    /* [nophase:x] is no mark */\n" /* 14 */
                             "    after();\n"                     /* 15 */
                             "}\n";                               /* 16 */

START_TEST(a_line_belongs_to_the_nearest_mark_above_in_its_function)
{
    static const struct {
        int line;
        const char *mark;
    } cases[] = {{3, NULL},         {4, "wait:poll"}, {5, "wait:poll"},
                 {6, "wait:poll"},  {8, "copy:recv"}, {9, "copy:recv"},
                 {10, "copy:recv"}, {12, NULL},       {15, NULL}};
    char path[32];
    struct trace *t = make_trace();
    make_file(path, source);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool readable = false;
        const char *mark =
            marks_find(t, path, cases[i].line, "/nowhere/program", &readable);
        ck_assert(readable);
        ck_assert_msg((mark == NULL) == (cases[i].mark == NULL) &&
                          (!mark || strcmp(mark, cases[i].mark) == 0),
                      "line %d: %s", cases[i].line, mark ? mark : "none");
    }
    bool readable = true;
    ck_assert_ptr_null(marks_find(t, path, 4000, "/x/y", &readable));
    ck_assert(!readable);
    trace_free(t);
    (void)unlink(path);
}
END_TEST

START_TEST(the_sources_of_a_tree_that_moved_are_found_beside_the_program)
{
    char folder[] = "/tmp/unit-trace-XXXXXX", command[256], program[128];
    struct trace *t = make_trace();
    bool readable = false;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(command, sizeof command,
             "cd %s && mkdir -p room build/room && "
             "printf '/* [end:close] */\\nclose();\\n' >room/server.c",
             folder);
    ck_assert_int_eq(system(command), 0);
    snprintf(program, sizeof program, "%s/build/room/server", folder);
    const char *mark =
        marks_find(t, "/gone/tree/room/server.c", 2, program, &readable);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    ck_assert(readable);
    ck_assert_str_eq(mark, "end:close");
    trace_free(t);
}
END_TEST

static struct trace_site marked = {.program = "select_server",
                                   .file = "select_server.c",
                                   .path = "/tree/select_server.c",
                                   .line = 88,
                                   .function = "receive",
                                   .phase = "copy",
                                   .anchor = "select_server.c#copy:recv"};
static struct trace_site hidden = {.origin = "libc (aio helper thread)"};

static const struct trace_event sample[] = {
    {.kind = TRACE_BEGIN, .name = "begin", .pid = 7, .tid = 7, .fd = -1},
    {.begin_ns = 1,
     .end_ns = 5000000000,
     .sleep_ns = 4999999999,
     .pid = 7,
     .tid = 8,
     .number = 45,
     .name = "recvfrom",
     .result = 3,
     .fd = 5,
     .fd_text = "5 <- unix:/tmp/\x01\xff",
     .text = "fd 5, 16384",
     .outcome = "3 \"a\\n\"",
     .story = "asleep 5.0 s, woken: fd 5 has bytes",
     .site = &marked},
    {.begin_ns = 6,
     .end_ns = 7,
     .pid = 7,
     .tid = 8,
     .name = "recvfrom",
     .result = -EAGAIN,
     .error = EAGAIN,
     .fd = 5,
     .site = &marked},
    {.begin_ns = 8,
     .end_ns = 9,
     .name = "futex",
     .result = -ENOSYS,
     .error = ENOSYS,
     .fd = -1,
     .site = &hidden},
    {.begin_ns = 9, .end_ns = -1, .name = "exit_group", .fd = -1}};
enum { SAMPLES = sizeof sample / sizeof *sample };

START_TEST(events_come_back_from_a_file_as_they_were)
{
    char path[32];
    struct trace_recording r;
    make_file(path, "");
    ck_assert_int_eq(trace_write_json(path, "select_server", sample, SAMPLES),
                     0);
    ck_assert_int_eq(trace_read_json(path, &r), 0);
    (void)unlink(path);
    ck_assert_str_eq(r.program, "select_server");
    ck_assert_uint_eq(r.count, SAMPLES);
    ck_assert_int_eq(r.events[0].kind, TRACE_BEGIN);
    const struct trace_event *e = &r.events[1];
    ck_assert_int_eq(e->end_ns, 5000000000);
    ck_assert_int_eq(e->sleep_ns, 4999999999);
    ck_assert_int_eq(e->tid, 8);
    ck_assert_int_eq(e->number, 45);
    ck_assert_int_eq(e->result, 3);
    ck_assert_str_eq(e->fd_text, sample[1].fd_text);
    ck_assert_str_eq(e->outcome, sample[1].outcome);
    ck_assert_str_eq(e->story, sample[1].story);
    ck_assert_str_eq(e->site->anchor, marked.anchor);
    ck_assert_str_eq(e->site->phase, "copy");
    ck_assert_int_eq(e->site->line, 88);
    ck_assert_ptr_null(e->site->origin);
    ck_assert_int_eq(r.events[2].error, EAGAIN);
    ck_assert_int_eq(r.events[2].result, -EAGAIN);
    ck_assert_str_eq(r.events[3].site->origin, hidden.origin);
    ck_assert_ptr_null(r.events[3].site->anchor);
    ck_assert_int_eq(r.events[4].end_ns, -1);
    trace_recording_free(&r);
}
END_TEST

START_TEST(what_is_no_event_file_is_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[1, 2]",
        "{\"format\": \"other\", \"events\": []}",
        "{\"format\": \"iotrace\", \"events\": [",
        "{\"format\": \"iotrace\", \"events\": [{\"kind\": \"dance\"}]}",
        "{\"format\": \"iotrace\", \"events\": [{\"begin_ns\": \"x\"}]}",
        "{\"format\": \"iotrace\", \"events\": [{\"name\": \"no end",
        "{\"format\": \"iotrace\", \"x\": [[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]",
        "{\"format\": \"iotrace\", \"events\": [{\"name\": \"\\u20ac\"}]}"};
    char path[32];
    struct trace_recording r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make_file(path, bad[i]);
        errno = 0;
        ck_assert_msg(trace_read_json(path, &r) == -1 && errno == EBADMSG,
                      "accepted: %s", bad[i]);
        (void)unlink(path);
    }
    ck_assert_int_eq(trace_read_json("/nonexistent", &r), -1);
    ck_assert_int_eq(errno, ENOENT);
    make_file(path, "{\"events\": [{\"kind\": \"call\", \"new\": {\"a\": [1, "
                    "\"]\"]}, \"fd\": 3}], \"format\": \"iotrace\"}");
    ck_assert_int_eq(trace_read_json(path, &r), 0);
    ck_assert_int_eq(r.events[0].fd, 3);
    trace_recording_free(&r);
    (void)unlink(path);
}
END_TEST

static void expect_sum(const struct count_sum *sum, const char *name,
                       unsigned long calls, unsigned long again,
                       unsigned long errors)
{
    ck_assert_str_eq(sum->name, name);
    ck_assert_uint_eq(sum->calls, calls);
    ck_assert_uint_eq(sum->again, again);
    ck_assert_uint_eq(sum->errors, errors);
}

START_TEST(counts_are_grouped_by_name_anchor_and_phase)
{
    size_t count;
    struct trace_counts *c = counts_new();
    ck_assert_ptr_nonnull(c);
    for (int i = 0; i < SAMPLES; i++)
        counts_add(c, &sample[i]);
    struct count_sum *sums = counts_sums(c, COUNT_BY_NAME, &count);
    ck_assert_uint_eq(count, 2); /* exit_group did not return */
    expect_sum(&sums[0], "recvfrom", 2, 1, 0);
    expect_sum(&sums[1], "futex", 1, 0, 1);
    ck_assert_int_eq(sums[0].sleep_ns, 4999999999);
    free(sums);
    sums = counts_sums(c, COUNT_BY_ANCHOR, &count);
    ck_assert_uint_eq(count, 2);
    expect_sum(&sums[0], "select_server.c#copy:recv", 2, 1, 0);
    expect_sum(&sums[1], "libc (aio helper thread)", 1, 0, 1);
    free(sums);
    sums = counts_sums(c, COUNT_BY_PHASE, &count);
    ck_assert_uint_eq(count, 2);
    expect_sum(&sums[0], "copy", 2, 1, 0);
    expect_sum(&sums[1], "(no mark)", 1, 0, 1);
    free(sums);
    counts_free(c);
}
END_TEST

START_TEST(counts_of_many_places_are_kept_apart)
{
    static struct trace_site sites[2000];
    static char names[2000][16];
    size_t count;
    struct trace_counts *c = counts_new();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(names[i], sizeof names[i], "a#wait:%d", i);
            sites[i].anchor = names[i];
            const struct trace_event event = {.name = "recvfrom",
                                              .site = &sites[i]};
            counts_add(c, &event);
        }
    }
    struct count_sum *sums = counts_sums(c, COUNT_BY_ANCHOR, &count);
    ck_assert_uint_eq(count, 2000);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(sums[i].calls, 3);
    free(sums);
    counts_free(c);
}
END_TEST

/* What the narrator makes of the sample, and no line beyond its columns. */
START_TEST(narration_fits_its_columns_and_says_what_happened)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct narrator n = {.out = out, .columns = 80};
    for (int i = 0; i < SAMPLES; i++)
        narrate_event(&n, &sample[i]);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "recv(fd 5, 16384) = 3 \"a\\n\""));
    ck_assert_ptr_nonnull(strstr(text, "select_server.c#copy:recv"));
    ck_assert_ptr_nonnull(strstr(text, "asleep 5.0 s, woken: fd 5 has bytes"));
    ck_assert_ptr_nonnull(strstr(text, "libc (aio helper thread)"));
    ck_assert_ptr_null(strchr(text, '\033'));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert_msg(strlen(line) <= 80, "%s", line);
    free(text);
}
END_TEST

/* However long the text that went out: the result and the anchor stay. */
START_TEST(narration_shortens_the_text_before_the_result)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct narrator n = {.out = out, .columns = 80};
    struct trace_event e = sample[1];
    e.text = "fd 4 <- 127.0.0.1:42918, \"A MUCH LONGER LINE OF \\n\"..., 58";
    e.outcome = "58";
    narrate_event(&n, &e);
    (void)fclose(out);
    ck_assert_msg(strstr(text, "\"..., 58) = 58"), "%s", text);
    ck_assert_msg(strstr(text, "#copy:recv"), "%s", text);
    free(text);
}
END_TEST

Suite *trace_suite(void);

Suite *trace_suite(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");
    tcase_set_timeout(tests, UNIT_TIMEOUT_S);
    tcase_add_test(tests, calls_have_their_names);
    tcase_add_test(tests,
                   a_line_belongs_to_the_nearest_mark_above_in_its_function);
    tcase_add_test(
        tests, the_sources_of_a_tree_that_moved_are_found_beside_the_program);
    tcase_add_test(tests, events_come_back_from_a_file_as_they_were);
    tcase_add_test(tests, what_is_no_event_file_is_refused);
    tcase_add_test(tests, counts_are_grouped_by_name_anchor_and_phase);
    tcase_add_test(tests, counts_of_many_places_are_kept_apart);
    tcase_add_test(tests, narration_shortens_the_text_before_the_result);
    tcase_add_test(tests, narration_fits_its_columns_and_says_what_happened);
    suite_add_tcase(suite, tests);
    return suite;
}

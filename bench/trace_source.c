/* SPDX-License-Identifier: MIT */
/*
 * Attribution: which line of the program made a call, and under which mark.
 *
 * While the program runs only the chain of callers is noted (site_here); calls
 * from the same place share one site. Afterwards each site is looked up once.
 *
 * The line that counts: of all callers, from the system call upwards, the
 * first one in the program's own file (select_server.c of select_server). A
 * helper in common/ that it called is not the lesson; the line that called the
 * helper is. If that line has no mark, a marked one inside the helper counts
 * (a library that the program is about, as the ring is). A program of another
 * making has no file of its own name: then the innermost marked line counts.
 */
#include "bench/trace_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned hash_frames(const struct trace_frames *f)
{
    uint64_t hash = f->entry * 31 + f->count;
    for (size_t i = 0; i < f->count; i++)
        hash = (hash ^ f->addresses[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(hash >> 32) % SITE_BUCKETS;
}

static bool same_frames(const struct trace_frames *a,
                        const struct trace_frames *b)
{
    return a->program == b->program && a->entry == b->entry &&
           a->entry_file == b->entry_file && a->maker == b->maker &&
           a->count == b->count &&
           memcmp(a->addresses, b->addresses,
                  a->count * sizeof *a->addresses) == 0;
}

/* Makes sure that the process's code at `at` is known, if it lies in a file:
 * libraries are loaded after the first calls, and later ones at any time. */
static void know_code(struct trace *t, struct trace_process *p, uint64_t at)
{
    if (modules_find(&p->modules, at) || p->no_file == at)
        return;
    modules_free(&p->modules);
    modules_load(&p->modules, &t->files, p->pid);
    if (modules_find(&p->modules, at) == NULL)
        p->no_file = at; /* code made while running: do not look again */
}

/* The program's frames of the chain, and the library function it called. */
static void gather(struct trace *t, struct trace_task *task,
                   const struct registers *registers, struct trace_frames *f)
{
    struct frame frames[3 * FRAMES_MAX];
    struct modules *modules = &task->process->modules;
    know_code(t, task->process, registers->at);
    size_t count = unwind_frames(modules, task->tid, &task->stack_far,
                                 registers, frames, 3 * FRAMES_MAX);
    for (size_t i = 0; i < modules->count && !f->program; i++)
        if (modules->list[i].is_program)
            f->program = modules->list[i].file;
    for (size_t i = 0; i < count; i++) {
        if (frames[i].is_program && f->count < FRAMES_MAX) {
            f->addresses[f->count++] = frames[i].address;
        } else if (f->count == 0) {
            f->entry = frames[i].address;
            f->entry_file = frames[i].file;
        }
    }
    if (f->count == 0) { /* all of it inside libraries: one site for all */
        f->entry = 0;
        f->entry_file = NULL;
        f->maker = task->maker;
    }
}

/* True once the program has come to its main, as far as one can see. */
static bool in_main(struct trace *t, struct trace_frames *f)
{
    if (f->count < 2)
        return false;
    if (t->begun)
        return true;
    site_resolve(t, f);
    return f->has_main || !t->saw_line;
}

const struct trace_site *site_here(struct trace *t, struct trace_task *task,
                                   const struct registers *registers,
                                   bool *in_program)
{
    struct trace_frames key = {.count = 0};
    gather(t, task, registers, &key);
    struct trace_frames **bucket = &t->sites[hash_frames(&key)];
    struct trace_frames *f;
    for (f = *bucket; f; f = f->next_in_bucket)
        if (same_frames(f, &key))
            break;
    if (f == NULL) {
        if ((f = trace_allocate(t, sizeof *f)) == NULL)
            return NULL;
        *f = key;
        f->site.frames = f;
        f->next_in_bucket = *bucket;
        *bucket = f;
        *t->last_site = f;
        t->last_site = &f->next;
    }
    *in_program = in_main(t, f);
    return &f->site;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* True for select_server.c when the program is select_server. */
static bool is_own_file(const struct trace_site *site, const char *path)
{
    const char *name = base_name(path);
    size_t stem = strcspn(name, ".");
    return strlen(site->program) == stem &&
           strncmp(site->program, name, stem) == 0;
}

static void set_place(struct trace *t, struct trace_site *site,
                      const struct place *place)
{
    (void)t;
    site->path = place->path;
    site->file = place->path ? base_name(place->path) : NULL;
    site->line = place->line;
    site->function = place->function;
}

static void set_mark(struct trace *t, struct trace_site *site,
                     const struct place *place, const char *mark)
{
    set_place(t, site, place);
    site->anchor = trace_keep_format(t, "%s#%s", site->file, mark);
    site->phase = trace_keep_format(t, "%.*s", (int)strcspn(mark, ":"), mark);
    t->saw_mark = true;
}

/* Looks at one line of the chain. True when the search is over. */
static bool consider(struct trace *t, struct trace_frames *f,
                     const struct place *place)
{
    struct trace_site *site = &f->site;
    bool readable;
    if (place->function && strcmp(place->function, "main") == 0)
        f->has_main = true;
    /* A header of the system's (an inlined printf) is nobody's lesson. */
    if (place->path == NULL || place->line == 0 ||
        strncmp(place->path, "/usr/include/", 13) == 0) {
        if (site->function == NULL)
            site->function = place->function;
        return false;
    }
    t->saw_line = true;
    const char *mark =
        marks_find(t, place->path, place->line, f->program->path, &readable);
    t->saw_source |= readable;
    bool own = is_own_file(site, place->path);
    if (mark && (own || site->anchor == NULL))
        set_mark(t, site, place, mark);
    else if (site->path == NULL)
        set_place(t, site, place);
    return own;
}

/* Names a thread that has nothing of the program on its stack by the library
 * function that made it. */
static const char *helper_origin(const struct trace_frames *maker)
{
    const char *name = NULL;
    if (maker->entry_file)
        name = elf_exported(maker->entry_file, maker->entry);
    if (name == NULL)
        return "libc (helper thread)";
    if (strncmp(name, "aio_", 4) == 0 || strncmp(name, "lio_", 4) == 0)
        return "libc (aio helper thread)";
    if (strncmp(name, "timer_", 6) == 0)
        return "libc (timer helper thread)";
    if (strstr(name, "pthread_create"))
        return "libc (thread begins or ends)";
    return "libc (helper thread)";
}

static void set_origin(struct trace *t, struct trace_frames *f)
{
    /* _start is program text, but not the program's own doing. */
    bool only_start =
        f->count == 0 || (f->count == 1 && f->site.function &&
                          strcmp(f->site.function, "_start") == 0);
    if (f->maker)
        f->site.origin = helper_origin(f->maker);
    else if (only_start)
        f->site.origin =
            t->seen_main ? "libc (after main)" : "libc (before main)";
    t->seen_main |= f->has_main;
}

static void resolve(struct trace *t, struct trace_frames *f)
{
    bool found = false;
    f->resolved = true;
    if (f->program == NULL)
        return;
    f->site.program = base_name(f->program->path);
    for (size_t i = 0; i < f->count; i++) {
        const struct answer *answer =
            addr2line_ask(t, f->program, f->addresses[i]);
        for (size_t j = 0; answer && j < answer->count; j++) {
            const struct place *place = &answer->places[j];
            if (!found)
                found = consider(t, f, place);
            else if (place->function && !strcmp(place->function, "main"))
                f->has_main = true;
        }
    }
    set_origin(t, f);
}

void site_resolve(struct trace *t, struct trace_frames *frames)
{
    if (frames == NULL || frames->resolved)
        return;
    resolve(t, frames);
}

void trace_resolve(struct trace *t)
{
    for (struct trace_frames *f = t->first_site; f; f = f->next)
        site_resolve(t, f);
}

const char *trace_no_anchors(const struct trace *t)
{
    if (!t->options.attribute)
        return "calls were not attributed";
    if (t->no_addr2line && t->saw_addr2line)
        return "addr2line ended too early; the calls met after that have none";
    if (t->no_addr2line)
        return "addr2line cannot be started (it is in the package binutils)";
    if (!t->saw_line)
        return "the program has no line numbers: build it with -g";
    if (!t->saw_source)
        return "the program's source files are not where they were when it "
               "was built";
    return t->saw_mark ? NULL : "the program's source has no phase marks";
}

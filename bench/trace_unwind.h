/* SPDX-License-Identifier: MIT */
/*
 * Who called? The return addresses of a stopped thread, found as a debugger
 * finds them: for every address the compiler left a rule in .eh_frame that
 * says how far up the stack the caller's frame lies. (A scan for 'the first
 * word that looks like a return address' is simpler, and wrong now and then:
 * words of earlier, deeper calls still lie in the gaps of a frame. It is what
 * we do where there is no rule.)
 */
#ifndef BENCH_TRACE_UNWIND_H
#define BENCH_TRACE_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { UNWIND_REGISTERS = 32, UNWIND_NOT_SAVED = INT32_MIN };

#if defined(__x86_64__)
enum { UNWIND_SP = 7, UNWIND_RETURN = 16 };
#elif defined(__aarch64__)
enum { UNWIND_SP = 31, UNWIND_RETURN = 30 };
#else
#error "iotrace knows x86-64 and aarch64"
#endif

/* How the caller's registers follow from the callee's at one address. */
struct unwind_rule {
    uint64_t address; /* in the file; 0: this slot of the cache is free */
    bool known;
    uint8_t cfa_register;
    int32_t cfa_offset;
    int32_t saved[UNWIND_REGISTERS]; /* from the CFA, or UNWIND_NOT_SAVED */
};

/* An ELF file, mapped to be read. Never freed before the trace. */
struct elf_file {
    struct elf_file *next;
    char *path;
    const uint8_t *bytes; /* NULL: could not be read */
    size_t size;
    uint64_t frame_table; /* address of .eh_frame_hdr; 0: none */
    struct unwind_rule *rules;
};

/* A stretch of code in a process. `bias` is the difference between addresses
 * in memory and those in the file (position independent programs). */
struct module {
    uint64_t start, end, bias;
    struct elf_file *file;
    bool is_program; /* of the executable itself, not of a library */
};

struct modules {
    size_t count;
    struct module *list;
};

/* What a file is loaded with. NULL when memory ran out. */
struct elf_file *elf_open(struct elf_file **all, const char *path);
void elf_close_all(struct elf_file *all);
/* The bytes at `address` of the file (at least `length`), or NULL. */
const uint8_t *elf_at(const struct elf_file *file, uint64_t address,
                      size_t length);

/* The function that the file exports at `address`, or NULL. Borrowed. */
const char *elf_exported(const struct elf_file *file, uint64_t address);

/* Reads /proc/PID/maps into `modules`, which is empty or freed. */
void modules_load(struct modules *modules, struct elf_file **files, pid_t pid);
void modules_free(struct modules *modules);
const struct module *modules_find(const struct modules *modules,
                                  uint64_t address);

/* Fills `rule` for `address` of `file`. False when the file has none. */
bool unwind_find_rule(const struct elf_file *file, uint64_t address,
                      struct unwind_rule *rule);

/* The registers of a thread in a ptrace stop, numbered as DWARF does; and, at
 * the entry of a system call, which one and with what. */
struct registers {
    uint64_t at; /* the program counter */
    uint64_t reg[UNWIND_REGISTERS];
    long number;
    uint64_t args[6];
};
bool registers_read(pid_t tid, struct registers *registers);

/* One place in the chain of callers, innermost first. `address` is in the
 * file, and inside the call instruction, not behind it. */
struct frame {
    const struct elf_file *file;
    uint64_t address;
    bool is_program;
};

/*
 * The callers of thread `tid`, which is in a ptrace stop with these registers.
 * Fills at most `max` frames and returns how many. `*far` belongs to the
 * thread, 0 at first: where on its stack the next walk shall look as well.
 */
size_t unwind_frames(const struct modules *modules, pid_t tid, uint64_t *far,
                     const struct registers *registers, struct frame *frames,
                     size_t max);

#endif

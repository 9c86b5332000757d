/* SPDX-License-Identifier: MIT */
#include "bench/trace_unwind.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

/* The rules found so far, of each file: most calls come from few places. */
enum { RULES = 512, WINDOW = 2048, FRAMES_SEEN_MAX = 64, SCAN_WORDS = 512 };

/*
 * What was read of the thread's stack: `near` begins at the stack pointer.
 * Where the callers lie beyond it (a frame with a large buffer), `far` begins
 * where the thread's last walk had to read on; it is read in the same go, and
 * again if it is not there this time.
 */
struct stretch {
    uint64_t base;
    size_t length;
    uint8_t bytes[WINDOW];
};

struct window {
    pid_t tid;
    struct stretch near, far;
};

static bool holds(const struct stretch *s, uint64_t address)
{
    return address >= s->base && address + 8 <= s->base + s->length;
}

/* Reads what begins at `base`, and at `far` too unless that is 0. */
static void read_ahead(struct window *w, uint64_t base, uint64_t far)
{
    struct iovec ours[] = {{w->near.bytes, WINDOW}, {w->far.bytes, WINDOW}};
    struct iovec theirs[] = {{(void *)(uintptr_t)base, WINDOW},
                             {(void *)(uintptr_t)far, WINDOW}};
    unsigned long count = far != 0 ? 2 : 1;
    ssize_t n = process_vm_readv(w->tid, ours, count, theirs, count, 0);
    size_t got = n > 0 ? (size_t)n : 0;
    w->near.base = base;
    w->near.length = got < WINDOW ? got : WINDOW;
    w->far.base = far;
    w->far.length = got - w->near.length;
}

static void read_far(struct window *w, uint64_t base)
{
    struct iovec ours = {w->far.bytes, WINDOW};
    struct iovec theirs = {(void *)(uintptr_t)base, WINDOW};
    ssize_t n = process_vm_readv(w->tid, &ours, 1, &theirs, 1, 0);
    if (n < 0) { /* it ends beyond the stack: up to the page */
        theirs.iov_len = 4096 - base % 4096;
        if (theirs.iov_len > WINDOW)
            theirs.iov_len = WINDOW;
        n = process_vm_readv(w->tid, &ours, 1, &theirs, 1, 0);
    }
    w->far.base = base;
    w->far.length = n > 0 ? (size_t)n : 0;
}

static bool read_word(struct window *w, uint64_t address, uint64_t *word)
{
    const struct stretch *s = &w->near;
    if (!holds(s, address)) {
        s = &w->far;
        if (!holds(s, address))
            read_far(w, address);
        if (!holds(s, address))
            return false;
    }
    memcpy(word, s->bytes + (address - s->base), 8);
    return true;
}

bool registers_read(pid_t tid, struct registers *r)
{
    struct user_regs_struct user;
    struct iovec set = {&user, sizeof user};
    *r = (struct registers){.at = 0};
    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &set) < 0)
        return false;
#if defined(__x86_64__)
    const uint64_t order[] = {user.rax, user.rdx, user.rcx, user.rbx,
                              user.rsi, user.rdi, user.rbp, user.rsp,
                              user.r8,  user.r9,  user.r10, user.r11,
                              user.r12, user.r13, user.r14, user.r15};
    const uint64_t args[] = {user.rdi, user.rsi, user.rdx,
                             user.r10, user.r8,  user.r9};
    memcpy(r->reg, order, sizeof order);
    memcpy(r->args, args, sizeof args);
    r->at = user.rip;
    r->number = (long)user.orig_rax;
#else
    memcpy(r->reg, user.regs, 31 * sizeof *r->reg);
    memcpy(r->args, user.regs, sizeof r->args);
    r->reg[UNWIND_SP] = user.sp;
    r->at = user.pc;
    r->number = (long)user.regs[8];
#endif
    return true;
}

static const struct unwind_rule *cached_rule(struct elf_file *file,
                                             uint64_t address)
{
    if (file->rules == NULL &&
        (file->rules = calloc(RULES, sizeof *file->rules)) == NULL)
        return NULL;
    struct unwind_rule *rule = &file->rules[(address ^ address >> 9) % RULES];
    if (rule->address != address) {
        rule->address = address;
        rule->known = unwind_find_rule(file, address, rule);
    }
    return rule->known ? rule : NULL;
}

/* Turns `reg` into the caller's registers. Returns the return address, 0 at
 * the end of the chain. */
static uint64_t step(const struct unwind_rule *rule, struct window *stack,
                     uint64_t reg[UNWIND_REGISTERS])
{
    uint64_t cfa = reg[rule->cfa_register % UNWIND_REGISTERS] +
                   (uint64_t)(int64_t)rule->cfa_offset;
    for (int i = 0; i < UNWIND_REGISTERS; i++)
        if (rule->saved[i] != UNWIND_NOT_SAVED &&
            !read_word(stack, cfa + (uint64_t)(int64_t)rule->saved[i], &reg[i]))
            return 0;
    uint64_t back = reg[UNWIND_RETURN];
    reg[UNWIND_SP] = cfa;
#if defined(__x86_64__)
    reg[UNWIND_RETURN] = 0; /* every frame must have saved it */
#else
    back &= (UINT64_C(1) << 48) - 1; /* without a pointer's signature */
#endif
    return back;
}

/* True when a call instruction ends right before `address`. */
static bool follows_call(const struct module *module, uint64_t address)
{
    enum { LONGEST = 7 };
    const uint8_t *code =
        elf_at(module->file, address - module->bias - LONGEST, LONGEST);
    if (code == NULL)
        return false;
#if defined(__x86_64__)
    if (code[LONGEST - 5] == 0xe8) /* call relative */
        return true;
    for (int length = 2; length <= LONGEST; length++) /* call *operand */
        if (code[LONGEST - length] == 0xff &&
            (code[LONGEST - length + 1] & 0x38) == 0x10)
            return true;
    return false;
#else
    uint32_t word;
    memcpy(&word, code + LONGEST - 4, 4);
    return (word & 0xfc000000) == 0x94000000 || /* bl */
           (word & 0xfffffc1f) == 0xd63f0000;   /* blr */
#endif
}

/* Where there is no rule: the first word up the stack that is a return
 * address into the program. Returns it, and moves `sp` behind it; or 0. */
static uint64_t scan(const struct modules *modules, struct window *stack,
                     uint64_t *sp)
{
    uint64_t word;
    for (int i = 0; i < SCAN_WORDS && read_word(stack, *sp, &word); i++) {
        const struct module *module = modules_find(modules, word);
        *sp += 8;
        if (module && module->is_program && follows_call(module, word))
            return word;
    }
    return 0;
}

/*
 * The caller of code without a rule. The C library's own assembly (clone3)
 * makes its call before it has pushed anything, so the return address is on
 * top; where a file has no rules at all, it is searched for.
 */
static uint64_t guess(const struct modules *modules,
                      const struct module *module, struct window *stack,
                      uint64_t reg[UNWIND_REGISTERS])
{
#if defined(__x86_64__)
    uint64_t top = 0;
    uint64_t sp = reg[UNWIND_SP] + 8;
    (void)read_word(stack, reg[UNWIND_SP], &top);
#else
    uint64_t top = reg[UNWIND_RETURN];
    uint64_t sp = reg[UNWIND_SP];
#endif
    const struct module *caller = modules_find(modules, top);
    if (caller && follows_call(caller, top)) {
        reg[UNWIND_SP] = sp;
        return top;
    }
    if (module && module->file->frame_table)
        return 0;
    return scan(modules, stack, &reg[UNWIND_SP]);
}

size_t unwind_frames(const struct modules *modules, pid_t tid, uint64_t *far,
                     const struct registers *registers, struct frame *frames,
                     size_t max)
{
    uint64_t reg[UNWIND_REGISTERS];
    struct window stack;
    stack.tid = tid;
    read_ahead(&stack, registers->reg[UNWIND_SP], *far);
    uint64_t at = registers->at;
    memcpy(reg, registers->reg, sizeof reg);
    size_t count = 0;
    while (at != 0 && count < max) {
        const struct module *module = modules_find(modules, at);
        const struct unwind_rule *rule = NULL;
        if (module) {
            /* One back: a call that never returns may end its function, and
             * what follows would be another's. */
            uint64_t inside = at - module->bias - 1;
            frames[count++] =
                (struct frame){module->file, inside, module->is_program};
            rule = cached_rule(module->file, inside);
        }
        if (rule)
            at = step(rule, &stack, reg);
        else if (count <= 1)
            at = guess(modules, module, &stack, reg);
        else
            at = 0;
    }
    *far = stack.far.base;
    return count;
}

/* SPDX-License-Identifier: MIT */
/*
 * Reads the rules of .eh_frame: a small program for each function that says,
 * address by address, where the caller's frame begins and which registers lie
 * where. See DWARF 5, section 6.4, and the Linux Standard Base on .eh_frame.
 *
 *   CFA   the caller's stack pointer just before its call instruction
 *   CIE   what many functions share;  FDE   one function
 *
 * Limit: rules that are expressions (the procedure linkage table, signal
 * frames) are not computed; the walk up the stack ends there.
 */
#include "bench/trace_unwind.h"

#include <string.h>

struct reader {
    const uint8_t *at, *end;
    uint64_t address; /* of `at` in the file's memory image */
    bool failed;
};

struct cie {
    uint64_t code_unit;
    int64_t data_unit;
    uint8_t pointer_encoding;
    bool has_augmentation, is_signal;
    struct reader program;
};

static uint64_t take(struct reader *r, size_t length)
{
    uint64_t value = 0;
    if (r->failed || (size_t)(r->end - r->at) < length) {
        r->failed = true;
        return 0;
    }
    memcpy(&value, r->at, length); /* both machines are little-endian */
    r->at += length;
    r->address += length;
    return value;
}

static uint64_t take_unsigned(struct reader *r)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = take(r, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) && !r->failed);
    return value;
}

static int64_t take_signed(struct reader *r)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = take(r, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) && !r->failed);
    if (shift < 64 && (byte & 0x40))
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

/* A pointer in one of the encodings that compilers use here: absolute, or
 * relative to where it stands; 8 bytes, or 4 with a sign. */
static uint64_t take_pointer(struct reader *r, uint8_t encoding)
{
    uint64_t base = (encoding & 0x70) == 0x10 ? r->address : 0;
    switch (encoding & 0x0f) {
    case 0x0b:
        return base + (uint64_t)(int64_t)(int32_t)take(r, 4);
    case 0x03:
        return base + take(r, 4);
    case 0x00:
    case 0x04:
    case 0x0c:
        return base + take(r, 8);
    default:
        r->failed = true;
        return 0;
    }
}

static bool read_at(const struct elf_file *file, uint64_t address,
                    struct reader *r)
{
    const uint8_t *bytes = elf_at(file, address, 4);
    uint32_t length;
    if (bytes == NULL)
        return false;
    memcpy(&length, bytes, 4);
    if (length == 0 || length == UINT32_MAX ||
        elf_at(file, address, 4 + (size_t)length) == NULL)
        return false;
    *r = (struct reader){bytes + 4, bytes + 4 + length, address + 4, false};
    return true;
}

static bool read_cie(const struct elf_file *file, uint64_t address,
                     struct cie *cie)
{
    struct reader r;
    if (!read_at(file, address, &r) || take(&r, 4) != 0)
        return false;
    (void)take(&r, 1); /* version */
    const char *augmentation = (const char *)r.at;
    while (take(&r, 1) != 0)
        ;
    *cie = (struct cie){.code_unit = take_unsigned(&r)};
    cie->data_unit = take_signed(&r);
    (void)take_unsigned(&r); /* the return address's register: we know it */
    if (augmentation[0] == 'z') {
        cie->has_augmentation = true;
        uint64_t length = take_unsigned(&r);
        struct reader extra = r;
        while (*++augmentation && !extra.failed) {
            if (*augmentation == 'R')
                cie->pointer_encoding = (uint8_t)take(&extra, 1);
            else if (*augmentation == 'L')
                (void)take(&extra, 1);
            else if (*augmentation == 'P')
                (void)take_pointer(&extra, (uint8_t)take(&extra, 1));
            else if (*augmentation == 'S')
                cie->is_signal = true;
        }
        if (length > (size_t)(r.end - r.at))
            return false;
        r.at += length;
        r.address += length;
    }
    cie->program = r;
    return !r.failed;
}

/* The address of the last FDE that begins at or before `address`, from the
 * sorted table of .eh_frame_hdr; 0 when there is none. */
static uint64_t find_fde(const struct elf_file *file, uint64_t address)
{
    enum { HEADER = 12, ENTRY = 8 };
    const uint8_t *header = elf_at(file, file->frame_table, HEADER);
    uint32_t count;
    /* Version 1, table of two 4-byte offsets from the header: all that the
     * linkers write. */
    if (header == NULL || header[0] != 1 || header[2] != 0x03 ||
        header[3] != 0x3b)
        return 0;
    memcpy(&count, header + 8, 4);
    const uint8_t *table =
        elf_at(file, file->frame_table + HEADER, (size_t)count * ENTRY);
    size_t low = 0, high = table ? count : 0;
    int32_t offset;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        memcpy(&offset, table + middle * ENTRY, 4);
        if (file->frame_table + (uint64_t)(int64_t)offset <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    memcpy(&offset, table + (low - 1) * ENTRY + 4, 4);
    return file->frame_table + (uint64_t)(int64_t)offset;
}

struct machine {
    const struct cie *cie;
    uint64_t location;
    struct unwind_rule *rule;
    struct unwind_rule initial;
    struct unwind_rule stack[8];
    unsigned depth;
    bool too_hard; /* the rule is an expression */
};

static void set_saved(struct machine *m, uint64_t number, int64_t offset)
{
    if (number < UNWIND_REGISTERS)
        m->rule->saved[number] = (int32_t)offset;
}

static void restore(struct machine *m, uint64_t number)
{
    if (number < UNWIND_REGISTERS)
        m->rule->saved[number] = m->initial.saved[number];
}

static void push_or_pop(struct machine *m, bool push)
{
    if (push && m->depth < 8) {
        m->stack[m->depth++] = *m->rule;
    } else if (!push && m->depth > 0) {
        *m->rule = m->stack[--m->depth];
    } else {
        m->too_hard = true;
    }
}

/* The instructions that say where the CFA is. False: not one of them. */
static bool define_cfa(struct machine *m, struct reader *r, unsigned code)
{
    struct unwind_rule *rule = m->rule;
    switch (code) {
    case 0x0c: /* def_cfa: register, offset */
        rule->cfa_register = (uint8_t)take_unsigned(r);
        rule->cfa_offset = (int32_t)take_unsigned(r);
        return true;
    case 0x12: /* def_cfa_sf */
        rule->cfa_register = (uint8_t)take_unsigned(r);
        rule->cfa_offset = (int32_t)(take_signed(r) * m->cie->data_unit);
        return true;
    case 0x0d: /* def_cfa_register */
        rule->cfa_register = (uint8_t)take_unsigned(r);
        return true;
    case 0x0e: /* def_cfa_offset */
        rule->cfa_offset = (int32_t)take_unsigned(r);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        rule->cfa_offset = (int32_t)(take_signed(r) * m->cie->data_unit);
        return true;
    default:
        return false;
    }
}

static void do_extended(struct machine *m, struct reader *r, unsigned code)
{
    uint64_t number;
    if (define_cfa(m, r, code))
        return;
    switch (code) {
    case 0x00: /* nop */
    case 0x2d: /* aarch64: the return address is signed from here on */
        break;
    case 0x01: /* set_loc */
        m->location = take_pointer(r, m->cie->pointer_encoding);
        break;
    case 0x02: /* advance_loc1, 2, 4 */
    case 0x03:
    case 0x04:
        m->location += take(r, 1u << (code - 2)) * m->cie->code_unit;
        break;
    case 0x05: /* offset_extended */
        number = take_unsigned(r);
        set_saved(m, number, (int64_t)take_unsigned(r) * m->cie->data_unit);
        break;
    case 0x11: /* offset_extended_sf */
        number = take_unsigned(r);
        set_saved(m, number, take_signed(r) * m->cie->data_unit);
        break;
    case 0x06: /* restore_extended */
        restore(m, take_unsigned(r));
        break;
    case 0x07: /* undefined: for the return address, the outermost frame */
        m->too_hard |= take_unsigned(r) == UNWIND_RETURN;
        break;
    case 0x08: /* same_value */
        set_saved(m, take_unsigned(r), UNWIND_NOT_SAVED);
        break;
    case 0x0a: /* remember_state, restore_state */
    case 0x0b:
        push_or_pop(m, code == 0x0a);
        break;
    case 0x2e: /* GNU_args_size */
        (void)take_unsigned(r);
        break;
    case 0x10: /* expression for one register: leave it unknown */
    case 0x16:
        set_saved(m, take_unsigned(r), UNWIND_NOT_SAVED);
        number = take_unsigned(r);
        while (number-- > 0 && !r->failed)
            (void)take(r, 1);
        break;
    default: /* def_cfa_expression and what is newer than this file */
        m->too_hard = true;
    }
}

/* Runs instructions until the rule for `address` stands. */
static void run(struct machine *m, struct reader r, uint64_t address)
{
    while (r.at < r.end && !r.failed && !m->too_hard &&
           m->location <= address) {
        unsigned code = (unsigned)take(&r, 1);
        unsigned low = code & 0x3f;
        switch (code >> 6) {
        case 1: /* advance_loc */
            m->location += low * m->cie->code_unit;
            break;
        case 2: /* offset */
            set_saved(m, low, (int64_t)take_unsigned(&r) * m->cie->data_unit);
            break;
        case 3:
            restore(m, low);
            break;
        default:
            do_extended(m, &r, code);
        }
    }
    m->too_hard |= r.failed;
}

bool unwind_find_rule(const struct elf_file *file, uint64_t address,
                      struct unwind_rule *rule)
{
    struct reader r;
    struct cie cie;
    uint64_t fde = file->frame_table ? find_fde(file, address) : 0;
    if (fde == 0 || !read_at(file, fde, &r))
        return false;
    uint64_t here = r.address;
    if (!read_cie(file, here - take(&r, 4), &cie) || cie.is_signal)
        return false;
    uint64_t start = take_pointer(&r, cie.pointer_encoding);
    uint64_t length = take_pointer(&r, cie.pointer_encoding & 0x0f);
    if (r.failed || address < start || address - start >= length)
        return false;
    if (cie.has_augmentation) {
        uint64_t skip = take_unsigned(&r);
        while (skip-- > 0 && !r.failed)
            (void)take(&r, 1);
    }
    for (int i = 0; i < UNWIND_REGISTERS; i++)
        rule->saved[i] = UNWIND_NOT_SAVED;
    struct machine m = {.cie = &cie, .location = start, .rule = rule};
    run(&m, cie.program, UINT64_MAX);
    m.initial = *rule;
    run(&m, r, address);
    return !m.too_hard && !r.failed;
}

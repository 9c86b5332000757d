/* SPDX-License-Identifier: MIT */
/* Which code lies where in a process: /proc/PID/maps and the ELF files that
 * it names. See proc(5), elf(5). */
#include "bench/trace_unwind.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const Elf64_Phdr *segments(const struct elf_file *file, size_t *count)
{
    const Elf64_Ehdr *header = (const void *)file->bytes;
    *count = header->e_phnum;
    return (const void *)(file->bytes + header->e_phoff);
}

static bool is_elf(const struct elf_file *file)
{
    const Elf64_Ehdr *header = (const void *)file->bytes;
    return file->size >= sizeof *header &&
           memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 &&
           header->e_phentsize == sizeof(Elf64_Phdr) &&
           header->e_phoff <= file->size &&
           header->e_phnum <=
               (file->size - header->e_phoff) / sizeof(Elf64_Phdr);
}

static void map_file(struct elf_file *file)
{
    struct stat status;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
        void *bytes =
            mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            file->bytes = bytes;
            file->size = (size_t)status.st_size;
        }
    }
    (void)close(fd);
    if (file->bytes && !is_elf(file)) {
        (void)munmap((void *)(uintptr_t)file->bytes, file->size);
        file->bytes = NULL;
    }
}

static void find_frame_table(struct elf_file *file)
{
    size_t count;
    const Elf64_Phdr *segment = segments(file, &count);
    for (size_t i = 0; i < count; i++)
        if (segment[i].p_type == PT_GNU_EH_FRAME)
            file->frame_table = segment[i].p_vaddr;
}

struct elf_file *elf_open(struct elf_file **all, const char *path)
{
    struct elf_file *file;
    for (file = *all; file; file = file->next)
        if (strcmp(file->path, path) == 0)
            return file;
    file = calloc(1, sizeof *file);
    if (file == NULL || (file->path = strdup(path)) == NULL) {
        free(file);
        return NULL;
    }
    map_file(file);
    if (file->bytes)
        find_frame_table(file);
    file->next = *all;
    *all = file;
    return file;
}

void elf_close_all(struct elf_file *all)
{
    while (all) {
        struct elf_file *next = all->next;
        if (all->bytes)
            (void)munmap((void *)(uintptr_t)all->bytes, all->size);
        free(all->rules);
        free(all->path);
        free(all);
        all = next;
    }
}

const uint8_t *elf_at(const struct elf_file *file, uint64_t address,
                      size_t length)
{
    size_t count;
    if (file->bytes == NULL)
        return NULL;
    const Elf64_Phdr *segment = segments(file, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t inside = address - segment[i].p_vaddr;
        uint64_t offset = segment[i].p_offset + inside;
        if (segment[i].p_type == PT_LOAD && address >= segment[i].p_vaddr &&
            inside < segment[i].p_filesz &&
            length <= segment[i].p_filesz - inside && offset < file->size &&
            length <= file->size - offset)
            return file->bytes + offset;
    }
    return NULL;
}

/* The section of `type`, if all of it lies in the file; else NULL. */
static const Elf64_Shdr *section(const struct elf_file *file, unsigned type)
{
    const Elf64_Ehdr *header = (const void *)file->bytes;
    if (header->e_shentsize != sizeof(Elf64_Shdr) ||
        header->e_shoff > file->size ||
        header->e_shnum > (file->size - header->e_shoff) / sizeof(Elf64_Shdr))
        return NULL;
    const Elf64_Shdr *all = (const void *)(file->bytes + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++)
        if (all[i].sh_type == type && all[i].sh_offset <= file->size &&
            all[i].sh_size <= file->size - all[i].sh_offset &&
            all[i].sh_link < header->e_shnum)
            return &all[i];
    return NULL;
}

const char *elf_exported(const struct elf_file *file, uint64_t address)
{
    const Elf64_Shdr *table = file->bytes ? section(file, SHT_DYNSYM) : NULL;
    if (table == NULL)
        return NULL;
    const Elf64_Ehdr *header = (const void *)file->bytes;
    const Elf64_Shdr *names =
        (const Elf64_Shdr *)(const void *)(file->bytes + header->e_shoff) +
        table->sh_link;
    const Elf64_Sym *symbol = (const void *)(file->bytes + table->sh_offset);
    for (size_t i = 0; i < table->sh_size / sizeof *symbol; i++)
        if (address >= symbol[i].st_value &&
            address - symbol[i].st_value < symbol[i].st_size &&
            symbol[i].st_name < names->sh_size &&
            names->sh_offset <= file->size &&
            names->sh_size <= file->size - names->sh_offset)
            return (const char *)file->bytes + names->sh_offset +
                   symbol[i].st_name;
    return NULL;
}

/* Memory address minus file address, for code mapped at `start` from `offset`
 * of the file. */
static uint64_t find_bias(const struct elf_file *file, uint64_t start,
                          uint64_t offset)
{
    size_t count;
    if (file->bytes == NULL)
        return 0;
    const Elf64_Phdr *segment = segments(file, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t page = segment[i].p_offset & ~(uint64_t)0xfff;
        if (segment[i].p_type == PT_LOAD && (segment[i].p_flags & PF_X) &&
            offset >= page &&
            offset < segment[i].p_offset + segment[i].p_filesz)
            return start - offset + segment[i].p_offset - segment[i].p_vaddr;
    }
    return 0;
}

static void add_module(struct modules *modules, struct elf_file *file,
                       uint64_t start, uint64_t end, uint64_t offset,
                       bool is_program)
{
    struct module *list =
        realloc(modules->list, (modules->count + 1) * sizeof *list);
    if (list == NULL)
        return;
    modules->list = list;
    list[modules->count++] = (struct module){
        start, end, find_bias(file, start, offset), file, is_program};
}

void modules_load(struct modules *modules, struct elf_file **files, pid_t pid)
{
    char name[64], line[4400], program[4096];
    *modules = (struct modules){.count = 0};
    snprintf(name, sizeof name, "/proc/%d/exe", pid);
    ssize_t n = readlink(name, program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
    snprintf(name, sizeof name, "/proc/%d/maps", pid);
    FILE *maps = fopen(name, "re");
    if (maps == NULL)
        return;
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end, offset;
        char mode[5];
        int path = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &start, &end, mode,
                   &offset, &path) < 4 ||
            mode[2] != 'x' || path == 0 || line[path] != '/')
            continue;
        struct elf_file *file = elf_open(files, line + path);
        if (file)
            add_module(modules, file, start, end, offset,
                       strcmp(line + path, program) == 0);
    }
    (void)fclose(maps);
}

void modules_free(struct modules *modules)
{
    free(modules->list);
    *modules = (struct modules){.count = 0};
}

const struct module *modules_find(const struct modules *modules,
                                  uint64_t address)
{
    for (size_t i = 0; i < modules->count; i++)
        if (address >= modules->list[i].start && address < modules->list[i].end)
            return &modules->list[i];
    return NULL;
}

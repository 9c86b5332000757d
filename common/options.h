/* SPDX-License-Identifier: MIT */
/*
 * Command lines: one table says what a program takes; reading it, --help and
 * the errors all come from that table. Follows getopt_long(3).
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

enum option_kind {
    OPTION_FLAG,    /* value: bool, set to true */
    OPTION_NUMBER,  /* value: long, min to max, decimal */
    OPTION_SECONDS, /* value: long in milliseconds; read as seconds, "0.25" */
    OPTION_ADDRESS, /* value: struct address */
    OPTION_SERVICE, /* value: const struct service * */
    OPTION_TEXT     /* value: const char *, borrowed from argv */
};

struct option_spec {
    char letter; /* 0: a long name only */
    const char *name;
    const char *argument; /* its name in --help; NULL for a flag */
    const char *help;     /* one line, at most 48 columns */
    enum option_kind kind;
    void *value;   /* holds the default when parsing begins */
    long min, max; /* OPTION_NUMBER, and OPTION_SECONDS in milliseconds */
};

/* The most options that one program can have, --help included. */
enum { OPTIONS_MAX = 32 };

struct usage {
    const char *operands; /* "[MESSAGE ...]", or NULL when there are none */
    const char *about;    /* what --help says above the options */
    const char *after;    /* what it says below them; may be NULL */
    const struct option_spec *specs; /* ends with a NULL name */
    const struct option_spec *more;  /* a second table; may be NULL */
};

/*
 * Reads the options into the places that the table names. `--help` prints the
 * table and exits 0; a fault prints one line that names it and exits 2.
 * With `operands` NULL a word that is no option is such a fault; otherwise
 * parsing ends at the first operand or after `--`.
 * Returns the index of the first operand in argv.
 */
int options_parse(int argc, char **argv, const struct usage *usage);

#endif

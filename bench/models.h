/* SPDX-License-Identifier: MIT */
/*
 * The one table of models: which program answers to which name, what it shows,
 * where to read about it, and what it cannot do. Demos, bench and tests all
 * read it, so a new model is one new row.
 */
#ifndef BENCH_MODELS_H
#define BENCH_MODELS_H

/* What a model cannot do. These are properties of the model, not faults: the
 * tests check that each is so, and the demos show it. */
enum model_trait {
    MODEL_ONE_AT_A_TIME = 1 << 0, /* a silent client holds up all others */
    MODEL_SPINS = 1 << 1,         /* burns its CPU while it waits */
    MODEL_FD_SETSIZE = 1 << 2,    /* refuses descriptors past FD_SETSIZE */
    MODEL_NEEDS_URING = 1 << 3,   /* ends with status 77 without io_uring */
    MODEL_IS_FAMILY = 1 << 4,     /* stands for its family in the comparison */
    MODEL_IN_TURN = 1 << 5,       /* past most_clients the next one waits */
    MODEL_FORKS = 1 << 6          /* other processes hold the connections */
};

struct model {
    const char *name;
    const char *server;  /* path below the build folder */
    const char *client;  /* the same */
    const char *args[4]; /* what the server is started with; NULL ends it */
    /* What demos add, so that their few clients meet this model's limit. */
    const char *demo_args[4];
    const char *shows;  /* one line */
    const char *waits;  /* who waits, for the table of the README */
    const char *copies; /* who copies */
    const char *note;
    const char *look; /* what to look at in the figure of one message */
    unsigned traits;
    /* A whole server is at most this many clients at a time (0: only limits
     * of the machine). The next one waits or is refused. */
    int most_clients;
};

/* All models in the order in which lessons tell them; a NULL name ends it. */
extern const struct model models[];

/* The model called `name`, or NULL. */
const struct model *model_find(const char *name);

#endif

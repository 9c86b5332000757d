/* SPDX-License-Identifier: MIT */
/* The scenes that `talkdemo --figure` draws. */
#ifndef BENCH_CAST_SCENES_H
#define BENCH_CAST_SCENES_H

#include "bench/cast.h"

struct cast_scene {
    const char *name;
    const char *title;
    const char *server, *client; /* their programs */
    /* Up to cast_close; `cast` is all zeros. */
    void (*play)(const struct cast_scene *scene, struct cast *cast);
};

/* A NULL name ends them. */
extern const struct cast_scene cast_scenes[];

#endif

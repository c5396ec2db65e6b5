// SPDX-License-Identifier: Apache-2.0
#include "app/watch.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

void watch_init(struct watch *watch, const char *path)
{
    *watch = (struct watch){ .path = path };
    if (stat(path, &watch->known) == 0) {
        watch->seen = watch->known;
    }
}

bool watch_look(struct watch *watch)
{
    struct stat now;
    if (stat(watch->path, &now) != 0) {
        return false;
    }
    bool stood_still = is_same(&now, &watch->seen);
    bool changed = stood_still && !is_same(&now, &watch->known);
    watch->seen = now;
    if (changed) {
        watch->known = now;
    }
    return changed;
}

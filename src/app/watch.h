// SPDX-License-Identifier: Apache-2.0
// Has a file been changed? Looked at now and then; what it says counts only once it stood still
// from one look to the next, so that nothing is read that is half written.
#ifndef APP_WATCH_H
#define APP_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

struct watch {
    const char *path;
    struct stat known;
    struct stat seen;
};
void watch_init(struct watch *watch, const char *path); // as it is now is known; path must stay
// True once for each change. A file that is not there is as before.
bool watch_look(struct watch *watch);

#endif

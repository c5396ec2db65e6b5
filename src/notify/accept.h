// SPDX-License-Identifier: Apache-2.0
// A submission from its coming to its answer. Private to the room.
#ifndef NOTIFY_ACCEPT_H
#define NOTIFY_ACCEPT_H

#include "notify/private.h"

struct accepting {
    struct op op;
    struct list node;
    struct notify_submission *submission;
    int64_t came_us;
    bool has_waited;       // it was held
    struct ladder *ladder; // its own, or NULL
    size_t count;
    size_t leased;
    struct lane **lanes;
    struct record_target *targets;
    struct record_accepted *answers;
    struct notify_accepted *accepted;
    struct { // what most have: one receiver
        struct lane *lane;
        struct record_target target;
        struct record_accepted answer;
        struct notify_accepted accepted;
    } one;
    void *many; // else
};

// Answers and frees.
void accepting_finish(struct accepting *accepting, tidings_status status, size_t count);
// op.take: the commit was done, or failed.
void accepting_take(struct op *op);

#endif

// SPDX-License-Identifier: Apache-2.0
// Fault points: places where a test makes the n-th call fail. A program without faults passes NULL.
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

// X(NAME, "text name", errno it stands for)
#define FAULT_POINT_MAP(X)                                                                         \
    X(LOG_WRITE, "log.write", EIO)                                                                 \
    X(LOG_SYNC, "log.sync", EIO)                                                                   \
    X(LOG_SPACE, "log.space", ENOSPC)                                                              \
    X(LOG_READ, "log.read", EIO)                                                                   \
    X(DB_COMMIT, "db.commit", EIO)                                                                 \
    X(DB_STEP, "db.step", EIO)                                                                     \
    X(DB_CHECKPOINT, "db.checkpoint", EIO)                                                         \
    X(NET_ACCEPT, "net.accept", EMFILE)                                                            \
    X(NET_WRITE, "net.write", EPIPE)                                                               \
    X(ALLOC, "alloc", ENOMEM)

enum fault_point {
#define X(name, text, os_errno) FAULT_##name,
    FAULT_POINT_MAP(X)
#undef X
        FAULT_COUNT
};

struct fault {
    // From the `first`-th call (1-based; 0 = never) `count` calls fail.
    struct {
        _Atomic uint64_t calls;
        uint64_t first;
        uint64_t count;
    } points[FAULT_COUNT];
};

void fault_init(struct fault *fault);
// "log.sync:3" (the third call fails), "log.space:1+100" (calls 1 to 100); several separated by
// commas; NULL for none. What stands before a bad piece is set all the same.
tidings_status fault_parse(struct fault *fault, const char *text,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// 0, or the errno that this call must fail with. fault == NULL never fails. Safe from any thread.
int fault_hit(struct fault *fault, enum fault_point point);

#endif

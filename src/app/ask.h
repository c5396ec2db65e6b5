// SPDX-License-Identifier: Apache-2.0
// A question to a loop from another thread, which waits for the answer, but not for ever.
#ifndef APP_ASK_H
#define APP_ASK_H

#include "base/error.h"
#include "base/str.h"
#include "net/net.h"

// Runs answer(arg, out) on the loop's thread; what it puts into its buffer is appended to `out`.
// E_TIMEOUT when the loop does not come to it within five seconds: `arg` must be good for longer
// than that, and the late answer goes nowhere.
tidings_status app_ask(struct net_loop *loop, tidings_status (*answer)(void *arg, struct buf *out),
                       void *arg, struct buf *out) TIDINGS_NODISCARD;

#endif

// SPDX-License-Identifier: Apache-2.0
// Connections and calls: what runtime.c and link.c share. Private to the room.
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "client/runtime.h"

tidings_status slots_init(struct slots *slots) TIDINGS_NODISCARD;
void slots_deinit(struct slots *slots);
void link_free(struct link *link);
// Ends every call of the link with `status`.
void link_fail_calls(struct link *link, tidings_status status, const char *why);
// Ends what failed before it was sent.
void link_end_unsent(struct runtime *runtime);

#endif

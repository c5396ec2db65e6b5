// SPDX-License-Identifier: Apache-2.0
// Who a client is (ip@instance) and the unique ids of its messages. Private to the room.
//
// A unique id is 32 upper-case hex characters as other clients make them: address (4 bytes),
// process id (2), a number of this client (4), milliseconds since the month began (4), counter (2).
#ifndef CLIENT_IDENT_H
#define CLIENT_IDENT_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/num.h"
#include "client/config.h"

enum { IDENT_CLIENT_ID_SIZE = 384, IDENT_UNIQUE_LEN = 32 };

struct ident {
    char client_id[IDENT_CLIENT_ID_SIZE];
    const struct clock *clock;
    uint8_t origin[10]; // address, process id, number
    _Atomic uint32_t counter;
    _Atomic int64_t month_ms; // start of the current month, and of the next
    _Atomic int64_t next_month_ms;
};

void ident_init(struct ident *ident, const tidings_config *config, const struct clock *clock);
// Writes IDENT_UNIQUE_LEN characters, no NUL. Safe from any thread.
void ident_unique(struct ident *ident, char *out);

#endif

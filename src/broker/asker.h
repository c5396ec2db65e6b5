// SPDX-License-Identifier: Apache-2.0
#ifndef BROKER_ASKER_H
#define BROKER_ASKER_H

#include "wire/wire.h"

// What is needed to answer later: the connection may be gone by then.
struct asker {
    uint64_t conn_id;
    int32_t opaque;
    int32_t code; // of the request
    enum wire_serialize serialize;
    bool oneway;
};

#endif

// SPDX-License-Identifier: Apache-2.0
// Settings as a table (config.def). Private to the room.
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include <tidings/config.h>

#include "base/error.h"
#include "base/str.h"

enum config_key {
#define X(ident, kind, name, def, least, greatest, doc) CONFIG_##ident,
#include "client/config.def"
#undef X
    CONFIG_COUNT
};

enum { CONFIG_FROM_LAST = -1, CONFIG_FROM_FIRST = -2, CONFIG_BROADCASTING = 1 };

struct config_value {
    char *text;     // as it was set
    int64_t number; // of DURATION (ms), SIZE (bytes), NUMBER, MODEL, FROM
};

struct tidings_config {
    struct config_value values[CONFIG_COUNT];
};

// NULL when out of memory.
tidings_config *config_copy(const tidings_config *config);

static inline int64_t config_number(const tidings_config *config, enum config_key key)
{
    return config->values[key].number;
}
static inline const char *config_text(const tidings_config *config, enum config_key key)
{
    return config->values[key].text;
}

// Cuts "host:port" (the last colon counts; brackets around an IPv6 host go). False when malformed.
bool config_parse_address(struct str text, char *host, size_t host_size, int *ret_port);

#endif

// SPDX-License-Identifier: Apache-2.0
// Compiled SQL92 expressions, by their text: consumers send the same text with each pull, or once
// in a heartbeat.
#ifndef BROKER_EXPRESSION_H
#define BROKER_EXPRESSION_H

#include "base/error.h"
#include "base/map.h"
#include "base/str.h"

struct expression;

enum { EXPRESSIONS_KEEP = 256, EXPRESSIONS_MAX = 65536 };

struct expressions {
    struct map by_text;
};

void expressions_init(struct expressions *expressions);
void expressions_deinit(struct expressions *expressions);
// Compiles it, or takes the one that is there; given back by expression_give. E_INVALID with the
// position.
tidings_status expression_take(struct expressions *expressions, struct str text,
                               struct expression **ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
void expression_hold(struct expression *expression); // once more
void expression_give(struct expression *expression); // NULL allowed
// `properties` as stored in a message.
bool expression_matches(const struct expression *expression, struct str properties);

#endif

// SPDX-License-Identifier: Apache-2.0
// Reading JSON bodies within limits, and picking their members with checks. Private to the room.
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <jansson.h>

#include "base/error.h"
#include "base/str.h"
#include "wire/bodies.h"

// Parses a body that must be one object; `what` names it in errors. The caller owns *ret
// (json_decref).
tidings_status wire_json_load(struct str body, const char *what, json_t **ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// The same, after wire_json_normalise.
tidings_status wire_json_load_dialect(struct str body, const char *what, json_t **ret,
                                      struct tidings_error *err) TIDINGS_NODISCARD;

// Copy of a string member; absent or null gives a copy of `fallback`, and E_PROTOCOL when that is
// NULL.
tidings_status wire_json_text(const json_t *object, const char *key, const char *fallback,
                              char **ret, struct tidings_error *err) TIDINGS_NODISCARD;
// Copy of a string member, or NULL when it is absent or null.
tidings_status wire_json_text_or_null(const json_t *object, const char *key, char **ret,
                                      struct tidings_error *err) TIDINGS_NODISCARD;
// A whole number of 64 bits; absent or null gives `fallback`.
tidings_status wire_json_i64(const json_t *object, const char *key, int64_t fallback, int64_t *ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// The same with 32 bits. It must be there.
tidings_status wire_json_i32(const json_t *object, const char *key, int32_t *ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// A list member: absent or null is empty (*ret NULL, *ret_count 0). E_TOO_LARGE beyond max items.
tidings_status wire_json_list(const json_t *object, const char *key, unsigned max, json_t **ret,
                              unsigned *ret_count, struct tidings_error *err) TIDINGS_NODISCARD;
// Allocates `count` zeroed items; *ret is NULL when count is 0.
tidings_status wire_json_items(unsigned count, size_t size, void **ret) TIDINGS_NODISCARD;

// {"brokerName":…,"queueId":…,"topic":…} into *ret, which owns the copies afterwards, even on
// failure.
tidings_status wire_json_queue_ref(const json_t *object, struct wire_queue_ref *ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
void wire_json_queue_ref_clear(struct wire_queue_ref *queue);

#endif

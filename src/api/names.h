// SPDX-License-Identifier: Apache-2.0
// Names of receivers by their numbers, on the reading thread: asked of the record once for each.
// Private to the room.
#ifndef API_NAMES_H
#define API_NAMES_H

#include "record/record.h"

enum { API_NAMES = 256 };

struct api_names {
    struct record *record;
    struct buf room; // of the record's answer
    struct {
        int64_t id; // 0 = free
        char name[RECORD_NAME_MAX + 1];
    } names[API_NAMES];
};
// NULL when memory is short.
struct api_names *api_names_new(struct record *record);
void api_names_free(struct api_names *names);
// Good until the next call. A receiver that is not there has the name "".
tidings_status api_names_get(struct api_names *names, int64_t id, struct str *ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// 0 when there is no such receiver.
tidings_status api_names_find(struct api_names *names, struct str name, int64_t *ret_id,
                              struct tidings_error *err) TIDINGS_NODISCARD;

#endif

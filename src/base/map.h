// SPDX-License-Identifier: Apache-2.0
// Hash table from byte strings to pointers. Keys are copied in; values belong to the caller.
// Bounded by `max` entries. Not safe for several threads.
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry;

struct map {
    struct map_entry **slots;
    size_t slot_count; // power of two, or 0
    size_t count;
    size_t max;
};

void map_init(struct map *map, size_t max);
void map_deinit(struct map *map);                     // frees keys and table, not the values
void *map_get(const struct map *map, struct str key); // NULL when absent
// Adds or replaces; ret_old (may be NULL) gets the former value or NULL. E_FULL at max. value !=
// NULL.
tidings_status map_put(struct map *map, struct str key, void *value,
                       void **ret_old) TIDINGS_NODISCARD;
void *map_remove(struct map *map, struct str key); // the former value, or NULL
// Walks all entries in no stated order: start with *cursor = 0; false at the end. The table must
// not change during the walk, except that the entry just returned may be removed.
bool map_next(const struct map *map, size_t *cursor, struct str *ret_key, void **ret_value);

#endif

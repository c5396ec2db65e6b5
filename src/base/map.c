// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include <stdlib.h>

struct map_entry {
    struct map_entry *next; // in its slot
    void *value;
    uint64_t hash;
    size_t key_len;
    char key[];
};

void map_init(struct map *map, size_t max)
{
    *map = (struct map){ .max = max };
}

void map_deinit(struct map *map)
{
    for (size_t i = 0; i < map->slot_count; i++) {
        struct map_entry *entry = map->slots[i];
        while (entry != NULL) {
            struct map_entry *next = entry->next;
            free(entry);
            entry = next;
        }
    }
    free(map->slots);
    *map = (struct map){ .max = map->max };
}

// The link that points at the entry with this key, or at the NULL behind its slot's chain.
static struct map_entry **find(const struct map *map, struct str key, uint64_t hash)
{
    struct map_entry **link = &map->slots[hash & (map->slot_count - 1)];
    while (*link != NULL &&
           ((*link)->hash != hash || !str_eq(str_make((*link)->key, (*link)->key_len), key))) {
        link = &(*link)->next;
    }
    return link;
}

void *map_get(const struct map *map, struct str key)
{
    if (map->count == 0) {
        return NULL;
    }
    struct map_entry *entry = *find(map, key, str_hash(key));
    return entry != NULL ? entry->value : NULL;
}

static tidings_status grow(struct map *map)
{
    size_t slot_count = map->slot_count == 0 ? 8 : map->slot_count * 2;
    struct map_entry **slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (size_t i = 0; i < map->slot_count; i++) {
        struct map_entry *entry = map->slots[i];
        while (entry != NULL) {
            struct map_entry *next = entry->next;
            struct map_entry **slot = &slots[entry->hash & (slot_count - 1)];
            entry->next = *slot;
            *slot = entry;
            entry = next;
        }
    }
    free(map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    return TIDINGS_OK;
}

tidings_status map_put(struct map *map, struct str key, void *value, void **ret_old)
{
    uint64_t hash = str_hash(key);
    BASE_ASSERT(value != NULL);
    if (ret_old != NULL) {
        *ret_old = NULL;
    }
    struct map_entry *entry = map->slot_count > 0 ? *find(map, key, hash) : NULL;
    if (entry != NULL) {
        if (ret_old != NULL) {
            *ret_old = entry->value;
        }
        entry->value = value;
        return TIDINGS_OK;
    }
    if (map->count >= map->max) {
        return TIDINGS_E_FULL;
    }
    if (map->count >= map->slot_count) {
        tidings_status status = grow(map);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    entry = malloc(sizeof *entry + key.len);
    if (entry == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    struct map_entry **slot = &map->slots[hash & (map->slot_count - 1)];
    *entry = (struct map_entry){ .next = *slot, .value = value, .hash = hash, .key_len = key.len };
    if (key.len > 0) {
        memcpy(entry->key, key.ptr, key.len);
    }
    *slot = entry;
    map->count++;
    return TIDINGS_OK;
}

void *map_remove(struct map *map, struct str key)
{
    if (map->count == 0) {
        return NULL;
    }
    struct map_entry **link = find(map, key, str_hash(key));
    struct map_entry *entry = *link;
    if (entry == NULL) {
        return NULL;
    }
    void *value = entry->value;
    *link = entry->next;
    free(entry);
    map->count--;
    return value;
}

static struct map_entry *first_from(const struct map *map, size_t slot)
{
    for (; slot < map->slot_count; slot++) {
        if (map->slots[slot] != NULL) {
            return map->slots[slot];
        }
    }
    return NULL;
}

static struct map_entry *entry_after(const struct map *map, const struct map_entry *entry)
{
    return entry->next != NULL ? entry->next
                               : first_from(map, (entry->hash & (map->slot_count - 1)) + 1);
}

// The cursor is the address of the entry to return next (0 = the first one, 1 = the end), so that
// the entry just returned may go.
bool map_next(const struct map *map, size_t *cursor, struct str *ret_key, void **ret_value)
{
    struct map_entry *entry = *cursor == 0   ? first_from(map, 0)
                              : *cursor == 1 ? NULL
                                             : (struct map_entry *)(uintptr_t)*cursor;
    if (entry == NULL) {
        *cursor = 1;
        return false;
    }
    struct map_entry *following = entry_after(map, entry);
    *cursor = following != NULL ? (size_t)(uintptr_t)following : 1;
    *ret_key = str_make(entry->key, entry->key_len);
    *ret_value = entry->value;
    return true;
}

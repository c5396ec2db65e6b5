// SPDX-License-Identifier: Apache-2.0
// The unique key of a notification. Its slot is a number of 63 bits: the upper ones are a hash
// of tx_no alone, so that a range of slots holds all keys with a tx_no; the lower ones are a hash
// of the whole key. This is the one index that is not in the order of time, so it is as
// narrow as can be; the key itself is compared in the row that the slot names. Another key in the
// slot sends it to the next one (linear probing within the lower part): between a key's first slot
// and its own none is free, which a key that goes keeps true by letting others move up. The slots
// that were taken last may be in recent.c.
#include <stdlib.h>

#include "base/num.h"
#include "record/private.h"

enum { SLOTS = 64 };
#define LOW_MASK ((1LL << RECORD_SLOT_LOW_BITS) - 1)

static int64_t next_slot(int64_t slot)
{
    return (slot & ~LOW_MASK) | ((slot + 1) & LOW_MASK);
}

static int64_t tx_slot(struct str tx_no)
{
    return (int64_t)(str_hash(tx_no) >> 1) & ~LOW_MASK;
}

// The whole key is length-prefixed, so that no two are the same bytes.
static tidings_status first_slot(const struct record_key *key, int64_t *ret,
                                 struct tidings_error *err)
{
    char bytes[8 + 3 * (4 + RECORD_NAME_MAX)];
    const struct str parts[] = { key->source, key->type, key->tx_no };
    size_t len = 8;
    num_store_be64(bytes, (uint64_t)key->receiver_id);
    for (size_t i = 0; i < BASE_COUNT(parts); i++) {
        if (parts[i].len > RECORD_NAME_MAX) {
            return error_set(err, TIDINGS_E_TOO_LARGE, "key of %zu bytes, at most %d", parts[i].len,
                             RECORD_NAME_MAX);
        }
        num_store_be32(bytes + len, (uint32_t)parts[i].len);
        if (parts[i].len > 0) {
            memcpy(bytes + len + 4, parts[i].ptr, parts[i].len);
        }
        len += 4 + parts[i].len;
    }
    // What differs in few bytes must not have neighbouring slots: the product's upper bits.
    const uint64_t hash = str_hash(str_make(bytes, len)) * 0x9e3779b97f4a7c15ULL;
    *ret = tx_slot(key->tx_no) | (int64_t)(hash >> (64 - RECORD_SLOT_LOW_BITS));
    return TIDINGS_OK;
}

static tidings_status holder(struct record *record, int64_t slot, int64_t *ret_id,
                             struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    *ret_id = 0;
    if (record->recent != NULL) {
        status = recent_get(record, slot, ret_id, err);
        if (status == TIDINGS_OK && *ret_id == 0 && !recent_may_be_in_table(record->recent, slot)) {
            return TIDINGS_OK;
        }
    }
    return status == TIDINGS_OK && *ret_id == 0
               ? record_number(record_bind(record, STMT_DEDUP_GET, "i", slot), ret_id, err)
               : status;
}

// ---- look up, take ----
// A row that is not there had another key: another connection forgot it.
static tidings_status compare(struct record *record, const struct record_key *key, int64_t id,
                              bool *ret_same, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_KEY_OF, "i", id);
    tidings_status status = record_first(stmt, err);
    *ret_same = false;
    if (status == TIDINGS_OK) {
        *ret_same = db_column_i64(stmt, 0) == key->receiver_id &&
                    str_eq(db_column_text(stmt, 1), key->source) &&
                    str_eq(db_column_text(stmt, 2), key->type) &&
                    str_eq(db_column_text(stmt, 3), key->tx_no);
        db_reset(stmt);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

// Takes the slot when it is free, or tells who has it.
static tidings_status try_slot(struct record *record, int64_t slot, int64_t id, int64_t *ret_id,
                               struct tidings_error *err)
{
    int64_t rows = 0;
    *ret_id = id;
    if (id != 0 && record->recent == NULL) { // of several nodes the table lets one in
        tidings_status status = record_run(record, &rows, err, STMT_DEDUP_NEW, "ii", slot, id);
        if (status != TIDINGS_OK || rows == 1) {
            return status;
        }
    }
    tidings_status status = holder(record, slot, ret_id, err);
    if (status == TIDINGS_OK && *ret_id == 0 && id != 0 && record->recent != NULL) {
        *ret_id = id;
        return recent_add(record, slot, id, err);
    }
    return status;
}

tidings_status record_key_take(struct record *record, const struct record_key *key, int64_t id,
                               int64_t *ret_id, struct tidings_error *err)
{
    int64_t slot = 0;
    tidings_status status = first_slot(key, &slot, err);
    for (int i = 0; i < SLOTS && status == TIDINGS_OK; i++, slot = next_slot(slot)) {
        bool same = false;
        status = try_slot(record, slot, id, ret_id, err);
        if (status != TIDINGS_OK || *ret_id == 0 || *ret_id == id) {
            return status;
        }
        status = compare(record, key, *ret_id, &same, err);
        if (same) {
            return status;
        }
    }
    *ret_id = 0;
    return status == TIDINGS_OK && id != 0
               ? error_set(err, TIDINGS_E_FULL, "record: too many keys with the same hash")
               : status;
}

// ---- all keys of a tx_no ----
struct ids {
    int64_t after;
    int64_t before;
    int64_t *list;
    size_t count;
    size_t room;
    bool failed; // no memory
};

static void add_id(void *arg, int64_t id)
{
    struct ids *ids = arg;
    if (ids->count == ids->room) {
        size_t room = 2 * ids->room;
        int64_t *more = realloc(ids->list, room * sizeof *more);
        if (more == NULL) {
            ids->failed = true;
            return;
        }
        ids->list = more;
        ids->room = room;
    }
    if (id > ids->after && id < ids->before) {
        ids->list[ids->count++] = id;
    }
}

static int by_id(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

// From the table: in order, at most `max`.
static tidings_status read_ids(struct record *record, int64_t first, struct ids *ids, size_t max,
                               struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_DEDUP_IDS, "iiiii", first, first | LOW_MASK,
                                       ids->after, ids->before, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        add_id(ids, db_column_i64(stmt, 0));
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status record_key_ids(struct record *record, struct str tx_no, int64_t after,
                              int64_t before, int64_t *ret_ids, size_t max, size_t *ret_count,
                              struct tidings_error *err)
{
    struct ids ids = { after, before, NULL, 0, max + 1, false };
    const int64_t first = tx_slot(tx_no);
    *ret_count = 0;
    ids.list = malloc(ids.room * sizeof *ids.list);
    if (ids.list == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory for a list");
    }
    tidings_status status = read_ids(record, first, &ids, max, err);
    if (status == TIDINGS_OK && record->recent != NULL) {
        status = recent_ids(record, first, add_id, &ids, err);
    }
    if (status == TIDINGS_OK && ids.failed) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory for a list");
    }
    qsort(ids.list, ids.count, sizeof *ids.list, by_id);
    for (size_t i = 0; i < ids.count && *ret_count < max; i++) {
        if (i == 0 || ids.list[i] != ids.list[i - 1]) { // on its way it may be in both
            ret_ids[(*ret_count)++] = ids.list[i];
        }
    }
    free(ids.list);
    return status;
}

// ---- give back ----
// Where a row's probing begins.
static tidings_status home_of(struct record *record, int64_t id, int64_t *ret,
                              struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_KEY_OF, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        const struct record_key key = { db_column_i64(stmt, 0), db_column_text(stmt, 1),
                                        db_column_text(stmt, 2), db_column_text(stmt, 3) };
        status = first_slot(&key, ret, err);
        db_reset(stmt);
    }
    return status;
}

// Out of wherever it is.
static tidings_status leave(struct record *record, int64_t slot, int64_t id, bool *ret_left,
                            bool *ret_recent, struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status = TIDINGS_OK;
    *ret_recent = false;
    if (record->recent != NULL) {
        status = recent_drop(record, slot, id, ret_recent, err);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, &rows, err, STMT_DEDUP_DROP, "ii", slot, id);
    }
    *ret_left = *ret_recent || rows == 1;
    return status;
}

static tidings_status move(struct record *record, int64_t slot, int64_t to, int64_t id,
                           struct tidings_error *err)
{
    bool left = false;
    bool was_recent = false;
    if (record->recent == NULL) {
        return record_run(record, NULL, err, STMT_DEDUP_MOVE, "iii", to, slot, id);
    }
    tidings_status status = leave(record, slot, id, &left, &was_recent, err);
    return status == TIDINGS_OK ? recent_add(record, to, id, err) : status;
}

// Lets those behind the free slot that probed past it move up.
static tidings_status close_gap(struct record *record, int64_t free_slot, struct tidings_error *err)
{
    int64_t slot = next_slot(free_slot);
    tidings_status status = TIDINGS_OK;
    for (; ((slot - free_slot) & LOW_MASK) < SLOTS && status == TIDINGS_OK;
         slot = next_slot(slot)) {
        int64_t id = 0;
        int64_t home = 0;
        status = holder(record, slot, &id, err);
        if (status != TIDINGS_OK || id == 0) {
            return status;
        }
        status = home_of(record, id, &home, err);
        if (status == TIDINGS_E_NOT_FOUND) { // another connection forgot it: it stays where it is
            status = TIDINGS_OK;
            continue;
        }
        int64_t probed = (slot - home) & LOW_MASK;
        if (status == TIDINGS_OK && probed >= ((slot - free_slot) & LOW_MASK)) {
            status = move(record, slot, free_slot, id, err);
            free_slot = slot;
        }
    }
    return status;
}

tidings_status record_key_drop(struct record *record, const struct record_key *key, int64_t id,
                               struct tidings_error *err)
{
    int64_t slot = 0;
    bool left = false;
    bool was_recent = false;
    tidings_status status = first_slot(key, &slot, err);
    for (int i = 0; i < SLOTS && status == TIDINGS_OK; i++, slot = next_slot(slot)) {
        status = leave(record, slot, id, &left, &was_recent, err);
        if (status == TIDINGS_OK && left) {
            return close_gap(record, slot, err);
        }
    }
    return status;
}

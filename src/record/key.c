// SPDX-License-Identifier: Apache-2.0
// The unique key of a notification. Its slot is a number of 63 bits: the upper ones are a SHA-256
// of tx_no alone, so that a range of slots holds all keys with a tx_no; the lower ones are one of
// the whole key. This is the one index that is not in the order of time, so it is as narrow as can
// be; the key itself is compared in the row that the slot names. Another key in the slot sends it
// to the next one (linear probing within the lower part): between a key's first slot and its own
// none is free, which a key that goes keeps true by letting others move up.
#include "base/num.h"
#include "record/private.h"

enum { SLOTS = 64, LOW_BITS = 23 };
#define LOW_MASK ((1LL << LOW_BITS) - 1)

static tidings_status hash_of(struct record *record, struct str bytes, int64_t *ret,
                              struct tidings_error *err)
{
    unsigned char hash[RECORD_HASH_SIZE];
    tidings_status status = record_hash(record, bytes, hash, err);
    *ret = (int64_t)(num_load_be64(hash) >> 1);
    return status;
}

static int64_t next_slot(int64_t slot)
{
    return (slot & ~LOW_MASK) | ((slot + 1) & LOW_MASK);
}

tidings_status record_key_range(struct record *record, struct str tx_no, int64_t *ret_first,
                                int64_t *ret_last, struct tidings_error *err)
{
    int64_t hash = 0;
    tidings_status status = hash_of(record, tx_no, &hash, err);
    *ret_first = hash & ~LOW_MASK;
    *ret_last = hash | LOW_MASK;
    return status;
}

// The whole key is length-prefixed, so that no two are the same bytes.
static tidings_status first_slot(struct record *record, const struct record_key *key, int64_t *ret,
                                 struct tidings_error *err)
{
    char bytes[8 + 3 * (4 + RECORD_NAME_MAX)];
    const struct str parts[] = { key->source, key->type, key->tx_no };
    size_t len = 8;
    int64_t first = 0;
    int64_t last = 0;
    int64_t hash = 0;
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
    tidings_status status = record_key_range(record, key->tx_no, &first, &last, err);
    if (status == TIDINGS_OK) {
        status = hash_of(record, str_make(bytes, len), &hash, err);
    }
    *ret = first | (hash & LOW_MASK);
    return status;
}

static tidings_status holder(struct record *record, int64_t slot, int64_t *ret_id,
                             struct tidings_error *err)
{
    *ret_id = 0;
    return record_number(record_bind(record, STMT_DEDUP_GET, "i", slot), ret_id, err);
}

// ---- look up, take ----
static tidings_status compare(struct record *record, const struct record_key *key, int64_t id,
                              bool *ret_same, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_KEY_OF, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        *ret_same = db_column_i64(stmt, 0) == key->receiver_id &&
                    str_eq(db_column_text(stmt, 1), key->source) &&
                    str_eq(db_column_text(stmt, 2), key->type) &&
                    str_eq(db_column_text(stmt, 3), key->tx_no);
        db_reset(stmt);
    }
    return status == TIDINGS_E_NOT_FOUND
               ? error_set(err, TIDINGS_E_CORRUPT, "record: a key names a row that is not there")
               : status;
}

tidings_status record_key_take(struct record *record, const struct record_key *key, int64_t id,
                               int64_t *ret_id, struct tidings_error *err)
{
    int64_t slot = 0;
    int64_t rows = 0;
    tidings_status status = first_slot(record, key, &slot, err);
    for (int i = 0; i < SLOTS && status == TIDINGS_OK; i++, slot = next_slot(slot)) {
        bool same = false;
        *ret_id = 0;
        if (id != 0) {
            status = record_run(record, &rows, err, STMT_DEDUP_NEW, "ii", slot, id);
            if (status != TIDINGS_OK || rows == 1) {
                *ret_id = id;
                return status;
            }
        }
        status = holder(record, slot, ret_id, err);
        if (status != TIDINGS_OK || *ret_id == 0) {
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
        status = first_slot(record, &key, ret, err);
        db_reset(stmt);
    }
    return status == TIDINGS_E_NOT_FOUND
               ? error_set(err, TIDINGS_E_CORRUPT, "record: a key names a row that is not there")
               : status;
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
        int64_t probed = (slot - home) & LOW_MASK;
        if (status == TIDINGS_OK && probed >= ((slot - free_slot) & LOW_MASK)) {
            status = record_run(record, NULL, err, STMT_DEDUP_MOVE, "iii", free_slot, slot, id);
            free_slot = slot;
        }
    }
    return status;
}

tidings_status record_key_drop(struct record *record, const struct record_key *key, int64_t id,
                               struct tidings_error *err)
{
    int64_t slot = 0;
    int64_t rows = 0;
    tidings_status status = first_slot(record, key, &slot, err);
    for (int i = 0; i < SLOTS && status == TIDINGS_OK; i++, slot = next_slot(slot)) {
        status = record_run(record, &rows, err, STMT_DEDUP_DROP, "ii", slot, id);
        if (status == TIDINGS_OK && rows == 1) {
            return close_gap(record, slot, err);
        }
    }
    return status;
}

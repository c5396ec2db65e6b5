// SPDX-License-Identifier: Apache-2.0
// The unique key of a notification. Its slot is 64 bits of a SHA-256, which is the one index that
// is not in the order of time, so it is as narrow as can be; the key itself is compared in the row
// that the slot names. Another key in the slot (one chance in some billions) sends it to the next;
// when the first of two such keys is purged, the second is no longer found by its key.
#include "base/num.h"
#include "record/private.h"

enum { SLOTS = 4 };

// Length-prefixed, so that no two keys are the same bytes.
static tidings_status first_slot(struct record *record, const struct record_key *key, uint64_t *ret,
                                 struct tidings_error *err)
{
    char bytes[8 + 3 * (4 + RECORD_NAME_MAX)];
    unsigned char hash[RECORD_HASH_SIZE];
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
    tidings_status status = record_hash(record, str_make(bytes, len), hash, err);
    *ret = num_load_be64(hash);
    return status;
}

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
    uint64_t slot = 0;
    int64_t rows = 0;
    tidings_status status = first_slot(record, key, &slot, err);
    for (int i = 0; i < SLOTS && status == TIDINGS_OK; i++, slot++) {
        bool same = false;
        *ret_id = 0;
        if (id != 0) {
            status = record_run(record, &rows, err, STMT_DEDUP_NEW, "ii", (int64_t)slot, id);
            if (status != TIDINGS_OK || rows == 1) {
                *ret_id = id;
                return status;
            }
        }
        status =
            record_number(record_bind(record, STMT_DEDUP_GET, "i", (int64_t)slot), ret_id, err);
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

tidings_status record_key_drop(struct record *record, const struct record_key *key, int64_t id,
                               struct tidings_error *err)
{
    uint64_t slot = 0;
    int64_t rows = 0;
    tidings_status status = first_slot(record, key, &slot, err);
    for (int i = 0; i < SLOTS && status == TIDINGS_OK && rows == 0; i++, slot++) {
        status = record_run(record, &rows, err, STMT_DEDUP_DROP, "ii", (int64_t)slot, id);
    }
    return status;
}

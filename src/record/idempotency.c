// SPDX-License-Identifier: Apache-2.0
// Keys by which an API call that is repeated is known. Of key and request only hashes are kept.
#include "base/num.h"
#include "record/private.h"

enum { TRIES = 4 }; // another node may be at the same key

// Column `request`: the hash, and behind it the mark, big endian.
enum { MARK_SIZE = 8, REQUEST_SIZE = RECORD_HASH_SIZE + MARK_SIZE };

// The highest id that can be of before now.
static int64_t mark_of(const struct record *record, int64_t now_ms)
{
    int64_t id = record_id_at(now_ms) - 1;
    return id > record->last_id ? id : record->last_id;
}

// The row that is there: *ret_found false when it went meanwhile.
static tidings_status compare(struct record *record, struct str key, struct str request,
                              bool *ret_found, bool *ret_same, int64_t *ret_made_ms,
                              int64_t *ret_mark, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_IDEMPOTENCY_GET, "b", key);
    tidings_status status = record_first(stmt, err);
    *ret_found = status == TIDINGS_OK;
    if (status == TIDINGS_OK) {
        struct str there = db_column_blob(stmt, 0);
        *ret_made_ms = db_column_i64(stmt, 1);
        if (there.len == REQUEST_SIZE) {
            *ret_same = memcmp(there.ptr, request.ptr, RECORD_HASH_SIZE) == 0;
            *ret_mark = (int64_t)num_load_be64(there.ptr + RECORD_HASH_SIZE);
        } else {
            status = error_set(err, TIDINGS_E_CORRUPT,
                               "record: an idempotency key with %zu bytes of request, %d are right",
                               there.len, REQUEST_SIZE);
        }
        db_reset(stmt);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

static tidings_status try_once(struct record *record, struct str key, struct str request,
                               int64_t now_ms, bool *ret_done, enum record_idempotent *ret,
                               int64_t *ret_mark, struct tidings_error *err)
{
    int64_t rows = 0;
    int64_t made_ms = 0;
    int64_t mark = 0;
    bool found = false;
    bool same = false;
    tidings_status status =
        record_run(record, &rows, err, STMT_IDEMPOTENCY_NEW, "bbi", key, request, now_ms);
    if (status == TIDINGS_OK && rows == 0) {
        status = compare(record, key, request, &found, &same, &made_ms, &mark, err);
        if (status == TIDINGS_OK && found && made_ms > now_ms - RECORD_KEY_KEPT_MS) {
            *ret = same ? RECORD_KEY_SAME : RECORD_KEY_OTHER;
            *ret_mark = mark;
            *ret_done = true;
            return TIDINGS_OK;
        }
        if (status == TIDINGS_OK && found) {
            status = record_run(record, &rows, err, STMT_IDEMPOTENCY_AGAIN, "bibi", request, now_ms,
                                key, made_ms);
        }
    }
    *ret = RECORD_KEY_NEW;
    *ret_done = rows == 1;
    return status;
}

tidings_status record_idempotency(struct record *record, struct str scope_and_key,
                                  const unsigned char request_hash[RECORD_HASH_SIZE],
                                  int64_t now_ms, enum record_idempotent *ret, int64_t *ret_mark,
                                  struct tidings_error *err)
{
    unsigned char hash[RECORD_HASH_SIZE];
    unsigned char request[REQUEST_SIZE];
    bool done = false;
    if (scope_and_key.len > RECORD_HEADERS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "idempotency key: %zu bytes, at most %d",
                         scope_and_key.len, RECORD_HEADERS_MAX);
    }
    tidings_status status = record_hash(record, scope_and_key, hash, err);
    memcpy(request, request_hash, RECORD_HASH_SIZE);
    *ret_mark = mark_of(record, now_ms);
    num_store_be64(request + RECORD_HASH_SIZE, (uint64_t)*ret_mark);
    for (int i = 0; i < TRIES && status == TIDINGS_OK && !done; i++) {
        status = try_once(record, str_make(hash, sizeof hash), str_make(request, sizeof request),
                          now_ms, &done, ret, ret_mark, err);
    }
    return status == TIDINGS_OK && !done
               ? error_set(err, TIDINGS_E_AGAIN, "record: an idempotency key is contended")
               : status;
}

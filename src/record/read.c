// SPDX-License-Identifier: Apache-2.0
#include "record/private.h"

static tidings_status not_known(int64_t id, struct tidings_error *err)
{
    char text[RECORD_ID_SIZE];
    record_id_format(id, text);
    return error_set(err, TIDINGS_E_NOT_FOUND, "%s: not known", text);
}

// ---- one ----
struct str record_put(struct buf *room, struct str text)
{
    struct str copy = str_make(room->ptr + room->len, text.len);
    if (text.len > 0) {
        memcpy(room->ptr + room->len, text.ptr, text.len);
        room->len += text.len;
    }
    return copy;
}

// *ret_payload_id is NULL when the payload is not wanted.
static tidings_status read_row(struct record *record, int64_t id, struct buf *room,
                               struct record_notification *ret, int64_t *ret_payload_id,
                               struct tidings_error *err)
{
    bool whole = ret_payload_id != NULL;
    struct db_stmt *stmt =
        record_bind(record, whole ? STMT_NOTIFICATION_GET : STMT_NOTIFICATION_LOOK, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct str payload = whole ? db_column_blob(stmt, 8) : (struct str){ NULL, 0 };
    struct str hash = db_column_blob(stmt, 7);
    struct str headers = db_column_blob(stmt, 6);
    status = buf_reserve(room, 4 * RECORD_NAME_MAX + headers.len + payload.len + 1, NULL);
    if (status == TIDINGS_OK && hash.len == RECORD_HASH_SIZE) {
        ret->receiver_id = db_column_i64(stmt, 0);
        ret->source = record_put(room, db_column_text(stmt, 2));
        ret->type = record_put(room, db_column_text(stmt, 3));
        ret->tx_no = record_put(room, db_column_text(stmt, 4));
        ret->content_type = record_put(room, db_column_text(stmt, 5));
        ret->headers = record_put(room, headers);
        memcpy(ret->hash, hash.ptr, RECORD_HASH_SIZE);
        if (whole) {
            *ret_payload_id = db_column_i64(stmt, 1);
            ret->payload = record_put(room, payload);
        } else {
            ret->payload_size = db_column_i64(stmt, 8);
        }
    }
    db_reset(stmt);
    return status == TIDINGS_OK ? TIDINGS_OK
                                : error_set(err, status, "record: no room for a notification");
}

static tidings_status read_payload(struct record *record, int64_t payload_id, struct buf *room,
                                   struct record_notification *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_PAYLOAD_GET, "i", payload_id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        return error_set(err, TIDINGS_E_CORRUPT, "record: a payload is not there");
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct str payload = db_column_blob(stmt, 0);
    const char *before = room->ptr;
    status = buf_reserve(room, payload.len + 1, NULL);
    if (status == TIDINGS_OK) { // it may have moved
        struct str *views[] = { &ret->source, &ret->type, &ret->tx_no, &ret->content_type,
                                &ret->headers };
        for (size_t i = 0; i < BASE_COUNT(views); i++) {
            views[i]->ptr = room->ptr + (views[i]->ptr - before);
        }
        ret->payload = record_put(room, payload);
    }
    db_reset(stmt);
    return status == TIDINGS_OK ? TIDINGS_OK
                                : error_set(err, status, "record: no room for a payload");
}

// Where it stands: among the pending ones, or in the archive.
static tidings_status read_state(struct record *record, int64_t id, struct record_notification *ret,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_PENDING_GET, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        ret->ladder_id = db_column_i64(stmt, 0);
        ret->state = (enum record_state)db_column_i64(stmt, 1);
        ret->due_ms = db_column_i64(stmt, 2);
        ret->first_ms = db_column_i64(stmt, 3);
        ret->attempts = (int32_t)db_column_i64(stmt, 4);
        db_reset(stmt);
    }
    if (status != TIDINGS_E_NOT_FOUND) {
        return status;
    }
    stmt = record_bind(record, STMT_ARCHIVE_GET, "i", id);
    status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        ret->ladder_id = db_column_i64(stmt, 0);
        ret->state = (enum record_state)db_column_i64(stmt, 1);
        ret->reason = (enum record_reason)db_column_i64(stmt, 2);
        ret->first_ms = db_column_i64(stmt, 3);
        ret->finished_ms = db_column_i64(stmt, 4);
        ret->attempts = (int32_t)db_column_i64(stmt, 5);
        db_reset(stmt);
    }
    return status;
}

static tidings_status read_all(struct record *record, int64_t id, bool whole, struct buf *room,
                               struct record_notification *ret, struct tidings_error *err)
{
    int64_t payload_id = id;
    *ret = (struct record_notification){ .id = id, .accepted_ms = record_id_time_ms(id) };
    buf_clear(room);
    tidings_status status = read_row(record, id, room, ret, whole ? &payload_id : NULL, err);
    if (status == TIDINGS_OK && whole && payload_id != id) {
        status = read_payload(record, payload_id, room, ret, err);
    }
    if (status == TIDINGS_OK) {
        ret->payload_size = whole ? (int64_t)ret->payload.len : ret->payload_size;
        status = read_state(record, id, ret, err);
        if (status == TIDINGS_E_NOT_FOUND) {
            return error_set(err, TIDINGS_E_CORRUPT, "record: a notification without a state");
        }
    }
    return status == TIDINGS_E_NOT_FOUND ? not_known(id, err) : status;
}

tidings_status record_get(struct record *record, int64_t id, struct buf *room,
                          struct record_notification *ret, struct tidings_error *err)
{
    return read_all(record, id, true, room, ret, err);
}

tidings_status record_get_brief(struct record *record, int64_t id, struct buf *room,
                                struct record_notification *ret, struct tidings_error *err)
{
    return read_all(record, id, false, room, ret, err);
}

tidings_status record_find(struct record *record, int64_t receiver_id, struct str source,
                           struct str type, struct str tx_no, int64_t *ret_id,
                           struct tidings_error *err)
{
    const struct record_key key = { receiver_id, source, type, tx_no };
    tidings_status status = record_key_take(record, &key, 0, ret_id, err);
    return status == TIDINGS_OK && *ret_id == 0
               ? error_set(err, TIDINGS_E_NOT_FOUND, "no notification has this key")
               : status;
}

// ---- lists ----
// Columns: number, begun, and the others in the order of the tables.
static tidings_status each_attempt(struct db_stmt *stmt, size_t *count,
                                   void (*each)(void *arg, const struct record_attempt *attempt),
                                   void *arg, struct tidings_error *err)
{
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_attempt attempt = {
            .number = (int32_t)db_column_i64(stmt, 0),
            .begun_ms = db_column_i64(stmt, 1),
            .dns_us = (int32_t)db_column_i64(stmt, 2),
            .connect_us = (int32_t)db_column_i64(stmt, 3),
            .tls_us = (int32_t)db_column_i64(stmt, 4),
            .first_byte_us = (int32_t)db_column_i64(stmt, 5),
            .total_us = (int32_t)db_column_i64(stmt, 6),
            .http_status = (int32_t)db_column_i64(stmt, 7),
            .error_class = (int32_t)db_column_i64(stmt, 8),
            .next_due_ms = db_column_i64(stmt, 9),
            .error = db_column_text(stmt, 10),
            .reply = db_column_blob(stmt, 11),
        };
        (*count)++;
        each(arg, &attempt);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status record_attempts(struct record *record, int64_t id, int32_t after, size_t max,
                               void (*each)(void *arg, const struct record_attempt *attempt),
                               void *arg, struct tidings_error *err)
{
    size_t count = 0;
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt =
        record_bind(record, STMT_ATTEMPT_LIST, "iii", id, (int64_t)after, (int64_t)max);
    tidings_status status = each_attempt(stmt, &count, each, arg, err);
    if (status == TIDINGS_OK && count < max) { // the one that ended its course is the last
        stmt = record_bind(record, STMT_ARCHIVE_ATTEMPT, "ii", id, (int64_t)after);
        status = each_attempt(stmt, &count, each, arg, err);
    }
    return status;
}

tidings_status record_dead(struct record *record, int64_t receiver_id, int64_t after, size_t max,
                           void (*each)(void *arg, int64_t id, enum record_reason reason),
                           void *arg, struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt =
        receiver_id != 0
            ? record_bind(record, STMT_DEAD_OF, "iii", receiver_id, after, (int64_t)max)
            : record_bind(record, STMT_DEAD_ALL, "ii", after, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        each(arg, db_column_i64(stmt, 0), (enum record_reason)db_column_i64(stmt, 1));
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

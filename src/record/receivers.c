// SPDX-License-Identifier: Apache-2.0
// Receivers and ladders: small tables with numbers of their own.
#include "record/private.h"

enum { TRIES = 8 }; // another node may take a number first

// ---- receivers ----
static struct record_receiver row_of(struct db_stmt *stmt)
{
    return (struct record_receiver){
        .id = db_column_i64(stmt, 0),
        .state = (int32_t)db_column_i64(stmt, 1),
        .version = db_column_i64(stmt, 2),
        .changed_ms = db_column_i64(stmt, 3),
        .name = db_column_text(stmt, 4),
        .document = db_column_blob(stmt, 5),
        .seq = db_column_i64(stmt, 6),
    };
}

tidings_status record_receiver_get(struct record *record, struct str name, int64_t id,
                                   struct buf *room, struct record_receiver *ret,
                                   struct tidings_error *err)
{
    struct db_stmt *stmt = name.len > 0 ? record_bind(record, STMT_RECEIVER_BY_NAME, "t", name)
                                        : record_bind(record, STMT_RECEIVER_BY_ID, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        return error_set(err, status, "receiver \"%.*s\": not known", STR_ARG(name));
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    *ret = row_of(stmt);
    buf_clear(room);
    status = buf_reserve(room, ret->name.len + ret->document.len + 1, NULL);
    if (status == TIDINGS_OK) {
        status = buf_add_str(room, ret->name);
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(room, ret->document);
        ret->document = str_make(room->ptr + ret->name.len, ret->document.len);
        ret->name = str_make(room->ptr, ret->name.len);
    }
    db_reset(stmt);
    return status == TIDINGS_OK ? status : error_set(err, status, "record: no room for a receiver");
}

static tidings_status check_receiver(const struct record_receiver *receiver,
                                     struct tidings_error *err)
{
    if (receiver->name.len == 0 || receiver->name.len > RECORD_NAME_MAX ||
        !str_is_utf8(receiver->name) || str_find(receiver->name, '\0', 0) != SIZE_MAX) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a receiver's name is 1 to %d bytes of UTF-8 without zero bytes",
                         RECORD_NAME_MAX);
    }
    return receiver->document.len <= RECORD_DOCUMENT_MAX
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_TOO_LARGE, "a receiver's settings: %zu bytes, at most %d",
                           receiver->document.len, RECORD_DOCUMENT_MAX);
}

static tidings_status change(struct record *record, struct record_receiver *receiver,
                             struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status = record_run(
        record, &rows, err, STMT_RECEIVER_CHANGE, "iibiti", (int64_t)receiver->state,
        receiver->changed_ms, receiver->document, receiver->seq, receiver->name, receiver->version);
    if (status == TIDINGS_OK && rows == 0) {
        return error_set(err, TIDINGS_E_STATE,
                         "receiver \"%.*s\" is not there or was changed by somebody else: read it "
                         "again",
                         STR_ARG(receiver->name));
    }
    receiver->version += status == TIDINGS_OK;
    return status;
}

static tidings_status make(struct record *record, struct record_receiver *receiver,
                           struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < TRIES && status == TIDINGS_OK; i++) {
        int64_t id = 0;
        int64_t rows = 0;
        int64_t taken = 0;
        status = record_number(record_bind(record, STMT_RECEIVER_BY_NAME, "t", receiver->name),
                               &taken, err);
        if (status == TIDINGS_OK && taken != 0) {
            return error_set(err, TIDINGS_E_DUPLICATE, "receiver \"%.*s\" is there already",
                             STR_ARG(receiver->name));
        }
        if (status == TIDINGS_OK) {
            status = record_number(record_bind(record, STMT_RECEIVER_LAST, ""), &id, err);
        }
        if (status == TIDINGS_OK) {
            status = record_run(record, &rows, err, STMT_RECEIVER_NEW, "itiiibi", id + 1,
                                receiver->name, (int64_t)receiver->state, (int64_t)1,
                                receiver->changed_ms, receiver->document, receiver->seq);
        }
        if (status == TIDINGS_OK && rows == 1) {
            receiver->id = id + 1;
            receiver->version = 1;
            return TIDINGS_OK;
        }
    }
    return status != TIDINGS_OK ? status
                                : error_set(err, TIDINGS_E_AGAIN, "record: numbers are contended");
}

tidings_status record_receiver_put(struct record *record, struct record_receiver *receiver,
                                   struct tidings_error *err)
{
    static const char empty[1];
    tidings_status status = check_receiver(receiver, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (receiver->document.ptr == NULL) {
        receiver->document = str_make(empty, 0);
    }
    receiver->changed_ms = clock_wall_ms(record->clock);
    status = record_mark(record, RECORD_MARK_RECEIVERS, &receiver->seq, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    return receiver->version == 0 ? make(record, receiver, err) : change(record, receiver, err);
}

tidings_status record_receiver_list(struct record *record, int64_t after, size_t max,
                                    void (*each)(void *arg, const struct record_receiver *receiver),
                                    void *arg, struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt = record_bind(record, STMT_RECEIVER_LIST, "ii", after, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_receiver receiver = row_of(stmt);
        each(arg, &receiver);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status record_receiver_since(struct record *record, int64_t seq, size_t max,
                                     void (*each)(void *arg,
                                                  const struct record_receiver *receiver),
                                     void *arg, struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt = record_bind(record, STMT_RECEIVER_SINCE, "ii", seq, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_receiver receiver = row_of(stmt);
        each(arg, &receiver);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// ---- ladders ----
tidings_status record_ladder_put(struct record *record, struct str text, int64_t *ret_id,
                                 struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    *ret_id = 0;
    if (text.len > RECORD_LADDER_MAX || !str_is_utf8(text)) {
        return error_set(err, TIDINGS_E_INVALID, "a ladder's text: %zu bytes, at most %d", text.len,
                         RECORD_LADDER_MAX);
    }
    for (int i = 0; i < TRIES && status == TIDINGS_OK; i++) {
        int64_t last = 0;
        int64_t rows = 0;
        status = record_number(record_bind(record, STMT_LADDER_BY_TEXT, "t", text), ret_id, err);
        if (status != TIDINGS_OK || *ret_id != 0) {
            return status;
        }
        status = record_number(record_bind(record, STMT_LADDER_LAST, ""), &last, err);
        if (status == TIDINGS_OK) {
            status = record_run(record, &rows, err, STMT_LADDER_NEW, "it", last + 1, text);
        }
        if (status == TIDINGS_OK && rows == 1) {
            *ret_id = last + 1;
            return TIDINGS_OK;
        }
    }
    return status != TIDINGS_OK ? status
                                : error_set(err, TIDINGS_E_AGAIN, "record: numbers are contended");
}

tidings_status record_ladder_get(struct record *record, int64_t id, struct buf *out,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_LADDER_BY_ID, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        status = buf_add_str(out, db_column_text(stmt, 0));
        db_reset(stmt);
        return status == TIDINGS_OK ? status
                                    : error_set(err, status, "record: no room for a ladder");
    }
    return status == TIDINGS_E_NOT_FOUND
               ? error_set(err, status, "ladder %lld: not known", (long long)id)
               : status;
}

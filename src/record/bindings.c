// SPDX-License-Identifier: Apache-2.0
// Bindings: a name, a version, a document.
#include "record/private.h"

static struct record_binding row_of(struct db_stmt *stmt)
{
    return (struct record_binding){
        .version = db_column_i64(stmt, 0),
        .changed_ms = db_column_i64(stmt, 1),
        .name = db_column_text(stmt, 2),
        .document = db_column_blob(stmt, 3),
    };
}

static tidings_status not_known(struct str name, struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_NOT_FOUND, "binding \"%.*s\": not known", STR_ARG(name));
}

tidings_status record_binding_get(struct record *record, struct str name, struct buf *room,
                                  struct record_binding *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_BINDING_BY_NAME, "t", name);
    tidings_status status = record_first(stmt, err);
    if (status != TIDINGS_OK) {
        return status == TIDINGS_E_NOT_FOUND ? not_known(name, err) : status;
    }
    *ret = row_of(stmt);
    buf_clear(room);
    status = buf_reserve(room, ret->name.len + ret->document.len + 1, NULL);
    if (status == TIDINGS_OK) {
        ret->name = record_put(room, ret->name);
        ret->document = record_put(room, ret->document);
    }
    db_reset(stmt);
    return status == TIDINGS_OK ? status : error_set(err, status, "record: no room for a binding");
}

static tidings_status make(struct record *record, struct record_binding *binding,
                           struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status = record_run(record, &rows, err, STMT_BINDING_NEW, "tiib", binding->name,
                                       (int64_t)1, binding->changed_ms, binding->document);
    if (status == TIDINGS_OK && rows == 0) {
        return error_set(err, TIDINGS_E_DUPLICATE, "binding \"%.*s\" is there already",
                         STR_ARG(binding->name));
    }
    binding->version = status == TIDINGS_OK ? 1 : 0;
    return status;
}

static tidings_status change(struct record *record, struct record_binding *binding,
                             struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status =
        record_run(record, &rows, err, STMT_BINDING_CHANGE, "ibti", binding->changed_ms,
                   binding->document, binding->name, binding->version);
    if (status == TIDINGS_OK && rows == 0) {
        return error_set(
            err, TIDINGS_E_STATE,
            "binding \"%.*s\" is not there or was changed by somebody else: read it again",
            STR_ARG(binding->name));
    }
    binding->version += status == TIDINGS_OK;
    return status;
}

tidings_status record_binding_put(struct record *record, struct record_binding *binding,
                                  struct tidings_error *err)
{
    static const char empty[1];
    tidings_status status = record_check_text(binding->name, "binding's name", false, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (binding->document.len > RECORD_DOCUMENT_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "a binding's settings: %zu bytes, at most %d",
                         binding->document.len, RECORD_DOCUMENT_MAX);
    }
    if (binding->document.ptr == NULL) {
        binding->document = str_make(empty, 0);
    }
    binding->changed_ms = clock_wall_ms(record->clock);
    status = record_mark(record, RECORD_MARK_BINDINGS, NULL, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    return binding->version == 0 ? make(record, binding, err) : change(record, binding, err);
}

tidings_status record_binding_list(struct record *record, struct str after, size_t max,
                                   void (*each)(void *arg, const struct record_binding *binding),
                                   void *arg, struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct str from = after.ptr != NULL ? after : STR("");
    struct db_stmt *stmt = record_bind(record, STMT_BINDING_LIST, "ti", from, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_binding binding = row_of(stmt);
        each(arg, &binding);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status record_binding_drop(struct record *record, struct str name,
                                   struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status = record_mark(record, RECORD_MARK_BINDINGS, NULL, err);
    if (status == TIDINGS_OK) {
        status = record_run(record, &rows, err, STMT_BINDING_DROP, "t", name);
    }
    return status == TIDINGS_OK && rows == 0 ? not_known(name, err) : status;
}

// SPDX-License-Identifier: Apache-2.0
#include "db/driver.h"

static const char *word_of(const struct db_dialect *dialect, struct str word)
{
    if (str_eq(word, STR("clustered"))) {
        return dialect->clustered;
    }
    if (str_eq(word, STR("blob"))) {
        return dialect->blob;
    }
    if (str_eq(word, STR("skip_locked"))) {
        return dialect->skip_locked;
    }
    return str_eq(word, STR("bigint")) ? dialect->bigint : NULL;
}

tidings_status db_dialect_expand(const struct db_dialect *dialect, struct str sql, struct buf *out,
                                 struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    size_t at = 0;
    while (status == TIDINGS_OK && at < sql.len) {
        size_t open = str_find(sql, '{', at);
        size_t end = open == SIZE_MAX ? sql.len : open;
        status = buf_add(out, sql.ptr + at, end - at);
        at = end;
        if (open == SIZE_MAX || status != TIDINGS_OK) {
            break;
        }
        size_t close = str_find(sql, '}', open);
        struct str word =
            close == SIZE_MAX ? STR("") : str_make(sql.ptr + open + 1, close - open - 1);
        const char *text = word_of(dialect, word);
        if (text == NULL) {
            return error_set(err, TIDINGS_E_INVALID, "statement: unknown word {%.*s}",
                             STR_ARG(word));
        }
        status = buf_add_str(out, str_of(text));
        at = close + 1;
    }
    return status == TIDINGS_OK
               ? buf_add(out, "", 1)
               : error_set(err, status, "statement: %s", tidings_status_text(status));
}

static tidings_status add_names(struct buf *out, const char *const *columns, int count)
{
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < count && status == TIDINGS_OK; i++) {
        status = buf_addf(out, "%s%s", i == 0 ? "" : ", ", columns[i]);
    }
    return status;
}

// "INSERT INTO t (a, b) VALUES (?, ?)"
static tidings_status add_insert(const char *table, const char *const *columns, int count,
                                 struct buf *out)
{
    tidings_status status = buf_addf(out, "INSERT INTO %s (", table);
    if (status == TIDINGS_OK) {
        status = add_names(out, columns, count);
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(out, STR(") VALUES ("));
    }
    for (int i = 0; i < count && status == TIDINGS_OK; i++) {
        status = buf_addf(out, "%s?", i == 0 ? "" : ", ");
    }
    return status == TIDINGS_OK ? buf_add_str(out, STR(")")) : status;
}

tidings_status db_dialect_insert_new(const char *table, const char *const *columns,
                                     int column_count, struct buf *out)
{
    tidings_status status = add_insert(table, columns, column_count, out);
    return status == TIDINGS_OK ? buf_add_str(out, STR(" ON CONFLICT DO NOTHING")) : status;
}

tidings_status db_dialect_upsert(const char *table, const char *const *columns, int column_count,
                                 int key_count, struct buf *out)
{
    tidings_status status = add_insert(table, columns, column_count, out);
    if (status == TIDINGS_OK) {
        status = buf_add_str(out, STR(" ON CONFLICT ("));
    }
    if (status == TIDINGS_OK) {
        status = add_names(out, columns, key_count);
    }
    if (status == TIDINGS_OK) {
        status = buf_addf(out, ") DO %s", key_count == column_count ? "NOTHING" : "UPDATE SET ");
    }
    for (int i = key_count; i < column_count && status == TIDINGS_OK; i++) {
        status =
            buf_addf(out, "%s%s = excluded.%s", i == key_count ? "" : ", ", columns[i], columns[i]);
    }
    return status;
}

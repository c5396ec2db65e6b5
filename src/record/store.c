// SPDX-License-Identifier: Apache-2.0
// Opening, batches, and how statements are bound.
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "record/private.h"

enum { NODES = 1024, CACHE_BYTES = 32 * 1024 * 1024, LOG_BYTES = 32 * 1024 * 1024 };

static const char *const texts[] = {
#define X(name, sql) [STMT_##name] = (sql),
#include "record/statements.def"
#undef X
};

static const struct {
    enum statement which;
    const char *table;
    int count;
    const char *columns[18];
} inserts[] = {
    { STMT_RECEIVER_NEW,
      "receiver",
      7,
      { "id", "name", "state", "version", "changed_ms", "document", "seq" } },
    { STMT_LADDER_NEW, "ladder", 2, { "id", "text" } },
    { STMT_DEDUP_NEW, "dedup", 2, { "slot", "id" } },
    { STMT_DEAD_NEW, "dead_letter", 3, { "receiver_id", "id", "reason" } },
    { STMT_BINDING_NEW, "binding", 4, { "name", "version", "changed_ms", "document" } },
    { STMT_JOB_NEW,
      "job",
      18,
      { "id", "state", "receiver_id", "row_state", "reason", "source", "type", "tx_no", "from_ms",
        "to_ms", "ladder_id", "until_id", "last_id", "looked", "redelivered", "refused",
        "created_ms", "changed_ms" } },
    { STMT_IDEMPOTENCY_NEW, "idempotency", 3, { "key_hash", "request", "made_ms" } },
    { STMT_LIFE_NEW, "life", 4, { "id", "owner", "node", "begun_ms" } },
};

static tidings_status prepare(struct record *record, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(texts) && status == TIDINGS_OK; i++) {
        status = db_prepare(record->db, texts[i], &record->statements[i], err);
    }
    for (size_t i = 0; i < BASE_COUNT(inserts) && status == TIDINGS_OK; i++) {
        status =
            db_prepare_insert_new(record->db, inserts[i].table, inserts[i].columns,
                                  inserts[i].count, &record->statements[inserts[i].which], err);
    }
    return status;
}

tidings_status record_open(const char *url, const struct record_options *options,
                           struct record **ret, struct tidings_error *err)
{
    const struct db_options db_options = { .sync = DB_SYNC_FULL,
                                           .read_only = options->read_only,
                                           .cache_bytes = CACHE_BYTES,
                                           .log_bytes = LOG_BYTES,
                                           .fault = options->fault };
    if (options->node < 0 || options->node >= NODES) {
        return error_set(err, TIDINGS_E_INVALID, "record: node %d is not within 0 to %d",
                         options->node, NODES - 1);
    }
    struct record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory");
    }
    record->clock = options->clock != NULL ? options->clock : clock_system();
    record->node = options->node;
    record->lessee = options->life != 0 ? options->life : options->node;
    record->read_only = options->read_only;
    tidings_status status = db_open(url, &db_options, &record->db, err);
    if (status == TIDINGS_OK && db_writes_alone(record->db)) {
        status = recent_new(options->recent_keys, &record->recent, err);
    }
    if (status == TIDINGS_OK) {
        status = record->read_only ? record_check_tables(record->db, err)
                                   : record_migrate(record->db, err);
    }
    if (status == TIDINGS_OK) {
        status = prepare(record, err);
    }
    if (status == TIDINGS_OK) {
        status = record_number(record_bind(record, STMT_LAST_ID, ""), &record->last_id, err);
    }
    if (status != TIDINGS_OK) {
        record_close(record);
        return status;
    }
    *ret = record;
    return TIDINGS_OK;
}

void record_close(struct record *record)
{
    if (record != NULL) {
        db_close(record->db);
        recent_free(record->recent);
        EVP_MD_CTX_free(record->digest);
        EVP_MD_free(record->sha256);
        free(record);
    }
}

tidings_status record_begin(struct record *record, struct tidings_error *err)
{
    tidings_status status =
        record->read_only ? db_begin_read(record->db, err) : db_begin(record->db, err);
    if (status == TIDINGS_OK && record->recent != NULL) {
        recent_begin(record->recent);
    }
    return status;
}

tidings_status record_commit(struct record *record, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if (record->recent != NULL) {
        status = recent_before_commit(record, err);
    }
    if (status == TIDINGS_OK) {
        status = db_commit(record->db, err);
    }
    if (status == TIDINGS_OK && record->recent != NULL) {
        recent_committed(record->recent);
    }
    return status;
}

void record_rollback(struct record *record)
{
    if (record->recent != NULL) {
        recent_rolled_back(record->recent); // no-op after the commit
    }
    db_rollback(record->db);
}

tidings_status record_maintain(struct record *record, struct tidings_error *err)
{
    return record->read_only ? TIDINGS_OK : db_maintain(record->db, err);
}

struct db_stmt *record_bind(struct record *record, enum statement which, const char *types, ...)
{
    struct db_stmt *stmt = record->statements[which];
    va_list args;
    va_start(args, types);
    for (int i = 0; types[i] != '\0'; i++) {
        if (types[i] == 'i') {
            db_bind_i64(stmt, i, va_arg(args, int64_t));
        } else if (types[i] == 't') {
            db_bind_text(stmt, i, va_arg(args, struct str));
        } else {
            db_bind_blob(stmt, i, va_arg(args, struct str));
        }
    }
    va_end(args);
    return stmt;
}

tidings_status record_first(struct db_stmt *stmt, struct tidings_error *err)
{
    tidings_status status = db_step(stmt, err);
    if (status != TIDINGS_OK) {
        db_reset(stmt);
    }
    return status == TIDINGS_E_EOF ? TIDINGS_E_NOT_FOUND : status;
}

tidings_status record_number(struct db_stmt *stmt, int64_t *ret, struct tidings_error *err)
{
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        *ret = db_column_is_null(stmt, 0) ? *ret : db_column_i64(stmt, 0);
        db_reset(stmt);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

// With the first hash: until then the library takes no memory.
static tidings_status open_digest(struct record *record, struct tidings_error *err)
{
    if (record->sha256 == NULL) {
        record->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    }
    if (record->digest == NULL) {
        record->digest = EVP_MD_CTX_new();
    }
    return record->sha256 != NULL && record->digest != NULL
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "record: SHA-256 is not to be had");
}

tidings_status record_hash(struct record *record, struct str bytes,
                           unsigned char ret[RECORD_HASH_SIZE], struct tidings_error *err)
{
    tidings_status status = open_digest(record, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    bool done = EVP_DigestInit_ex2(record->digest, record->sha256, NULL) == 1 &&
                EVP_DigestUpdate(record->digest, bytes.ptr, bytes.len) == 1 &&
                EVP_DigestFinal_ex(record->digest, ret, NULL) == 1;
    return done ? TIDINGS_OK : error_set(err, TIDINGS_E_INTERNAL, "record: SHA-256 failed");
}

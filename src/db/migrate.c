// SPDX-License-Identifier: Apache-2.0
// Table `schema_version` holds one row: the number of the last migration that was run.
#include "db/driver.h"

static tidings_status read_version(struct db *db, int64_t *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = NULL;
    tidings_status status = db_prepare(db, "SELECT MAX(version) FROM schema_version", &stmt, err);
    if (status == TIDINGS_OK) {
        status = db_step(stmt, err);
    }
    if (status == TIDINGS_OK) {
        *ret = db_column_i64(stmt, 0);
    }
    db_finalize(stmt);
    return status;
}

static tidings_status write_version(struct db *db, int64_t version, struct tidings_error *err)
{
    struct db_stmt *stmt = NULL;
    tidings_status status = db_exec(db, "DELETE FROM schema_version", err);
    if (status == TIDINGS_OK) {
        status = db_prepare(db, "INSERT INTO schema_version (version) VALUES (?)", &stmt, err);
    }
    if (status == TIDINGS_OK) {
        db_bind_i64(stmt, 0, version);
        status = db_run(stmt, NULL, err);
    }
    db_finalize(stmt);
    return status;
}

static tidings_status run_one(struct db *db, const struct db_migration *migration,
                              struct tidings_error *err)
{
    int64_t version = 0;
    struct buf sql;
    buf_init(&sql, DB_SQL_MAX);
    tidings_status status =
        db_dialect_expand(&db->driver->dialect, str_of(migration->sql), &sql, err);
    if (status == TIDINGS_OK) {
        status = db_begin(db, err);
    }
    if (status == TIDINGS_OK && db->driver->dialect.lock_versions != NULL) {
        status = db_exec(db, db->driver->dialect.lock_versions, err);
    }
    if (status == TIDINGS_OK) { // another process may have been quicker
        status = read_version(db, &version, err);
        if (status == TIDINGS_OK && version < migration->version) {
            status = db_exec(db, sql.ptr, err);
            if (status == TIDINGS_OK) {
                status = write_version(db, migration->version, err);
            }
        }
        if (status == TIDINGS_OK) {
            status = db_commit(db, err);
        }
        db_rollback(db); // no-op after the commit
    }
    buf_deinit(&sql);
    return status;
}

tidings_status db_migrate(struct db *db, const struct db_migration *migrations, size_t count,
                          struct tidings_error *err)
{
    int64_t version = 0;
    int64_t first = count > 0 ? migrations[0].version : 0;
    int64_t last = count > 0 ? migrations[count - 1].version : 0;
    tidings_status status =
        db_exec(db, "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)", err);
    if (status == TIDINGS_OK) {
        status = read_version(db, &version, err);
    }
    if (status == TIDINGS_OK && version > last) {
        return error_set(err, TIDINGS_E_STATE,
                         "the database has schema version %lld, this program knows up to %lld: it "
                         "was made by a newer version",
                         (long long)version, (long long)last);
    }
    if (status == TIDINGS_OK && version > 0 && version < first) {
        return error_set(err, TIDINGS_E_STATE,
                         "the database has schema version %lld, this program knows %lld and later: "
                         "it was made by a version before the first release; start with a new one",
                         (long long)version, (long long)first);
    }
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        if (migrations[i].version > version) {
            status = run_one(db, &migrations[i], err);
        }
    }
    return status;
}

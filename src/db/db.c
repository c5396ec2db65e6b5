// SPDX-License-Identifier: Apache-2.0
#include "db/driver.h"

static tidings_status hit(const struct db *db, enum fault_point point, const char *what,
                          struct tidings_error *err)
{
    int os_errno = fault_hit(db->options.fault, point);
    return os_errno == 0 ? TIDINGS_OK
                         : error_set_errno(err, TIDINGS_E_IO, os_errno, "database: %s", what);
}

tidings_status db_open(const char *url, const struct db_options *options, struct db **ret,
                       struct tidings_error *err)
{
    struct db_url parsed;
    tidings_status status = db_url_parse(str_of(url), &parsed, err);
    if (status == TIDINGS_OK) {
        status = parsed.driver->open(&parsed, options, ret, err);
    }
    if (status == TIDINGS_OK) {
        (*ret)->driver = parsed.driver;
        (*ret)->options = *options;
        (*ret)->in_transaction = false;
        list_init(&(*ret)->statements);
    }
    return status;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    db_rollback(db);
    for (struct list *node = list_pop(&db->statements); node; node = list_pop(&db->statements)) {
        db->driver->finalize(LIST_ENTRY(node, struct db_stmt, node));
    }
    db->driver->close(db);
}

tidings_status db_exec(struct db *db, const char *sql, struct tidings_error *err)
{
    tidings_status status = hit(db, FAULT_DB_STEP, "step", err);
    return status == TIDINGS_OK ? db->driver->exec(db, sql, err) : status;
}

// ---- transactions ----
static tidings_status begin_by(struct db *db,
                               tidings_status (*begin)(struct db *db, struct tidings_error *err),
                               struct tidings_error *err)
{
    if (db->in_transaction) {
        return error_set(err, TIDINGS_E_STATE, "database: a transaction is open already");
    }
    tidings_status status = begin(db, err);
    db->in_transaction = status == TIDINGS_OK;
    return status;
}

tidings_status db_begin(struct db *db, struct tidings_error *err)
{
    return begin_by(db, db->driver->begin, err);
}

tidings_status db_begin_read(struct db *db, struct tidings_error *err)
{
    return begin_by(db, db->driver->begin_read, err);
}

bool db_writes_alone(const struct db *db)
{
    return db->driver->writes_alone;
}

tidings_status db_commit(struct db *db, struct tidings_error *err)
{
    if (!db->in_transaction) {
        return error_set(err, TIDINGS_E_STATE, "database: no transaction is open");
    }
    tidings_status status = hit(db, FAULT_DB_COMMIT, "commit", err);
    if (status == TIDINGS_OK) {
        status = db->driver->commit(db, err);
    }
    if (status == TIDINGS_OK) {
        db->in_transaction = false;
    }
    return status;
}

void db_rollback(struct db *db)
{
    if (db->in_transaction) {
        db->in_transaction = false;
        db->driver->rollback(db);
    }
}

tidings_status db_maintain(struct db *db, struct tidings_error *err)
{
    return db->driver->maintain(db, err);
}

// ---- statements ----
static tidings_status prepare(struct db *db, const char *sql, struct db_stmt **ret,
                              struct tidings_error *err)
{
    tidings_status status = db->driver->prepare(db, sql, ret, err);
    if (status == TIDINGS_OK) {
        (*ret)->db = db;
        list_add_tail(&db->statements, &(*ret)->node);
    }
    return status;
}

tidings_status db_prepare(struct db *db, const char *sql, struct db_stmt **ret,
                          struct tidings_error *err)
{
    struct buf expanded;
    if (strchr(sql, '{') == NULL) {
        return prepare(db, sql, ret, err);
    }
    buf_init(&expanded, DB_SQL_MAX);
    tidings_status status = db_dialect_expand(&db->driver->dialect, str_of(sql), &expanded, err);
    if (status == TIDINGS_OK) {
        status = prepare(db, expanded.ptr, ret, err);
    }
    buf_deinit(&expanded);
    return status;
}

// Prepares what was built in `sql`, unless `status` says that it could not be.
static tidings_status prepare_built(struct db *db, tidings_status status, struct buf *sql,
                                    const char *what, const char *table, struct db_stmt **ret,
                                    struct tidings_error *err)
{
    if (status == TIDINGS_OK) {
        status = buf_add(sql, "", 1);
    }
    status = status == TIDINGS_OK ? db_prepare(db, sql->ptr, ret, err)
                                  : error_set(err, status, "database: %s %s", what, table);
    buf_deinit(sql);
    return status;
}

tidings_status db_prepare_insert_new(struct db *db, const char *table, const char *const *columns,
                                     int column_count, struct db_stmt **ret,
                                     struct tidings_error *err)
{
    struct buf sql;
    buf_init(&sql, DB_SQL_MAX);
    tidings_status status = db_dialect_insert_new(table, columns, column_count, &sql);
    return prepare_built(db, status, &sql, "insert into", table, ret, err);
}

tidings_status db_prepare_upsert(struct db *db, const char *table, const char *const *columns,
                                 int column_count, int key_count, struct db_stmt **ret,
                                 struct tidings_error *err)
{
    struct buf sql;
    buf_init(&sql, DB_SQL_MAX);
    tidings_status status = db_dialect_upsert(table, columns, column_count, key_count, &sql);
    return prepare_built(db, status, &sql, "upsert into", table, ret, err);
}

void db_finalize(struct db_stmt *stmt)
{
    if (stmt != NULL) {
        list_remove(&stmt->node);
        stmt->db->driver->finalize(stmt);
    }
}

void db_bind_i64(struct db_stmt *stmt, int index, int64_t value)
{
    stmt->db->driver->bind_i64(stmt, index, value);
}

void db_bind_text(struct db_stmt *stmt, int index, struct str value)
{
    stmt->db->driver->bind_text(stmt, index, value);
}

void db_bind_blob(struct db_stmt *stmt, int index, struct str value)
{
    stmt->db->driver->bind_blob(stmt, index, value);
}

void db_bind_null(struct db_stmt *stmt, int index)
{
    stmt->db->driver->bind_text(stmt, index, (struct str){ 0 });
}

tidings_status db_run(struct db_stmt *stmt, int64_t *ret_rows, struct tidings_error *err)
{
    const struct db_driver *driver = stmt->db->driver;
    tidings_status status = hit(stmt->db, FAULT_DB_STEP, "step", err);
    while (status == TIDINGS_OK) {
        status = driver->step(stmt, err);
    }
    if (status == TIDINGS_E_EOF) {
        status = TIDINGS_OK;
        if (ret_rows != NULL) {
            *ret_rows = driver->changes(stmt);
        }
    }
    driver->reset(stmt);
    return status;
}

tidings_status db_step(struct db_stmt *stmt, struct tidings_error *err)
{
    tidings_status status = hit(stmt->db, FAULT_DB_STEP, "step", err);
    return status == TIDINGS_OK ? stmt->db->driver->step(stmt, err) : status;
}

void db_reset(struct db_stmt *stmt)
{
    stmt->db->driver->reset(stmt);
}

int64_t db_column_i64(struct db_stmt *stmt, int index)
{
    return stmt->db->driver->column_i64(stmt, index);
}

struct str db_column_text(struct db_stmt *stmt, int index)
{
    return stmt->db->driver->column_text(stmt, index);
}

struct str db_column_blob(struct db_stmt *stmt, int index)
{
    return stmt->db->driver->column_blob(stmt, index);
}

bool db_column_is_null(struct db_stmt *stmt, int index)
{
    return stmt->db->driver->column_is_null(stmt, index);
}

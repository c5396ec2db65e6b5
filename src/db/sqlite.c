// SPDX-License-Identifier: Apache-2.0
// SQLite behind the face: write-ahead log, one connection per thread, no mutexes inside. The
// write-ahead log is handed back by db_maintain when it has passed db_options.log_bytes; a caller
// that never maintains is helped at LATE times that.
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "db/driver.h"
#include "db/sqlite_vfs.h"

enum {
    PAGE_BYTES = 4096,
    LOG_DEFAULT = 8 * 1024 * 1024,
    LATE = 4,
    CACHE_DEFAULT = 2 * 1024 * 1024,
    BUSY_DEFAULT_MS = 5000,
};

// What begins and ends transactions, prepared once.
enum edge { EDGE_BEGIN, EDGE_BEGIN_READ, EDGE_COMMIT, EDGE_COUNT };

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    sqlite3_stmt *edges[EDGE_COUNT];
    int wal_pages; // in the write-ahead log and not yet handed back
    int wal_most;  // they are when there are more
};

struct sqlite_stmt {
    struct db_stmt base;
    sqlite3_stmt *handle;
    int bind_error; // first failure since the last reset
};

static struct sqlite_db *of_db(struct db *db)
{
    return BASE_CONTAINER_OF(db, struct sqlite_db, base);
}

static struct sqlite_stmt *of_stmt(struct db_stmt *stmt)
{
    return BASE_CONTAINER_OF(stmt, struct sqlite_stmt, base);
}

// ---- errors ----
static tidings_status status_of(int code)
{
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
        code == SQLITE_CONSTRAINT_ROWID) {
        return TIDINGS_E_DUPLICATE;
    }
    switch (code & 0xff) {
    case SQLITE_OK: return TIDINGS_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return TIDINGS_E_AGAIN;
    case SQLITE_FULL: return TIDINGS_E_DISK_FULL;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return TIDINGS_E_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return TIDINGS_E_CORRUPT;
    case SQLITE_NOMEM: return TIDINGS_E_NO_MEMORY;
    case SQLITE_TOOBIG: return TIDINGS_E_TOO_LARGE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return TIDINGS_E_PERMISSION;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE: return TIDINGS_E_INVALID;
    default: return TIDINGS_E_INTERNAL;
    }
}

static tidings_status fail(sqlite3 *handle, int code, const char *what, struct tidings_error *err)
{
    tidings_status status = status_of(code);
    int os_errno = handle != NULL ? sqlite3_system_errno(handle) : 0;
    const char *text = handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    if (status == TIDINGS_E_IO && os_errno != 0) {
        return error_set_errno(err, status, os_errno, "%s: %s", what, text);
    }
    return error_set(err, status, "%s: %s", what, text);
}

// ---- connection ----
static tidings_status checkpoint(struct sqlite_db *db, struct tidings_error *err)
{
    int in_log = 0;
    int done = 0;
    int os_errno = fault_hit(db->base.options.fault, FAULT_DB_CHECKPOINT);
    if (os_errno != 0) {
        return error_set_errno(err, TIDINGS_E_IO, os_errno, "sqlite: checkpoint");
    }
    int code =
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &done);
    if ((code & 0xff) == SQLITE_BUSY) {
        return TIDINGS_OK; // somebody else is at it
    }
    if (code != SQLITE_OK) {
        return fail(db->handle, code, "sqlite: checkpoint", err);
    }
    db->wal_pages = in_log > done ? in_log - done : 0;
    return TIDINGS_OK;
}

static int on_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite_db *db = arg;
    (void)handle;
    (void)name;
    db->wal_pages = pages;
    if (pages >= LATE * db->wal_most && checkpoint(db, NULL) != TIDINGS_OK) {
        return SQLITE_OK; // the commit stands; db_maintain reports what is wrong
    }
    return SQLITE_OK;
}

static tidings_status prepare_edges(struct sqlite_db *db, struct tidings_error *err)
{
    static const char *const texts[] = { [EDGE_BEGIN] = "BEGIN IMMEDIATE",
                                         [EDGE_BEGIN_READ] = "BEGIN DEFERRED",
                                         [EDGE_COMMIT] = "COMMIT" };
    int code = SQLITE_OK;
    for (int i = 0; i < EDGE_COUNT && code == SQLITE_OK; i++) {
        code = sqlite3_prepare_v3(db->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &db->edges[i], NULL);
    }
    return code == SQLITE_OK ? TIDINGS_OK : fail(db->handle, code, "sqlite: prepare", err);
}

static tidings_status run_edge(struct sqlite_db *db, enum edge edge, struct tidings_error *err)
{
    int code = sqlite3_step(db->edges[edge]);
    tidings_status status =
        code == SQLITE_DONE ? TIDINGS_OK : fail(db->handle, code, "sqlite", err);
    (void)sqlite3_reset(db->edges[edge]);
    return status;
}

static tidings_status configure(struct sqlite_db *db, const struct db_options *options,
                                struct tidings_error *err)
{
    char sql[512];
    size_t cache = options->cache_bytes > 0 ? options->cache_bytes : CACHE_DEFAULT;
    size_t log = options->log_bytes > 0 ? options->log_bytes : LOG_DEFAULT;
    db->wal_most = (int)(log / PAGE_BYTES);
    (void)sqlite3_snprintf(
        (int)sizeof sql, sql,
        "PRAGMA mmap_size=0; PRAGMA cache_size=-%lld; PRAGMA temp_store=MEMORY;"
        "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA secure_delete=FAST;"
        "%s PRAGMA synchronous=%s;"
        "PRAGMA journal_size_limit=%lld;",
        (long long)(cache / 1024 + 1), options->read_only ? "" : " PRAGMA journal_mode=WAL;",
        options->sync == DB_SYNC_FULL ? "FULL" : "NORMAL", (long long)(LATE * log));
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_timeout(db->handle, options->busy_timeout_ms > 0 ? options->busy_timeout_ms
                                                                        : BUSY_DEFAULT_MS);
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        return fail(db->handle, code, "sqlite: cannot set up the database", err);
    }
    (void)sqlite3_wal_hook(db->handle, on_wal, db);
    return prepare_edges(db, err);
}

// What holds for the whole process: before its first database, later SQLite refuses it and goes on
// as it is.
static void prepare_library(void)
{
    static sqlite3_vfs vfs; // SQLite keeps it
    // What is in use would be counted, under a lock at every allocation; nobody here asks.
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    // Each connection would get its first twenty pages at once, which most never need: 350 kB.
    (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    sqlite_vfs_register(&vfs);
}

static void close_db(struct db *base)
{
    struct sqlite_db *db = of_db(base);
    for (int i = 0; i < EDGE_COUNT; i++) {
        (void)sqlite3_finalize(db->edges[i]);
    }
    (void)sqlite3_close_v2(db->handle);
    free(db);
}

static tidings_status open_db(const struct db_url *url, const struct db_options *options,
                              struct db **ret, struct tidings_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sqlite_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "sqlite: no memory");
    }
    (void)pthread_once(&once, prepare_library);
    int flags =
        options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(url->path, &db->handle,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                               sqlite3_vfs_find(SQLITE_VFS_NAME) ? SQLITE_VFS_NAME : NULL);
    tidings_status status = TIDINGS_OK;
    if (code != SQLITE_OK) {
        char what[320];
        (void)sqlite3_snprintf((int)sizeof what, what, "sqlite: cannot open %.200s", url->path);
        status = fail(db->handle, code, what, err);
    }
    if (status == TIDINGS_OK) {
        status = configure(db, options, err);
    }
    if (status != TIDINGS_OK) {
        close_db(&db->base);
        return status;
    }
    *ret = &db->base;
    return TIDINGS_OK;
}

static tidings_status exec(struct db *base, const char *sql, struct tidings_error *err)
{
    struct sqlite_db *db = of_db(base);
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? TIDINGS_OK : fail(db->handle, code, "sqlite", err);
}

static tidings_status begin(struct db *base, struct tidings_error *err)
{
    return run_edge(of_db(base), EDGE_BEGIN, err);
}

static tidings_status begin_read(struct db *base, struct tidings_error *err)
{
    return run_edge(of_db(base), EDGE_BEGIN_READ, err);
}

static tidings_status commit(struct db *base, struct tidings_error *err)
{
    if (sqlite3_get_autocommit(of_db(base)->handle)) { // an error ended the transaction before
        return error_set(err, TIDINGS_E_STATE, "sqlite: the transaction was rolled back");
    }
    return run_edge(of_db(base), EDGE_COMMIT, err);
}

static void rollback(struct db *base)
{
    struct sqlite_db *db = of_db(base);
    if (!sqlite3_get_autocommit(db->handle)) {
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static tidings_status maintain(struct db *base, struct tidings_error *err)
{
    struct sqlite_db *db = of_db(base);
    return db->wal_pages >= db->wal_most ? checkpoint(db, err) : TIDINGS_OK;
}

// ---- statements ----
static tidings_status prepare(struct db *base, const char *sql, struct db_stmt **ret,
                              struct tidings_error *err)
{
    struct sqlite_db *db = of_db(base);
    struct sqlite_stmt *stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "sqlite: no memory");
    }
    int code =
        sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, NULL);
    if (code != SQLITE_OK || stmt->handle == NULL) {
        tidings_status status = code != SQLITE_OK
                                    ? fail(db->handle, code, "sqlite: prepare", err)
                                    : error_set(err, TIDINGS_E_INVALID, "sqlite: empty statement");
        free(stmt);
        return status;
    }
    *ret = &stmt->base;
    return TIDINGS_OK;
}

static void finalize(struct db_stmt *base)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    (void)sqlite3_finalize(stmt->handle);
    free(stmt);
}

static void note_bind(struct sqlite_stmt *stmt, int code)
{
    if (code != SQLITE_OK && stmt->bind_error == SQLITE_OK) {
        stmt->bind_error = code;
    }
}

static void bind_i64(struct db_stmt *base, int index, int64_t value)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    note_bind(stmt, sqlite3_bind_int64(stmt->handle, index + 1, value));
}

static void bind_text(struct db_stmt *base, int index, struct str value)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    note_bind(stmt, value.ptr == NULL ? sqlite3_bind_null(stmt->handle, index + 1)
                                      : sqlite3_bind_text64(stmt->handle, index + 1, value.ptr,
                                                            value.len, SQLITE_STATIC, SQLITE_UTF8));
}

static void bind_blob(struct db_stmt *base, int index, struct str value)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    note_bind(stmt, value.ptr == NULL ? sqlite3_bind_null(stmt->handle, index + 1)
                                      : sqlite3_bind_blob64(stmt->handle, index + 1, value.ptr,
                                                            value.len, SQLITE_STATIC));
}

static tidings_status step(struct db_stmt *base, struct tidings_error *err)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    if (stmt->bind_error != SQLITE_OK) {
        return error_set(err, status_of(stmt->bind_error), "sqlite: bind: %s",
                         sqlite3_errstr(stmt->bind_error));
    }
    int code = sqlite3_step(stmt->handle);
    if (code == SQLITE_ROW) {
        return TIDINGS_OK;
    }
    return code == SQLITE_DONE ? TIDINGS_E_EOF
                               : fail(sqlite3_db_handle(stmt->handle), code, "sqlite", err);
}

static void reset(struct db_stmt *base)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    (void)sqlite3_reset(stmt->handle); // repeats the error that step has told
    (void)sqlite3_clear_bindings(stmt->handle);
    stmt->bind_error = SQLITE_OK;
}

static int64_t changes(struct db_stmt *base)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    return sqlite3_stmt_readonly(stmt->handle) ? 0
                                               : sqlite3_changes64(sqlite3_db_handle(stmt->handle));
}

static int64_t column_i64(struct db_stmt *base, int index)
{
    return sqlite3_column_int64(of_stmt(base)->handle, index);
}

static struct str column_text(struct db_stmt *base, int index)
{
    sqlite3_stmt *stmt = of_stmt(base)->handle;
    const unsigned char *text = sqlite3_column_text(stmt, index);
    return str_make(text, text != NULL ? (size_t)sqlite3_column_bytes(stmt, index) : 0);
}

static struct str column_blob(struct db_stmt *base, int index)
{
    sqlite3_stmt *stmt = of_stmt(base)->handle;
    const void *bytes = sqlite3_column_blob(stmt, index); // NULL for an empty one, too
    return str_make(bytes, bytes != NULL ? (size_t)sqlite3_column_bytes(stmt, index) : 0);
}

static bool column_is_null(struct db_stmt *base, int index)
{
    return sqlite3_column_type(of_stmt(base)->handle, index) == SQLITE_NULL;
}

const struct db_driver *db_sqlite_driver(void)
{
    static const struct db_driver driver = {
        .scheme = "sqlite",
        .writes_alone = true,
        .dialect = { .clustered = "WITHOUT ROWID",
                     .blob = "BLOB",
                     .bigint = "INTEGER",
                     .skip_locked = "" },
        .open = open_db,
        .close = close_db,
        .exec = exec,
        .begin = begin,
        .begin_read = begin_read,
        .commit = commit,
        .rollback = rollback,
        .maintain = maintain,
        .prepare = prepare,
        .finalize = finalize,
        .bind_i64 = bind_i64,
        .bind_text = bind_text,
        .bind_blob = bind_blob,
        .step = step,
        .reset = reset,
        .changes = changes,
        .column_i64 = column_i64,
        .column_text = column_text,
        .column_blob = column_blob,
        .column_is_null = column_is_null,
    };
    return &driver;
}

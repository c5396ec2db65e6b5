// SPDX-License-Identifier: Apache-2.0
// URLs, dialect words, and what only SQLite has: files, the write-ahead log, reading only.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/driver.h"

struct fixture {
    char folder[64];
    char url[128];
    char path[128];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(str_copy(f->folder, sizeof f->folder, STR("/tmp/tidings-sqlite-XXXXXX")));
    assert_non_null(mkdtemp(f->folder));
    assert_true(snprintf(f->path, sizeof f->path, "%s/t.db", f->folder) > 0);
    assert_true(snprintf(f->url, sizeof f->url, "sqlite://%s", f->path) > 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    char path[160];
    for (size_t i = 0; i < BASE_COUNT(suffixes); i++) {
        assert_true(snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]) > 0);
        (void)unlink(path);
    }
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static struct db *open_as(struct fixture *f, const struct db_options *options)
{
    struct db *db = NULL;
    struct tidings_error err = { 0 };
    if (db_open(f->url, options, &db, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    return db;
}

static int64_t number_of(struct db *db, const char *sql)
{
    struct db_stmt *stmt = NULL;
    assert_int_equal(db_prepare(db, sql, &stmt, NULL), TIDINGS_OK);
    assert_int_equal(db_step(stmt, NULL), TIDINGS_OK);
    int64_t value = db_column_i64(stmt, 0);
    db_finalize(stmt);
    return value;
}

static int64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

// ---- URLs ----
static void urls_are_parsed(void **state)
{
    static const struct {
        const char *url;
        tidings_status status;
        const char *path;
    } rows[] = {
        { "sqlite:///var/lib/a.db", TIDINGS_OK, "/var/lib/a.db" },
        { "sqlite:///a%20b%25%3f.db", TIDINGS_OK, "/a b%?.db" },
        { "sqlite:///%C3%BC", TIDINGS_OK, "/\xc3\xbc" },
        { "sqlite::memory:", TIDINGS_OK, ":memory:" },
        { "sqlite://relative/a.db", TIDINGS_E_INVALID, NULL },
        { "sqlite:/a.db", TIDINGS_E_INVALID, NULL },
        { "sqlite:", TIDINGS_E_INVALID, NULL },
        { "sqlite:///a.db?mode=ro", TIDINGS_E_INVALID, NULL },
        { "sqlite:///a%2", TIDINGS_E_INVALID, NULL },
        { "sqlite:///a%zz", TIDINGS_E_INVALID, NULL },
        { "sqlite:///a%00b", TIDINGS_E_INVALID, NULL },
        { "oracle://user:secret@host/db", TIDINGS_E_UNSUPPORTED, NULL },
        { "", TIDINGS_E_UNSUPPORTED, NULL },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct db_url url;
        struct tidings_error err = { 0 };
        assert_int_equal(db_url_parse(str_of(rows[i].url), &url, &err), rows[i].status);
        if (rows[i].path != NULL) {
            assert_string_equal(url.path, rows[i].path);
        } else {
            assert_non_null(strstr(err.text, "sqlite:///"));
            assert_null(strstr(err.text, "secret"));
        }
    }
}

static void a_path_may_not_be_endless(void **state)
{
    struct db_url url;
    struct buf text;
    (void)state;
    buf_init(&text, 10000);
    assert_int_equal(buf_add_str(&text, STR("sqlite:///")), TIDINGS_OK);
    for (int i = 0; i < DB_PATH_MAX; i++) {
        assert_int_equal(buf_add(&text, "a", 1), TIDINGS_OK);
    }
    assert_int_equal(db_url_parse(buf_str(&text), &url, NULL), TIDINGS_E_INVALID);
    buf_deinit(&text);
}

// ---- dialect ----
static void upserts_are_spelled(void **state)
{
    static const char *const columns[] = { "a", "b", "c" };
    struct buf out;
    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(db_dialect_upsert("t", columns, 3, 1, &out), TIDINGS_OK);
    assert_true(str_eq_c(buf_str(&out), "INSERT INTO t (a, b, c) VALUES (?, ?, ?) ON CONFLICT (a) "
                                        "DO UPDATE SET b = excluded.b, c = excluded.c"));
    buf_clear(&out);
    assert_int_equal(db_dialect_upsert("t", columns, 2, 2, &out), TIDINGS_OK);
    assert_true(str_eq_c(buf_str(&out), "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a, b) "
                                        "DO NOTHING"));
    buf_deinit(&out);
    buf_init(&out, 40);
    assert_int_equal(db_dialect_upsert("t", columns, 3, 1, &out), TIDINGS_E_TOO_LARGE);
    buf_deinit(&out);
}

static void words_are_replaced(void **state)
{
    const struct db_dialect *dialect = &db_sqlite_driver()->dialect;
    struct buf out;
    struct tidings_error err = { 0 };
    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(db_dialect_expand(dialect, STR("a {blob} {bigint}){clustered};"), &out, &err),
                     TIDINGS_OK);
    assert_string_equal(out.ptr, "a BLOB INTEGER)WITHOUT ROWID;");
    assert_int_equal(db_dialect_expand(dialect, STR("a {blob"), &out, &err), TIDINGS_E_INVALID);
    assert_int_equal(db_dialect_expand(dialect, STR("a {text}"), &out, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "{text}"));
    buf_deinit(&out);
}

// ---- files ----
static void settings_are_as_they_should_be(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_as(f, &(struct db_options){ .sync = DB_SYNC_FULL });
    struct db_stmt *stmt = NULL;
    assert_int_equal(db_prepare(db, "PRAGMA journal_mode", &stmt, NULL), TIDINGS_OK);
    assert_int_equal(db_step(stmt, NULL), TIDINGS_OK);
    assert_true(str_eq_c(db_column_text(stmt, 0), "wal"));
    db_finalize(stmt);
    assert_int_equal(number_of(db, "PRAGMA synchronous"), 2);
    db_close(db);
    db = open_as(f, &(struct db_options){ .sync = DB_SYNC_NORMAL, .cache_bytes = 1024 * 1024 });
    assert_int_equal(number_of(db, "PRAGMA synchronous"), 1);
    assert_int_equal(number_of(db, "PRAGMA cache_size"), -1025);
    db_close(db); // with a statement still open in the list
}

static void reading_only_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct db *db = NULL;
    struct tidings_error err = { 0 };
    assert_int_equal(db_open(f->url, &(struct db_options){ .read_only = true }, &db, &err),
                     TIDINGS_E_IO);
    assert_non_null(strstr(err.text, f->path));
    struct db *writer = open_as(f, &(struct db_options){ 0 });
    assert_int_equal(db_exec(writer, "CREATE TABLE t (a); INSERT INTO t VALUES (1)", NULL),
                     TIDINGS_OK);
    db = open_as(f, &(struct db_options){ .read_only = true });
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t"), 1);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (2)", NULL), TIDINGS_E_PERMISSION);
    db_close(db);
    db_close(writer);
}

static void what_is_no_database_is_told(void **state)
{
    struct fixture *f = *state;
    struct db *db = NULL;
    char text[4096];
    memset(text, 'x', sizeof text);
    int fd = open(f->path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text), sizeof text);
    close(fd);
    assert_int_equal(db_open(f->url, &(struct db_options){ 0 }, &db, NULL), TIDINGS_E_CORRUPT);
}

static void fill(struct db *db, int rows)
{
    struct db_stmt *stmt = NULL;
    char bytes[3000] = { 1 };
    assert_int_equal(db_begin(db, NULL), TIDINGS_OK);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?)", &stmt, NULL), TIDINGS_OK);
    for (int i = 0; i < rows; i++) {
        db_bind_blob(stmt, 0, str_make(bytes, sizeof bytes));
        assert_int_equal(db_run(stmt, NULL, NULL), TIDINGS_OK);
    }
    db_finalize(stmt);
    assert_int_equal(db_commit(db, NULL), TIDINGS_OK);
}

// 8 MiB are kept in the write-ahead log, then maintenance moves them over.
static void maintenance_keeps_the_log_small(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_as(f, &(struct db_options){ 0 });
    char wal[160];
    assert_true(snprintf(wal, sizeof wal, "%s-wal", f->path) > 0);
    assert_int_equal(db_exec(db, "CREATE TABLE t (a)", NULL), TIDINGS_OK);
    fill(db, 500);
    int64_t size = size_of(f->path);
    assert_int_equal(db_maintain(db, NULL), TIDINGS_OK);
    assert_int_equal(size_of(f->path), size); // too early
    for (int i = 0; i < 40; i++) {
        fill(db, 500);
        assert_int_equal(db_maintain(db, NULL), TIDINGS_OK);
    }
    assert_true(size_of(f->path) > 30 * 1000 * 1000);
    assert_true(size_of(wal) < 16 * 1024 * 1024);
    for (int i = 0; i < 40; i++) {
        fill(db, 500); // never maintained: later, but not never
    }
    assert_true(size_of(wal) < 48 * 1024 * 1024);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t"), 81 * 500);
    db_close(db);
}

static void a_full_disk_is_told(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_as(f, &(struct db_options){ 0 });
    assert_int_equal(db_exec(db, "CREATE TABLE t (a); PRAGMA max_page_count = 20", NULL),
                     TIDINGS_OK);
    struct db_stmt *stmt = NULL;
    char bytes[3000] = { 1 };
    tidings_status status = TIDINGS_OK;
    assert_int_equal(db_begin(db, NULL), TIDINGS_OK);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?)", &stmt, NULL), TIDINGS_OK);
    for (int i = 0; i < 100 && status == TIDINGS_OK; i++) {
        db_bind_blob(stmt, 0, str_make(bytes, sizeof bytes));
        status = db_run(stmt, NULL, NULL);
    }
    assert_int_equal(status, TIDINGS_E_DISK_FULL);
    db_rollback(db);
    assert_int_equal(db_exec(db, "PRAGMA max_page_count = 2000", NULL), TIDINGS_OK);
    fill(db, 10);
    db_close(db);
}

static void wrong_bindings_are_told(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_as(f, &(struct db_options){ 0 });
    struct db_stmt *stmt = NULL;
    assert_int_equal(db_exec(db, "CREATE TABLE t (a)", NULL), TIDINGS_OK);
    assert_int_equal(db_prepare(db, "", &stmt, NULL), TIDINGS_E_INVALID);
    assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?)", &stmt, NULL), TIDINGS_OK);
    db_bind_i64(stmt, 1, 5);
    assert_int_equal(db_run(stmt, NULL, NULL), TIDINGS_E_INVALID);
    db_bind_i64(stmt, 0, 5);
    assert_int_equal(db_run(stmt, NULL, NULL), TIDINGS_OK);
    db_finalize(NULL);
    db_close(db);
    db_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_parsed),
        cmocka_unit_test(a_path_may_not_be_endless),
        cmocka_unit_test(upserts_are_spelled),
        cmocka_unit_test(words_are_replaced),
        cmocka_unit_test_setup_teardown(settings_are_as_they_should_be, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_only_writes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(maintenance_keeps_the_log_small, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_bindings_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

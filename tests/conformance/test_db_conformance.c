// SPDX-License-Identifier: Apache-2.0
// What every database behind db.h has to do, run for an SQLite file of its own, for one in memory,
// and for each URL in TIDINGS_DB_URLS (separated by spaces; scripts/databases sets it). The tests
// make and drop tables named conformance_*.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"
#include "each_database.h"

struct fixture {
    const char *url;
    struct fault fault;
    struct db *db;
};

static struct db *open_db(struct fixture *f, int busy_timeout_ms)
{
    struct db *db = NULL;
    struct tidings_error err = { 0 };
    struct db_options options = { .sync = DB_SYNC_NORMAL,
                                  .busy_timeout_ms = busy_timeout_ms,
                                  .fault = &f->fault };
    if (db_open(f->url, &options, &db, &err) != TIDINGS_OK) {
        fail_msg("%s: %s", f->url, err.text);
    }
    return db;
}

static void exec(struct fixture *f, const char *sql)
{
    struct tidings_error err = { 0 };
    if (db_exec(f->db, sql, &err) != TIDINGS_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}

static struct db_stmt *prepare(struct fixture *f, const char *sql)
{
    struct db_stmt *stmt = NULL;
    struct tidings_error err = { 0 };
    if (db_prepare(f->db, sql, &stmt, &err) != TIDINGS_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    return stmt;
}

static int64_t number_of(struct fixture *f, const char *sql)
{
    struct db_stmt *stmt = prepare(f, sql);
    assert_int_equal(db_step(stmt, NULL), TIDINGS_OK);
    int64_t value = db_column_i64(stmt, 0);
    db_finalize(stmt);
    return value;
}

static bool is_postgres(const struct fixture *f)
{
    return strncmp(f->url, "postgres", 8) == 0;
}

static void drop_all(struct fixture *f)
{
    exec(f, "DROP TABLE IF EXISTS conformance_a; DROP TABLE IF EXISTS conformance_b;"
            "DROP TABLE IF EXISTS schema_version");
}

static int setup(void **state)
{
    struct fixture *f = *state;
    fault_init(&f->fault);
    f->db = open_db(f, 5000);
    drop_all(f);
    exec(f, is_postgres(f) ? "CREATE TABLE conformance_a (id BIGINT NOT NULL PRIMARY KEY, "
                             "name VARCHAR(64), data BYTEA)"
                           : "CREATE TABLE conformance_a (id INTEGER NOT NULL PRIMARY KEY, "
                             "name VARCHAR(64), data BLOB)");
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    db_rollback(f->db);
    fault_init(&f->fault);
    drop_all(f);
    db_close(f->db);
    return 0;
}

// ---- values ----
static void values_come_back(void **state)
{
    struct fixture *f = *state;
    static const int64_t numbers[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 4294967296 };
    static const char bytes[] = { 0, 1, 2, (char)255, 0, 'x' };
    struct db_stmt *insert = prepare(f, "INSERT INTO conformance_a (id, name, data) "
                                        "VALUES (?, ?, ?)");
    int64_t rows;
    for (size_t i = 0; i < BASE_COUNT(numbers); i++) {
        db_bind_i64(insert, 0, numbers[i]);
        db_bind_text(insert, 1, STR("gr\xc3\xbc\xc3\x9f dich"));
        db_bind_blob(insert, 2, str_make(bytes, i));
        assert_int_equal(db_run(insert, &rows, NULL), TIDINGS_OK);
        assert_int_equal(rows, 1);
    }
    struct db_stmt *select = prepare(f, "SELECT id, name, data FROM conformance_a WHERE id = ?");
    for (size_t i = 0; i < BASE_COUNT(numbers); i++) {
        db_bind_i64(select, 0, numbers[i]);
        assert_int_equal(db_step(select, NULL), TIDINGS_OK);
        assert_true(db_column_i64(select, 0) == numbers[i]);
        assert_true(str_eq(db_column_text(select, 1), STR("gr\xc3\xbc\xc3\x9f dich")));
        assert_true(str_eq(db_column_blob(select, 2), str_make(bytes, i)));
        assert_false(db_column_is_null(select, 2));
        assert_int_equal(db_step(select, NULL), TIDINGS_E_EOF);
        db_reset(select);
    }
}

static void null_is_not_empty(void **state)
{
    struct fixture *f = *state;
    struct db_stmt *insert = prepare(f, "INSERT INTO conformance_a (id, name, data) "
                                        "VALUES (?, ?, ?)");
    db_bind_i64(insert, 0, 1);
    db_bind_text(insert, 1, STR(""));
    db_bind_blob(insert, 2, STR(""));
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_OK);
    db_bind_i64(insert, 0, 2);
    db_bind_text(insert, 1, (struct str){ 0 });
    db_bind_null(insert, 2);
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_OK);
    db_bind_i64(insert, 0, 3); // bindings do not stay
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_OK);
    struct db_stmt *select = prepare(f, "SELECT name, data FROM conformance_a ORDER BY id");
    for (int id = 1; id <= 3; id++) {
        assert_int_equal(db_step(select, NULL), TIDINGS_OK);
        assert_int_equal(db_column_is_null(select, 0), id > 1);
        assert_int_equal(db_column_is_null(select, 1), id > 1);
        assert_int_equal(db_column_text(select, 0).len, 0);
        assert_int_equal(db_column_i64(select, 0), 0);
    }
    assert_int_equal(db_step(select, NULL), TIDINGS_E_EOF);
}

static void rows_changed_are_counted(void **state)
{
    struct fixture *f = *state;
    int64_t rows = -1;
    exec(f, "INSERT INTO conformance_a (id) VALUES (1); INSERT INTO conformance_a (id) VALUES (2)");
    struct db_stmt *update = prepare(f, "UPDATE conformance_a SET name = ? WHERE id > ?");
    db_bind_text(update, 0, STR("x"));
    db_bind_i64(update, 1, 0);
    assert_int_equal(db_run(update, &rows, NULL), TIDINGS_OK);
    assert_int_equal(rows, 2);
    db_bind_text(update, 0, STR("y"));
    db_bind_i64(update, 1, 5);
    assert_int_equal(db_run(update, &rows, NULL), TIDINGS_OK);
    assert_int_equal(rows, 0);
    struct db_stmt *select = prepare(f, "SELECT id FROM conformance_a");
    rows = -1;
    assert_int_equal(db_run(select, &rows, NULL), TIDINGS_OK);
    assert_int_equal(rows, 0);
}

// ---- errors ----
static void errors_have_classes(void **state)
{
    struct fixture *f = *state;
    struct db_stmt *stmt = NULL;
    struct tidings_error err = { 0 };
    assert_int_equal(db_prepare(f->db, "SELEKT 1", &stmt, &err), TIDINGS_E_INVALID);
    assert_true(err.text[0] != '\0');
    assert_int_equal(db_exec(f->db, "INSERT INTO conformance_nothing VALUES (1)", &err),
                     TIDINGS_E_INVALID);
    exec(f, "INSERT INTO conformance_a (id) VALUES (1)");
    struct db_stmt *insert = prepare(f, "INSERT INTO conformance_a (id) VALUES (?)");
    db_bind_i64(insert, 0, 1);
    assert_int_equal(db_run(insert, NULL, &err), TIDINGS_E_DUPLICATE);
    assert_int_equal(err.status, TIDINGS_E_DUPLICATE);
    db_bind_i64(insert, 0, 2); // the statement is good again
    assert_int_equal(db_run(insert, NULL, &err), TIDINGS_OK);
}

static void faults_fail_the_call(void **state)
{
    struct fixture *f = *state;
    struct db_stmt *insert = prepare(f, "INSERT INTO conformance_a (id) VALUES (1)");
    assert_int_equal(fault_parse(&f->fault, "db.step:1,db.commit:1", NULL), TIDINGS_OK);
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_E_IO);
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_OK);
    assert_int_equal(db_commit(f->db, NULL), TIDINGS_E_IO);
    db_rollback(f->db);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 0);
}

// ---- transactions ----
static void transactions_are_whole(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_E_STATE);
    exec(f, "INSERT INTO conformance_a (id) VALUES (1)");
    db_rollback(f->db);
    db_rollback(f->db);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 0);
    assert_int_equal(db_commit(f->db, NULL), TIDINGS_E_STATE);
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    exec(f, "INSERT INTO conformance_a (id) VALUES (1)");
    assert_int_equal(db_commit(f->db, NULL), TIDINGS_OK);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 1);
    assert_int_equal(db_maintain(f->db, NULL), TIDINGS_OK);
}

static void a_second_writer_is_told_to_try_again(void **state)
{
    struct fixture *f = *state;
    if (strstr(f->url, ":memory:") != NULL) {
        return; // each connection is a database of its own
    }
    struct db *other = open_db(f, 1);
    exec(f, "INSERT INTO conformance_a (id) VALUES (1)");
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    exec(f, "UPDATE conformance_a SET name = 'x' WHERE id = 1");
    tidings_status status = db_begin(other, NULL);
    if (status == TIDINGS_OK) { // rows are locked, not the database
        status = db_exec(other, "UPDATE conformance_a SET name = 'y' WHERE id = 1", NULL);
    }
    assert_int_equal(status, TIDINGS_E_AGAIN);
    db_rollback(other);
    assert_int_equal(db_commit(f->db, NULL), TIDINGS_OK);
    assert_int_equal(db_begin(other, NULL), TIDINGS_OK);
    assert_int_equal(db_exec(other, "UPDATE conformance_a SET name = 'z' WHERE id = 1", NULL),
                     TIDINGS_OK);
    assert_int_equal(db_commit(other, NULL), TIDINGS_OK);
    db_close(other);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a WHERE name = 'z'"), 1);
}

static void readers_see_what_was_committed(void **state)
{
    struct fixture *f = *state;
    if (strstr(f->url, ":memory:") != NULL) {
        return;
    }
    struct db *writer = f->db;
    struct db *reader = open_db(f, 100);
    assert_int_equal(db_begin(writer, NULL), TIDINGS_OK);
    exec(f, "INSERT INTO conformance_a (id) VALUES (7)");
    f->db = reader;
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 0);
    assert_int_equal(db_commit(writer, NULL), TIDINGS_OK);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 1);
    f->db = writer;
    db_close(reader);
}

// ---- upsert ----
static void upserts_overwrite(void **state)
{
    struct fixture *f = *state;
    static const char *const columns[] = { "id", "name", "data" };
    struct db_stmt *stmt = NULL;
    int64_t rows;
    assert_int_equal(db_prepare_upsert(f->db, "conformance_a", columns, 3, 1, &stmt, NULL),
                     TIDINGS_OK);
    for (int i = 0; i < 4; i++) {
        db_bind_i64(stmt, 0, i % 2);
        db_bind_text(stmt, 1, i < 2 ? STR("old") : STR("new"));
        db_bind_blob(stmt, 2, STR("d"));
        assert_int_equal(db_run(stmt, &rows, NULL), TIDINGS_OK);
    }
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a WHERE name = 'new'"), 2);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 2);
}

static void upserts_of_keys_only_leave_what_is_there(void **state)
{
    struct fixture *f = *state;
    static const char *const columns[] = { "x", "y" };
    struct db_stmt *stmt = NULL;
    int64_t rows;
    exec(f, "CREATE TABLE conformance_b (x INTEGER NOT NULL, y INTEGER NOT NULL, "
            "PRIMARY KEY (x, y))");
    assert_int_equal(db_prepare_upsert(f->db, "conformance_b", columns, 2, 2, &stmt, NULL),
                     TIDINGS_OK);
    for (int i = 0; i < 3; i++) {
        db_bind_i64(stmt, 0, 1);
        db_bind_i64(stmt, 1, i == 2);
        assert_int_equal(db_run(stmt, &rows, NULL), TIDINGS_OK);
        assert_int_equal(rows, i != 1);
    }
    db_finalize(stmt);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_b"), 2);
}

static void what_is_there_is_not_inserted(void **state)
{
    struct fixture *f = *state;
    static const char *const columns[] = { "id", "name" };
    struct db_stmt *stmt = NULL;
    int64_t rows;
    assert_int_equal(db_prepare_insert_new(f->db, "conformance_a", columns, 2, &stmt, NULL),
                     TIDINGS_OK);
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    for (int i = 0; i < 4; i++) {
        db_bind_i64(stmt, 0, i % 2);
        db_bind_text(stmt, 1, i < 2 ? STR("first") : STR("second"));
        assert_int_equal(db_run(stmt, &rows, NULL), TIDINGS_OK);
        assert_int_equal(rows, i < 2);
    }
    assert_int_equal(db_commit(f->db, NULL), TIDINGS_OK); // a collision ends no transaction
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a WHERE name = 'first'"), 2);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 2);
}

// ---- a failed transaction ----
static void a_transaction_with_an_error_can_be_rolled_back_and_begun_anew(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    exec(f, "INSERT INTO conformance_a (id) VALUES (1)");
    struct db_stmt *insert = prepare(f, "INSERT INTO conformance_a (id) VALUES (?)");
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    db_bind_i64(insert, 0, 2);
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_OK);
    db_bind_i64(insert, 0, 1);
    assert_int_equal(db_run(insert, NULL, &err), TIDINGS_E_DUPLICATE);
    db_rollback(f->db);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 1);
    assert_int_equal(db_begin(f->db, NULL), TIDINGS_OK);
    db_bind_i64(insert, 0, 3);
    assert_int_equal(db_run(insert, NULL, NULL), TIDINGS_OK);
    assert_int_equal(db_commit(f->db, NULL), TIDINGS_OK);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_a"), 2);
}

static void question_marks_in_quotes_are_text(void **state)
{
    struct fixture *f = *state;
    struct db_stmt *select = prepare(f, "SELECT '?', 'it''s ?', CAST(? AS BIGINT)");
    db_bind_i64(select, 0, 5);
    assert_int_equal(db_step(select, NULL), TIDINGS_OK);
    assert_true(str_eq(db_column_text(select, 0), STR("?")));
    assert_true(str_eq(db_column_text(select, 1), STR("it's ?")));
    assert_int_equal(db_column_i64(select, 2), 5);
}

static void a_parameter_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    struct db_stmt *select = prepare(f, "SELECT name FROM conformance_a WHERE id = ?");
    db_bind_i64(select, 1, 5);
    assert_int_equal(db_step(select, NULL), TIDINGS_E_INVALID);
    db_reset(select);
    db_bind_i64(select, 0, 5);
    assert_int_equal(db_step(select, NULL), TIDINGS_E_EOF);
}

// ---- migrations ----
static void migrations_run_once(void **state)
{
    struct fixture *f = *state;
    static const struct db_migration migrations[] = {
        { 1, "CREATE TABLE conformance_b (a {bigint} NOT NULL, b {blob}, c {bigint} NOT NULL,"
             " PRIMARY KEY (a, c)) {clustered}; INSERT INTO conformance_b VALUES (1, NULL, 2)" },
        { 2, "INSERT INTO conformance_b VALUES (2, NULL, 3)" },
        { 5, "INSERT INTO conformance_b VALUES (5, NULL, 4)" },
    };
    assert_int_equal(db_migrate(f->db, migrations, 1, NULL), TIDINGS_OK);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_b"), 1);
    assert_int_equal(db_migrate(f->db, migrations, 3, NULL), TIDINGS_OK);
    assert_int_equal(db_migrate(f->db, migrations, 3, NULL), TIDINGS_OK);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_b"), 3);
    assert_int_equal(number_of(f, "SELECT version FROM schema_version"), 5);
    struct tidings_error err = { 0 };
    assert_int_equal(db_migrate(f->db, migrations, 2, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "newer"));
    static const struct db_migration later[] = { { 6, "DROP TABLE conformance_b" } };
    assert_int_equal(db_migrate(f->db, later, 1, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "before"));
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_b"), 3);
}

static void a_failing_migration_leaves_the_last_version(void **state)
{
    struct fixture *f = *state;
    static const struct db_migration migrations[] = {
        { 1, "CREATE TABLE conformance_b (a INTEGER)" },
        { 2, "INSERT INTO conformance_b VALUES (1); INSERT INTO conformance_nothing VALUES (1)" },
    };
    static const struct db_migration unknown[] = { { 1, "CREATE TABLE x (a {int})" } };
    assert_int_equal(db_migrate(f->db, unknown, 1, NULL), TIDINGS_E_INVALID);
    assert_int_equal(db_migrate(f->db, migrations, 2, NULL), TIDINGS_E_INVALID);
    assert_int_equal(number_of(f, "SELECT version FROM schema_version"), 1);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM conformance_b"), 0);
    exec(f, "DROP TABLE conformance_b; DELETE FROM schema_version");
}

// ---- running for each URL ----
static int run_for(const char *url, const char *path)
{
    (void)path;
    struct fixture f = { .url = url };
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, &f                                                           \
    }
    const struct CMUnitTest tests[] = {
        TEST(values_come_back),
        TEST(null_is_not_empty),
        TEST(rows_changed_are_counted),
        TEST(errors_have_classes),
        TEST(faults_fail_the_call),
        TEST(transactions_are_whole),
        TEST(a_second_writer_is_told_to_try_again),
        TEST(readers_see_what_was_committed),
        TEST(upserts_overwrite),
        TEST(upserts_of_keys_only_leave_what_is_there),
        TEST(what_is_there_is_not_inserted),
        TEST(a_transaction_with_an_error_can_be_rolled_back_and_begun_anew),
        TEST(question_marks_in_quotes_are_text),
        TEST(a_parameter_that_is_not_there_is_told),
        TEST(migrations_run_once),
        TEST(a_failing_migration_leaves_the_last_version),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return run_for("sqlite::memory:", NULL) + each_database("db", run_for);
}

// SPDX-License-Identifier: Apache-2.0
// The write-ahead log in few writes: what others see, what a rolled back transaction leaves, and
// that a write that fails fails its commit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "db/db.h"

enum { ROWS = 60, PAGE = 4096, ROUNDS = 200 };

struct fixture {
    char folder[64];
    char path[128];
    char log[160];
    char url[160];
};

#define OK(call) assert_int_equal((call), TIDINGS_OK)

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(str_copy(f->folder, sizeof f->folder, STR("/tmp/tidings-log-XXXXXX")));
    assert_non_null(mkdtemp(f->folder));
    assert_true(snprintf(f->path, sizeof f->path, "%s/t.db", f->folder) > 0);
    assert_true(snprintf(f->log, sizeof f->log, "%s-wal", f->path) > 0);
    assert_true(snprintf(f->url, sizeof f->url, "sqlite://%s", f->path) > 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char shm[160];
    assert_true(snprintf(shm, sizeof shm, "%s-shm", f->path) > 0);
    (void)unlink(f->path);
    (void)unlink(f->log);
    (void)unlink(shm);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static struct db *open_with(const struct fixture *f, enum db_sync sync)
{
    struct db *db = NULL;
    OK(db_open(f->url, &(struct db_options){ .sync = sync }, &db, NULL));
    return db;
}

static int64_t number_of(struct db *db, const char *sql)
{
    struct db_stmt *stmt = NULL;
    OK(db_prepare(db, sql, &stmt, NULL));
    OK(db_step(stmt, NULL));
    int64_t value = db_column_i64(stmt, 0);
    db_finalize(stmt);
    return value;
}

static void assert_whole(struct db *db)
{
    struct db_stmt *stmt = NULL;
    OK(db_prepare(db, "PRAGMA integrity_check", &stmt, NULL));
    OK(db_step(stmt, NULL));
    assert_true(str_eq(db_column_text(stmt, 0), STR("ok")));
    db_finalize(stmt);
}

// `rows` rows that fill a page each.
static void insert(struct db *db, int rows)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                   " INSERT INTO t SELECT 0, zeroblob(3500) FROM n",
                   rows);
    OK(db_exec(db, sql, NULL));
}

static struct db *with_table(const struct fixture *f, enum db_sync sync)
{
    struct db *db = open_with(f, sync);
    OK(db_exec(db, "CREATE TABLE t (a INTEGER, b BLOB)", NULL));
    return db;
}

// Calls of this process that write.
static int64_t writes(void)
{
    char text[512];
    int64_t count = 0;
    FILE *file = fopen("/proc/self/io", "r");
    assert_non_null(file);
    struct str rest = str_make(text, fread(text, 1, sizeof text, file));
    (void)fclose(file);
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        if (str_starts(line, STR("syscw: "))) {
            assert_true(num_parse_i64(str_make(line.ptr + 7, line.len - 7), 0, INT64_MAX, &count));
        }
    }
    assert_true(count > 0);
    return count;
}

static void a_commit_of_many_pages_is_few_writes(void **state)
{
    const struct fixture *f = *state;
    for (int sync = DB_SYNC_FULL; sync <= DB_SYNC_NORMAL; sync++) {
        struct db *db = open_with(f, (enum db_sync)sync);
        OK(db_exec(db, "CREATE TABLE IF NOT EXISTS t (a INTEGER, b BLOB)", NULL));
        OK(db_begin(db, NULL));
        insert(db, ROWS);
        int64_t before = writes();
        OK(db_commit(db, NULL));
        assert_in_range(writes() - before, 1, ROWS / 5); // two for each page without us
        db_close(db);
    }
}

// What is committed is in the file, before anybody is told.
static void what_is_committed_is_written(void **state)
{
    const struct fixture *f = *state;
    struct db *db = with_table(f, DB_SYNC_NORMAL);
    for (int i = 1; i <= 20; i++) {
        struct stat info;
        OK(db_begin(db, NULL));
        insert(db, i);
        OK(db_commit(db, NULL));
        assert_int_equal(stat(f->log, &info), 0);
        assert_true(info.st_size > (off_t)i * (i + 1) / 2 * PAGE);
        struct db *other = open_with(f, DB_SYNC_NORMAL);
        assert_int_equal(number_of(other, "SELECT COUNT(*) FROM t"), i * (i + 1) / 2);
        db_close(other);
    }
    db_close(db);
}

struct reader {
    const struct fixture *f;
    atomic_bool stop;
    bool good;
    int seen;
};

static void *read_on(void *arg)
{
    struct reader *reader = arg;
    struct db *db = open_with(reader->f, DB_SYNC_NORMAL);
    struct db_stmt *stmt = NULL;
    reader->good = db_prepare(db, "SELECT MIN(a), MAX(a), COUNT(b) FROM t", &stmt, NULL) == 0;
    while (reader->good && (!atomic_load(&reader->stop) || reader->seen == 0)) {
        reader->good = db_step(stmt, NULL) == TIDINGS_OK &&
                       db_column_i64(stmt, 0) == db_column_i64(stmt, 1) &&
                       db_column_i64(stmt, 2) == ROWS;
        db_reset(stmt);
        reader->seen++;
    }
    db_close(db);
    return NULL;
}

// Every row is changed by each transaction: a reader sees all of it or nothing.
static void a_reader_sees_whole_transactions(void **state)
{
    const struct fixture *f = *state;
    for (int sync = DB_SYNC_FULL; sync <= DB_SYNC_NORMAL; sync++) {
        struct reader reader = { .f = f };
        pthread_t thread;
        struct db *db = open_with(f, (enum db_sync)sync);
        OK(db_exec(db, "DROP TABLE IF EXISTS t; CREATE TABLE t (a INTEGER, b BLOB)", NULL));
        OK(db_begin(db, NULL));
        insert(db, ROWS);
        OK(db_commit(db, NULL));
        assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
        for (int i = 0; i < ROUNDS; i++) {
            OK(db_begin(db, NULL));
            OK(db_exec(db, "UPDATE t SET a = a + 1", NULL));
            OK(db_commit(db, NULL));
            OK(db_maintain(db, NULL));
        }
        atomic_store(&reader.stop, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(reader.good && reader.seen > 0);
        assert_whole(db);
        db_close(db);
    }
}

// A transaction larger than the cache writes frames before it commits, reads them again, writes
// them again; and when it is rolled back another connection takes their place.
static void what_is_rolled_back_harms_nobody(void **state)
{
    const struct fixture *f = *state;
    struct db *one = with_table(f, DB_SYNC_NORMAL);
    struct db *other = open_with(f, DB_SYNC_NORMAL);
    OK(db_exec(one, "PRAGMA cache_size = 10", NULL));
    for (int i = 0; i < 20; i++) {
        const int rolled_back = i % 2 == 0 ? ROWS : 20; // frames of 20 all fit into memory
        OK(db_begin(one, NULL));
        insert(one, rolled_back);
        if (i % 4 < 2) {
            OK(db_exec(one, "UPDATE t SET a = a + 1", NULL));
            assert_int_equal(number_of(one, "SELECT COUNT(*) FROM t WHERE length(b) = 3500"),
                             rolled_back + i * (2 + ROWS));
        }
        db_rollback(one);
        OK(db_begin(other, NULL));
        insert(other, 1);
        OK(db_commit(other, NULL));
        OK(db_begin(one, NULL));
        OK(db_exec(one, "SAVEPOINT s", NULL));
        insert(one, 2 * ROWS);
        OK(db_exec(one, "UPDATE t SET a = a + 1; ROLLBACK TO s", NULL));
        insert(one, ROWS + 1);
        OK(db_exec(one, "UPDATE t SET a = 7", NULL));
        OK(db_commit(one, NULL));
        assert_int_equal(number_of(other, "SELECT COUNT(*) FROM t WHERE a = 7"),
                         (i + 1) * (2 + ROWS));
    }
    assert_whole(other);
    db_close(one);
    assert_whole(other);
    db_close(other);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_write_that_fails_fails_the_commit(void **state)
{
    const struct fixture *f = *state;
    struct db *db = with_table(f, DB_SYNC_FULL);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (int spills = 0; spills < 2; spills++) {
        struct stat info;
        OK(db_exec(db, spills ? "PRAGMA cache_size = 10" : "PRAGMA cache_size = 2000", NULL));
        OK(db_begin(db, NULL));
        insert(db, 1);
        OK(db_commit(db, NULL));
        assert_int_equal(stat(f->log, &info), 0);
        limit_files((rlim_t)info.st_size + 10 * PAGE);
        OK(db_begin(db, NULL));
        tidings_status status =
            db_exec(db,
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
                    " INSERT INTO t SELECT 0, zeroblob(3500) FROM n",
                    NULL);
        status = status == TIDINGS_OK ? db_commit(db, NULL) : status;
        assert_int_equal(status, TIDINGS_E_IO);
        db_rollback(db);
        limit_files(RLIM_INFINITY);
        assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t"), spills + 1);
    }
    OK(db_begin(db, NULL));
    insert(db, ROWS);
    OK(db_commit(db, NULL));
    struct db *other = open_with(f, DB_SYNC_FULL);
    assert_int_equal(number_of(other, "SELECT COUNT(*) FROM t"), ROWS + 2);
    assert_whole(other);
    db_close(other);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_of_many_pages_is_few_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_committed_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_sees_whole_transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_rolled_back_harms_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_fails_the_commit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

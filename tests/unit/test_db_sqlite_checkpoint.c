// SPDX-License-Identifier: Apache-2.0
// The write-ahead log is handed back by a thread: commits go on meanwhile, the log has a bound, and
// what goes wrong is told. The thread's syncs come through here, so that a test can hold it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "db/db.h"

enum {
    PAGE = 4096,
    FRAME = PAGE + 24,
    LOG = 1024 * 1024, // wanted
    MOST = LOG / PAGE,
    LATE = 2,
    PAGES = 20,                                       // that a transaction of these tests changes
    BOUND = (LATE * MOST + MOST / 8 + PAGES) * FRAME, // of the log
    TURNS = 20000,                                    // a wait gives up after so many
};

struct fixture {
    char folder[64];
    char path[128];
    char log[160];
    char url[160];
    int threads;
};

#define OK(call) assert_int_equal((call), TIDINGS_OK)

static void pause_ms(int ms)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

// ---- the gate: where the syncs of other threads than the test's wait ----
static struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t test;
    bool closed;
    bool slow;
    int waiting;
    int own; // syncs of the test's thread
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

#pragma GCC visibility push(default)
int fdatasync(int fd)
{
    pthread_mutex_lock(&gate.lock);
    if (!pthread_equal(pthread_self(), gate.test)) {
        gate.waiting++;
        pthread_cond_broadcast(&gate.changed);
        while (gate.closed) {
            pthread_cond_wait(&gate.changed, &gate.lock);
        }
        gate.waiting--;
    } else {
        gate.own++;
    }
    bool slow = gate.slow;
    pthread_mutex_unlock(&gate.lock);
    if (slow) {
        pause_ms(5);
    }
    return (int)syscall(SYS_fdatasync, fd);
}
#pragma GCC visibility pop

static void set_gate(bool closed, bool slow)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = closed;
    gate.slow = slow;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_at_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting == 0) {
        pthread_cond_wait(&gate.changed, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

static int at_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    int waiting = gate.waiting;
    pthread_mutex_unlock(&gate.lock);
    return waiting;
}

static int own_syncs(void)
{
    pthread_mutex_lock(&gate.lock);
    int own = gate.own;
    pthread_mutex_unlock(&gate.lock);
    return own;
}

// ---- what the tests use ----
static int threads(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return count;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    gate.test = pthread_self();
    set_gate(false, false);
    assert_true(str_copy(f->folder, sizeof f->folder, STR("/tmp/tidings-checkpoint-XXXXXX")));
    assert_non_null(mkdtemp(f->folder));
    assert_true(snprintf(f->path, sizeof f->path, "%s/t.db", f->folder) > 0);
    assert_true(snprintf(f->log, sizeof f->log, "%s-wal", f->path) > 0);
    assert_true(snprintf(f->url, sizeof f->url, "sqlite://%s", f->path) > 0);
    f->threads = threads();
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

static struct db *open_as(const char *url, const struct db_options *options)
{
    struct db *db = NULL;
    OK(db_open(url, options, &db, NULL));
    return db;
}

static struct db *open_writer(const struct fixture *f, struct fault *fault)
{
    struct db *db = open_as(f->url, &(struct db_options){ .log_bytes = LOG, .fault = fault });
    OK(db_exec(db, "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b BLOB)", NULL));
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

// About `pages` pages more.
static tidings_status commit_pages(struct db *db, int pages)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                   " INSERT INTO t SELECT NULL, zeroblob(3500) FROM n",
                   pages);
    tidings_status status = db_begin(db, NULL);
    status = status == TIDINGS_OK ? db_exec(db, sql, NULL) : status;
    return status == TIDINGS_OK ? db_commit(db, NULL) : status;
}

static int64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

// How often the log was begun again: SQLite counts it in the header.
static uint32_t round_of(const struct fixture *f)
{
    char header[16] = { 0 };
    FILE *file = fopen(f->log, "rb");
    assert_non_null(file);
    assert_int_equal(fread(header, 1, sizeof header, file), sizeof header);
    (void)fclose(file);
    return num_load_be32(header + 12);
}

// Small commits until the log is begun again; the bound of `pages` holds meanwhile.
static void until_begun_again(const struct fixture *f, struct db *db, int pages)
{
    const uint32_t round = round_of(f);
    for (int i = 0; round_of(f) == round; i++) {
        assert_true(i < pages);
        OK(commit_pages(db, 1));
        OK(db_maintain(db, NULL));
    }
}

// Until the thread has work to do; returns the rows. The log is new.
static int until_asked(const struct fixture *f, struct db *db)
{
    int rows = 0;
    while (size_of(f->log) < MOST * FRAME) {
        OK(commit_pages(db, PAGES));
        OK(db_maintain(db, NULL));
        rows += PAGES;
    }
    return rows;
}

// ---- tests ----
static void commits_go_on_meanwhile(void **state)
{
    const struct fixture *f = *state;
    struct db *db = open_writer(f, NULL);
    set_gate(true, false);
    (void)until_asked(f, db);
    wait_at_gate();
    const uint32_t round = round_of(f);
    for (int i = 0; i < MOST / 2 / PAGES; i++) {
        OK(commit_pages(db, PAGES));
        OK(db_maintain(db, NULL));
    }
    assert_int_equal(at_gate(), 1); // it is still at it
    assert_int_equal(round_of(f), round);
    assert_int_equal(threads(), f->threads + 1);
    set_gate(false, false);
    until_begun_again(f, db, LATE * MOST);
    assert_true(size_of(f->path) > LOG);
    assert_whole(db);
    db_close(db);
}

static void the_log_has_a_bound(void **state)
{
    const struct fixture *f = *state;
    for (int slow = 0; slow < 2; slow++) {
        struct db *db = open_writer(f, NULL);
        set_gate(false, slow != 0);
        OK(commit_pages(db, 1));
        const uint32_t round = round_of(f);
        for (int i = 0; i < 16 * MOST / PAGES; i++) {
            OK(commit_pages(db, PAGES));
            OK(db_maintain(db, NULL));
            assert_true(size_of(f->log) <= BOUND);
        }
        assert_true(round_of(f) - round >= 2);
        db_close(db);
    }
}

// Nothing but commits: the caller hands the log back within one of them.
static void who_never_maintains_is_helped(void **state)
{
    const struct fixture *f = *state;
    struct db *db = open_writer(f, NULL);
    OK(commit_pages(db, 1));
    const uint32_t round = round_of(f);
    for (int i = 0; i < 10 * MOST / PAGES; i++) {
        OK(commit_pages(db, PAGES));
        assert_true(size_of(f->log) <= BOUND);
    }
    assert_true(round_of(f) - round >= 2);
    assert_int_equal(threads(), f->threads);
    db_close(db);
}

// What came during the pass is little: the writer copies it, and the next commit begins again.
static void a_small_rest_is_the_writers(void **state)
{
    const struct fixture *f = *state;
    struct db *db = open_writer(f, NULL);
    set_gate(true, false);
    (void)until_asked(f, db);
    wait_at_gate();
    OK(commit_pages(db, 1));
    const uint32_t round = round_of(f);
    const int syncs = own_syncs();
    set_gate(false, false);
    for (int i = 0; i < TURNS && own_syncs() == syncs; i++) {
        OK(db_maintain(db, NULL));
        pause_ms(1);
    }
    assert_true(own_syncs() > syncs);
    OK(commit_pages(db, 1));
    assert_int_equal(round_of(f), round + 1);
    db_close(db);
}

// Opens the gate when the log has been at its bound for a while.
static void *open_late(void *arg)
{
    const struct fixture *f = arg;
    for (int i = 0; i < TURNS && size_of(f->log) < LATE * MOST * FRAME; i++) {
        pause_ms(1);
    }
    pause_ms(200);
    set_gate(false, false);
    return NULL;
}

// A pass is under way when the log reaches its bound: the commit waits for it.
static void at_the_bound_the_thread_is_waited_for(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    struct db *db = open_writer(f, NULL);
    set_gate(true, false);
    (void)until_asked(f, db);
    wait_at_gate();
    const uint32_t round = round_of(f);
    assert_int_equal(pthread_create(&thread, NULL, open_late, f), 0);
    for (int i = 0; i < 2 * LATE * MOST / PAGES; i++) {
        OK(commit_pages(db, PAGES));
        assert_true(size_of(f->log) <= BOUND);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(round_of(f) != round);
    OK(db_maintain(db, NULL));
    assert_whole(db);
    db_close(db);
}

static void a_reader_holds_it_back_for_a_while(void **state)
{
    const struct fixture *f = *state;
    struct db *db = open_writer(f, NULL);
    struct db *reader = open_as(f->url, &(struct db_options){ .read_only = true });
    OK(commit_pages(db, PAGES));
    OK(db_begin_read(reader, NULL));
    const int64_t seen = number_of(reader, "SELECT COUNT(*) FROM t");
    const uint32_t round = round_of(f);
    for (int i = 0; i < 2 * LATE * MOST / PAGES; i++) {
        OK(commit_pages(db, PAGES));
        OK(db_maintain(db, NULL));
    }
    assert_int_equal(round_of(f), round);
    assert_true(size_of(f->log) > BOUND);
    assert_int_equal(number_of(reader, "SELECT COUNT(*) FROM t WHERE length(b) = 3500"), seen);
    OK(db_commit(reader, NULL));
    until_begun_again(f, db, LATE * MOST);
    assert_true(size_of(f->log) <= BOUND);
    assert_true(number_of(reader, "SELECT COUNT(*) FROM t") > seen);
    assert_whole(reader);
    db_close(reader);
    db_close(db);
}

// Short reads again and again, as a console does.
static void readers_come_and_go(void **state)
{
    const struct fixture *f = *state;
    struct db *db = open_writer(f, NULL);
    struct db *readers[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = open_as(f->url, &(struct db_options){ .read_only = true });
    }
    OK(commit_pages(db, 1));
    const uint32_t round = round_of(f);
    OK(db_begin_read(readers[0], NULL));
    for (int i = 0; i < 16 * MOST / PAGES; i++) {
        struct db *next = readers[(i + 1) % 2]; // one of them always has a transaction
        OK(db_begin_read(next, NULL));
        assert_in_range(number_of(next, "SELECT COUNT(*) FROM t"), i * PAGES, i * PAGES + 1);
        OK(db_commit(readers[i % 2], NULL));
        OK(commit_pages(db, PAGES));
        OK(db_maintain(db, NULL));
    }
    assert_int_equal(round_of(f), round); // SQLite cannot: there was no moment without a reader
    db_close(readers[0]);
    db_close(readers[1]);
    until_begun_again(f, db, LATE * MOST);
    assert_whole(db);
    db_close(db);
}

// What the thread met is told by the upkeep after it.
static tidings_status until_told(struct db *db, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < TURNS && status == TIDINGS_OK; i++) {
        status = db_maintain(db, err);
        pause_ms(1);
    }
    return status;
}

static void an_error_of_the_thread_is_told(void **state)
{
    const struct fixture *f = *state;
    struct fault fault;
    struct tidings_error err = { 0 };
    fault_init(&fault);
    OK(fault_parse(&fault, "db.checkpoint:1+2", NULL));
    struct db *db = open_writer(f, &fault);
    set_gate(true, false); // what succeeds stays under way
    OK(commit_pages(db, MOST + 1));
    assert_int_equal(until_told(db, &err), TIDINGS_E_IO);
    assert_non_null(strstr(err.text, "checkpoint"));
    assert_int_equal(until_told(db, &err), TIDINGS_E_IO);
    OK(db_maintain(db, NULL));
    wait_at_gate();
    set_gate(false, false);
    until_begun_again(f, db, LATE * MOST);
    assert_whole(db);
    db_close(db);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// The log has room where the database has none.
static void a_database_that_cannot_grow_is_told(void **state)
{
    const struct fixture *f = *state;
    struct db *db = open_writer(f, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
    OK(commit_pages(db, 2 * MOST));
    db_close(db); // all of it is in the database
    db = open_writer(f, NULL);
    limit_files((rlim_t)size_of(f->path));
    OK(commit_pages(db, MOST + MOST / 4));
    assert_int_equal(until_told(db, NULL), TIDINGS_E_IO);
    OK(commit_pages(db, 1));
    assert_int_equal(until_told(db, NULL), TIDINGS_E_IO);
    limit_files(RLIM_INFINITY);
    until_begun_again(f, db, LATE * MOST);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t"),
                     number_of(db, "SELECT MAX(a) FROM t"));
    assert_whole(db);
    db_close(db);
}

static void it_may_be_closed_meanwhile(void **state)
{
    const struct fixture *f = *state;
    int rows = 0;
    for (int i = 0; i < 5; i++) {
        struct db *db = open_writer(f, NULL);
        set_gate(true, true);
        rows += until_asked(f, db);
        wait_at_gate();
        set_gate(false, true);
        db_close(db);
        for (int turn = 0; turn < TURNS && threads() != f->threads; turn++) {
            pause_ms(1);
        }
        assert_int_equal(threads(), f->threads);
    }
    set_gate(false, false);
    struct db *db = open_writer(f, NULL);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t"), rows);
    assert_whole(db);
    db_close(db);
}

static void write_until_killed(const struct fixture *f, int acks)
{
    struct db *db = NULL;
    if (db_open(f->url, &(struct db_options){ .log_bytes = LOG / 8 }, &db, NULL) != TIDINGS_OK) {
        _exit(1);
    }
    for (int i = 0; i < TURNS; i++) {
        if (commit_pages(db, PAGES) != TIDINGS_OK || db_maintain(db, NULL) != TIDINGS_OK ||
            write(acks, "+", 1) != 1) {
            _exit(1);
        }
    }
    _exit(0);
}

static void what_is_committed_outlives_kill_9(void **state)
{
    const struct fixture *f = *state;
    int64_t committed = 0;
    gate.test = 0; // the child has its own thread of that name
    db_close(open_writer(f, NULL));
    for (int i = 0; i < 12; i++) {
        int acks[2];
        char bytes[64];
        int status;
        int64_t told = 0;
        assert_int_equal(pipe(acks), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(acks[0]);
            write_until_killed(f, acks[1]);
        }
        (void)close(acks[1]);
        for (ssize_t len = 1; len > 0 && told < 7 + 11 * i; told += len) {
            len = read(acks[0], bytes, 1);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        for (ssize_t len = 1; len > 0; told += len) {
            len = read(acks[0], bytes, sizeof bytes);
        }
        (void)close(acks[0]);
        struct db *db = open_writer(f, NULL);
        const int64_t rows = number_of(db, "SELECT COUNT(*) FROM t");
        assert_true(rows % PAGES == 0 && rows >= committed + told * PAGES);
        assert_true(rows <= committed + (told + 1) * PAGES);
        committed = rows;
        assert_whole(db);
        db_close(db);
    }
}

// Nothing is added to it before it is handed back: there may be no room for more.
static void a_log_that_was_left_is_handed_back_first(void **state)
{
    const struct fixture *f = *state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db *db = open_writer(f, NULL);
        OK(commit_pages(db, MOST + PAGES));
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    const int64_t left = size_of(f->log);
    assert_true(left > LOG);
    struct db *db = open_as(f->url, &(struct db_options){ .log_bytes = LOG });
    const uint32_t round = round_of(f);
    OK(db_exec(db, "UPDATE t SET b = x'00' WHERE a = 1", NULL));
    assert_int_equal(round_of(f), round);
    OK(db_maintain(db, NULL));
    assert_int_equal(threads(), f->threads);
    OK(commit_pages(db, 1));
    assert_true(round_of(f) != round);
    assert_in_range(size_of(f->log), 1, left + (int64_t)PAGES * FRAME);
    assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t"), MOST + PAGES + 1);
    assert_whole(db);
    db_close(db);
}

static void who_does_not_need_it_has_none(void **state)
{
    const struct fixture *f = *state;
    struct db *memory = open_as("sqlite::memory:", &(struct db_options){ .log_bytes = LOG });
    OK(db_exec(memory, "CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)", NULL));
    OK(commit_pages(memory, 2 * MOST));
    OK(db_maintain(memory, NULL));
    struct db *idle = open_writer(f, NULL);
    OK(commit_pages(idle, MOST / 2));
    OK(db_maintain(idle, NULL));
    struct db *reader =
        open_as(f->url, &(struct db_options){ .read_only = true, .log_bytes = PAGE });
    assert_int_equal(number_of(reader, "SELECT COUNT(*) FROM t"), MOST / 2);
    OK(db_maintain(reader, NULL));
    assert_int_equal(threads(), f->threads);
    db_close(reader);
    db_close(idle);
    db_close(memory);
}

static void *nothing(void *arg)
{
    return arg;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commits_go_on_meanwhile),
        TEST(the_log_has_a_bound),
        TEST(who_never_maintains_is_helped),
        TEST(a_small_rest_is_the_writers),
        TEST(at_the_bound_the_thread_is_waited_for),
        TEST(a_reader_holds_it_back_for_a_while),
        TEST(readers_come_and_go),
        TEST(an_error_of_the_thread_is_told),
        TEST(a_database_that_cannot_grow_is_told),
        TEST(it_may_be_closed_meanwhile),
        TEST(what_is_committed_outlives_kill_9),
        TEST(a_log_that_was_left_is_handed_back_first),
        TEST(who_does_not_need_it_has_none),
    };
    pthread_t thread; // with the first one a sanitizer starts threads of its own, which stay
    if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

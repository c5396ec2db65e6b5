// SPDX-License-Identifier: Apache-2.0
// The barrier on every database it has an adapter for: the same tests, each on each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "databases.h"

static const char group[] = "barrier_test";
static const struct database_kind *kind; // of this run of the tests

static struct database with_table(void)
{
    struct database database = database_open(kind);
    struct tidings_error err = { 0 };
    if (tidings_barrier_create(&database.sql, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    return database;
}

static void begin(struct database *database)
{
    assert_true(database_exec(database, "%s", kind->begin));
}

static tidings_status enter(struct database *database, const char *id)
{
    struct tidings_error err = { 0 };
    tidings_status status = tidings_barrier_enter(&database->sql, group, id, &err);
    assert_int_equal(err.status, status);
    assert_int_equal(err.text[0] == '\0', status == TIDINGS_OK);
    return status;
}

static tidings_decision check(struct database *database, const char *id)
{
    tidings_decision decision;
    struct tidings_error err = { 0 };
    if (tidings_barrier_check(&database->sql, group, id, &decision, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    return decision;
}

static void test_create_is_repeatable(void **state)
{
    (void)state;
    struct database one = with_table();
    struct database other = with_table();
    assert_non_null(strstr(tidings_barrier_table(one.sql.dialect), "tidings_barrier"));
    database_close(&other);
    database_close(&one);
}

static void test_committed(void **state)
{
    (void)state;
    struct database initiator = with_table();
    struct database checker = with_table();
    begin(&initiator);
    assert_int_equal(enter(&initiator, "committed"), TIDINGS_OK);
    assert_true(database_exec(&initiator, "COMMIT"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(check(&checker, "committed"), TIDINGS_COMMIT);
    }
    begin(&initiator); // the same transaction once more: nothing to do
    assert_int_equal(enter(&initiator, "committed"), TIDINGS_E_DUPLICATE);
    assert_true(database_exec(&initiator, "ROLLBACK"));
    database_close(&checker);
    database_close(&initiator);
}

static void test_never_came(void **state)
{
    (void)state;
    struct database initiator = with_table();
    struct database checker = with_table();
    assert_int_equal(check(&checker, "late"), TIDINGS_ROLLBACK);
    begin(&initiator); // it comes after all, and finds that it never was
    assert_int_equal(enter(&initiator, "late"), TIDINGS_E_STATE);
    assert_true(database_exec(&initiator, "ROLLBACK"));
    assert_int_equal(check(&checker, "late"), TIDINGS_ROLLBACK);
    database_close(&checker);
    database_close(&initiator);
}

static void test_rolled_back(void **state)
{
    (void)state;
    struct database initiator = with_table();
    struct database checker = with_table();
    begin(&initiator);
    assert_int_equal(enter(&initiator, "rolled-back"), TIDINGS_OK);
    assert_true(database_exec(&initiator, "ROLLBACK"));
    assert_int_equal(check(&checker, "rolled-back"), TIDINGS_ROLLBACK);
    database_close(&checker);
    database_close(&initiator);
}

// A transaction that is open hides its rows; a check must not decide against it.
static void test_open_longer_than_the_check_waits(void **state)
{
    (void)state;
    struct database initiator = with_table();
    struct database checker = with_table();
    tidings_decision decision = TIDINGS_ROLLBACK;
    struct tidings_error err = { 0 };
    begin(&initiator);
    assert_int_equal(enter(&initiator, "open"), TIDINGS_OK);
    assert_int_equal(tidings_barrier_check(&checker.sql, group, "open", &decision, &err),
                     TIDINGS_E_AGAIN);
    assert_int_equal(decision, TIDINGS_LEAVE);
    assert_true(err.text[0] != '\0');
    assert_true(database_exec(&initiator, "COMMIT"));
    assert_int_equal(check(&checker, "open"), TIDINGS_COMMIT);
    database_close(&checker);
    database_close(&initiator);
}

struct waiting {
    struct database database;
    tidings_decision decision;
    tidings_status status;
};

static void *check_and_wait(void *arg)
{
    struct waiting *waiting = arg;
    struct tidings_error err = { 0 };
    waiting->status = tidings_barrier_check(&waiting->database.sql, group, "waited-for",
                                            &waiting->decision, &err);
    return NULL;
}

static void test_check_waits_for_the_commit(void **state)
{
    (void)state;
    struct database initiator = with_table();
    struct waiting waiting = { .database = with_table() };
    pthread_t thread;
    assert_true(database_exec(&waiting.database, "%s", kind->patient));
    begin(&initiator);
    assert_int_equal(enter(&initiator, "waited-for"), TIDINGS_OK);
    assert_int_equal(pthread_create(&thread, NULL, check_and_wait, &waiting), 0);
    usleep(200 * 1000); // the check has begun by now; if not, it is right all the same
    assert_true(database_exec(&initiator, "COMMIT"));
    pthread_join(thread, NULL);
    assert_int_equal(waiting.status, TIDINGS_OK);
    assert_int_equal(waiting.decision, TIDINGS_COMMIT);
    database_close(&waiting.database);
    database_close(&initiator);
}

static void test_wrong_use(void **state)
{
    (void)state;
    struct database database = with_table();
    tidings_decision decision = TIDINGS_COMMIT;
    char longest[TIDINGS_BARRIER_ID_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(enter(&database, "no-transaction"), TIDINGS_E_INVALID);
    begin(&database);
    assert_int_equal(tidings_barrier_check(&database.sql, group, "x", &decision, NULL),
                     TIDINGS_E_INVALID);
    assert_int_equal(decision, TIDINGS_LEAVE);
    assert_int_equal(enter(&database, ""), TIDINGS_E_INVALID);
    assert_int_equal(enter(&database, longest), TIDINGS_E_INVALID);
    assert_int_equal(enter(&database, longest + 1), TIDINGS_OK);
    assert_int_equal(tidings_barrier_enter(&database.sql, "", "x", NULL), TIDINGS_E_INVALID);
    assert_true(database_exec(&database, "COMMIT"));
    assert_int_equal(check(&database, longest + 1), TIDINGS_COMMIT);
    database_close(&database);
}

static void test_keys_are_bytes(void **state)
{
    (void)state;
    struct database database = with_table();
    begin(&database);
    assert_int_equal(enter(&database, "Case"), TIDINGS_OK);
    assert_int_equal(enter(&database, "case"), TIDINGS_OK);
    assert_int_equal(enter(&database, "case "), TIDINGS_OK);
    assert_int_equal(enter(&database, "'; DROP TABLE tidings_barrier; --"), TIDINGS_OK);
    assert_int_equal(tidings_barrier_enter(&database.sql, "other_group", "case", NULL), TIDINGS_OK);
    assert_true(database_exec(&database, "COMMIT"));
    assert_int_equal(check(&database, "CASE"), TIDINGS_ROLLBACK);
    assert_int_equal(check(&database, "'; DROP TABLE tidings_barrier; --"), TIDINGS_COMMIT);
    database_close(&database);
}

static void test_no_table(void **state)
{
    (void)state;
    struct database database = with_table();
    tidings_decision decision = TIDINGS_COMMIT;
    struct tidings_error err = { 0 };
    assert_true(database_exec(&database, "ALTER TABLE tidings_barrier RENAME TO put_away"));
    assert_int_equal(tidings_barrier_check(&database.sql, group, "x", &decision, &err),
                     TIDINGS_E_INTERNAL);
    assert_int_equal(decision, TIDINGS_LEAVE);
    assert_non_null(strstr(err.text, "tidings_barrier"));
    assert_true(database_exec(&database, "ALTER TABLE put_away RENAME TO tidings_barrier"));
    database_close(&database);
}

static void test_lost_connection(void **state)
{
    (void)state;
    struct database checker = with_table();
    struct database other = with_table();
    tidings_decision decision = TIDINGS_COMMIT;
    if (kind->end_server_side != NULL) { // SQLite has none that could be lost
        kind->end_server_side(&checker, &other);
        assert_int_equal(tidings_barrier_check(&checker.sql, group, "x", &decision, NULL),
                         TIDINGS_E_LOST);
        assert_int_equal(decision, TIDINGS_LEAVE);
    }
    database_close(&other);
    database_close(&checker);
}

static void test_purge(void **state)
{
    (void)state;
    struct database database = with_table();
    int64_t deleted = -1;
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    assert_int_equal(tidings_barrier_purge(&database.sql, 1000, 10, &deleted, NULL),
                     TIDINGS_E_INVALID);
    assert_true(database_exec(&database, "DELETE FROM tidings_barrier"));
    for (int i = 0; i < 25; i++) {
        assert_true(database_exec(&database,
                                  "INSERT INTO tidings_barrier (group_name, tx_id, decision, "
                                  "created_ms) VALUES ('%s', 'old-%d', 'commit', %d)",
                                  group, i, i));
    }
    assert_int_equal(check(&database, "young"), TIDINGS_ROLLBACK);
    assert_int_equal(tidings_barrier_purge(&database.sql, day_ms, 20, &deleted, NULL), TIDINGS_OK);
    assert_int_equal(deleted, 20);
    assert_int_equal(tidings_barrier_purge(&database.sql, day_ms, 20, &deleted, NULL), TIDINGS_OK);
    assert_int_equal(deleted, 5);
    assert_int_equal(tidings_barrier_purge(&database.sql, day_ms, 20, &deleted, NULL), TIDINGS_OK);
    assert_int_equal(deleted, 0);
    begin(&database);
    assert_int_equal(enter(&database, "young"), TIDINGS_E_STATE);
    assert_true(database_exec(&database, "ROLLBACK"));
    database_close(&database);
}

// ---- everything at once ----
enum { STORM_IDS = 120, STORM_CHECKERS = 3 };
struct storm {
    atomic_bool committed[STORM_IDS];
    atomic_int decided[STORM_IDS]; // tidings_decision, once one is final
    atomic_int contradictions;
    atomic_int next;
};

// Local transactions, some rolled back, all at the moment in which the checks come.
static void *storm_initiate(void *arg)
{
    struct storm *storm = arg;
    struct database database = database_open(kind);
    char id[32];
    for (int i = 0; i < STORM_IDS; i++) {
        snprintf(id, sizeof id, "storm-%d", i);
        atomic_store(&storm->next, i);
        if (!database_exec(&database, "%s", kind->begin)) {
            continue; // SQLite: a checker has the lock for too long
        }
        bool entered = tidings_barrier_enter(&database.sql, group, id, NULL) == TIDINGS_OK;
        bool wants = i % 3 != 0;
        bool done = entered && wants && database_exec(&database, "COMMIT");
        atomic_store(&storm->committed[i], done);
        if (!done) {
            (void)database_exec(&database, "ROLLBACK");
        }
    }
    database_close(&database);
    return NULL;
}

static void *storm_check(void *arg)
{
    struct storm *storm = arg;
    struct database database = database_open(kind);
    char id[32];
    int at = 0;
    do {
        at = atomic_load(&storm->next);
        for (int i = at > 1 ? at - 1 : 0; i <= at + 1 && i < STORM_IDS; i++) {
            tidings_decision decision;
            snprintf(id, sizeof id, "storm-%d", i);
            if (i > at && i % 4 != 0) {
                continue; // most transactions may come first
            }
            if (tidings_barrier_check(&database.sql, group, id, &decision, NULL) == TIDINGS_OK) {
                int former = atomic_exchange(&storm->decided[i], (int)decision);
                storm->contradictions += former != TIDINGS_LEAVE && former != (int)decision;
            } else if (decision != TIDINGS_LEAVE) {
                storm->contradictions++;
            }
        }
    } while (at < STORM_IDS - 1);
    database_close(&database);
    return NULL;
}

static void test_storm(void **state)
{
    (void)state;
    struct storm storm = { 0 };
    pthread_t threads[1 + STORM_CHECKERS];
    struct database database = with_table();
    int commits = 0;
    for (int i = 0; i <= STORM_CHECKERS; i++) {
        void *(*run)(void *) = i == 0 ? storm_initiate : storm_check;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &storm), 0);
    }
    for (int i = 0; i <= STORM_CHECKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < STORM_IDS; i++) {
        char id[32];
        snprintf(id, sizeof id, "storm-%d", i);
        tidings_decision decision = check(&database, id);
        assert_int_equal(decision, storm.committed[i] ? TIDINGS_COMMIT : TIDINGS_ROLLBACK);
        assert_true(storm.decided[i] == TIDINGS_LEAVE || storm.decided[i] == (int)decision);
        commits += decision == TIDINGS_COMMIT;
    }
    assert_int_equal(storm.contradictions, 0);
    assert_true(commits > 0 && commits < STORM_IDS);
    print_message("  %s: %d of %d committed\n", kind->name, commits, STORM_IDS);
    database_close(&database);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_is_repeatable),
        cmocka_unit_test(test_committed),
        cmocka_unit_test(test_never_came),
        cmocka_unit_test(test_rolled_back),
        cmocka_unit_test(test_open_longer_than_the_check_waits),
        cmocka_unit_test(test_check_waits_for_the_commit),
        cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_purge),
        cmocka_unit_test(test_storm),
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof database_kinds / sizeof database_kinds[0]; i++) {
        kind = &database_kinds[i];
        print_message("on %s\n", kind->name);
        failed += cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
    }
    mysql_library_end();
    return failed;
}

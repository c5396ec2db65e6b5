// SPDX-License-Identifier: Apache-2.0
// What goes wrong: commits and steps that fail, a process that is killed, a database that is
// damaged.
#include <signal.h>
#include <sys/wait.h>

#include "base/num.h"
#include "test_broker_index_support.h"

enum { QUEUES = 4, STEP = 304, RECORDS = 50 };

// Record i of a made-up log: an entry of queue i % QUEUES, a key, and every fifth a due row.
static void put_record(struct index_batch *batch, int64_t i)
{
    struct index_entry entry = { .position = i * STEP, .size = (uint32_t)i };
    assert_int_equal(
        index_batch_entry(batch, index_queue_key(1, (int32_t)(i % QUEUES)), i / QUEUES, &entry),
        TIDINGS_OK);
    assert_int_equal(index_batch_key(batch, (uint64_t)i * 0x9e3779b97f4a7c15ULL, i * STEP),
                     TIDINGS_OK);
    if (i % 5 == 0) {
        struct index_due due = { .due_ms = 1000 + i, .position = i * STEP };
        assert_int_equal(index_batch_due_add(batch, &due), TIDINGS_OK);
    }
}

static void submit_records(struct fixture *f, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to;) {
        struct index_batch *batch = fixture_batch(f);
        for (int n = 0; n < RECORDS && i < to; n++, i++) {
            put_record(batch, i);
        }
        index_submit(f->index, batch, i * STEP);
    }
}

// Everything below the position is there, once, and nothing from it on.
static void check_records(struct fixture *f, int64_t count)
{
    for (int64_t i = 0; i<count; i += count> 20000 ? 97 : 1) {
        struct index_entry entry;
        int64_t positions[4];
        size_t n;
        assert_int_equal(index_read(f->index, index_queue_key(1, (int32_t)(i % QUEUES)), i / QUEUES,
                                    1, &entry, &n, NULL),
                         TIDINGS_OK);
        assert_int_equal(n, 1);
        assert_int_equal(entry.position, i * STEP);
        assert_int_equal(index_find_key(f->index, (uint64_t)i * 0x9e3779b97f4a7c15ULL, INT64_MAX, 4,
                                        positions, &n, NULL),
                         TIDINGS_OK);
        assert_int_equal(n, 1);
        assert_int_equal(positions[0], i * STEP);
    }
    assert_int_equal(index_due_count(f->index), (count + 4) / 5);
}

static void check_told(const struct fixture *f, int64_t count)
{
    assert_int_equal(f->position, count * STEP);
    assert_int_equal(f->queue_count, count < QUEUES ? count : QUEUES);
    for (size_t q = 0; q < f->queue_count; q++) {
        assert_int_equal(f->queues[q].min, 0);
        assert_int_equal(f->queues[q].next, (count - (int64_t)q + QUEUES - 1) / QUEUES);
    }
}

// ---- faults ----
static void failed_commits_lose_nothing(void **state)
{
    struct fixture *f = *state;
    submit_records(f, 0, 1000);
    fixture_settle(f);
    f->fault.points[FAULT_DB_COMMIT].first =
        atomic_load(&f->fault.points[FAULT_DB_COMMIT].calls) + 1;
    f->fault.points[FAULT_DB_COMMIT].count = 2;
    const uint64_t failing = f->fault.points[FAULT_DB_COMMIT].first + 1;
    submit_records(f, 1000, 3000);
    int64_t position = index_position(f->index);
    bool was_tried_again = atomic_load(&f->fault.points[FAULT_DB_COMMIT].calls) > failing;
    assert_true(position == 1000 * STEP || was_tried_again);    // read before it could be committed
    fixture_settle(f);                                          // two seconds later
    assert_int_equal(atomic_load(&f->log.lines[LOG_ERROR]), 0); // fd -1: nothing is written
    assert_int_equal(index_position(f->index), 3000 * STEP);
    check_records(f, 3000);
    fixture_reopen(f);
    check_told(f, 3000);
    check_records(f, 3000);
}

// Every n-th step fails once, at whatever place of the transaction that is.
static void failed_steps_lose_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t count = 0;
    for (uint64_t n = 1; n < 12; n += n < 3 ? 1 : 3) {
        f->fault.points[FAULT_DB_STEP].first =
            atomic_load(&f->fault.points[FAULT_DB_STEP].calls) + n;
        f->fault.points[FAULT_DB_STEP].count = 1;
        submit_records(f, count, count + 333);
        count += 333;
        fixture_settle(f);
    }
    f->fault.points[FAULT_DB_STEP].first = 0;
    check_records(f, count);
    fixture_reopen(f);
    check_told(f, count);
    check_records(f, count);
}

static void a_full_index_says_so(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->depth_max = 1000;
    fixture_open(f);
    f->fault.points[FAULT_DB_COMMIT].first = 1;
    f->fault.points[FAULT_DB_COMMIT].count =
        1 + atomic_load(&f->fault.points[FAULT_DB_COMMIT].calls);
    submit_records(f, 0, 2000);
    assert_true(index_is_full(f->index));
    fixture_settle(f);
    assert_false(index_is_full(f->index));
    check_records(f, 2000);
}

static void closing_does_not_wait_for_a_broken_disk(void **state)
{
    struct fixture *f = *state;
    submit_records(f, 0, 500);
    fixture_settle(f);
    f->fault.points[FAULT_DB_COMMIT].first = 1;
    f->fault.points[FAULT_DB_COMMIT].count = UINT64_MAX;
    submit_records(f, 500, 1000);
    fixture_close(f);
    f->fault.points[FAULT_DB_COMMIT].first = 0;
    fixture_open(f);
    check_told(f, 500); // the log has the rest
    submit_records(f, 500, 1000);
    fixture_settle(f);
    check_records(f, 1000);
}

static void a_failed_retention_goes_on(void **state)
{
    struct fixture *f = *state;
    submit_records(f, 0, 400);
    fixture_settle(f);
    struct index_batch *batch = fixture_batch(f);
    for (int64_t i = 0; i < 400; i += 5) {
        assert_int_equal(index_batch_due_remove(batch, 1000 + i, i * STEP), TIDINGS_OK);
    }
    index_submit(f->index, batch, 400 * STEP);
    fixture_settle(f);
    f->fault.points[FAULT_DB_COMMIT].first =
        atomic_load(&f->fault.points[FAULT_DB_COMMIT].calls) + 1;
    f->fault.points[FAULT_DB_COMMIT].count = 1;
    fixture_retain(f, 200 * STEP);
    assert_int_equal(f->retained, 200 * STEP);
    assert_int_equal(f->min_count, QUEUES);
    for (size_t i = 0; i < f->min_count; i++) {
        assert_int_equal(f->mins[i].min, 50);
    }
}

static void reading_reports_errors(void **state)
{
    struct fixture *f = *state;
    struct index_entry entry;
    struct tidings_error err = { 0 };
    size_t count;
    submit_records(f, 0, 100);
    fixture_settle(f);
    f->fault.points[FAULT_DB_STEP].first = 1;
    f->fault.points[FAULT_DB_STEP].count = UINT64_MAX;
    assert_int_equal(index_read(f->index, index_queue_key(1, 0), 0, 1, &entry, &count, &err),
                     TIDINGS_E_IO);
    f->fault.points[FAULT_DB_STEP].first = 0;
    assert_int_equal(index_read(f->index, index_queue_key(1, 0), 0, 1, &entry, &count, &err),
                     TIDINGS_OK);
    assert_int_equal(count, 1);
}

// ---- kill -9 ----
// Writes records until it is killed; tells each committed position through the pipe.
static void child(struct fixture *f, int64_t from, int fd)
{
    fixture_open(f);
    int64_t i = from;
    for (;;) {
        submit_records(f, i, i + RECORDS);
        i += RECORDS;
        while (index_depth(f->index) > 20000) {
            fixture_turn(f);
        }
        int64_t position = index_position(f->index);
        if (write(fd, &position, sizeof position) != sizeof position) {
            _exit(1);
        }
    }
}

// Lets the child get past some positions, then kills it. Returns the last position it told.
static int64_t run_and_kill(struct fixture *f, int64_t from, int64_t records)
{
    int fds[2];
    int64_t position = 0;
    int64_t last = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(f, from, fds[1]);
    }
    close(fds[1]);
    while (position < (from + records) * STEP &&
           read(fds[0], &position, sizeof position) == sizeof position) {
        last = position;
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (read(fds[0], &position, sizeof position) == sizeof position) {
        last = position;
    }
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return last;
}

static void a_killed_process_leaves_whole_transactions(void **state)
{
    struct fixture *f = *state;
    struct rnd rnd;
    int64_t count = 0;
    fixture_close(f);
    rnd_seed(&rnd, 42);
    for (int round = 0; round < 12; round++) {
        int64_t told = run_and_kill(f, count, 1 + (int64_t)rnd_below(&rnd, 40000));
        fixture_open(f);
        assert_true(f->position >= told);
        assert_int_equal(f->position % STEP, 0);
        count = f->position / STEP;
        int64_t from;
        int64_t to;
        assert_false(index_keys_gap(f->index, &from, &to)); // power was not lost
        check_told(f, count);
        check_records(f, count);
        fixture_close(f);
    }
    fixture_open(f);
}

// ---- databases that cannot be used ----
static void write_at(const struct fixture *f, const char *text, off_t offset)
{
    char path[300];
    assert_true(snprintf(path, sizeof path, "%s/index.db", f->folder) < (int)sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), offset), strlen(text));
    close(fd);
}

static void a_damaged_database_is_refused_with_advice(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    submit_records(f, 0, 1000);
    fixture_close(f);
    write_at(f, "this is not a database at all", 0);
    assert_int_equal(fixture_try_open(f, &err), TIDINGS_E_CORRUPT);
    assert_non_null(strstr(err.text, "may be deleted"));
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    fixture_open(f);
    assert_int_equal(f->position, 0);
}

static void a_damaged_page_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    submit_records(f, 0, 1000);
    fixture_close(f);
    char garbage[8192];
    memset(garbage, 'x', sizeof garbage - 1);
    garbage[sizeof garbage - 1] = '\0';
    write_at(f, garbage, 4096);
    assert_int_equal(fixture_try_open(f, &err), TIDINGS_E_CORRUPT);
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    fixture_open(f);
}

static void a_folder_that_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    char folder[sizeof f->folder];
    fixture_close(f);
    memcpy(folder, f->folder, sizeof folder);
    assert_true(str_copy(f->folder, sizeof f->folder, STR("/nowhere/at/all")));
    assert_int_equal(fixture_try_open(f, &err), TIDINGS_E_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    memcpy(f->folder, folder, sizeof folder);
    fixture_open(f);
}

static void a_folder_with_odd_letters(void **state)
{
    struct fixture *f = *state;
    char folder[sizeof f->folder];
    fixture_close(f);
    memcpy(folder, f->folder, sizeof folder);
    assert_true(snprintf(f->folder, sizeof f->folder, "%.200s/50%% or so?#&x", folder) <
                (int)sizeof f->folder);
    fixture_open(f);
    submit_records(f, 0, 100);
    fixture_reopen(f);
    check_records(f, 100);
    fixture_close(f);
    memcpy(f->folder, folder, sizeof folder);
    fixture_open(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failed_commits_lose_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_steps_lose_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_index_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_does_not_wait_for_a_broken_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_retention_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_reports_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(a_killed_process_leaves_whole_transactions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_database_is_refused_with_advice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_page_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_with_odd_letters, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

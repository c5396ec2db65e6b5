// SPDX-License-Identifier: Apache-2.0
// The store thread on every database: shared commits, a task that breaks its batch, a database that
// is lost. Run on an SQLite file and on each URL in TIDINGS_DB_URLS (scripts/databases).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"
#include "record/keeper.h"
#include "each_database.h"

enum { TASKS = 500 };

struct fixture {
    const char *url;
    const char *path; // of an SQLite file, else NULL
    struct fault fault;
    struct keeper *keeper;
    sem_t batch;
    int upkeeps; // that failed, of those that were told
    tidings_status upkeep;
};

struct job {
    struct keeper_task task;
    char tx_no[24];
    int64_t receiver_id;
    bool breaks;    // its run ends with an error
    sem_t *reached; // told when it runs, when not NULL
    sem_t *gate;    // waits here first, when not NULL
    struct str payload;
    struct record_accepted accepted;
    tidings_status status;
    char text[128];
    int runs;
    int dones;
    sem_t done;
};

// ---- helpers ----
static tidings_status run_job(struct keeper_task *task, struct record *record,
                              struct tidings_error *err)
{
    struct job *job = BASE_CONTAINER_OF(task, struct job, task);
    const struct record_target target = { job->receiver_id, 1, 1, 0 };
    const struct record_submission submission = { .source = STR("pay"),
                                                  .type = STR("t"),
                                                  .tx_no = str_of(job->tx_no),
                                                  .payload = job->payload,
                                                  .targets = &target,
                                                  .target_count = 1 };
    job->runs++;
    if (job->reached != NULL) {
        (void)sem_post(job->reached);
        job->reached = NULL;
    }
    if (job->gate != NULL) {
        (void)sem_wait(job->gate);
        job->gate = NULL;
    }
    tidings_status status = record_accept(record, &submission, &job->accepted, err);
    return status == TIDINGS_OK && job->breaks
               ? error_set(err, TIDINGS_E_INVALID, "this one cannot be done")
               : status;
}

static void job_done(struct keeper_task *task, tidings_status status,
                     const struct tidings_error *err)
{
    struct job *job = BASE_CONTAINER_OF(task, struct job, task);
    job->status = status;
    job->dones++;
    (void)snprintf(job->text, sizeof job->text, "%s", error_text(err, status));
    sem_post(&job->done);
}

static void batch_done(void *arg)
{
    struct fixture *f = arg;
    sem_post(&f->batch);
}

static void upkeep_failed(void *arg, tidings_status status, const struct tidings_error *err)
{
    struct fixture *f = arg;
    assert_true(err->text[0] != '\0');
    f->upkeep = status;
    f->upkeeps++;
}

static void init_job(struct job *job, const char *name, int number)
{
    *job = (struct job){ .task = { .run = run_job, .done = job_done },
                         .receiver_id = 1,
                         .payload = STR("bytes") };
    (void)snprintf(job->tx_no, sizeof job->tx_no, "%s%d", name, number);
    sem_init(&job->done, 0, 0);
}

static void post(struct fixture *f, struct job *job)
{
    assert_int_equal(keeper_post(f->keeper, &job->task), TIDINGS_OK);
}

static void await(struct job *job)
{
    while (sem_wait(&job->done) != 0) { // EINTR
    }
    assert_int_equal(job->dones, 1);
    sem_destroy(&job->done);
}

static void start(struct fixture *f, size_t queue)
{
    struct tidings_error err = { 0 };
    const struct keeper_options options = { .record = { .fault = &f->fault },
                                            .queue = queue,
                                            .batch_done = batch_done,
                                            .upkeep_failed = upkeep_failed,
                                            .arg = f };
    if (keeper_start(f->url, &options, &f->keeper, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

static struct db *open_db(struct fixture *f)
{
    struct db *db = NULL;
    assert_int_equal(db_open(f->url, &(struct db_options){ .sync = DB_SYNC_NORMAL }, &db, NULL),
                     TIDINGS_OK);
    return db;
}

static int64_t number_of(struct fixture *f, const char *sql)
{
    struct db *db = open_db(f);
    struct db_stmt *stmt = NULL;
    assert_int_equal(db_prepare(db, sql, &stmt, NULL), TIDINGS_OK);
    assert_int_equal(db_step(stmt, NULL), TIDINGS_OK);
    int64_t value = db_column_i64(stmt, 0);
    db_close(db);
    return value;
}

static int setup(void **state)
{
    struct fixture *f = *state;
    fault_init(&f->fault);
    sem_init(&f->batch, 0, 0);
    each_empty(f->url, f->path);
    start(f, 0);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    keeper_stop(f->keeper);
    f->keeper = NULL;
    sem_destroy(&f->batch);
    each_empty(f->url, f->path);
    return 0;
}

// ---- tests ----
static void what_waits_shares_a_commit(void **state)
{
    struct fixture *f = *state;
    struct job *jobs = calloc(TASKS, sizeof *jobs);
    sem_t gate;
    struct keeper_stats stats;
    assert_non_null(jobs);
    sem_init(&gate, 0, 0);
    for (int i = 0; i < TASKS; i++) {
        init_job(&jobs[i], "tx", i);
        jobs[i].gate = i == 0 ? &gate : NULL; // the others queue up behind it
        post(f, &jobs[i]);
    }
    sem_post(&gate);
    for (int i = 0; i < TASKS; i++) {
        await(&jobs[i]);
        assert_int_equal(jobs[i].status, TIDINGS_OK);
        assert_int_equal(jobs[i].accepted.answer, RECORD_NEW);
        assert_true(i == 0 || jobs[i].accepted.id > jobs[i - 1].accepted.id); // in their order
    }
    keeper_read_stats(f->keeper, &stats);
    assert_int_equal(stats.tasks, TASKS);
    assert_true(stats.batches >= 1 && stats.batches <= 3);
    assert_int_equal(stats.failed, 0);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM pending"), TASKS);
    while (sem_wait(&f->batch) != 0) { // told after the batch
    }
    sem_destroy(&gate);
    free(jobs);
}

static void one_that_fails_harms_no_other(void **state)
{
    struct fixture *f = *state;
    struct job jobs[9];
    sem_t gate;
    sem_init(&gate, 0, 0);
    for (int i = 0; i < 9; i++) {
        init_job(&jobs[i], "tx", i);
        jobs[i].gate = i == 0 ? &gate : NULL;
        jobs[i].breaks = i == 4;
        post(f, &jobs[i]);
    }
    sem_post(&gate);
    for (int i = 0; i < 9; i++) {
        await(&jobs[i]);
        assert_int_equal(jobs[i].status, i == 4 ? TIDINGS_E_INVALID : TIDINGS_OK);
        assert_int_equal(jobs[i].accepted.answer, RECORD_NEW); // not its own first try's row
    }
    assert_string_equal(jobs[4].text, "this one cannot be done");
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM pending"), 8);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM notification WHERE tx_no = 'tx4'"), 0);
    sem_destroy(&gate);
}

static void a_commit_that_fails_stores_nothing_and_is_told(void **state)
{
    struct fixture *f = *state;
    struct job jobs[2];
    // The commit of the batch, and the one of the task alone.
    assert_int_equal(fault_parse(&f->fault, "db.commit:1+2", NULL), TIDINGS_OK);
    init_job(&jobs[0], "tx", 0);
    post(f, &jobs[0]);
    await(&jobs[0]);
    assert_int_equal(jobs[0].status, TIDINGS_E_IO);
    fault_init(&f->fault);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM notification"), 0);
    init_job(&jobs[1], "tx", 0);
    post(f, &jobs[1]);
    await(&jobs[1]);
    assert_int_equal(jobs[1].status, TIDINGS_OK);
    assert_int_equal(jobs[1].accepted.answer, RECORD_NEW);
}

// SQLite: the log of its writes is handed back after 32 MiB.
static void an_upkeep_that_fails_is_told(void **state)
{
    enum { SIZE = 512 * 1024, JOBS_MAX = 1000 };
    struct fixture *f = *state;
    struct keeper_stats stats = { 0 };
    char *bytes = calloc(1, SIZE);
    assert_non_null(bytes);
    f->upkeeps = 0;
    assert_int_equal(fault_parse(&f->fault, "db.checkpoint:1+1", NULL), TIDINGS_OK);
    const int jobs_max = f->path != NULL ? JOBS_MAX : 80;
    for (int i = 0; i < jobs_max && stats.upkeep == 0; i++) {
        struct job job;
        init_job(&job, "large", i);
        job.payload = str_make(bytes, SIZE);
        post(f, &job);
        await(&job);
        assert_int_equal(job.status, TIDINGS_OK); // what is committed is committed
        keeper_read_stats(f->keeper, &stats);
    }
    free(bytes);
    keeper_stop(f->keeper);
    f->keeper = NULL;
    assert_int_equal(stats.upkeep, f->path != NULL);
    assert_int_equal(f->upkeeps, f->path != NULL);
    assert_true(f->path == NULL || f->upkeep == TIDINGS_E_IO);
}

static void the_queue_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct job jobs[8];
    sem_t gate;
    sem_t reached;
    int posted = 0;
    keeper_stop(f->keeper);
    start(f, 4);
    sem_init(&gate, 0, 0);
    sem_init(&reached, 0, 0);
    for (int i = 0; i < 8; i++) {
        init_job(&jobs[i], "tx", i);
        jobs[i].gate = i == 0 ? &gate : NULL;
    }
    jobs[0].reached = &reached;
    post(f, &jobs[posted++]);
    while (sem_wait(&reached) != 0) { // it alone was taken out of the queue
    }
    tidings_status status = TIDINGS_OK;
    while (posted < 8 && (status = keeper_post(f->keeper, &jobs[posted].task)) == TIDINGS_OK) {
        posted++;
    }
    assert_int_equal(status, TIDINGS_E_FULL);
    assert_int_equal(posted, 1 + 4);
    sem_post(&gate);
    for (int i = 0; i < posted; i++) {
        await(&jobs[i]);
        assert_int_equal(jobs[i].status, TIDINGS_OK);
    }
    for (int i = posted; i < 8; i++) {
        assert_int_equal(jobs[i].dones, 0); // refused: it is not told twice
        sem_destroy(&jobs[i].done);
    }
    sem_destroy(&gate);
    sem_destroy(&reached);
}

static void stopping_does_what_waits(void **state)
{
    struct fixture *f = *state;
    struct job jobs[50];
    for (int i = 0; i < 50; i++) {
        init_job(&jobs[i], "tx", i);
        post(f, &jobs[i]);
    }
    keeper_stop(f->keeper);
    for (int i = 0; i < 50; i++) {
        await(&jobs[i]);
        assert_int_equal(jobs[i].status, TIDINGS_OK);
    }
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM pending"), 50);
    start(f, 0);
}

static void end_connections(struct fixture *f)
{
    struct db *db = open_db(f);
    assert_int_equal(db_exec(db,
                             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname "
                             "= current_database() AND pid <> pg_backend_pid()",
                             NULL),
                     TIDINGS_OK);
    db_close(db);
}

// The connection is ended while the store is idle: who does not wait is told, who waits is served.
static void a_lost_database_comes_back_by_itself(void **state)
{
    struct fixture *f = *state;
    struct job jobs[40];
    struct keeper_stats stats;
    if (f->path != NULL) {
        return; // a file has no connection
    }
    for (int i = 0; i < 40; i++) {
        init_job(&jobs[i], "tx", i);
        jobs[i].task.keep = i % 2 == 0;
        if (i % 10 == 0) {
            end_connections(f);
        }
        post(f, &jobs[i]);
    }
    for (int i = 0; i < 40; i++) {
        await(&jobs[i]);
        if (i % 2 == 0) {
            assert_int_equal(jobs[i].status, TIDINGS_OK);
        } else {
            assert_true(jobs[i].status == TIDINGS_OK || jobs[i].status == TIDINGS_E_LOST);
        }
    }
    keeper_read_stats(f->keeper, &stats);
    assert_true(stats.lost >= 1);
    for (int i = 0; i < 40; i++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM notification WHERE tx_no = '%s'",
                       jobs[i].tx_no);
        int64_t stored = number_of(f, sql);
        // Lost during the commit, it may have been stored all the same: never twice.
        assert_true(stored == 1 || (stored == 0 && jobs[i].status == TIDINGS_E_LOST));
    }
}

// A statement fails once: the task is run again alone, and nothing of the first try is left.
static void a_step_that_fails_once_is_done_again(void **state)
{
    struct fixture *f = *state;
    struct job job;
    init_job(&job, "tx", 0);
    assert_int_equal(fault_parse(&f->fault, "db.step:3", NULL), TIDINGS_OK);
    post(f, &job);
    await(&job);
    assert_int_equal(job.status, TIDINGS_OK);
    assert_int_equal(job.runs, 2);
    assert_int_equal(job.accepted.answer, RECORD_NEW);
    assert_int_equal(number_of(f, "SELECT COUNT(*) FROM notification"), 1);
}

// ---- a thread that reads ----
struct look {
    struct keeper_task task;
    const char *tx_no;
    tidings_status found;
    tidings_status status;
    sem_t done;
};

static tidings_status run_look(struct keeper_task *task, struct record *record,
                               struct tidings_error *err)
{
    struct look *look = BASE_CONTAINER_OF(task, struct look, task);
    int64_t id = 0;
    look->found = record_find(record, 1, STR("pay"), STR("t"), str_of(look->tx_no), &id, err);
    return look->found == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : look->found;
}

static void look_done(struct keeper_task *task, tidings_status status,
                      const struct tidings_error *err)
{
    struct look *look = BASE_CONTAINER_OF(task, struct look, task);
    (void)err;
    look->status = status;
    sem_post(&look->done);
}

static tidings_status look_for(struct keeper *reader, const char *tx_no)
{
    struct look look = { .task = { .run = run_look, .done = look_done }, .tx_no = tx_no };
    sem_init(&look.done, 0, 0);
    assert_int_equal(keeper_post(reader, &look.task), TIDINGS_OK);
    while (sem_wait(&look.done) != 0) { // EINTR
    }
    sem_destroy(&look.done);
    assert_int_equal(look.status, TIDINGS_OK);
    return look.found;
}

// Beside a store thread that is within a batch.
static void a_reader_reads_beside_the_store(void **state)
{
    struct fixture *f = *state;
    struct keeper *reader = NULL;
    struct job jobs[2];
    sem_t gate;
    const struct keeper_options options = { .record = { .read_only = true } };
    sem_init(&gate, 0, 0);
    assert_int_equal(keeper_start(f->url, &options, &reader, NULL), TIDINGS_OK);
    init_job(&jobs[0], "tx", 0);
    post(f, &jobs[0]);
    await(&jobs[0]);
    assert_int_equal(look_for(reader, "tx0"), TIDINGS_OK);
    init_job(&jobs[1], "tx", 1);
    jobs[1].gate = &gate;
    post(f, &jobs[1]);
    assert_int_equal(look_for(reader, "tx0"), TIDINGS_OK); // the store waits at the gate
    assert_int_equal(look_for(reader, "tx1"), TIDINGS_E_NOT_FOUND);
    sem_post(&gate);
    await(&jobs[1]);
    assert_int_equal(look_for(reader, "tx1"), TIDINGS_OK);
    keeper_stop(reader);
    sem_destroy(&gate);
}

static void a_reader_does_not_start_without_the_tables(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    struct keeper *reader = NULL;
    const struct keeper_options options = { .record = { .read_only = true } };
    keeper_stop(f->keeper);
    f->keeper = NULL;
    each_empty(f->url, f->path);
    assert_true(keeper_start(f->url, &options, &reader, &err) != TIDINGS_OK);
    assert_true(err.text[0] != '\0');
    start(f, 0);
}

// ---- running for each URL ----
static int run_for(const char *url, const char *path)
{
    struct fixture f = { .url = url, .path = path };
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, &f                                                           \
    }
    const struct CMUnitTest tests[] = {
        TEST(what_waits_shares_a_commit),
        TEST(one_that_fails_harms_no_other),
        TEST(a_commit_that_fails_stores_nothing_and_is_told),
        TEST(an_upkeep_that_fails_is_told),
        TEST(the_queue_is_bounded),
        TEST(stopping_does_what_waits),
        TEST(a_lost_database_comes_back_by_itself),
        TEST(a_step_that_fails_once_is_done_again),
        TEST(a_reader_reads_beside_the_store),
        TEST(a_reader_does_not_start_without_the_tables),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return each_database("keeper", run_for);
}

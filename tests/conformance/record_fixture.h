// SPDX-License-Identifier: Apache-2.0
// What the conformance programs of the record share: a fresh record on one database, a receiver, a
// ladder, and the steps of a notification's course.
#ifndef TEST_RECORD_FIXTURE_H
#define TEST_RECORD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "db/db.h"
#include "record/record.h"
#include "each_database.h"

enum { NOW = 1700000000, ROOM_MAX = 32 * 1024 * 1024 };
#define NOW_MS (NOW * 1000LL)

struct fixture {
    const char *url;
    const char *path; // of an SQLite file, else NULL
    struct clock_manual clock;
    struct fault fault;
    struct record *record;
    struct buf room;
    int64_t receiver;
    int64_t ladder;
};

// ---- helpers ----
// OK(call(…, &why)): must succeed.
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct tidings_error why = { 0 };                                                          \
        tidings_status ended = (call);                                                             \
        if (ended != TIDINGS_OK) {                                                                 \
            fail_msg("%s: %s", #call, error_text(&why, ended));                                    \
        }                                                                                          \
    } while (0)

static inline struct record *open_record(struct fixture *f, int node)
{
    struct record *record = NULL;
    const struct record_options options = { .clock = &f->clock.clock,
                                            .node = node,
                                            .fault = &f->fault };
    OK(record_open(f->url, &options, &record, &why));
    return record;
}

static inline int64_t receiver_named(struct fixture *f, const char *name)
{
    struct record_receiver receiver = { .name = str_of(name), .document = STR("{}") };
    OK(record_receiver_put(f->record, &receiver, &why));
    return receiver.id;
}

static inline int setup(void **state)
{
    struct fixture *f = *state;
    fault_init(&f->fault);
    clock_manual_init(&f->clock, NOW_MS);
    buf_init(&f->room, ROOM_MAX);
    each_empty(f->url, f->path);
    f->record = open_record(f, 0);
    OK(record_begin(f->record, &why));
    f->receiver = receiver_named(f, "shop");
    OK(record_ladder_put(f->record, STR("1m 5m"), &f->ladder, &why));
    OK(record_commit(f->record, &why));
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    fault_init(&f->fault);
    record_close(f->record);
    buf_deinit(&f->room);
    each_empty(f->url, f->path);
    return 0;
}

static inline struct record_submission submission_of(const char *tx_no, struct str payload,
                                                     const struct record_target *targets,
                                                     size_t count)
{
    return (struct record_submission){ .source = STR("pay"),
                                       .type = STR("recharge.done"),
                                       .tx_no = str_of(tx_no),
                                       .content_type = STR("application/json"),
                                       .headers = STR("{\"x\":\"y\"}"),
                                       .payload = payload,
                                       .targets = targets,
                                       .target_count = count };
}

// Accepts for the receiver, due now, in a batch of its own.
static inline struct record_accepted accept_text(struct fixture *f, const char *tx_no,
                                                 const char *payload)
{
    struct record_accepted accepted = { 0 };
    const struct record_target target = { f->receiver, f->ladder, f->clock.wall_ms, 0 };
    const struct record_submission submission = submission_of(tx_no, str_of(payload), &target, 1);
    OK(record_begin(f->record, &why));
    OK(record_accept(f->record, &submission, &accepted, &why));
    OK(record_commit(f->record, &why));
    return accepted;
}

static inline size_t claim(struct fixture *f, struct record *record, struct record_claimed *ret,
                           size_t max)
{
    size_t count = 0;
    OK(record_begin(record, &why));
    OK(record_claim(record, f->receiver, f->clock.wall_ms, f->clock.wall_ms + 60000, ret, max,
                    &count, &why));
    OK(record_commit(record, &why));
    return count;
}

static inline struct record_claimed claim_one(struct fixture *f)
{
    struct record_claimed claimed = { 0 };
    assert_int_equal(claim(f, f->record, &claimed, 1), 1);
    return claimed;
}

static inline struct record_outcome
outcome_of(struct fixture *f, const struct record_claimed *claimed, enum record_event event)
{
    return (struct record_outcome){
        .id = claimed->id,
        .epoch = claimed->epoch,
        .receiver_id = f->receiver,
        .ladder_id = claimed->ladder_id,
        .first_ms = claimed->first_ms != 0 ? claimed->first_ms : f->clock.wall_ms,
        .event = event,
        .due_ms = f->clock.wall_ms + 60000,
        .earlier = claimed->earlier,
        .attempt = { .number = claimed->earlier + claimed->attempts + 1,
                     .begun_ms = f->clock.wall_ms,
                     .dns_us = -1,
                     .connect_us = 120,
                     .tls_us = -1,
                     .first_byte_us = 900,
                     .total_us = 1000,
                     .http_status = 200,
                     .error_class = 0 },
    };
}

static inline tidings_status settle(struct fixture *f, const struct record_outcome *outcome)
{
    OK(record_begin(f->record, &why));
    tidings_status status = record_settle(f->record, outcome, NULL);
    OK(record_commit(f->record, &why)); // also after E_STATE: the batch goes on
    return status;
}

static inline tidings_status settle_as(struct fixture *f, const struct record_claimed *claimed,
                                       enum record_event event)
{
    struct record_outcome outcome = outcome_of(f, claimed, event);
    outcome.reason = event == RECORD_END ? RECORD_REASON_LADDER : RECORD_REASON_NONE;
    return settle(f, &outcome);
}

static inline struct record_notification get(struct fixture *f, int64_t id)
{
    struct record_notification notification;
    OK(record_get(f->record, id, &f->room, &notification, &why));
    return notification;
}

static inline int64_t rows_of(struct fixture *f, const char *table)
{
    char sql[128];
    struct db *db = NULL;
    struct db_stmt *stmt = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", table);
    OK(db_open(f->url, &(struct db_options){ .sync = DB_SYNC_NORMAL }, &db, &why));
    OK(db_prepare(db, sql, &stmt, &why));
    OK(db_step(stmt, &why));
    int64_t count = db_column_i64(stmt, 0);
    db_close(db);
    return count;
}

enum { KEYS_MAX = 16384, KEY_PAIR = 16 };

static inline int compare_ids(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

// The ids that a query has: numbers, or pairs of slot and id as recent_key has them.
static inline size_t add_key_ids(struct db *db, const char *sql, bool pairs, int64_t *ids,
                                 size_t count)
{
    struct db_stmt *stmt = NULL;
    OK(db_prepare(db, sql, &stmt, &why));
    while (db_step(stmt, NULL) == TIDINGS_OK) {
        struct str row = pairs ? db_column_blob(stmt, 0) : str_make(NULL, KEY_PAIR);
        for (size_t at = 0; at < row.len; at += KEY_PAIR) {
            assert_true(count < KEYS_MAX);
            int64_t id = pairs ? (int64_t)num_load_be64(row.ptr + at + 8) : db_column_i64(stmt, 0);
            ids[count] = id;
            count += id != 0;
        }
    }
    db_finalize(stmt);
    return count;
}

// Keys that are taken; one on its way may be in both tables.
static inline int64_t keys_of(struct fixture *f)
{
    static int64_t ids[KEYS_MAX];
    struct db *db = NULL;
    int64_t keys = 0;
    OK(db_open(f->url, &(struct db_options){ .sync = DB_SYNC_NORMAL }, &db, &why));
    size_t count = add_key_ids(db, "SELECT id FROM dedup", false, ids, 0);
    count = add_key_ids(db, "SELECT slots FROM recent_key", true, ids, count);
    db_close(db);
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < count; i++) {
        keys += i == 0 || ids[i] != ids[i - 1];
    }
    return keys;
}

// The attempts that are on record.
static inline void record_count_attempt(void *arg, const struct record_attempt *attempt)
{
    (void)attempt;
    (*(int64_t *)arg)++;
}

static inline int64_t attempts_of(struct fixture *f, int64_t id)
{
    int64_t count = 0;
    OK(record_attempts(f->record, id, 0, 100, record_count_attempt, &count, &why));
    return count;
}

// Purges in small steps; `wanted` rows must go.
static inline void purge_all(struct fixture *f, int64_t before_ms, int64_t wanted)
{
    int64_t cursor = 0;
    int64_t removed = 0;
    int64_t total = 0;
    int rounds = 0;
    do {
        OK(record_begin(f->record, &why));
        OK(record_purge(f->record, before_ms, 2, &cursor, &removed, &why));
        OK(record_commit(f->record, &why));
        total += removed;
    } while (cursor != 0 && ++rounds < 100);
    assert_int_equal(total, wanted);
}

#endif

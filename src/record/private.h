// SPDX-License-Identifier: Apache-2.0
// What the files of the room share.
#ifndef RECORD_PRIVATE_H
#define RECORD_PRIVATE_H

#include <openssl/types.h>

#include "db/db.h"
#include "record/record.h"

enum statement {
#define X(name, sql) STMT_##name,
#include "record/statements.def"
#undef X
    // Written by db_prepare_insert_new.
    STMT_RECEIVER_NEW,
    STMT_LADDER_NEW,
    STMT_DEDUP_NEW,
    STMT_DEAD_NEW,
    STMT_BINDING_NEW,
    STMT_JOB_NEW,
    STMT_IDEMPOTENCY_NEW,
    STMT_LIFE_NEW,
    STMT_COUNT,
};

#define RECORD_KEY_KEPT_MS (24 * 3600 * 1000LL) // idempotency keys of API calls

struct recent;

struct record {
    struct db *db;
    struct db_stmt *statements[STMT_COUNT];
    const struct clock *clock;
    int node;
    int64_t lessee; // whose leases are: the life, or without one the node
    bool read_only;
    int64_t last_id;
    struct recent *recent; // NULL: keys go to their table at once
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
};

// ---- schema.c ----
tidings_status record_migrate(struct db *db, struct tidings_error *err);
// For reading: E_STATE unless they are there as they should be.
tidings_status record_check_tables(struct db *db, struct tidings_error *err);

// ---- store.c ----
// A statement with its parameters in order: "i" int64_t, "t" text, "b" bytes (struct str).
struct db_stmt *record_bind(struct record *record, enum statement which, const char *types, ...);
// The same, and run: rows changed in *ret_rows (may be NULL).
#define record_run(record, ret_rows, err, which, ...)                                              \
    db_run(record_bind((record), (which), __VA_ARGS__), (ret_rows), (err))
// The first row of a bound statement, which stays until db_reset; E_NOT_FOUND without one (reset is
// done then, and after errors).
tidings_status record_first(struct db_stmt *stmt, struct tidings_error *err);
// One number; *ret is left as it is when there is none.
tidings_status record_number(struct db_stmt *stmt, int64_t *ret, struct tidings_error *err);

// ---- marks.c ----
// Moves a mark on, for a change in the same batch; the new one in *ret (may be NULL).
tidings_status record_mark(struct record *record, enum record_mark which, int64_t *ret,
                           struct tidings_error *err);

// ---- id.c ----
// The first of `count` ids that follow each other (RECORD_TARGETS_MAX at most).
int64_t record_id_new(struct record *record, size_t count);
// The lowest id of a time; bounded to what ids can be.
int64_t record_id_at(int64_t wall_ms);

// ---- key.c ----
enum { RECORD_SLOT_LOW_BITS = 23 }; // of a slot: the whole key's; above them: those of tx_no
struct record_key {
    int64_t receiver_id;
    struct str source;
    struct str type;
    struct str tx_no;
};
// Looks the key up; when it is not there, takes its slot for `id`, or (id 0) answers 0.
tidings_status record_key_take(struct record *record, const struct record_key *key, int64_t id,
                               int64_t *ret_id, struct tidings_error *err);
// Gives the slot that `id` has back.
tidings_status record_key_drop(struct record *record, const struct record_key *key, int64_t id,
                               struct tidings_error *err);

// Up to `max` ids of keys with this tx_no (and few others), after `after` and before `before`, in
// order.
tidings_status record_key_ids(struct record *record, struct str tx_no, int64_t after,
                              int64_t before, int64_t *ret_ids, size_t max, size_t *ret_count,
                              struct tidings_error *err);

// ---- recent.c ----
// `generation`: as record_options.recent_keys.
tidings_status recent_new(size_t generation, struct recent **ret, struct tidings_error *err);
void recent_free(struct recent *recent); // NULL allowed
void recent_begin(struct recent *recent);
tidings_status recent_before_commit(struct record *record, struct tidings_error *err);
void recent_committed(struct recent *recent);
void recent_rolled_back(struct recent *recent);
// The id in the slot, 0 = none.
tidings_status recent_get(struct record *record, int64_t slot, int64_t *ret_id,
                          struct tidings_error *err);
tidings_status recent_add(struct record *record, int64_t slot, int64_t id,
                          struct tidings_error *err);
// Takes it out, when it is there.
tidings_status recent_drop(struct record *record, int64_t slot, int64_t id, bool *ret_dropped,
                           struct tidings_error *err);
// May the slot be in `dedup`?
bool recent_may_be_in_table(const struct recent *recent, int64_t slot);
// The ids within a tx_no's slots: calls `each`.
tidings_status recent_ids(struct record *record, int64_t first_slot,
                          void (*each)(void *arg, int64_t id), void *arg,
                          struct tidings_error *err);

// ---- bloom.c ----
struct bloom;
struct bloom *bloom_new(void); // NULL: no memory
void bloom_free(struct bloom *bloom);
void bloom_reset(struct bloom *bloom); // begins again
void bloom_add(struct bloom *bloom, int64_t slot);
bool bloom_may_have(const struct bloom *bloom, int64_t slot);
// Reads some of the table, within a batch that writes, when it is not complete. `ret_begun`: it is
// new, and what is on its way to the table must be added.
tidings_status bloom_step(struct record *record, struct bloom *bloom, bool *ret_begun,
                          struct tidings_error *err);

// ---- accept.c ----
// A name: not longer than RECORD_NAME_MAX, UTF-8 without zero bytes.
tidings_status record_check_text(struct str text, const char *what, bool may_be_empty,
                                 struct tidings_error *err);

// ---- read.c ----
// Appends a text to `room`, which was made large enough so that it does not move.
struct str record_put(struct buf *room, struct str text);

// ---- list.c ----
// One page of a list: up to `look` (RECORD_BATCH_MAX) rows after `after` and before `before`, by
// whatever finds them. `each` sees those that fit until it answers false.
struct record_look {
    const struct record_filter *filter;
    int64_t after;
    int64_t before; // ids below it
    size_t look;
    size_t looked; // how many it were
    int64_t last;  // the last one that was looked at, 0 = none
    bool ended;    // there is nothing behind it
};
tidings_status record_look(struct record *record, struct record_look *page,
                           bool (*each)(void *arg, const struct record_row *row), void *arg,
                           struct tidings_error *err);

#endif

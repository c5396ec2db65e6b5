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
    STMT_COUNT,
};

struct record {
    struct db *db;
    struct db_stmt *statements[STMT_COUNT];
    const struct clock *clock;
    int node;
    int64_t last_id;
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
};

// ---- schema.c ----
tidings_status record_migrate(struct db *db, struct tidings_error *err);

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

// ---- id.c ----
// The first of `count` ids that follow each other (RECORD_TARGETS_MAX at most).
int64_t record_id_new(struct record *record, size_t count);
// The lowest id of a time; bounded to what ids can be.
int64_t record_id_at(int64_t wall_ms);

// ---- key.c ----
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

#endif

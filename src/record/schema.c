// SPDX-License-Identifier: Apache-2.0
// The tables. A change is a new migration below the last one; those that were released stay.
#include "record/private.h"

#define ATTEMPT_COLUMNS                                                                            \
    " dns_us {bigint}, connect_us {bigint}, tls_us {bigint}, first_byte_us {bigint},"              \
    " total_us {bigint}, http_status {bigint}, error_class {bigint}, next_due_ms {bigint},"        \
    " error VARCHAR(1024), reply {blob}"

// pending: unfinished rows only, kept narrow; `due_ms` is when a waiting row is due, or when the
//   lease of one that is being delivered ends. shelf: its receiver; or 0 for what is leased: the
//   one index has these together at one end, whoever they are for, so that what a node had in hand
//   is found without a look at what waits; most are settled at once and never come to their
//   receiver's shelf. node: the life (or number) of the node that leased it.
// notification: written once. payload_id names the row of the same submission that holds the bytes.
// dedup: slot of the key, see key.c. recent_key: those not there yet, many to a row, see recent.c.
// archive: how it ended, and the attempt that ended it (begun_ms NULL: none did), so that what is
//   taken at the first attempt costs one row; attempt: those before.
// dead_letter: the reason of the dead ones again, so that they are found.
// job: redelivery of many; its filter's columns are 0 or NULL when they do not matter.
// life: one row for each start of a node whose leases may still be there: numbers from 1024, so
//   that they are never taken for a node's number. owner: the node's lasting identity.
// mark: how often receivers (1) and bindings (2) were changed; whoever changes one moves its mark
//   first, and so waits for others that do: marks are committed in their order.
// gate: what a node knows of how a receiver is; each node writes its own rows.
// receiver: seq is the mark of its last change.
// idempotency: key = SHA-256 of whose key it is and the key; request = SHA-256 of the request and
// the highest id of before it (8 bytes, big endian).
//
// Version 3 is the first one that is kept: records of versions 1 and 2 had other slots for their
// keys, and are refused.
static const struct db_migration migrations[] = {
    { 3,
      "CREATE TABLE receiver (id {bigint} NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE,"
      " state {bigint} NOT NULL, version {bigint} NOT NULL, changed_ms {bigint} NOT NULL,"
      " document {blob} NOT NULL, seq {bigint} NOT NULL DEFAULT 0);"
      "CREATE INDEX receiver_seq ON receiver (seq);"
      "CREATE TABLE ladder (id {bigint} NOT NULL PRIMARY KEY,"
      " text VARCHAR(1023) NOT NULL UNIQUE);"
      "CREATE TABLE notification (id {bigint} NOT NULL PRIMARY KEY, receiver_id {bigint} NOT NULL,"
      " payload_id {bigint} NOT NULL, source VARCHAR(255) NOT NULL, type VARCHAR(255) NOT NULL,"
      " tx_no VARCHAR(255) NOT NULL, content_type VARCHAR(255) NOT NULL,"
      " headers {blob} NOT NULL, hash {blob} NOT NULL, payload {blob});"
      "CREATE TABLE dedup (slot {bigint} NOT NULL PRIMARY KEY, id {bigint} NOT NULL);"
      "CREATE TABLE recent_key (seq {bigint} NOT NULL PRIMARY KEY, slots {blob} NOT NULL);"
      "CREATE TABLE pending (id {bigint} NOT NULL PRIMARY KEY, receiver_id {bigint} NOT NULL,"
      " shelf {bigint} NOT NULL, ladder_id {bigint} NOT NULL, state {bigint} NOT NULL,"
      " due_ms {bigint} NOT NULL, epoch {bigint} NOT NULL, node {bigint} NOT NULL, first_ms "
      "{bigint} NOT NULL,"
      " attempts {bigint} NOT NULL, earlier {bigint} NOT NULL);"
      "CREATE INDEX pending_due ON pending (shelf, due_ms);"
      "CREATE TABLE archive (id {bigint} NOT NULL PRIMARY KEY, receiver_id {bigint} NOT NULL,"
      " ladder_id {bigint} NOT NULL, state {bigint} NOT NULL, reason {bigint} NOT NULL,"
      " first_ms {bigint} NOT NULL, finished_ms {bigint} NOT NULL, attempts {bigint} NOT NULL,"
      " begun_ms {bigint}," ATTEMPT_COLUMNS ");"
      "CREATE TABLE dead_letter (receiver_id {bigint} NOT NULL, id {bigint} NOT NULL,"
      " reason {bigint} NOT NULL, PRIMARY KEY (receiver_id, id)) {clustered};"
      "CREATE INDEX dead_letter_id ON dead_letter (id);"
      "CREATE TABLE attempt (id {bigint} NOT NULL, number {bigint} NOT NULL,"
      " begun_ms {bigint} NOT NULL," ATTEMPT_COLUMNS ", PRIMARY KEY (id, number)) {clustered};"
      "CREATE TABLE binding (name VARCHAR(255) NOT NULL PRIMARY KEY, version {bigint} NOT NULL,"
      " changed_ms {bigint} NOT NULL, document {blob} NOT NULL);"
      "CREATE TABLE job (id {bigint} NOT NULL PRIMARY KEY, state {bigint} NOT NULL,"
      " receiver_id {bigint} NOT NULL, row_state {bigint} NOT NULL, reason {bigint} NOT NULL,"
      " source VARCHAR(255), type VARCHAR(255), tx_no VARCHAR(255), from_ms {bigint} NOT NULL,"
      " to_ms {bigint} NOT NULL, ladder_id {bigint} NOT NULL, until_id {bigint} NOT NULL,"
      " last_id {bigint} NOT NULL, looked {bigint} NOT NULL, redelivered {bigint} NOT NULL,"
      " refused {bigint} NOT NULL, created_ms {bigint} NOT NULL, changed_ms {bigint} NOT NULL);"
      "CREATE TABLE idempotency (key_hash {blob} NOT NULL PRIMARY KEY, request {blob} NOT NULL,"
      " made_ms {bigint} NOT NULL) {clustered};"
      "CREATE INDEX idempotency_made ON idempotency (made_ms);"
      "CREATE TABLE life (id {bigint} NOT NULL PRIMARY KEY, owner {bigint} NOT NULL,"
      " node {bigint} NOT NULL, begun_ms {bigint} NOT NULL);"
      "CREATE TABLE mark (what {bigint} NOT NULL PRIMARY KEY, seq {bigint} NOT NULL);"
      "INSERT INTO mark (what, seq) VALUES (1, 0);"
      "INSERT INTO mark (what, seq) VALUES (2, 0);"
      "CREATE TABLE gate (node {bigint} NOT NULL, receiver_id {bigint} NOT NULL,"
      " failures {bigint} NOT NULL, open {bigint} NOT NULL, probe_at_ms {bigint} NOT NULL,"
      " probe_wait_ms {bigint} NOT NULL, slow_until_ms {bigint} NOT NULL,"
      " slow_step_ms {bigint} NOT NULL, PRIMARY KEY (node, receiver_id)) {clustered}" },
};

tidings_status record_migrate(struct db *db, struct tidings_error *err)
{
    return db_migrate(db, migrations, BASE_COUNT(migrations), err);
}

tidings_status record_check_tables(struct db *db, struct tidings_error *err)
{
    const int known = migrations[BASE_COUNT(migrations) - 1].version;
    struct db_stmt *stmt = NULL;
    int64_t version = 0;
    tidings_status status = db_prepare(db, "SELECT MAX(version) FROM schema_version", &stmt, err);
    if (status == TIDINGS_OK) {
        status = record_number(stmt, &version, err);
    }
    db_finalize(stmt);
    if (status == TIDINGS_E_INVALID || (status == TIDINGS_OK && version != known)) {
        return error_set(err, TIDINGS_E_STATE,
                         "the database has schema version %lld, this program reads %d: the one "
                         "that writes makes or moves forward the tables",
                         (long long)version, known);
    }
    return status;
}

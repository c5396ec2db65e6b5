// SPDX-License-Identifier: Apache-2.0
// The tables. A change is a new migration below the last one; those that were released stay.
#include "record/private.h"

// pending: unfinished rows only, kept narrow; `due_ms` is when a waiting row is due, or when the
//   lease of one that is being delivered ends.
// notification: written once. payload_id names the row of the same submission that holds the bytes.
// dedup: slot = 64 bits of the key's SHA-256, or one of the next few when another key has it.
// archive: how it ended. dead_letter: the same of the dead ones, so that they are found.
static const struct db_migration migrations[] = {
    { 1,
      "CREATE TABLE receiver (id {bigint} NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE,"
      " state {bigint} NOT NULL, version {bigint} NOT NULL, changed_ms {bigint} NOT NULL,"
      " document {blob} NOT NULL);"
      "CREATE TABLE ladder (id {bigint} NOT NULL PRIMARY KEY,"
      " text VARCHAR(1023) NOT NULL UNIQUE);"
      "CREATE TABLE notification (id {bigint} NOT NULL PRIMARY KEY, receiver_id {bigint} NOT NULL,"
      " payload_id {bigint} NOT NULL, source VARCHAR(255) NOT NULL, type VARCHAR(255) NOT NULL,"
      " tx_no VARCHAR(255) NOT NULL, content_type VARCHAR(255) NOT NULL,"
      " headers {blob} NOT NULL, hash {blob} NOT NULL, payload {blob});"
      "CREATE TABLE dedup (slot {bigint} NOT NULL PRIMARY KEY, id {bigint} NOT NULL);"
      "CREATE TABLE pending (id {bigint} NOT NULL PRIMARY KEY, receiver_id {bigint} NOT NULL,"
      " ladder_id {bigint} NOT NULL, state {bigint} NOT NULL, due_ms {bigint} NOT NULL,"
      " epoch {bigint} NOT NULL, node {bigint} NOT NULL, first_ms {bigint} NOT NULL,"
      " attempts {bigint} NOT NULL, earlier {bigint} NOT NULL);"
      "CREATE INDEX pending_due ON pending (receiver_id, due_ms);"
      "CREATE TABLE archive (id {bigint} NOT NULL PRIMARY KEY, receiver_id {bigint} NOT NULL,"
      " ladder_id {bigint} NOT NULL, state {bigint} NOT NULL, reason {bigint} NOT NULL,"
      " first_ms {bigint} NOT NULL, finished_ms {bigint} NOT NULL, attempts {bigint} NOT NULL);"
      "CREATE TABLE dead_letter (receiver_id {bigint} NOT NULL, id {bigint} NOT NULL,"
      " reason {bigint} NOT NULL, PRIMARY KEY (receiver_id, id)) {clustered};"
      "CREATE INDEX dead_letter_id ON dead_letter (id);"
      "CREATE TABLE attempt (id {bigint} NOT NULL, number {bigint} NOT NULL,"
      " begun_ms {bigint} NOT NULL, dns_us {bigint} NOT NULL, connect_us {bigint} NOT NULL,"
      " tls_us {bigint} NOT NULL, first_byte_us {bigint} NOT NULL, total_us {bigint} NOT NULL,"
      " http_status {bigint} NOT NULL, error_class {bigint} NOT NULL,"
      " next_due_ms {bigint} NOT NULL, error VARCHAR(1024), reply {blob},"
      " PRIMARY KEY (id, number)) {clustered}" },
};

tidings_status record_migrate(struct db *db, struct tidings_error *err)
{
    return db_migrate(db, migrations, BASE_COUNT(migrations), err);
}

// SPDX-License-Identifier: Apache-2.0
// PostgreSQL behind the face, over libpq: the connection (postgres.c) and its statements
// (postgres_stmt.c). Private to the room.
#ifndef DB_POSTGRES_H
#define DB_POSTGRES_H

#include "db/driver.h"
#include "db/libpq.h"

struct postgres_db {
    struct db base;
    PGconn *connection;
    unsigned statements_made; // for their names
};

static inline struct postgres_db *postgres_of(struct db *db)
{
    return BASE_CONTAINER_OF(db, struct postgres_db, base);
}

// Status and text of a result that is not what was asked for; NULL stands for one that libpq had no
// memory to make. The text is the server's first line, without the statement.
tidings_status postgres_fail(struct postgres_db *db, const PGresult *result, const char *what,
                             struct tidings_error *err);

// ---- postgres_stmt.c ----
tidings_status postgres_prepare(struct db *base, const char *sql, struct db_stmt **ret,
                                struct tidings_error *err);
void postgres_finalize(struct db_stmt *base);
void postgres_bind_i64(struct db_stmt *base, int index, int64_t value);
void postgres_bind_bytes(struct db_stmt *base, int index, struct str value);
tidings_status postgres_step(struct db_stmt *base, struct tidings_error *err);
void postgres_reset(struct db_stmt *base);
int64_t postgres_changes(struct db_stmt *base);
int64_t postgres_column_i64(struct db_stmt *base, int index);
struct str postgres_column_bytes(struct db_stmt *base, int index);
bool postgres_column_is_null(struct db_stmt *base, int index);

#endif

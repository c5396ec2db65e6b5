// SPDX-License-Identifier: Apache-2.0
// Tables of the index and what is loaded at start. Policy: a change is a new migration; old ones
// stay as they are.
#include <stdio.h>
#include <stdlib.h>

#include "broker/index_private.h"

static const struct db_migration migrations[] = {
    { 1, "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);"
         "CREATE TABLE topic (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, read_queues "
         "BIGINT NOT NULL,"
         " write_queues BIGINT NOT NULL, perm BIGINT NOT NULL, ladder TEXT NOT NULL, window_ms "
         "BIGINT NOT NULL,"
         " attempt_limit BIGINT NOT NULL);"
         "CREATE TABLE consumer_group (name TEXT NOT NULL PRIMARY KEY, consume BIGINT NOT NULL,"
         " broadcast BIGINT NOT NULL, ladder TEXT NOT NULL, window_ms BIGINT NOT NULL,"
         " attempt_limit BIGINT NOT NULL);"
         "CREATE TABLE consumer_offset (group_name TEXT NOT NULL, topic TEXT NOT NULL, queue_id "
         "BIGINT NOT NULL,"
         " next_offset BIGINT NOT NULL, PRIMARY KEY (group_name, topic, queue_id)) {clustered};"
         "CREATE TABLE queue (queue_key BIGINT NOT NULL PRIMARY KEY, next_offset BIGINT NOT NULL "
         "DEFAULT 0,"
         " min_offset BIGINT NOT NULL DEFAULT 0);"
         // entries: INDEX_BLOCK times { i64 position (-1 = none), u32 size, i32 tag code },
         // little-endian
         "CREATE TABLE block (queue_key BIGINT NOT NULL, number BIGINT NOT NULL, entries BLOB NOT "
         "NULL,"
         " PRIMARY KEY (queue_key, number));"
         "CREATE TABLE due (due_ms BIGINT NOT NULL, position BIGINT NOT NULL, queue_key BIGINT NOT "
         "NULL,"
         " size BIGINT NOT NULL, tag_code BIGINT NOT NULL, PRIMARY KEY (due_ms, position)) "
         "{clustered};" },
};

static tidings_status prepare_plain(struct index *index, struct tidings_error *err)
{
    struct {
        struct db_stmt **stmt;
        const char *sql;
    } plain[] = {
        { &index->sql.block_get, "SELECT entries FROM block WHERE queue_key = ? AND number = ?" },
        { &index->sql.due_add, "INSERT INTO due (due_ms, position, queue_key, size, tag_code) "
                               "VALUES (?, ?, ?, ?, ?) ON CONFLICT (due_ms, position) DO NOTHING" },
        { &index->sql.queue_next, "INSERT INTO queue (queue_key, next_offset) VALUES (?, ?) ON "
                                  "CONFLICT (queue_key) DO UPDATE SET "
                                  "next_offset = CASE WHEN excluded.next_offset > "
                                  "queue.next_offset THEN excluded.next_offset "
                                  "ELSE queue.next_offset END" }, // blocks are written in any order
        { &index->sql.due_remove, "DELETE FROM due WHERE due_ms = ? AND position = ?" },
        { &index->sql.due_load,
          "SELECT due_ms, position, queue_key, size, tag_code FROM due "
          "WHERE (due_ms, position) > (?, ?) ORDER BY due_ms, position LIMIT ?" },
        { &index->sql.due_least, "SELECT MIN(position) FROM due" },
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(plain) && status == TIDINGS_OK; i++) {
        status = db_prepare(index->db, plain[i].sql, plain[i].stmt, err);
    }
    return status;
}

static tidings_status prepare_upserts(struct index *index, struct tidings_error *err)
{
    static const char *const block[] = { "queue_key", "number", "entries" };
    static const char *const min[] = { "queue_key", "min_offset" };
    static const char *const offset[] = { "group_name", "topic", "queue_id", "next_offset" };
    static const char *const topic[] = { "id",   "name",   "read_queues", "write_queues",
                                         "perm", "ladder", "window_ms",   "attempt_limit" };
    static const char *const group[] = { "name",   "consume",   "broadcast",
                                         "ladder", "window_ms", "attempt_limit" };
    static const char *const meta[] = { "name", "value" };
    struct {
        struct db_stmt **stmt;
        const char *table;
        const char *const *columns;
        int count;
        int keys;
    } upserts[] = {
        { &index->sql.block_put, "block", block, 3, 2 },
        { &index->sql.queue_min, "queue", min, 2, 1 },
        { &index->sql.offset_put, "consumer_offset", offset, 4, 3 },
        { &index->sql.topic_put, "topic", topic, 8, 1 },
        { &index->sql.group_put, "consumer_group", group, 6, 1 },
        { &index->sql.meta_put, "meta", meta, 2, 1 },
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(upserts) && status == TIDINGS_OK; i++) {
        status = db_prepare_upsert(index->db, upserts[i].table, upserts[i].columns,
                                   upserts[i].count, upserts[i].keys, upserts[i].stmt, err);
    }
    return status;
}

static tidings_status open_both(struct index *index, const char *url, struct tidings_error *err)
{
    struct db_options options = { .sync = DB_SYNC_NORMAL,
                                  .busy_timeout_ms = 5000,
                                  .cache_bytes = 4 * 1024 * 1024,
                                  .fault = index->options.fault };
    tidings_status status = db_open(url, &options, &index->db, err);
    if (status == TIDINGS_OK) {
        status = db_migrate(index->db, migrations, BASE_COUNT(migrations), err);
    }
    if (status == TIDINGS_OK) {
        options.read_only = true;
        options.cache_bytes = 1024 * 1024;
        options.fault = NULL;
        status = db_open(url, &options, &index->read_db, err);
    }
    return status;
}

tidings_status index_schema_open(struct index *index, struct tidings_error *err)
{
    char url[4096];
    char *absolute = realpath(index->options.folder, NULL);
    int n = absolute != NULL ? snprintf(url, sizeof url, "sqlite://%s/index.db", absolute) : -1;
    free(absolute);
    if (n < 0 || (size_t)n >= sizeof url) {
        return error_set(err, TIDINGS_E_INVALID, "folder %s cannot be used", index->options.folder);
    }
    tidings_status status = open_both(index, url, err);
    if (status == TIDINGS_OK) {
        status = prepare_plain(index, err);
    }
    if (status == TIDINGS_OK) {
        status = prepare_upserts(index, err);
    }
    if (status == TIDINGS_OK) {
        status = db_prepare(index->read_db,
                            "SELECT entries FROM block WHERE queue_key = ? AND number = ?",
                            &index->read_block, err);
    }
    if (status == TIDINGS_E_CORRUPT && err != NULL) {
        struct tidings_error why = *err;
        return error_set(
            err, status,
            "the index %s is damaged (%.100s): move it away, it is made again from the log",
            index->options.folder, why.text);
    }
    return status;
}

int64_t index_meta(struct db *db, const char *name, int64_t absent)
{
    struct db_stmt *stmt;
    int64_t value = absent;
    if (db_prepare(db, "SELECT value FROM meta WHERE name = ?", &stmt, NULL) != TIDINGS_OK) {
        return absent;
    }
    db_bind_text(stmt, 0, str_of(name));
    if (db_step(stmt, NULL) == TIDINGS_OK) {
        value = db_column_i64(stmt, 0);
    }
    db_finalize(stmt);
    return value;
}

tidings_status index_set_meta(struct index *index, const char *name, int64_t value,
                              struct tidings_error *err)
{
    db_bind_text(index->sql.meta_put, 0, str_of(name));
    db_bind_i64(index->sql.meta_put, 1, value);
    return db_run(index->sql.meta_put, NULL, err);
}

// ---- what the broker is told at start ----
struct loading {
    const struct index_loader *loader;
    void *arg;
};

static tidings_status load_topic(struct db_stmt *stmt, const struct loading *loading)
{
    struct index_topic topic = {
        .id = db_column_i64(stmt, 0),
        .read_queues = (int32_t)db_column_i64(stmt, 2),
        .write_queues = (int32_t)db_column_i64(stmt, 3),
        .perm = (int32_t)db_column_i64(stmt, 4),
        .retry = { .window_ms = db_column_i64(stmt, 6), .limit = (int32_t)db_column_i64(stmt, 7) },
    };
    if (!str_copy(topic.name, sizeof topic.name, db_column_text(stmt, 1)) ||
        !str_copy(topic.retry.ladder, sizeof topic.retry.ladder, db_column_text(stmt, 5))) {
        return TIDINGS_E_CORRUPT;
    }
    return loading->loader->topic(loading->arg, &topic);
}

static tidings_status load_queue(struct db_stmt *stmt, const struct loading *loading)
{
    return loading->loader->queue(loading->arg, db_column_i64(stmt, 0), db_column_i64(stmt, 2),
                                  db_column_i64(stmt, 1));
}

static tidings_status load_group(struct db_stmt *stmt, const struct loading *loading)
{
    struct index_group group = {
        .consume_enabled = db_column_i64(stmt, 1) != 0,
        .broadcast_enabled = db_column_i64(stmt, 2) != 0,
        .retry = { .window_ms = db_column_i64(stmt, 4), .limit = (int32_t)db_column_i64(stmt, 5) },
    };
    if (!str_copy(group.name, sizeof group.name, db_column_text(stmt, 0)) ||
        !str_copy(group.retry.ladder, sizeof group.retry.ladder, db_column_text(stmt, 3))) {
        return TIDINGS_E_CORRUPT;
    }
    return loading->loader->group(loading->arg, &group);
}

static tidings_status load_offset(struct db_stmt *stmt, const struct loading *loading)
{
    return loading->loader->offset(loading->arg, db_column_text(stmt, 0), db_column_text(stmt, 1),
                                   (int32_t)db_column_i64(stmt, 2), db_column_i64(stmt, 3));
}

tidings_status index_schema_load(struct index *index, const struct index_loader *loader, void *arg,
                                 struct tidings_error *err)
{
    static const struct {
        const char *sql;
        tidings_status (*row)(struct db_stmt *stmt, const struct loading *loading);
    } loads[] = {
        { "SELECT id, name, read_queues, write_queues, perm, ladder, window_ms, attempt_limit FROM "
          "topic",
          load_topic },
        { "SELECT queue_key, next_offset, min_offset FROM queue", load_queue },
        { "SELECT name, consume, broadcast, ladder, window_ms, attempt_limit FROM consumer_group",
          load_group },
        { "SELECT group_name, topic, queue_id, next_offset FROM consumer_offset", load_offset },
    };
    struct loading loading = { loader, arg };
    for (size_t i = 0; i < BASE_COUNT(loads); i++) {
        struct db_stmt *stmt;
        tidings_status status = db_prepare(index->db, loads[i].sql, &stmt, err);
        while (status == TIDINGS_OK && (status = db_step(stmt, err)) == TIDINGS_OK) {
            status = loads[i].row(stmt, &loading);
        }
        if (status != TIDINGS_E_EOF) {
            return error_set(err, status, "index: %s", tidings_status_text(status));
        }
        db_finalize(stmt);
    }
    index->due_count_working = index_meta(index->db, "due_count", 0);
    atomic_store(&index->due_count, index->due_count_working);
    atomic_store(&index->position, index_meta(index->db, "position", 0));
    return TIDINGS_OK;
}

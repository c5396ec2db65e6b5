// SPDX-License-Identifier: Apache-2.0
// Retention and deletion in the index.
#include <stdio.h>
#include <stdlib.h>

#include "broker/index_private.h"

// The least position that a due row still needs, or `absent`.
static tidings_status least_due(struct index *index, int64_t absent, int64_t *ret,
                                struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.due_least;
    *ret = absent;
    tidings_status status = db_step(stmt, err);
    if (status == TIDINGS_OK && !db_column_is_null(stmt, 0)) {
        *ret = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// First offset of a queue, from `min` on, whose message stays.
static tidings_status find_min(struct index *index, int64_t queue_key, int64_t min, int64_t next,
                               int64_t position, int64_t *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.block_get;
    struct index_entry entry;
    while (min < next) {
        db_bind_i64(stmt, 0, queue_key);
        db_bind_i64(stmt, 1, min / INDEX_BLOCK);
        tidings_status status = db_step(stmt, err);
        if (status != TIDINGS_OK && status != TIDINGS_E_EOF) {
            db_reset(stmt);
            return status;
        }
        struct str bytes = status == TIDINGS_OK ? db_column_blob(stmt, 0) : STR("");
        int64_t end = (min / INDEX_BLOCK + 1) * INDEX_BLOCK;
        bool stays = false;
        while (min < end && min < next && !stays) {
            size_t at = (size_t)(min % INDEX_BLOCK) * sizeof entry;
            if (at + sizeof entry <= bytes.len) {
                memcpy(&entry, bytes.ptr + at, sizeof entry);
                stays = entry.position >= position;
            }
            min += !stays;
        }
        db_reset(stmt);
        if (stays) {
            break;
        }
    }
    *ret = min;
    return TIDINGS_OK;
}

static tidings_status set_min(struct index *index, int64_t queue_key, int64_t min,
                              struct tidings_error *err)
{
    char sql[128];
    db_bind_i64(index->sql.queue_min, 0, queue_key);
    db_bind_i64(index->sql.queue_min, 1, min);
    tidings_status status = db_run(index->sql.queue_min, NULL, err);
    int n = snprintf(sql, sizeof sql, "DELETE FROM block WHERE queue_key = %lld AND number < %lld",
                     (long long)queue_key, (long long)(min / INDEX_BLOCK));
    return status == TIDINGS_OK && n > 0 ? db_exec(index->db, sql, err) : status;
}

static tidings_status list_queues(struct index *index, struct rows *queues,
                                  struct tidings_error *err)
{
    struct db_stmt *stmt;
    tidings_status status = db_prepare(
        index->db,
        "SELECT queue_key, min_offset, next_offset FROM queue WHERE min_offset < next_offset",
        &stmt, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        int64_t row[3] = { db_column_i64(stmt, 0), db_column_i64(stmt, 1), db_column_i64(stmt, 2) };
        status = rows_add(queues, sizeof row, row);
        if (status != TIDINGS_OK) {
            break;
        }
    }
    db_finalize(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status index_apply_retain(struct index *index, struct index_batch *batch,
                                  struct tidings_error *err)
{
    struct rows queues = { 0 };
    int64_t least;
    batch->entries.count = 0;
    tidings_status status = index_block_flush(index, err);
    if (status == TIDINGS_OK) {
        status = least_due(index, batch->position, &least, err);
    }
    if (status == TIDINGS_OK) {
        batch->position = least < batch->position ? least : batch->position;
        status = list_queues(index, &queues, err);
    }
    for (size_t i = 0; i < queues.count && status == TIDINGS_OK; i++) {
        const int64_t *row = (const int64_t *)queues.items + 3 * i;
        int64_t min;
        status = find_min(index, row[0], row[1], row[2], batch->position, &min, err);
        if (status == TIDINGS_OK && min > row[1]) {
            status = set_min(index, row[0], min, err);
            struct entry_row told = { .queue_key = row[0], .offset = min };
            status = status == TIDINGS_OK ? rows_add(&batch->entries, sizeof told, &told) : status;
        }
    }
    free(queues.items);
    if (status == TIDINGS_OK) {
        keyindex_release(index->keys, batch->position);
    }
    return status;
}

// ---- settings ----
static tidings_status delete_topic(struct index *index, int64_t topic_id, struct tidings_error *err)
{
    static const char *const tables[] = { "queue", "block", "due" };
    char sql[192];
    struct db_stmt *stmt;
    int64_t rows = 0;
    index_block_forget(index); // flushed before, see the caller
    int n = snprintf(
        sql, sizeof sql,
        "DELETE FROM consumer_offset WHERE topic = (SELECT name FROM topic WHERE id = %lld)",
        (long long)topic_id);
    tidings_status status = n > 0 ? db_exec(index->db, sql, err) : TIDINGS_E_INTERNAL;
    for (size_t i = 0; i < BASE_COUNT(tables) && status == TIDINGS_OK; i++) {
        n = snprintf(sql, sizeof sql, "DELETE FROM %s WHERE queue_key >= ? AND queue_key < ?",
                     tables[i]);
        status = n > 0 ? db_prepare(index->db, sql, &stmt, err) : TIDINGS_E_INTERNAL;
        if (status == TIDINGS_OK) {
            db_bind_i64(stmt, 0, index_queue_key(topic_id, 0));
            db_bind_i64(stmt, 1, index_queue_key(topic_id + 1, 0));
            status = db_run(stmt, &rows, err);
            db_finalize(stmt);
        }
    }
    if (status == TIDINGS_OK) {
        index->due_count_working -= rows;
        n = snprintf(sql, sizeof sql, "DELETE FROM topic WHERE id = %lld", (long long)topic_id);
        status = n > 0 ? db_exec(index->db, sql, err) : TIDINGS_E_INTERNAL;
    }
    return status;
}

static tidings_status delete_by_name(struct index *index, const char *sql, const char *name,
                                     struct tidings_error *err)
{
    struct db_stmt *stmt;
    tidings_status status = db_prepare(index->db, sql, &stmt, err);
    if (status == TIDINGS_OK) {
        db_bind_text(stmt, 0, str_of(name));
        status = db_run(stmt, NULL, err);
        db_finalize(stmt);
    }
    return status;
}

static tidings_status put_topic(struct index *index, const struct index_topic *topic,
                                struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.topic_put;
    db_bind_i64(stmt, 0, topic->id);
    db_bind_text(stmt, 1, str_of(topic->name));
    db_bind_i64(stmt, 2, topic->read_queues);
    db_bind_i64(stmt, 3, topic->write_queues);
    db_bind_i64(stmt, 4, topic->perm);
    db_bind_text(stmt, 5, str_of(topic->retry.ladder));
    db_bind_i64(stmt, 6, topic->retry.window_ms);
    db_bind_i64(stmt, 7, topic->retry.limit);
    return db_run(stmt, NULL, err);
}

static tidings_status put_group(struct index *index, const struct index_group *group,
                                struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.group_put;
    db_bind_text(stmt, 0, str_of(group->name));
    db_bind_i64(stmt, 1, group->consume_enabled);
    db_bind_i64(stmt, 2, group->broadcast_enabled);
    db_bind_text(stmt, 3, str_of(group->retry.ladder));
    db_bind_i64(stmt, 4, group->retry.window_ms);
    db_bind_i64(stmt, 5, group->retry.limit);
    return db_run(stmt, NULL, err);
}

tidings_status index_apply_setting(struct index *index, const struct setting *setting,
                                   struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    switch (setting->kind) {
    case SETTING_TOPIC: return put_topic(index, &setting->u.topic, err);
    case SETTING_TOPIC_DELETE:
        status = index_block_flush(index, err);
        return status == TIDINGS_OK ? delete_topic(index, setting->topic_id, err) : status;
    case SETTING_GROUP: return put_group(index, &setting->u.group, err);
    case SETTING_GROUP_DELETE:
        status = delete_by_name(index, "DELETE FROM consumer_group WHERE name = ?",
                                setting->u.group.name, err);
        if (status == TIDINGS_OK && setting->with_offsets) {
            status = delete_by_name(index, "DELETE FROM consumer_offset WHERE group_name = ?",
                                    setting->u.group.name, err);
        }
        return status;
    }
    return TIDINGS_E_INTERNAL;
}

// SPDX-License-Identifier: Apache-2.0
// The tables of the index, its statements, and what is told at opening. A change of the tables is a
// new migration; one that would be costly may as well ask to delete the index, which is rebuilt
// from the log.
#include "broker/index_private.h"

static const char tables[] =
    "CREATE TABLE state (id {bigint} PRIMARY KEY, position {bigint} NOT NULL,"
    " next_ref {bigint} NOT NULL, segment_size {bigint} NOT NULL, due_rows {bigint} NOT NULL,"
    " part_number {bigint} NOT NULL, part_first {bigint} NOT NULL, part_pairs {bigint} NOT NULL,"
    " part_crc {bigint} NOT NULL);"
    "INSERT INTO state VALUES (1, 0, 1, 0, 0, 1, 0, 0, 0);"
    "CREATE TABLE topic (id {bigint} PRIMARY KEY, name VARCHAR(255) NOT NULL,"
    " read_queues INTEGER NOT NULL, write_queues INTEGER NOT NULL, perm INTEGER NOT NULL,"
    " ladder VARCHAR(1023) NOT NULL, window_ms {bigint} NOT NULL, retry_limit INTEGER NOT NULL);"
    "CREATE TABLE queue (queue_key {bigint} PRIMARY KEY, ref {bigint} NOT NULL,"
    " min_offset {bigint} NOT NULL, next_offset {bigint} NOT NULL);"
    // id = ref of the queue << 32 | offset / 128
    "CREATE TABLE block (id {bigint} PRIMARY KEY, data {blob} NOT NULL);"
    // The key has every column: the rows lie in its order and there is nothing beside.
    "CREATE TABLE due (due_ms {bigint} NOT NULL, position {bigint} NOT NULL,"
    " queue_key {bigint} NOT NULL, size {bigint} NOT NULL, tag_code INTEGER NOT NULL,"
    " PRIMARY KEY (due_ms, position, queue_key, size, tag_code)) {clustered};"
    "CREATE TABLE due_segment (segment {bigint} PRIMARY KEY, due_rows {bigint} NOT NULL);"
    "CREATE TABLE consumer_group (name VARCHAR(255) NOT NULL PRIMARY KEY,"
    " consume_enabled INTEGER NOT NULL, broadcast_enabled INTEGER NOT NULL,"
    " ladder VARCHAR(1023) NOT NULL, window_ms {bigint} NOT NULL,"
    " retry_limit INTEGER NOT NULL) {clustered};"
    "CREATE TABLE consumer_offset (group_name VARCHAR(255) NOT NULL,"
    " topic_name VARCHAR(255) NOT NULL, queue_id INTEGER NOT NULL, next_offset {bigint} NOT NULL,"
    " PRIMARY KEY (group_name, topic_name, queue_id)) {clustered};"
    // Deleted topics: queues whose blocks are to go, and how far their due rows were looked for.
    "CREATE TABLE trash_queue (ref {bigint} PRIMARY KEY);"
    "CREATE TABLE trash_topic (topic_id {bigint} PRIMARY KEY, due_ms {bigint} NOT NULL,"
    " position {bigint} NOT NULL);";

static const char group_notify[] =
    "ALTER TABLE consumer_group ADD COLUMN notify_enabled INTEGER NOT NULL DEFAULT 1";

static const char half_table[] =
    "CREATE TABLE half (position {bigint} PRIMARY KEY, next_check_ms {bigint} NOT NULL,"
    " group_hash {bigint} NOT NULL, checks INTEGER NOT NULL, parked INTEGER NOT NULL)";

// ---- statements ----
static tidings_status prepare_plain(struct index_writer *writer, struct tidings_error *err)
{
    static const char *const texts[] = {
#define X(name, text) [INDEX_##name] = (text),
        INDEX_STATEMENT_MAP(X)
#undef X
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(texts) && status == TIDINGS_OK; i++) {
        status = db_prepare(writer->db, texts[i], &writer->statements[i], err);
    }
    return status;
}

static tidings_status prepare_upserts(struct index_writer *writer, struct tidings_error *err)
{
    static const struct {
        enum index_statement which;
        const char *table;
        int keys;
        const char *columns[9]; // up to NULL
    } upserts[] = {
#define X(name, table, keys, ...) { INDEX_##name, (table), (keys), { __VA_ARGS__ } },
        INDEX_UPSERT_MAP(X)
#undef X
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(upserts) && status == TIDINGS_OK; i++) {
        int count = 0;
        while (upserts[i].columns[count] != NULL) {
            count++;
        }
        status = db_prepare_upsert(writer->db, upserts[i].table, upserts[i].columns, count,
                                   upserts[i].keys, &writer->statements[upserts[i].which], err);
    }
    return status;
}

// ---- state ----
static tidings_status read_state(struct index_writer *writer, int64_t *ret_segment_size,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = NULL;
    struct index_state *state = &writer->state;
    tidings_status status = db_prepare(writer->db,
                                       "SELECT position, next_ref, due_rows, part_number, "
                                       "part_first, part_pairs, part_crc, segment_size "
                                       "FROM state",
                                       &stmt, err);
    if (status == TIDINGS_OK) {
        status = db_step(stmt, err);
    }
    if (status == TIDINGS_OK) {
        state->position = db_column_i64(stmt, 0);
        state->next_ref = db_column_i64(stmt, 1);
        state->due_rows = db_column_i64(stmt, 2);
        state->keys.part_number = db_column_i64(stmt, 3);
        state->keys.part_first = db_column_i64(stmt, 4);
        state->keys.part_pairs = db_column_i64(stmt, 5);
        state->keys.part_crc = (uint32_t)db_column_i64(stmt, 6);
        *ret_segment_size = db_column_i64(stmt, 7);
        writer->committed = *state;
    } else if (status == TIDINGS_E_EOF) {
        status = error_set(err, TIDINGS_E_CORRUPT, "table state is empty");
    }
    db_finalize(stmt);
    return status;
}

tidings_status index_state_put(struct index_writer *writer, struct tidings_error *err)
{
    const struct index_state *state = &writer->state;
    struct db_stmt *stmt = writer->statements[INDEX_STATE_PUT];
    db_bind_i64(stmt, 0, state->position);
    db_bind_i64(stmt, 1, state->next_ref);
    db_bind_i64(stmt, 2, state->due_rows);
    db_bind_i64(stmt, 3, state->keys.part_number);
    db_bind_i64(stmt, 4, state->keys.part_first);
    db_bind_i64(stmt, 5, state->keys.part_pairs);
    db_bind_i64(stmt, 6, state->keys.part_crc);
    return db_run(stmt, NULL, err);
}

// Due rows are counted by segment: at the first opening, or should the size ever change, count
// anew.
static tidings_status set_segment_size(struct index_writer *writer, struct tidings_error *err)
{
    static const char *const steps[] = {
        "DELETE FROM due_segment WHERE ? > 0",
        ("INSERT INTO due_segment (segment, due_rows) "
         "SELECT position / ?, COUNT(*) FROM due GROUP BY 1"),
        "UPDATE state SET segment_size = ?",
    };
    tidings_status status = db_begin(writer->db, err);
    for (size_t i = 0; i < BASE_COUNT(steps) && status == TIDINGS_OK; i++) {
        struct db_stmt *stmt = NULL;
        status = db_prepare(writer->db, steps[i], &stmt, err);
        if (status == TIDINGS_OK) {
            db_bind_i64(stmt, 0, writer->segment_size);
            status = db_run(stmt, NULL, err);
        }
        db_finalize(stmt);
    }
    if (status == TIDINGS_OK) {
        status = db_commit(writer->db, err);
    }
    db_rollback(writer->db);
    return status;
}

tidings_status index_schema_open(struct index_writer *writer, const char *url,
                                 const struct index_options *options, struct tidings_error *err)
{
    static const struct db_migration migrations[] = { { 1, tables },
                                                      { 2, group_notify },
                                                      { 3, half_table } };
    struct db_options db_options = { .sync = DB_SYNC_NORMAL, .fault = options->fault };
    int64_t segment_size = 0;
    writer->segment_size = options->segment_size;
    tidings_status status = db_open(url, &db_options, &writer->db, err);
    if (status == TIDINGS_OK) {
        status = db_migrate(writer->db, migrations, BASE_COUNT(migrations), err);
    }
    if (status == TIDINGS_OK) {
        status = read_state(writer, &segment_size, err);
    }
    if (status == TIDINGS_OK && segment_size != writer->segment_size) {
        status = set_segment_size(writer, err);
    }
    if (status == TIDINGS_OK) {
        status = prepare_plain(writer, err);
    }
    return status == TIDINGS_OK ? prepare_upserts(writer, err) : status;
}

// ---- telling ----
struct telling {
    const struct index_loader *loader;
    void *arg;
    struct index_writer *writer;
};

static bool copy_retry(struct db_stmt *stmt, int index, struct index_retry *ret)
{
    ret->window_ms = db_column_i64(stmt, index + 1);
    ret->limit = (int32_t)db_column_i64(stmt, index + 2);
    return str_copy(ret->ladder, sizeof ret->ladder, db_column_text(stmt, index));
}

static tidings_status tell_topic(struct db_stmt *stmt, const struct telling *telling)
{
    struct index_topic topic = { .id = db_column_i64(stmt, 0),
                                 .read_queues = (int32_t)db_column_i64(stmt, 2),
                                 .write_queues = (int32_t)db_column_i64(stmt, 3),
                                 .perm = (int32_t)db_column_i64(stmt, 4) };
    return str_copy(topic.name, sizeof topic.name, db_column_text(stmt, 1)) &&
                   copy_retry(stmt, 5, &topic.retry)
               ? telling->loader->topic(telling->arg, &topic)
               : TIDINGS_E_CORRUPT;
}

static tidings_status tell_queue(struct db_stmt *stmt, const struct telling *telling)
{
    return telling->loader->queue(telling->arg, db_column_i64(stmt, 0), db_column_i64(stmt, 1),
                                  db_column_i64(stmt, 2));
}

static tidings_status tell_group(struct db_stmt *stmt, const struct telling *telling)
{
    struct index_group group = { .consume_enabled = db_column_i64(stmt, 1) != 0,
                                 .broadcast_enabled = db_column_i64(stmt, 2) != 0,
                                 .notify_enabled = db_column_i64(stmt, 6) != 0 };
    return str_copy(group.name, sizeof group.name, db_column_text(stmt, 0)) &&
                   copy_retry(stmt, 3, &group.retry)
               ? telling->loader->group(telling->arg, &group)
               : TIDINGS_E_CORRUPT;
}

static tidings_status tell_offset(struct db_stmt *stmt, const struct telling *telling)
{
    return telling->loader->offset(telling->arg, db_column_text(stmt, 0), db_column_text(stmt, 1),
                                   (int32_t)db_column_i64(stmt, 2), db_column_i64(stmt, 3));
}

static tidings_status tell_half(struct db_stmt *stmt, const struct telling *telling)
{
    struct index_half half = { .position = db_column_i64(stmt, 0),
                               .next_check_ms = db_column_i64(stmt, 1),
                               .group_hash = (uint64_t)db_column_i64(stmt, 2),
                               .checks = (int32_t)db_column_i64(stmt, 3),
                               .parked = db_column_i64(stmt, 4) != 0 };
    return telling->loader->half != NULL ? telling->loader->half(telling->arg, &half) : TIDINGS_OK;
}

// Marks that an earlier process left deleted topics behind.
static tidings_status tell_trash(struct db_stmt *stmt, const struct telling *telling)
{
    telling->writer->has_trash = true;
    return telling->loader->topic_gone != NULL
               ? telling->loader->topic_gone(telling->arg, db_column_i64(stmt, 0))
               : TIDINGS_OK;
}

static tidings_status tell_rows(struct index_writer *writer, const char *sql,
                                tidings_status (*tell)(struct db_stmt *stmt,
                                                       const struct telling *telling),
                                const struct telling *telling, struct tidings_error *err)
{
    struct db_stmt *stmt = NULL;
    struct tidings_error told = { 0 };
    tidings_status status = db_prepare(writer->db, sql, &stmt, &told);
    while (status == TIDINGS_OK) {
        status = db_step(stmt, &told);
        if (status == TIDINGS_OK) {
            status = tell(stmt, telling);
        }
    }
    db_finalize(stmt);
    return status == TIDINGS_E_EOF
               ? TIDINGS_OK
               : error_set(err, status, "index: loading: %s", error_text(&told, status));
}

tidings_status index_schema_load(struct index_writer *writer, const struct index_loader *loader,
                                 void *arg, struct tidings_error *err)
{
    const struct telling telling = { loader, arg, writer };
    const struct {
        const char *sql;
        tidings_status (*tell)(struct db_stmt *stmt, const struct telling *telling);
    } parts[] = {
        { "SELECT id, name, read_queues, write_queues, perm, ladder, window_ms, retry_limit "
          "FROM topic",
          tell_topic },
        { "SELECT queue_key, min_offset, next_offset FROM queue", tell_queue },
        { "SELECT name, consume_enabled, broadcast_enabled, ladder, window_ms, retry_limit, "
          "notify_enabled FROM consumer_group",
          tell_group },
        { "SELECT group_name, topic_name, queue_id, next_offset FROM consumer_offset",
          tell_offset },
        { "SELECT topic_id FROM trash_topic", tell_trash },
        { "SELECT position, next_check_ms, group_hash, checks, parked FROM half", tell_half },
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(parts) && status == TIDINGS_OK; i++) {
        status = tell_rows(writer, parts[i].sql, parts[i].tell, &telling, err);
    }
    return status;
}

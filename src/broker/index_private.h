// SPDX-License-Identifier: Apache-2.0
// What the files of the index share.
#ifndef BROKER_INDEX_PRIVATE_H
#define BROKER_INDEX_PRIVATE_H
#include <pthread.h>
#include <stdatomic.h>
#include "broker/index.h"
#include "broker/keyindex.h"
#include "db/db.h"
enum {
    OPEN_BLOCKS = 256,
    READ_BLOCKS = 256,
    COMMIT_EVERY_MS = 50,
    RETRY_MS = 1000,
    WAL_BYTES = 8 * 1024 * 1024,
    SPARE_BATCHES = 8,
    BATCH_KEEP_ENTRIES = 4096
};
struct entry_row {
    int64_t queue_key;
    int64_t offset;
    struct index_entry entry;
};
struct due_key {
    int64_t due_ms;
    int64_t position;
};
struct offset_row {
    char *group;
    char *topic;
    int32_t queue_id;
    int64_t offset;
};
enum setting_kind { SETTING_TOPIC, SETTING_TOPIC_DELETE, SETTING_GROUP, SETTING_GROUP_DELETE };
struct setting {
    enum setting_kind kind;
    bool with_offsets;
    int64_t topic_id;
    union {
        struct index_topic topic;
        struct index_group group;
    } u;
};
struct rows {
    void *items;
    size_t count;
    size_t size;
};
enum batch_kind { BATCH_WRITE, BATCH_LOAD_DUE, BATCH_RETAIN };
struct index_batch {
    struct index_batch *next;
    enum batch_kind kind;
    int64_t position;
    struct rows entries, keys, due_adds, due_removes, offsets, settings;
    int64_t after_due_ms;
    int64_t after_position;
    size_t max;
    bool more;
};
struct block {
    int64_t queue_key;
    int64_t number;
    bool dirty;
    int64_t next;
    struct index_entry entries[INDEX_BLOCK];
};
struct read_block {
    int64_t queue_key;
    int64_t number;
    struct index_entry entries[INDEX_BLOCK];
};
struct statements {
    struct db_stmt *block_get, *block_put, *queue_next, *queue_min, *due_add, *due_remove,
        *due_load, *due_least, *offset_put, *topic_put, *group_put, *meta_put;
};
struct index {
    struct index_options options;
    struct db *db;
    struct db *read_db;
    struct db_stmt *read_block;
    struct statements sql;
    struct keyindex *keys;
    struct block *open;
    struct read_block *cache;
    int64_t due_count_working;
    _Atomic int64_t due_count;
    _Atomic int64_t position;
    _Atomic size_t depth;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct index_batch *in_first, *in_last, *done_first, *done_last, *spare;
    size_t spare_count;
    bool urgent;
    bool stopping;
    pthread_t thread;
    bool thread_started;
    size_t written;
};
tidings_status rows_add(struct rows *rows, size_t item_size, const void *item) TIDINGS_NODISCARD;
void rows_trim(struct rows *rows, size_t item_size);
void *index_thread_run(void *index);
tidings_status index_schema_open(struct index *index, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_schema_load(struct index *index, const struct index_loader *loader, void *arg,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_block_add(struct index *index, const struct entry_row *row,
                               struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_block_flush(struct index *index, struct tidings_error *err) TIDINGS_NODISCARD;
void index_block_forget(struct index *index);
tidings_status index_apply_retain(struct index *index, struct index_batch *batch,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_apply_setting(struct index *index, const struct setting *setting,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
int64_t index_meta(struct db *db, const char *name, int64_t absent);
tidings_status index_set_meta(struct index *index, const char *name, int64_t value,
                              struct tidings_error *err) TIDINGS_NODISCARD;
#endif

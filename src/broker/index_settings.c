// SPDX-License-Identifier: Apache-2.0
// Topics, groups, consumer offsets: applied in the order they came.
#include "broker/index_private.h"

static void bind_retry(struct db_stmt *stmt, int index, const struct index_retry *retry)
{
    db_bind_text(stmt, index, str_of(retry->ladder));
    db_bind_i64(stmt, index + 1, retry->window_ms);
    db_bind_i64(stmt, index + 2, retry->limit);
}

static tidings_status put_topic(struct index_writer *writer, const char *bytes,
                                struct tidings_error *err)
{
    struct index_topic topic;
    struct db_stmt *stmt = writer->statements[INDEX_TOPIC_PUT];
    memcpy(&topic, bytes, sizeof topic);
    db_bind_i64(stmt, 0, topic.id);
    db_bind_text(stmt, 1, str_of(topic.name));
    db_bind_i64(stmt, 2, topic.read_queues);
    db_bind_i64(stmt, 3, topic.write_queues);
    db_bind_i64(stmt, 4, topic.perm);
    bind_retry(stmt, 5, &topic.retry);
    return db_run(stmt, NULL, err);
}

static tidings_status put_group(struct index_writer *writer, const char *bytes,
                                struct tidings_error *err)
{
    struct index_group group;
    struct db_stmt *stmt = writer->statements[INDEX_GROUP_PUT];
    memcpy(&group, bytes, sizeof group);
    db_bind_text(stmt, 0, str_of(group.name));
    db_bind_i64(stmt, 1, group.consume_enabled);
    db_bind_i64(stmt, 2, group.broadcast_enabled);
    bind_retry(stmt, 3, &group.retry);
    db_bind_i64(stmt, 6, group.notify_enabled);
    return db_run(stmt, NULL, err);
}

static tidings_status run_with_text(struct index_writer *writer, enum index_statement which,
                                    struct str text, struct tidings_error *err)
{
    db_bind_text(writer->statements[which], 0, text);
    return db_run(writer->statements[which], NULL, err);
}

static tidings_status delete_topic(struct index_writer *writer, int64_t id,
                                   struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_TOPIC_NAME];
    db_bind_i64(stmt, 0, id);
    tidings_status status = db_step(stmt, err);
    if (status == TIDINGS_OK) {
        status = run_with_text(writer, INDEX_TOPIC_OFFSETS_DELETE, db_column_text(stmt, 0), err);
    } else if (status == TIDINGS_E_EOF) {
        status = TIDINGS_OK; // a record that is replayed
    }
    db_reset(stmt);
    if (status == TIDINGS_OK) {
        stmt = writer->statements[INDEX_TOPIC_DELETE];
        db_bind_i64(stmt, 0, id);
        status = db_run(stmt, NULL, err);
    }
    return status == TIDINGS_OK ? index_trash_add(writer, id, err) : status;
}

static tidings_status delete_group(struct index_writer *writer, struct str name, bool with_offsets,
                                   struct tidings_error *err)
{
    tidings_status status = run_with_text(writer, INDEX_GROUP_DELETE, name, err);
    return status == TIDINGS_OK && with_offsets
               ? run_with_text(writer, INDEX_GROUP_OFFSETS_DELETE, name, err)
               : status;
}

static tidings_status put_offset(struct index_writer *writer, const struct index_setting *setting,
                                 const char *text, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_OFFSET_PUT];
    db_bind_text(stmt, 0, str_make(text, setting->a_len));
    db_bind_text(stmt, 1, str_make(text + setting->a_len, setting->b_len));
    db_bind_i64(stmt, 2, setting->queue_id);
    db_bind_i64(stmt, 3, setting->value);
    return db_run(stmt, NULL, err);
}

tidings_status index_settings_apply(struct index_writer *writer, const struct index_batch *batch,
                                    struct tidings_error *err)
{
    const struct index_setting *settings = (const void *)batch->settings.ptr;
    size_t count = batch->settings.len / sizeof *settings;
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        const struct index_setting *setting = &settings[i];
        const char *text =
            setting->a_len > 0 ? batch->texts.ptr + setting->text_at : ""; // ids have no text
        switch (setting->kind) {
        case INDEX_SET_TOPIC: status = put_topic(writer, text, err); break;
        case INDEX_SET_TOPIC_DELETE: status = delete_topic(writer, setting->value, err); break;
        case INDEX_SET_GROUP: status = put_group(writer, text, err); break;
        case INDEX_SET_GROUP_DELETE:
            status = delete_group(writer, str_make(text, setting->a_len), setting->value != 0, err);
            break;
        case INDEX_SET_OFFSET: status = put_offset(writer, setting, text, err); break;
        }
    }
    return status;
}

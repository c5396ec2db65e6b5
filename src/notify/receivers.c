// SPDX-License-Identifier: Apache-2.0
// Receivers in memory, and how they get there: read at the start, set later.
#include <stdlib.h>

#include "notify/private.h"

struct receiver *receiver_find(const struct notify *notify, struct str name)
{
    return map_get(&notify->receivers, name);
}

static struct receiver *make(struct notify *notify, struct str name)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL || !str_copy(receiver->name, sizeof receiver->name, name) ||
        map_put(&notify->receivers, name, receiver, NULL) != TIDINGS_OK) {
        free(receiver);
        return NULL;
    }
    receiver->notify = notify;
    heap_node_init(&receiver->due);
    claim_init(&receiver->claim, receiver);
    return receiver;
}

tidings_status receiver_put(struct notify *notify, const struct record_receiver *row,
                            int64_t ladder_id, struct tidings_error *err)
{
    struct notify_settings settings;
    struct receiver *receiver = receiver_find(notify, row->name);
    tidings_status status = notify_settings_parse(row->document, &settings, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (receiver == NULL) {
        receiver = make(notify, row->name);
    }
    if (receiver == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for receiver \"%.*s\"",
                         STR_ARG(row->name));
    }
    receiver->id = row->id;
    receiver->version = row->version;
    receiver->ladder_id = ladder_id;
    receiver->settings = settings;
    receiver_is_due(receiver, 0); // whatever lies there
    return TIDINGS_OK;
}

void receivers_free(struct notify *notify)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    while (map_next(&notify->receivers, &cursor, &key, &value)) {
        free(value);
    }
    map_deinit(&notify->receivers);
}

// ---- set ----
struct setting {
    struct keeper_task task;
    struct answer answer;
    struct notify *notify;
    char name[RECORD_NAME_MAX + 1];
    struct notify_settings settings;
    struct buf document;
    struct record_receiver row;
    int64_t ladder_id;
    tidings_status status;
    struct tidings_error err;
    notify_done *done;
    void *arg;
};

static void free_setting(struct setting *setting)
{
    buf_deinit(&setting->document);
    free(setting);
}

static tidings_status run_setting(struct keeper_task *task, struct record *record,
                                  struct tidings_error *err)
{
    struct setting *setting = BASE_CONTAINER_OF(task, struct setting, task);
    struct record_receiver found = { 0 };
    struct buf room;
    buf_init(&room, RECORD_DOCUMENT_MAX + RECORD_NAME_MAX + 1);
    setting->row = (struct record_receiver){ .name = str_of(setting->name),
                                             .document = buf_str(&setting->document) };
    tidings_status status = record_receiver_get(record, setting->row.name, 0, &room, &found, err);
    if (status == TIDINGS_OK) {
        setting->row.id = found.id;
        setting->row.version = found.version;
    }
    buf_deinit(&room);
    if (status == TIDINGS_OK || status == TIDINGS_E_NOT_FOUND) {
        status = record_receiver_put(record, &setting->row, err);
    }
    return status == TIDINGS_OK ? record_ladder_put(record, str_of(setting->settings.ladder),
                                                    &setting->ladder_id, err)
                                : status;
}

static void setting_done(struct keeper_task *task, tidings_status status,
                         const struct tidings_error *err)
{
    struct setting *setting = BASE_CONTAINER_OF(task, struct setting, task);
    setting->status = status;
    if (err != NULL) {
        setting->err = *err;
    }
    answer_give(setting->notify, &setting->answer);
}

static void take_setting(struct answer *answer)
{
    struct setting *setting = BASE_CONTAINER_OF(answer, struct setting, answer);
    setting->notify->out--;
    if (setting->status == TIDINGS_OK) {
        setting->status =
            receiver_put(setting->notify, &setting->row, setting->ladder_id, &setting->err);
    }
    setting->done(setting->arg, setting->status, &setting->err);
    free_setting(setting);
}

tidings_status notify_receiver_set(struct notify *notify, struct str name,
                                   const struct notify_settings *settings, notify_done *done,
                                   void *arg, struct tidings_error *err)
{
    struct notify_settings checked;
    struct setting *setting = calloc(1, sizeof *setting);
    if (setting == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a receiver");
    }
    setting->task = (struct keeper_task){ .run = run_setting, .done = setting_done };
    setting->answer.take = take_setting;
    setting->notify = notify;
    setting->settings = *settings;
    setting->done = done;
    setting->arg = arg;
    buf_init(&setting->document, RECORD_DOCUMENT_MAX);
    tidings_status status = name.len > 0 && str_copy(setting->name, sizeof setting->name, name)
                                ? notify_settings_format(settings, &setting->document)
                                : error_set(err, TIDINGS_E_INVALID,
                                            "a receiver's name has 1 to %d bytes", RECORD_NAME_MAX);
    if (status == TIDINGS_OK) {
        status = notify_settings_parse(buf_str(&setting->document), &checked, err);
    }
    if (status == TIDINGS_OK) {
        status = keeper_post(notify->keeper, &setting->task);
    }
    if (status != TIDINGS_OK) {
        free_setting(setting);
        return status;
    }
    notify->out++;
    return TIDINGS_OK;
}

// ---- load ----
struct loading {
    struct notify *notify;
    struct record *record;
    int64_t last;
    size_t count;
    tidings_status status;
    struct tidings_error *err;
};

static void load_one(void *arg, const struct record_receiver *row)
{
    struct loading *loading = arg;
    loading->last = row->id;
    loading->count++;
    if (loading->status == TIDINGS_OK) {
        loading->status = receiver_put(loading->notify, row, 0, loading->err);
    }
}

// A receiver keeps the text of its ladder; the number is looked up, or made.
static tidings_status load_ladders(struct loading *loading)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    tidings_status status = record_begin(loading->record, loading->err);
    while (status == TIDINGS_OK && map_next(&loading->notify->receivers, &cursor, &key, &value)) {
        struct receiver *receiver = value;
        status = record_ladder_put(loading->record, str_of(receiver->settings.ladder),
                                   &receiver->ladder_id, loading->err);
    }
    return status == TIDINGS_OK ? record_commit(loading->record, loading->err) : status;
}

tidings_status receivers_load(struct notify *notify, struct tidings_error *err)
{
    struct loading loading = { .notify = notify, .err = err };
    tidings_status status =
        record_open(notify->options.database_url, &notify->options.record, &loading.record, err);
    do {
        loading.count = 0;
        status = status == TIDINGS_OK
                     ? record_receiver_list(loading.record, loading.last, RECORD_BATCH_MAX,
                                            load_one, &loading, err)
                     : status;
    } while (status == TIDINGS_OK && loading.status == TIDINGS_OK && loading.count > 0);
    status = status == TIDINGS_OK ? loading.status : status;
    if (status == TIDINGS_OK) {
        status = load_ladders(&loading);
    }
    record_close(loading.record);
    return status;
}

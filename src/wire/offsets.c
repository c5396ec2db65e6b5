// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "wire/json.h"
#include "wire/text.h"

static void write_queue(struct wire_text *text, const struct wire_queue_ref *queue,
                        const int64_t *offset)
{
    wire_text_put(text, STR("{\"brokerName\":"));
    wire_text_string(text, str_of(queue->broker));
    if (offset != NULL) {
        wire_text_put(text, STR(",\"offset\":"));
        wire_text_number(text, *offset);
    }
    wire_text_put(text, STR(",\"queueId\":"));
    wire_text_number(text, queue->queue_id);
    wire_text_put(text, STR(",\"topic\":"));
    wire_text_string(text, str_of(queue->topic));
    wire_text_put(text, STR("}"));
}

tidings_status wire_offset_table_encode(const struct wire_offset_table *table, bool list_form,
                                        struct buf *out)
{
    struct wire_text text = wire_text_begin(out);
    wire_text_put(&text, list_form ? STR("{\"offsetTable\":[") : STR("{\"offsetTable\":{"));
    for (unsigned i = 0; i < table->count; i++) {
        const struct wire_queue_offset *row = &table->rows[i];
        wire_text_comma(&text, i);
        write_queue(&text, &row->queue, list_form ? &row->offset : NULL);
        if (!list_form) {
            wire_text_put(&text, STR(":"));
            wire_text_number(&text, row->offset);
        }
    }
    wire_text_put(&text, list_form ? STR("]}") : STR("}}"));
    return wire_text_end(&text);
}

static tidings_status set_offset(const json_t *value, struct wire_queue_offset *ret,
                                 struct tidings_error *err)
{
    if (!json_is_integer(value)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "offset table: an offset must be a whole number");
    }
    ret->offset = json_integer_value(value);
    return TIDINGS_OK;
}

static tidings_status read_queue(const json_t *queue, const json_t *offset,
                                 struct wire_queue_offset *ret, struct tidings_error *err)
{
    tidings_status status = wire_json_queue_ref(queue, &ret->queue, err);
    return status == TIDINGS_OK ? set_offset(offset, ret, err) : status;
}

// Item of a list: [{queue},offset], {"queue":{queue},"offset":…}, or the queue's members with the
// offset.
static tidings_status read_item(const json_t *item, struct wire_queue_offset *ret,
                                struct tidings_error *err)
{
    const json_t *queue = item;
    const json_t *offset = json_object_get(item, "offset");
    if (json_is_array(item)) {
        queue = json_array_get(item, 0);
        offset = json_array_get(item, 1);
    } else if (json_object_get(item, "queue") != NULL) {
        queue = json_object_get(item, "queue");
    }
    return read_queue(queue, offset, ret, err);
}

// Entry of a map: the key is the text of the queue's object.
static tidings_status read_entry(const char *key, const json_t *offset,
                                 struct wire_queue_offset *ret, struct tidings_error *err)
{
    json_t *queue = NULL;
    tidings_status status = wire_json_load(str_of(key), "key of an offset table", &queue, err);
    if (status == TIDINGS_OK) {
        status = read_queue(queue, offset, ret, err);
    }
    json_decref(queue);
    return status;
}

static tidings_status make_rows(struct wire_offset_table *table, size_t count,
                                struct tidings_error *err)
{
    void *items = NULL;
    if (count > WIRE_LOCKS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "offset table: %zu rows, at most %d are read",
                         count, WIRE_LOCKS_MAX);
    }
    tidings_status status = wire_json_items((unsigned)count, sizeof *table->rows, &items);
    table->rows = items;
    return status;
}

static tidings_status read_map(json_t *map, struct wire_offset_table *table,
                               struct tidings_error *err)
{
    tidings_status status = make_rows(table, json_object_size(map), err);
    void *entry = json_object_iter(map);
    while (status == TIDINGS_OK && entry != NULL) {
        status = read_entry(json_object_iter_key(entry), json_object_iter_value(entry),
                            &table->rows[table->count++], err);
        entry = json_object_iter_next(map, entry);
    }
    return status;
}

static tidings_status read_list(const json_t *list, struct wire_offset_table *table,
                                struct tidings_error *err)
{
    size_t count = json_array_size(list);
    tidings_status status = make_rows(table, count, err);
    while (status == TIDINGS_OK && table->count < count) {
        size_t i = table->count++;
        status = read_item(json_array_get(list, i), &table->rows[i], err);
    }
    return status;
}

tidings_status wire_offset_table_decode(struct str body, struct wire_offset_table **ret,
                                        struct tidings_error *err)
{
    json_t *root = NULL;
    json_t *member = NULL;
    struct wire_offset_table *table = NULL;
    tidings_status status = wire_json_load_dialect(body, "offset table", &root, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    table = calloc(1, sizeof *table);
    member = json_object_get(root, "offsetTable");
    if (table == NULL) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "offset table: out of memory");
    } else if (json_is_object(member)) {
        status = read_map(member, table, err);
    } else if (json_is_array(member)) {
        status = read_list(member, table, err);
    } else if (member != NULL && !json_is_null(member)) {
        status = error_set(err, TIDINGS_E_PROTOCOL, "offsetTable must be an object or a list");
    }
    if (status == TIDINGS_OK) {
        *ret = table;
        table = NULL;
    }
    wire_offset_table_free(table);
    json_decref(root);
    return status;
}

void wire_offset_table_free(struct wire_offset_table *table)
{
    if (table == NULL) {
        return;
    }
    for (unsigned i = 0; i < table->count; i++) {
        wire_json_queue_ref_clear(&table->rows[i].queue);
    }
    free(table->rows);
    free(table);
}

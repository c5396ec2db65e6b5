// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "wire/json.h"
#include "wire/text.h"

static tidings_status read_queues(const json_t *root, struct wire_lock *ret,
                                  struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    const char *key = json_object_get(root, "lockOKMQSet") != NULL ? "lockOKMQSet" : "mqSet";
    tidings_status status = wire_json_list(root, key, WIRE_LOCKS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->queues, &items);
    }
    ret->queues = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        ret->count = i + 1;
        status = wire_json_queue_ref(json_array_get(list, i), &ret->queues[i], err);
    }
    return status;
}

tidings_status wire_lock_decode(struct str body, struct wire_lock **ret, struct tidings_error *err)
{
    json_t *root = NULL;
    struct wire_lock *lock = NULL;
    tidings_status status = wire_json_load(body, "lock", &root, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    lock = calloc(1, sizeof *lock);
    if (lock == NULL) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "lock: out of memory");
        goto out;
    }
    status = wire_json_text_or_null(root, "consumerGroup", &lock->group, err);
    if (status == TIDINGS_OK) {
        status = wire_json_text_or_null(root, "clientId", &lock->client_id, err);
    }
    if (status == TIDINGS_OK) {
        status = read_queues(root, lock, err);
    }
    if (status == TIDINGS_OK) {
        *ret = lock;
        lock = NULL;
    }
out:
    wire_lock_free(lock);
    json_decref(root);
    return status;
}

void wire_lock_free(struct wire_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    for (unsigned i = 0; i < lock->count; i++) {
        wire_json_queue_ref_clear(&lock->queues[i]);
    }
    free(lock->queues);
    free(lock->group);
    free(lock->client_id);
    free(lock);
}

static void write_queues(struct wire_text *text, const struct wire_lock *lock)
{
    wire_text_put(text, STR("["));
    for (unsigned i = 0; i < lock->count; i++) {
        const struct wire_queue_ref *queue = &lock->queues[i];
        wire_text_comma(text, i);
        wire_text_put(text, STR("{\"brokerName\":"));
        wire_text_string(text, str_of(queue->broker));
        wire_text_put(text, STR(",\"queueId\":"));
        wire_text_number(text, queue->queue_id);
        wire_text_put(text, STR(",\"topic\":"));
        wire_text_string(text, str_of(queue->topic));
        wire_text_put(text, STR("}"));
    }
    wire_text_put(text, STR("]}"));
}

tidings_status wire_lock_encode(const struct wire_lock *lock, struct buf *out)
{
    struct wire_text text = wire_text_begin(out);
    wire_text_put(&text, STR("{\"clientId\":"));
    wire_text_string(&text, str_of(lock->client_id));
    wire_text_put(&text, STR(",\"consumerGroup\":"));
    wire_text_string(&text, str_of(lock->group));
    wire_text_put(&text, STR(",\"mqSet\":"));
    write_queues(&text, lock);
    return wire_text_end(&text);
}

tidings_status wire_locked_encode(const struct wire_lock *locked, struct buf *out)
{
    struct wire_text text = wire_text_begin(out);
    wire_text_put(&text, STR("{\"lockOKMQSet\":"));
    write_queues(&text, locked);
    return wire_text_end(&text);
}

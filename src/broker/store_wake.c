// SPDX-License-Identifier: Apache-2.0
// News of the log: what became durable is published, what it gave up is refused. And reading what
// is stored.
#include <stdlib.h>

#include "broker/answer.h"
#include "broker/pending.h"

// ---- refusing ----
static tidings_status refuse(struct broker *broker, struct pending *pending,
                             const struct tidings_error *err)
{
    struct store *store = &broker->store;
    struct queue *queue = topics_find_queue(&broker->topics, pending->queue_key);
    struct index_due due = { pending->due_ms, pending->entry.position, pending->queue_key,
                             pending->entry.size, pending->entry.tag_code };
    if (pending->kind == PENDING_DELIVER && due_again(broker, &due) != TIDINGS_OK) {
        return TIDINGS_E_NO_MEMORY;
    }
    store->keys_head += pending->key_count;
    if ((pending->kind == PENDING_MESSAGE || pending->kind == PENDING_DELIVER ||
         pending->kind == PENDING_COMMIT) &&
        queue != NULL) {
        queue->next = queue->visible;
    }
    if (pending->kind == PENDING_TOPIC && queue != NULL) {
        queue->topic->logged = false;
    } else if (pending->kind == PENDING_TOPIC_DELETED && queue != NULL) {
        queue->topic->deleting = false;
    } else if (pending->kind == PENDING_GROUP && pending->name != NULL) {
        struct group *group = groups_find(&broker->groups, str_of(pending->name));
        if (group != NULL) {
            group->logged = false;
        }
    } else if (pending->kind == PENDING_MESSAGE || pending->kind == PENDING_DELAYED ||
               (pending->kind == PENDING_HALF && pending->half == 0)) {
        broker->stats.sends_refused++;
    } else if (pending->half > 0) {
        halves_refused(broker, pending->half);
    }
    free(pending->name);
    pending->name = NULL;
    if (pending->has_asker) {
        struct wire_header response;
        answer_begin(&pending->asker, &response, status_remoting(err->status));
        response.remark = str_of(err->text);
        answer_send(broker, &pending->asker, &response, (struct str){ 0 });
    }
    return TIDINGS_OK;
}

// Publishes what is durable, then refuses what the log gave up, in their order. False: there was no
// memory for the next one; all is as it was before it.
static bool settle(struct broker *broker)
{
    struct store *store = &broker->store;
    while (store->head < store->tail && pending_at(store, store->head)->position < store->durable) {
        int64_t position = pending_at(store, store->head)->position;
        if (store_publish(broker, store->head) != TIDINGS_OK) {
            return false;
        }
        broker->last_position = position;
        store->head++;
    }
    while (store->given_up && store->head < store->tail) {
        if (refuse(broker, pending_at(store, store->head), &store->why) != TIDINGS_OK) {
            return false;
        }
        store->head++;
    }
    store->given_up = false;
    return true;
}

static void ask_log(struct broker *broker)
{
    struct store *store = &broker->store;
    int64_t failed_from;
    store->durable = commitlog_durable(broker->log, &failed_from, &store->why);
    if (failed_from >= 0) {
        store->given_up = true;
        log_line(broker->options.log, LOG_ERROR, "broker",
                 "msg=\"the log cannot be written; sends are refused until it can\" waiting=%zu "
                 "reason=\"%s\"",
                 store_pending(store), store->why.text);
    }
}

// Without memory to publish the next record all behind it wait too, and nothing new is taken, so
// that queue offsets stay without gap; the tick tries again.
static void set_starved(struct broker *broker, bool starved)
{
    if (starved && !broker->store.starved) {
        log_line(broker->options.log, LOG_ERROR, "broker",
                 "msg=\"no memory to publish what is stored; sends are refused until there is\" "
                 "waiting=%zu",
                 store_pending(&broker->store));
    }
    broker->store.starved = starved;
}

void store_wake(struct broker *broker)
{
    struct store *store = &broker->store;
    commitlog_submit(broker->log); // first: the next batch is written while this one is answered
    bool settled = !store->starved || settle(broker);
    if (settled) {
        ask_log(broker);
        settled = settle(broker);
    }
    set_starved(broker, !settled);
    if (store->batch != NULL) {
        // The start of the last record, not its end: recovery begins with a record, and applying it
        // twice does no harm.
        index_submit(broker->index, store->batch, broker->last_position);
        store->batch = NULL;
    }
    for (struct list *node = list_pop(&store->woken); node; node = list_pop(&store->woken)) {
        struct queue *queue = LIST_ENTRY(node, struct queue, woken_node);
        queue->woken = false;
        waits_wake(broker, queue);
    }
}

void store_turn(struct broker *broker)
{
    commitlog_submit(broker->log);
    if (broker->store.batch != NULL) { // offsets only: they ride without moving the position
        index_submit(broker->index, broker->store.batch, broker->last_position);
        broker->store.batch = NULL;
    }
}

// ---- reading ----
tidings_status store_read(struct broker *broker, int64_t position, struct str *ret_message,
                          int64_t *ret_due_ms, struct tidings_error *err)
{
    uint8_t type;
    int64_t wall_ms;
    struct tidings_error own = { 0 };
    tidings_status status =
        commitlog_read(broker->log, position, &type, &wall_ms, ret_message, err ? err : &own);
    *ret_due_ms = 0;
    if (status == TIDINGS_E_CORRUPT) {
        broker->stats.damaged_records++;
        log_line(broker->options.log, LOG_ERROR, "broker",
                 "msg=\"a stored message is damaged and cannot be given out\" position=%lld "
                 "reason=\"%s\"",
                 (long long)position, error_text(err ? err : &own, status));
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    size_t prefix = store_prefix((enum store_record)type);
    if (prefix > 0 && ret_message->len > prefix) {
        *ret_due_ms = type == STORE_DELAYED ? (int64_t)num_load_be64(ret_message->ptr)
                      : type == STORE_HALF  ? -1
                                            : 0;
        ret_message->ptr += prefix;
        ret_message->len -= prefix;
    } else if (type != STORE_MESSAGE) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "no message at log position %lld",
                         (long long)position);
    }
    return TIDINGS_OK;
}

tidings_status store_entries(struct broker *broker, struct queue *queue, int64_t offset, size_t max,
                             struct index_entry *ret, size_t *ret_count, struct tidings_error *err)
{
    size_t count = 0;
    const struct index_entry *entry;
    while (count < max && (entry = queue_tail_entry(queue, offset + (int64_t)count)) != NULL) {
        ret[count++] = *entry;
    }
    *ret_count = count;
    if (count > 0 || offset >= queue->visible) {
        return TIDINGS_OK;
    }
    if ((int64_t)max > queue->visible - offset) {
        max = (size_t)(queue->visible - offset);
    }
    return index_read(broker->index, queue->key, offset, max, ret, ret_count, err);
}

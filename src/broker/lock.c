// SPDX-License-Identifier: Apache-2.0
#include "broker/lock.h"

#include <stdlib.h>

struct lock {
    int64_t taken_us;
    size_t client_len;
    char client[];
};

void locks_init(struct locks *locks)
{
    map_init(&locks->by_queue, LOCKS_MAX);
}

void locks_deinit(struct locks *locks)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    while (map_next(&locks->by_queue, &cursor, &key, &value)) {
        free(value);
    }
    map_deinit(&locks->by_queue);
}

static tidings_status make_key(struct buf *key, struct str group, struct str topic,
                               int32_t queue_id)
{
    buf_init(key, 1024);
    return buf_addf(key, "%.*s\x01%.*s\x01%d", STR_ARG(group), STR_ARG(topic), queue_id);
}

static bool is_held_by(const struct lock *lock, struct str client_id)
{
    return str_eq(str_make(lock->client, lock->client_len), client_id);
}

static bool is_over(const struct lock *lock, int64_t now_us)
{
    return now_us - lock->taken_us > (int64_t)LOCK_LIVE_MS * 1000;
}

// Puts a lock of this client in the place of the former one, if any.
static bool put_lock(struct locks *locks, struct str key, struct str client_id, int64_t now_us)
{
    void *old = NULL;
    struct lock *fresh = malloc(sizeof *fresh + client_id.len);
    if (fresh == NULL) {
        return false;
    }
    fresh->taken_us = now_us;
    fresh->client_len = client_id.len;
    memcpy(fresh->client, client_id.ptr, client_id.len);
    if (map_put(&locks->by_queue, key, fresh, &old) != TIDINGS_OK) {
        free(fresh);
        return false;
    }
    free(old);
    return true;
}

bool locks_take(struct locks *locks, struct str group, struct str topic, int32_t queue_id,
                struct str client_id, int64_t now_us)
{
    struct buf key;
    bool taken = false;
    if (make_key(&key, group, topic, queue_id) == TIDINGS_OK) {
        struct lock *lock = map_get(&locks->by_queue, buf_str(&key));
        if (lock != NULL && is_held_by(lock, client_id)) {
            lock->taken_us = now_us;
            taken = true;
        } else if (lock == NULL || is_over(lock, now_us)) {
            taken = put_lock(locks, buf_str(&key), client_id, now_us);
        }
    }
    buf_deinit(&key);
    return taken;
}

void locks_give(struct locks *locks, struct str group, struct str topic, int32_t queue_id,
                struct str client_id)
{
    struct buf key;
    if (make_key(&key, group, topic, queue_id) == TIDINGS_OK) {
        struct lock *lock = map_get(&locks->by_queue, buf_str(&key));
        if (lock != NULL && is_held_by(lock, client_id)) {
            free(map_remove(&locks->by_queue, buf_str(&key)));
        }
    }
    buf_deinit(&key);
}

void locks_expire(struct locks *locks, int64_t now_us)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    while (map_next(&locks->by_queue, &cursor, &key, &value)) {
        if (is_over(value, now_us)) {
            free(map_remove(&locks->by_queue, key));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// On the store thread: leases what a receiver has due, and reads it whole.
#include <stdlib.h>

#include "notify/private.h"

void attempt_free(struct attempt *attempt)
{
    buf_deinit(&attempt->room);
    free(attempt);
}

static void free_attempts(struct claim *claim)
{
    for (struct list *node = list_pop(&claim->attempts); node != NULL;
         node = list_pop(&claim->attempts)) {
        attempt_free(LIST_ENTRY(node, struct attempt, node));
    }
}

// The ladder of a number never changes: read once, and kept.
static tidings_status find_ladder(struct notify *notify, struct record *record, int64_t id,
                                  struct ladder *ret, struct tidings_error *err)
{
    struct str key = str_make(&id, sizeof id);
    const struct ladder *kept = map_get(&notify->ladders, key);
    struct buf text;
    if (kept != NULL) {
        *ret = *kept;
        return TIDINGS_OK;
    }
    buf_init(&text, RECORD_LADDER_MAX + 1);
    tidings_status status = record_ladder_get(record, id, &text, err);
    if (status == TIDINGS_OK) {
        status = ladder_parse(buf_str(&text), ret, err);
    }
    buf_deinit(&text);
    struct ladder *copy = status == TIDINGS_OK ? malloc(sizeof *copy) : NULL;
    if (copy != NULL) {
        *copy = *ret;
        if (map_put(&notify->ladders, key, copy, NULL) != TIDINGS_OK) {
            free(copy); // it is read again the next time
        }
    }
    return status;
}

static tidings_status make_attempt(struct claim *claim, struct record *record,
                                   const struct record_claimed *claimed, struct tidings_error *err)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an attempt");
    }
    attempt->receiver = claim->receiver;
    attempt->claimed = *claimed;
    buf_init(&attempt->room, PAYLOAD_ROOM);
    list_add_tail(&claim->attempts, &attempt->node);
    tidings_status status =
        record_get(record, claimed->id, &attempt->room, &attempt->notification, err);
    return status == TIDINGS_OK ? find_ladder(claim->receiver->notify, record, claimed->ladder_id,
                                              &attempt->ladder, err)
                                : status;
}

static tidings_status run_claim(struct keeper_task *task, struct record *record,
                                struct tidings_error *err)
{
    struct claim *claim = BASE_CONTAINER_OF(task, struct claim, task);
    const struct receiver *receiver = claim->receiver;
    struct record_claimed claimed[CLAIM_MAX];
    size_t count = 0;
    free_attempts(claim); // of a try that was not kept
    claim->next_due_ms = 0;
    if (atomic_load(&receiver->notify->stopping)) {
        return TIDINGS_OK;
    }
    int64_t now_ms = clock_wall_ms(receiver->notify->clock);
    int64_t until_ms = now_ms + receiver->settings.timeout_ms + LEASE_SLACK_MS;
    tidings_status status =
        record_claim(record, receiver->id, now_ms, until_ms, claimed, claim->max, &count, err);
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        status = make_attempt(claim, record, &claimed[i], err);
    }
    return status == TIDINGS_OK ? record_next_due(record, receiver->id, &claim->next_due_ms, err)
                                : status;
}

static void claim_done(struct keeper_task *task, tidings_status status,
                       const struct tidings_error *err)
{
    struct claim *claim = BASE_CONTAINER_OF(task, struct claim, task);
    (void)err;
    claim->status = status;
    if (status != TIDINGS_OK) {
        free_attempts(claim);
    }
    answer_give(claim->receiver->notify, &claim->answer);
}

// ---- on the loop ----
static void take_claim(struct answer *answer)
{
    struct claim *claim = BASE_CONTAINER_OF(answer, struct claim, answer);
    struct receiver *receiver = claim->receiver;
    struct notify *notify = receiver->notify;
    notify->out--;
    receiver->claiming = false;
    for (struct list *node = list_pop(&claim->attempts); node != NULL;
         node = list_pop(&claim->attempts)) {
        struct attempt *attempt = LIST_ENTRY(node, struct attempt, node);
        receiver->in_flight++;
        if (atomic_load(&notify->stopping)) {
            attempt_release(attempt);
        } else {
            attempt_start(attempt);
        }
    }
    if (claim->status == TIDINGS_OK) {
        receiver_is_due(receiver, claim->next_due_ms);
    } else {
        receiver_is_due(receiver, clock_wall_ms(notify->clock) + AGAIN_MS);
    }
    receiver_pump(receiver);
}

void claim_init(struct claim *claim, struct receiver *receiver)
{
    *claim = (struct claim){ .task = { .run = run_claim, .done = claim_done },
                             .answer = { .take = take_claim },
                             .receiver = receiver };
    list_init(&claim->attempts);
}

// SPDX-License-Identifier: Apache-2.0
// Leases what a lane has due, and reads it whole: on the store thread, one claim at a time for a
// lane, a bounded number for all.
#include <stdlib.h>

#include "notify/private.h"

// Of those that the loop has not seen yet: nothing of them is counted.
static void free_attempts(struct claim *claim)
{
    for (struct list *node = list_pop(&claim->attempts); node != NULL;
         node = list_pop(&claim->attempts)) {
        struct attempt *attempt = LIST_ENTRY(node, struct attempt, node);
        buf_deinit(&attempt->parcel->room);
        free(attempt->parcel);
        free(attempt);
    }
    claim->count = 0;
}

// ---- on the store thread ----
static tidings_status read_ladder(struct record *record, int64_t id, struct ladder *ret,
                                  struct tidings_error *err)
{
    struct buf text;
    buf_init(&text, RECORD_LADDER_MAX + 1);
    tidings_status status = record_ladder_get(record, id, &text, err);
    if (status == TIDINGS_OK) {
        status = ladder_parse(buf_str(&text), ret, err);
    }
    buf_deinit(&text);
    return status;
}

// The ladder of a number never changes: read once, and kept.
static tidings_status find_ladder(struct notify *notify, struct record *record, int64_t id,
                                  struct ladder *ret, struct tidings_error *err)
{
    struct str key = str_make(&id, sizeof id);
    const struct ladder *kept = map_get(&notify->ladders, key);
    if (kept != NULL) {
        *ret = *kept;
        return TIDINGS_OK;
    }
    tidings_status status = read_ladder(record, id, ret, err);
    struct ladder *copy = status == TIDINGS_OK ? malloc(sizeof *copy) : NULL;
    if (copy != NULL) {
        *copy = *ret;
        if (map_put(&notify->ladders, key, copy, NULL) != TIDINGS_OK) {
            free(copy); // it is read again the next time
        }
    }
    return status;
}

static struct attempt *new_attempt(const struct claim *claim, const struct record_claimed *claimed)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (attempt == NULL || parcel == NULL) {
        free(attempt);
        free(parcel);
        return NULL;
    }
    parcel->refs = 1;
    buf_init(&parcel->room, PAYLOAD_ROOM);
    attempt->op.notify = claim->op.notify;
    attempt->lane = claim->lane;
    attempt->claimed = *claimed;
    attempt->parcel = parcel;
    return attempt;
}

static bool is_damage(tidings_status status)
{
    return status == TIDINGS_E_NOT_FOUND || status == TIDINGS_E_CORRUPT ||
           status == TIDINGS_E_INVALID || status == TIDINGS_E_TOO_LARGE;
}

// A row that cannot be read must not hold up those behind it: it fails as an attempt would.
static tidings_status read_row(struct attempt *attempt, struct record *record,
                               struct tidings_error *err)
{
    struct parcel *parcel = attempt->parcel;
    tidings_status status =
        record_get(record, attempt->claimed.id, &parcel->room, &parcel->view, err);
    if (is_damage(status)) {
        attempt->broken = "what is stored of it cannot be read";
        status = TIDINGS_OK;
    }
    parcel->bytes = parcel->room.size + sizeof *attempt + sizeof *parcel;
    if (status == TIDINGS_OK) {
        status = find_ladder(attempt->op.notify, record, attempt->claimed.ladder_id,
                             &attempt->ladder, err);
        if (is_damage(status)) { // a ladder without rungs: this attempt is the last one
            attempt->broken = "its ladder cannot be read";
            status = TIDINGS_OK;
        }
    }
    return status;
}

// What does not fit in memory now is left as it was.
static tidings_status leave(const struct claim *claim, struct record *record,
                            const struct record_claimed *claimed, struct tidings_error *err)
{
    const struct record_outcome outcome = { .id = claimed->id,
                                            .epoch = claimed->epoch,
                                            .receiver_id = claim->lane->id,
                                            .event = RECORD_RELEASE,
                                            .due_ms = claimed->due_ms };
    return record_settle(record, &outcome, err);
}

static tidings_status read_rows(struct claim *claim, struct record *record,
                                const struct record_claimed *claimed, size_t count,
                                int64_t until_ms, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    size_t bytes = 0;
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        if (i > 0 && bytes >= claim->bytes_max) {
            status = leave(claim, record, &claimed[i], err);
            continue;
        }
        struct attempt *attempt = new_attempt(claim, &claimed[i]);
        if (attempt == NULL) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an attempt");
        }
        attempt->lease_until_ms = until_ms;
        list_add_tail(&claim->attempts, &attempt->node);
        claim->count++;
        status = read_row(attempt, record, err);
        bytes += attempt->parcel->bytes;
    }
    return status;
}

// Leases that ended without an outcome: whoever had them, what was in hand is on record.
static tidings_status note_lapsed(const struct claim *claim, struct record *record,
                                  struct record_claimed *claimed, size_t count, int64_t now_ms,
                                  struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        struct record_claimed *row = &claimed[i];
        struct record_attempt attempt;
        if (row->taken_over) {
            attempt_unknown(&attempt, row->earlier + row->attempts + 1,
                            leased_ms(row->id, row->due_ms, claim->timeout_ms, now_ms), row->due_ms,
                            "its lease ended without an outcome: whether it was sent is not known");
            status = record_lapsed(record, row, &attempt, err);
        }
    }
    return status;
}

static tidings_status run_claim(struct keeper_task *task, struct record *record,
                                struct tidings_error *err)
{
    struct claim *claim = BASE_CONTAINER_OF(task, struct claim, op.task);
    struct notify *notify = claim->op.notify;
    struct record_claimed claimed[CLAIM_MAX];
    size_t count = 0;
    free_attempts(claim); // of a try that was not kept
    claim->next_due_ms = 0;
    if (atomic_load(&notify->stopping)) {
        return TIDINGS_OK;
    }
    int64_t now_ms = clock_wall_ms(notify->clock);
    int64_t until_ms = now_ms + claim->timeout_ms + LEASE_SLACK_MS;
    tidings_status status =
        record_claim(record, claim->lane->id, now_ms, until_ms, claimed, claim->max, &count, err);
    if (status == TIDINGS_OK) {
        status = note_lapsed(claim, record, claimed, count, now_ms, err);
    }
    if (status == TIDINGS_OK) {
        status = read_rows(claim, record, claimed, count, until_ms, err);
    }
    return status == TIDINGS_OK ? record_next_due(record, claim->lane->id, &claim->next_due_ms, err)
                                : status;
}

// ---- on the loop ----
static void take_attempts(struct claim *claim)
{
    struct lane *lane = claim->lane;
    struct notify *notify = lane->notify;
    int64_t now_ms = clock_wall_ms(notify->clock);
    for (struct list *node = list_pop(&claim->attempts); node != NULL;
         node = list_pop(&claim->attempts)) {
        struct attempt *attempt = LIST_ENTRY(node, struct attempt, node);
        notify->memory += attempt->parcel->bytes;
        lane->bytes += attempt->parcel->bytes;
        count_unknown(notify, attempt->claimed.taken_over);
        if (atomic_load(&notify->stopping) || gate_is_shut(lane, now_ms)) {
            attempt_release(attempt);
        } else {
            attempt_ready(attempt);
        }
    }
}

static void take_claim(struct op *op)
{
    struct claim *claim = BASE_CONTAINER_OF(op, struct claim, op);
    struct lane *lane = claim->lane;
    struct notify *notify = lane->notify;
    if (op->status != TIDINGS_OK) {
        free_attempts(claim);
    }
    claim->busy = false;
    notify->claims_out--;
    notify->leased -= claim->max - claim->count; // those that came stay counted
    notify->memory -= claim->bytes_max;
    if (op->status == TIDINGS_OK) {
        claim->failures = 0;
        lane_is_due(lane, claim->next_due_ms);
        if (claim->next_due_ms == INT64_MAX && notify->counted) {
            lane->waiting = 0; // whatever we thought
        }
    } else {
        int64_t wait_ms = (int64_t)AGAIN_MS << (claim->failures < 7 ? claim->failures++ : 7);
        lane_is_due(lane, clock_wall_ms(notify->clock) +
                              (wait_ms < AGAIN_MOST_MS ? wait_ms : AGAIN_MOST_MS));
    }
    take_attempts(claim);
    lane_pump(lane);
}

void lane_pace(struct lane *lane)
{
    int64_t now_us = clock_mono_us(lane->notify->clock);
    int64_t elapsed_us = now_us - lane->paced_us;
    uint64_t begun = lane->begun - lane->paced_begun;
    // A burst is no pace: where others work too they would be left with nothing.
    int64_t least_us = lane->notify->shared ? SHARED_PACE_US : 1000;
    elapsed_us = elapsed_us > least_us ? elapsed_us : least_us;
    begun = begun < 1000000 ? begun : 1000000;
    uint64_t ahead = begun * AHEAD_US / (uint64_t)elapsed_us;
    lane->ahead = ahead < CLAIM_MAX ? (size_t)ahead : CLAIM_MAX;
    lane->paced_us = now_us;
    lane->paced_begun = lane->begun;
}

static size_t bytes_for(const struct lane *lane)
{
    const struct notify *notify = lane->notify;
    size_t left = notify->memory < MEMORY_MAX ? MEMORY_MAX - notify->memory : 0;
    size_t most = left > lane->bytes ? (left - lane->bytes) / 2 : 0;
    return most < CLAIM_BYTES ? most : CLAIM_BYTES;
}

static void post(struct lane *lane)
{
    struct notify *notify = lane->notify;
    struct claim *claim = &lane->claim;
    lane_pace(lane);
    size_t room = lane_window(lane) - lane_held(lane);
    size_t left = LEASED_MAX - notify->leased;
    claim->max = room < CLAIM_MAX ? room : CLAIM_MAX;
    claim->max = claim->max <= left / 2 ? claim->max : left / 2 + left % 2;
    claim->bytes_max = bytes_for(lane);
    claim->timeout_ms = lane->limits->timeout_ms;
    claim->op.own = TIDINGS_OK;
    if (op_post(&claim->op) != TIDINGS_OK) {
        lane_is_due(lane, clock_wall_ms(notify->clock) + AGAIN_MS);
        return;
    }
    claim->busy = true;
    notify->claims_out++;
    notify->leased += claim->max;
    notify->memory += claim->bytes_max;
    lane->due_ms = INT64_MAX; // the claim tells what comes next
}

static bool is_room(const struct notify *notify)
{
    return notify->claims_out < CLAIMS_MAX && notify->leased < LEASED_MAX &&
           notify->memory < 2 * (size_t)MEMORY_MAX;
}

void claim_want(struct lane *lane)
{
    struct notify *notify = lane->notify;
    if (lane->claim.busy || lane->claim.waiting) {
        return;
    }
    if (is_room(notify)) {
        post(lane);
        return;
    }
    lane->claim.waiting = true;
    list_add_tail(&notify->claims, &lane->claim.node);
}

void claims_next(struct notify *notify)
{
    while (!list_empty(&notify->claims) && is_room(notify)) {
        struct claim *claim = LIST_ENTRY(notify->claims.next, struct claim, node);
        list_remove(&claim->node);
        claim->waiting = false;
        lane_pump(claim->lane); // if it still wants one
    }
}

void claim_init(struct claim *claim, struct lane *lane)
{
    *claim = (struct claim){ .lane = lane };
    op_init(&claim->op, lane->notify, run_claim, take_claim);
    claim->op.task.keep = true;
    list_init(&claim->node);
    list_init(&claim->attempts);
}

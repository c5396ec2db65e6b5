// SPDX-License-Identifier: Apache-2.0
// What was committed: handed over in memory where it was leased from the start, else due; answered.
#include <stdlib.h>

#include "notify/accept.h"

void accepting_finish(struct accepting *accepting, tidings_status status, size_t count)
{
    struct notify *notify = accepting->op.notify;
    struct notify_submission *submission = accepting->submission;
    submission->done(submission, status, accepting->accepted, count, &accepting->op.err);
    free(accepting->ladder);
    free(accepting->many);
    list_add_tail(&notify->answered, &accepting->node);
    notify->answered_count++;
}

static void free_all(struct list *list)
{
    for (struct list *node = list_pop(list); node != NULL; node = list_pop(list)) {
        free(LIST_ENTRY(node, struct accepting, node));
    }
}

// Whoever submits takes from them under the lock that he needs anyway, instead of from the heap,
// which is slow for what one thread takes and another gives back.
void accepts_return(struct notify *notify)
{
    if (notify->answered_count == 0) {
        return;
    }
    pthread_mutex_lock(&notify->lock);
    notify->accept_count -= notify->answered_count;
    while (notify->spare_count < ACCEPTS_KEPT && !list_empty(&notify->answered)) {
        list_add_head(&notify->spare, list_pop(&notify->answered));
        notify->spare_count++;
    }
    pthread_mutex_unlock(&notify->lock);
    notify->answered_count = 0;
    free_all(&notify->answered);
}

void accepts_free(struct notify *notify)
{
    free_all(&notify->answered);
    free_all(&notify->spare);
}

static struct attempt *hand_over(struct accepting *accepting, size_t i, struct parcel *parcel)
{
    const struct record_target *target = &accepting->targets[i];
    struct lane *lane = accepting->lanes[i];
    struct attempt *attempt = parcel != NULL ? attempt_new(accepting->op.notify) : NULL;
    if (attempt == NULL) {
        return NULL;
    }
    parcel->refs++;
    attempt->op.notify = accepting->op.notify;
    attempt->lane = lane;
    attempt->parcel = parcel;
    attempt->claimed = (struct record_claimed){ .id = accepting->answers[i].id,
                                                .epoch = accepting->answers[i].epoch,
                                                .due_ms = target->due_ms,
                                                .ladder_id = target->ladder_id };
    attempt->lease_until_ms = target->lease_until_ms;
    attempt->came_us = accepting->came_us;
    attempt->ladder = accepting->ladder != NULL ? *accepting->ladder : lane->limits->ladder;
    lane->bytes += parcel->bytes;
    return attempt;
}

static void take_leased(struct accepting *accepting, size_t i, struct parcel *parcel)
{
    const struct record_target *target = &accepting->targets[i];
    struct lane *lane = accepting->lanes[i];
    struct notify *notify = lane->notify;
    struct attempt *attempt = hand_over(accepting, i, parcel);
    if (attempt == NULL) {
        notify->leased--;
        lane_is_due(lane, target->lease_until_ms);
        return;
    }
    bool same_ladder = accepting->ladder != NULL || lane->ladder_id == target->ladder_id;
    if (!same_ladder || atomic_load(&notify->stopping) ||
        gate_is_shut(lane, clock_wall_ms(notify->clock))) {
        attempt_release(attempt); // what changed meanwhile is for a claim to see
    } else {
        attempt_ready(attempt);
    }
}

static void take_target(struct accepting *accepting, size_t i, struct parcel *parcel)
{
    const struct record_target *target = &accepting->targets[i];
    const struct record_accepted *answer = &accepting->answers[i];
    struct lane *lane = accepting->lanes[i];
    struct notify *notify = lane->notify;
    bool leased = target->lease_until_ms != 0;
    bool is_new = accepting->op.status == TIDINGS_OK && answer->answer == RECORD_NEW;
    lane->pledged -= leased;
    if (is_new) {
        notify->stats.accepted++;
        lane->waiting++;
    } else {
        notify->leased -= leased;
    }
    if (is_new && leased) {
        take_leased(accepting, i, parcel);
    } else if (is_new) {
        lane_is_due(lane, target->due_ms);
    } else if (accepting->op.status == TIDINGS_E_LOST) { // it may be there
        lane_is_due(lane, leased ? target->lease_until_ms : target->due_ms);
    } else if (accepting->op.status == TIDINGS_OK) {
        notify->stats.duplicates += answer->answer == RECORD_SAME;
        notify->stats.conflicts += answer->answer == RECORD_CONFLICT;
    }
}

void accepting_take(struct op *op)
{
    struct accepting *accepting = BASE_CONTAINER_OF(op, struct accepting, op);
    struct notify *notify = op->notify;
    notify->accepts_out--;
    struct parcel *parcel = op->status == TIDINGS_OK && accepting->leased > 0
                                ? parcel_copy(notify, accepting->submission)
                                : NULL;
    for (size_t i = 0; i < accepting->count; i++) {
        take_target(accepting, i, parcel);
        lane_pump(accepting->lanes[i]);
        accepting->accepted[i] =
            (struct notify_accepted){ str_of(accepting->lanes[i]->name), accepting->answers[i] };
    }
    parcel_unref(notify, parcel);
    accepting_finish(accepting, op->status, op->status == TIDINGS_OK ? accepting->count : 0);
}

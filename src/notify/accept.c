// SPDX-License-Identifier: Apache-2.0
// The one way in: durable first, then answered, then due.
#include <stdlib.h>

#include "notify/private.h"

struct accepting {
    struct keeper_task task;
    struct answer answer;
    struct notify *notify;
    struct notify_submission *submission;
    struct record_target *targets;
    tidings_status status;
    struct tidings_error err;
};

static tidings_status run_accept(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct accepting *accepting = BASE_CONTAINER_OF(task, struct accepting, task);
    int64_t now_ms = clock_wall_ms(accepting->notify->clock);
    for (size_t i = 0; i < accepting->submission->receiver_count; i++) {
        accepting->targets[i].due_ms = now_ms;
    }
    // A submission that cannot be leaves the batch good: it is this one's answer.
    accepting->status = record_accept(record, &accepting->submission->record,
                                      accepting->submission->accepted, &accepting->err);
    bool own = accepting->status == TIDINGS_E_INVALID || accepting->status == TIDINGS_E_TOO_LARGE;
    if (accepting->status != TIDINGS_OK && !own && err != NULL) {
        *err = accepting->err;
    }
    return own ? TIDINGS_OK : accepting->status;
}

static void accept_done(struct keeper_task *task, tidings_status status,
                        const struct tidings_error *err)
{
    struct accepting *accepting = BASE_CONTAINER_OF(task, struct accepting, task);
    if (status != TIDINGS_OK) {
        accepting->status = status;
        if (err != NULL) {
            accepting->err = *err;
        }
    }
    answer_give(accepting->notify, &accepting->answer);
}

static void take_accepted(struct answer *answer)
{
    struct accepting *accepting = BASE_CONTAINER_OF(answer, struct accepting, answer);
    struct notify *notify = accepting->notify;
    const struct notify_submission *submission = accepting->submission;
    notify->out--;
    for (size_t i = 0; i < submission->receiver_count && accepting->status == TIDINGS_OK; i++) {
        struct receiver *receiver = receiver_find(notify, submission->receivers[i]);
        if (submission->accepted[i].answer == RECORD_NEW && receiver != NULL) {
            notify->stats.accepted++;
            receiver_is_due(receiver, accepting->targets[i].due_ms);
            receiver_pump(receiver);
        }
    }
    submission->done(submission->arg, accepting->status, &accepting->err);
    free(accepting->targets);
    free(accepting);
}

static tidings_status fill_targets(struct notify *notify, struct accepting *accepting,
                                   struct tidings_error *err)
{
    struct notify_submission *submission = accepting->submission;
    for (size_t i = 0; i < submission->receiver_count; i++) {
        const struct receiver *receiver = receiver_find(notify, submission->receivers[i]);
        if (receiver == NULL) {
            return error_set(err, TIDINGS_E_NOT_FOUND, "receiver \"%.*s\" is not known",
                             STR_ARG(submission->receivers[i]));
        }
        accepting->targets[i] =
            (struct record_target){ .receiver_id = receiver->id, .ladder_id = receiver->ladder_id };
    }
    submission->record.targets = accepting->targets;
    submission->record.target_count = submission->receiver_count;
    return TIDINGS_OK;
}

tidings_status notify_accept(struct notify *notify, struct notify_submission *submission,
                             struct tidings_error *err)
{
    struct accepting *accepting = NULL;
    if (submission->receiver_count == 0 || submission->receiver_count > RECORD_TARGETS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "%zu receivers: 1 to %d can be notified at once",
                         submission->receiver_count, RECORD_TARGETS_MAX);
    }
    accepting = calloc(1, sizeof *accepting);
    if (accepting != NULL) {
        accepting->targets = calloc(submission->receiver_count, sizeof *accepting->targets);
    }
    if (accepting == NULL || accepting->targets == NULL) {
        free(accepting);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to accept a notification");
    }
    accepting->task = (struct keeper_task){ .run = run_accept, .done = accept_done };
    accepting->answer.take = take_accepted;
    accepting->notify = notify;
    accepting->submission = submission;
    tidings_status status = fill_targets(notify, accepting, err);
    if (status == TIDINGS_OK) {
        status = keeper_post(notify->keeper, &accepting->task);
        if (status != TIDINGS_OK) {
            (void)error_set(err, status, "too much waits for the database: try again");
        }
    }
    if (status != TIDINGS_OK) {
        free(accepting->targets);
        free(accepting);
        return status;
    }
    notify->out++;
    return TIDINGS_OK;
}

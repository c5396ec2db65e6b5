// SPDX-License-Identifier: Apache-2.0
// One attempt: the request, what its reply means, the outcome on record.
#include <stdio.h>

#include "notify/private.h"

enum { GONE = 410 };

// ---- the outcome is stored ----
static tidings_status run_settle(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct attempt *attempt = BASE_CONTAINER_OF(task, struct attempt, task);
    attempt->status = record_settle(record, &attempt->outcome, err);
    return attempt->status == TIDINGS_E_STATE ? TIDINGS_OK : attempt->status; // it is another's
}

static void settle_done(struct keeper_task *task, tidings_status status,
                        const struct tidings_error *err)
{
    struct attempt *attempt = BASE_CONTAINER_OF(task, struct attempt, task);
    (void)err;
    attempt->status = status != TIDINGS_OK ? status : attempt->status;
    answer_give(attempt->receiver->notify, &attempt->answer);
}

static void count(struct notify *notify, const struct attempt *attempt)
{
    enum record_event event = attempt->outcome.event;
    if (attempt->status == TIDINGS_OK) {
        notify->stats.delivered += event == RECORD_TAKEN;
        notify->stats.dead += event == RECORD_END;
    } else if (attempt->status == TIDINGS_E_STATE) {
        notify->stats.stale++;
    } else {
        notify->stats.unsettled++; // its lease ends by itself
    }
}

static void end_attempt(struct attempt *attempt)
{
    struct receiver *receiver = attempt->receiver;
    enum record_event event = attempt->outcome.event;
    bool waits =
        attempt->status == TIDINGS_OK && (event == RECORD_RETRY || event == RECORD_RELEASE);
    count(receiver->notify, attempt);
    receiver->in_flight--;
    if (waits) {
        receiver_is_due(receiver, attempt->outcome.due_ms);
    } else if (attempt->status != TIDINGS_OK) {
        receiver_is_due(receiver, clock_wall_ms(receiver->notify->clock) +
                                      receiver->settings.timeout_ms + LEASE_SLACK_MS);
    }
    attempt_free(attempt);
    receiver_pump(receiver);
}

static void take_settled(struct answer *answer)
{
    struct attempt *attempt = BASE_CONTAINER_OF(answer, struct attempt, answer);
    attempt->receiver->notify->out--;
    end_attempt(attempt);
}

static void settle(struct attempt *attempt)
{
    struct notify *notify = attempt->receiver->notify;
    attempt->task = (struct keeper_task){ .run = run_settle, .done = settle_done, .keep = true };
    attempt->answer.take = take_settled;
    tidings_status status = keeper_post(notify->keeper, &attempt->task);
    if (status == TIDINGS_OK) {
        notify->out++;
        return;
    }
    attempt->status = status; // its lease ends by itself
    end_attempt(attempt);
}

static void fill_outcome(struct attempt *attempt)
{
    const struct record_claimed *claimed = &attempt->claimed;
    attempt->outcome = (struct record_outcome){
        .id = claimed->id,
        .epoch = claimed->epoch,
        .receiver_id = attempt->receiver->id,
        .ladder_id = claimed->ladder_id,
        .first_ms = claimed->first_ms != 0 ? claimed->first_ms : attempt->begun_ms,
        .earlier = claimed->earlier,
    };
    attempt->outcome.attempt.number = claimed->earlier + claimed->attempts + 1;
    attempt->outcome.attempt.begun_ms = attempt->begun_ms;
}

void attempt_release(struct attempt *attempt)
{
    fill_outcome(attempt);
    attempt->outcome.event = RECORD_RELEASE;
    attempt->outcome.due_ms = attempt->claimed.due_ms;
    settle(attempt);
}

// ---- what a reply means ----
static bool is_taken(const struct http_result *result)
{
    return result->failure == HTTP_FINE && result->status >= 200 && result->status < 300;
}

static void climb(struct attempt *attempt, const struct http_result *result)
{
    static const enum record_reason reasons[] = { [LADDER_RUNGS_USED] = RECORD_REASON_LADDER,
                                                  [LADDER_LIMIT] = RECORD_REASON_LIMIT,
                                                  [LADDER_WINDOW] = RECORD_REASON_WINDOW };
    struct record_outcome *outcome = &attempt->outcome;
    struct notify *notify = attempt->receiver->notify;
    struct ladder_step step;
    if (result->failure == HTTP_FINE && result->status == GONE) {
        outcome->event = RECORD_END;
        outcome->reason = RECORD_REASON_GONE;
        return;
    }
    ladder_next(&attempt->ladder, (unsigned)attempt->claimed.attempts, outcome->first_ms,
                clock_wall_ms(notify->clock), result->retry_after_ms, &notify->rnd, &step);
    if (step.dead != LADDER_ALIVE) {
        outcome->event = RECORD_END;
        outcome->reason = reasons[step.dead];
        return;
    }
    outcome->event = RECORD_RETRY;
    outcome->due_ms = step.due_ms;
    outcome->attempt.next_due_ms = step.due_ms;
}

static int32_t phase(int64_t us)
{
    return us < 0 ? -1 : us < INT32_MAX ? (int32_t)us : INT32_MAX;
}

static void record_result(struct attempt *attempt, const struct http_result *result)
{
    struct record_attempt *made = &attempt->outcome.attempt;
    size_t kept = result->reply.len < REPLY_KEPT ? result->reply.len : REPLY_KEPT;
    made->dns_us = phase(result->dns_us);
    made->connect_us = phase(result->connect_us);
    made->tls_us = phase(result->tls_us);
    made->first_byte_us = phase(result->first_byte_us);
    made->total_us = phase(result->total_us);
    made->http_status = result->status;
    made->error_class = (int32_t)result->failure;
    (void)snprintf(attempt->error, sizeof attempt->error, "%s", result->error);
    struct str error = str_of(attempt->error);
    made->error = str_is_utf8(error) ? error : STR("(no text)");
    if (kept > 0) {
        memcpy(attempt->reply, result->reply.ptr, kept);
    }
    made->reply = str_make(attempt->reply, kept);
}

static void on_reply(void *arg, const struct http_result *result)
{
    struct attempt *attempt = arg;
    struct notify *notify = attempt->receiver->notify;
    if (result->failure == HTTP_ENDED) { // we stop: whether it arrived is not known
        attempt_release(attempt);
        return;
    }
    fill_outcome(attempt);
    record_result(attempt, result);
    notify->stats.attempts++;
    if (is_taken(result)) {
        attempt->outcome.event = RECORD_TAKEN;
    } else {
        climb(attempt, result);
    }
    settle(attempt);
}

// ---- the request ----
void attempt_start(struct attempt *attempt)
{
    struct receiver *receiver = attempt->receiver;
    struct notify *notify = receiver->notify;
    char id[RECORD_ID_SIZE];
    char number[12];
    struct tidings_error err = { 0 };
    attempt->begun_ms = clock_wall_ms(notify->clock);
    record_id_format(attempt->claimed.id, id);
    (void)snprintf(number, sizeof number, "%d",
                   attempt->claimed.earlier + attempt->claimed.attempts + 1);
    const struct record_notification *notification = &attempt->notification;
    const struct http_field fields[] = {
        { STR("webhook-id"), str_of(id) },
        { STR("tidings-attempt"), str_of(number) },
        { STR("Content-Type"), notification->content_type.len > 0
                                   ? notification->content_type
                                   : STR("application/octet-stream") },
    };
    const struct http_outgoing outgoing = { .method = "POST",
                                            .url = receiver->settings.url,
                                            .fields = fields,
                                            .field_count = BASE_COUNT(fields),
                                            .body = notification->payload,
                                            .deadline_ms = receiver->settings.timeout_ms,
                                            .reply_max = REPLY_KEPT };
    if (http_client_send(notify->client, &outgoing, on_reply, attempt, NULL, &err) != TIDINGS_OK) {
        const struct http_result failed = { .failure = HTTP_IMPOSSIBLE,
                                            .error = err.text,
                                            .dns_us = -1,
                                            .connect_us = -1,
                                            .tls_us = -1,
                                            .first_byte_us = -1 };
        on_reply(attempt, &failed);
    }
}

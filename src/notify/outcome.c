// SPDX-License-Identifier: Apache-2.0
// How an attempt ends: what the reply means, what follows by the ladder, and all of it on record.
#include <stdio.h>

#include "notify/private.h"

enum { GONE = 410 };

// ---- the outcome is stored ----
static tidings_status run_settle(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct attempt *attempt = BASE_CONTAINER_OF(task, struct attempt, op.task);
    const struct flight *flight = attempt->flight;
    tidings_status status =
        op_own(&attempt->op, record_settle(record, &attempt->outcome, &attempt->op.err), err);
    return status == TIDINGS_OK && flight != NULL && flight->saves_gate
               ? record_gate_put(record, &flight->gate, err)
               : status;
}

static void count(struct attempt *attempt)
{
    struct notify *notify = attempt->op.notify;
    struct lane *lane = attempt->lane;
    enum record_event event = attempt->outcome.event;
    if (attempt->op.status == TIDINGS_OK) {
        bool ends = event == RECORD_TAKEN || event == RECORD_END;
        notify->stats.delivered += event == RECORD_TAKEN;
        lane->delivered += event == RECORD_TAKEN;
        notify->stats.dead += event == RECORD_END;
        lane->dead += event == RECORD_END;
        lane->waiting -= ends;
    } else if (attempt->op.status == TIDINGS_E_STATE) {
        notify->stats.stale++;
    } else {
        notify->stats.unsettled++; // its lease ends by itself
        lane->gate.saved = (struct record_gate){ .failures = INT64_MAX }; // nobody knows
        log_line(notify->options.log, LOG_WARN, "notify",
                 "msg=\"an outcome could not be stored\" receiver=%s error=\"%s\"", lane->name,
                 error_text(&attempt->op.err, attempt->op.status));
    }
}

static void end_attempt(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    struct notify *notify = attempt->op.notify;
    enum record_event event = attempt->outcome.event;
    count(attempt);
    notify->leased--;
    if (attempt->op.status != TIDINGS_OK) {
        lane_is_due(lane, attempt->lease_until_ms);
    } else if (event == RECORD_RETRY || event == RECORD_RELEASE || event == RECORD_LOST) {
        lane_is_due(lane, attempt->outcome.due_ms);
    }
    flight_drop(notify, attempt->flight);
    attempt_free(attempt);
    lane_pump(lane);
}

// What the store did not take is brought again, for as long as the lease holds: an outcome that is
// lost is an attempt made twice.
static void take_settled(struct op *op)
{
    struct attempt *attempt = BASE_CONTAINER_OF(op, struct attempt, op);
    struct notify *notify = op->notify;
    bool stored = op->status == TIDINGS_OK || op->status == TIDINGS_E_STATE;
    if (!stored && !atomic_load(&notify->stopping) &&
        clock_wall_ms(notify->clock) < attempt->lease_until_ms) {
        list_add_tail(&notify->unstored, &attempt->node);
        return;
    }
    end_attempt(attempt);
}

// What was sent is needed no more.
static void drop_parcel(struct attempt *attempt)
{
    if (attempt->parcel != NULL) {
        attempt->lane->bytes -= attempt->parcel->bytes;
        parcel_unref(attempt->op.notify, attempt->parcel);
        attempt->parcel = NULL;
    }
}

static void post(struct attempt *attempt)
{
    op_init(&attempt->op, attempt->op.notify, run_settle, take_settled);
    attempt->op.task.keep = true;
    op_post_soon(&attempt->op);
}

static void settle(struct attempt *attempt)
{
    drop_parcel(attempt);
    post(attempt);
}

void outcomes_again(struct notify *notify)
{
    struct list again;
    list_init(&again);
    for (struct list *node = list_pop(&notify->unstored); node != NULL;
         node = list_pop(&notify->unstored)) {
        list_add_tail(&again, node);
    }
    for (struct list *node = list_pop(&again); node != NULL; node = list_pop(&again)) {
        post(LIST_ENTRY(node, struct attempt, node));
    }
}

static void fill_outcome(struct attempt *attempt)
{
    const struct record_claimed *claimed = &attempt->claimed;
    attempt->outcome = (struct record_outcome){
        .id = claimed->id,
        .epoch = claimed->epoch,
        .receiver_id = attempt->lane->id,
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

// We stop: whether it arrived is not known.
static void lose(struct attempt *attempt)
{
    fill_outcome(attempt);
    attempt->outcome.event = RECORD_LOST;
    attempt->outcome.due_ms = attempt->claimed.due_ms;
    attempt_unknown(&attempt->outcome.attempt, attempt->outcome.attempt.number, attempt->begun_ms,
                    attempt->claimed.due_ms,
                    "the server was stopped during this attempt: whether it arrived is not known");
    settle(attempt);
}

void attempt_end(struct attempt *attempt, enum record_reason reason)
{
    fill_outcome(attempt);
    attempt->outcome.event = RECORD_END;
    attempt->outcome.reason = reason;
    attempt->outcome.attempt = (struct record_attempt){
        .number = attempt->claimed.earlier + attempt->claimed.attempts,
    };
    settle(attempt);
}

// ---- what follows ----
static void climb(struct attempt *attempt, const struct http_result *result)
{
    static const enum record_reason reasons[] = { [LADDER_RUNGS_USED] = RECORD_REASON_LADDER,
                                                  [LADDER_LIMIT] = RECORD_REASON_LIMIT,
                                                  [LADDER_WINDOW] = RECORD_REASON_WINDOW };
    struct record_outcome *outcome = &attempt->outcome;
    struct notify *notify = attempt->op.notify;
    struct ladder_step step;
    outcome->event = RECORD_END;
    if (result->failure == HTTP_FINE && result->status == GONE) {
        outcome->reason = RECORD_REASON_GONE;
        return;
    }
    ladder_next(&attempt->ladder, (unsigned)attempt->claimed.attempts, outcome->first_ms,
                clock_wall_ms(notify->clock), result->retry_after_ms, &notify->rnd, &step);
    if (step.dead != LADDER_ALIVE) {
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

// A text that was cut may end within a character.
static struct str whole_text(const char *text)
{
    struct str whole = str_of(text);
    for (int i = 0; i < 4 && !str_is_utf8(whole) && whole.len > 0; i++) {
        whole.len--;
    }
    return str_is_utf8(whole) ? whole : STR("(no text)");
}

static void record_result(struct attempt *attempt, const struct http_result *result, int class)
{
    struct record_attempt *made = &attempt->outcome.attempt;
    struct flight *flight = attempt->flight;
    size_t kept = result->reply.len < REPLY_KEPT ? result->reply.len : REPLY_KEPT;
    made->dns_us = phase(result->dns_us);
    made->connect_us = phase(result->connect_us);
    made->tls_us = phase(result->tls_us);
    made->first_byte_us = phase(result->first_byte_us);
    made->total_us = phase(result->total_us);
    made->http_status = result->status;
    made->error_class = class;
    if (result->failure != HTTP_FINE) { // else it has why the reply did not fit
        (void)snprintf(flight->error, sizeof flight->error, "%s", result->error);
    }
    made->error = whole_text(flight->error);
    if (kept > 0) {
        memcpy(flight->reply, result->reply.ptr, kept);
    }
    made->reply = str_make(flight->reply, kept);
}

static void count_reply(struct attempt *attempt, const struct http_result *result, bool taken,
                        int class)
{
    struct notify_stats *stats = &attempt->op.notify->stats;
    struct lane *lane = attempt->lane;
    stats->attempts++;
    stats->attempts_by_class[class]++;
    histogram_add(&stats->attempt_time, result->total_us > 0 ? result->total_us : 0);
    lane->attempts++;
    lane->failed += !taken;
    if (result->total_us < QUICK_US) {
        lane->quick_us = clock_mono_us(lane->notify->clock);
    }
}

// A receiver that says that it is gone is told nothing more, until somebody resumes it.
static void stop_lane(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    if (lane->state == NOTIFY_ACTIVE) {
        log_line(attempt->op.notify->options.log, LOG_WARN, "notify",
                 "msg=\"receiver answered 410 Gone: nothing more is sent\" receiver=%s",
                 lane->name);
        lane->state = NOTIFY_GONE;
        change_state(lane);
    }
}

static void judge(struct attempt *attempt, const struct http_result *result)
{
    struct flight *flight = attempt->flight;
    flight->error[0] = '\0';
    bool taken = result->failure == HTTP_FINE &&
                 receiver_is_taken(flight->request.settings, result->status, result->reply,
                                   result->truncated, flight->error, sizeof flight->error);
    int class = attempt_class(result, taken);
    if (taken) {
        flight->error[0] = '\0';
        attempt->outcome.event = RECORD_TAKEN;
    } else {
        climb(attempt, result);
    }
    record_result(attempt, result, class);
    count_reply(attempt, result, taken, class);
    gate_heard(attempt->lane, result, taken);
    flight->saves_gate = gate_save(attempt->lane, &flight->gate);
    if (attempt->outcome.reason == RECORD_REASON_GONE) {
        stop_lane(attempt);
    }
}

void attempt_replied(void *arg, const struct http_result *result)
{
    struct attempt *attempt = arg;
    struct lane *lane = attempt->lane;
    struct notify *notify = attempt->op.notify;
    lane->flying--;
    notify->flying--;
    if (result->failure == HTTP_ENDED) {
        receiver_request_deinit(&attempt->flight->request);
        lose(attempt);
        return;
    }
    fill_outcome(attempt);
    judge(attempt, result);
    receiver_request_deinit(&attempt->flight->request);
    settle(attempt);
    lane_pump(lane);
    dispatch_run(notify);
}

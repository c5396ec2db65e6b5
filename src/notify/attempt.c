// SPDX-License-Identifier: Apache-2.0
// One attempt: from ready to under way. See outcome.c for how it ends.
#include <stdlib.h>

#include "notify/private.h"

struct attempt *attempt_new(struct notify *notify)
{
    struct list *node = list_pop(&notify->attempts_kept);
    if (node == NULL) {
        return calloc(1, sizeof(struct attempt));
    }
    struct attempt *attempt = LIST_ENTRY(node, struct attempt, node);
    notify->attempts_kept_count--;
    memset(attempt, 0, sizeof *attempt);
    return attempt;
}

void attempt_free(struct attempt *attempt)
{
    struct notify *notify = attempt->op.notify;
    parcel_unref(notify, attempt->parcel);
    if (notify->attempts_kept_count == ATTEMPTS_KEPT) {
        free(attempt);
        return;
    }
    list_add_head(&notify->attempts_kept, &attempt->node);
    notify->attempts_kept_count++;
}

void attempts_free(struct notify *notify)
{
    for (struct list *node = list_pop(&notify->attempts_kept); node != NULL;
         node = list_pop(&notify->attempts_kept)) {
        free(LIST_ENTRY(node, struct attempt, node));
    }
}

void attempt_ready(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    list_add_tail(&lane->ready, &attempt->node);
    lane->ready_count++;
}

// ---- flights ----
static struct flight *take_flight(struct notify *notify)
{
    struct flight *flight = notify->flights;
    if (flight == NULL) {
        return calloc(1, sizeof *flight);
    }
    notify->flights = flight->next;
    notify->flights_kept--;
    return flight;
}

void flight_drop(struct notify *notify, struct flight *flight)
{
    if (flight == NULL) {
        return;
    }
    if (notify->flights_kept == FLIGHTS_KEPT) {
        free(flight);
        return;
    }
    flight->next = notify->flights;
    notify->flights = flight;
    notify->flights_kept++;
}

void flights_free(struct notify *notify)
{
    while (notify->flights != NULL) {
        struct flight *next = notify->flights->next;
        free(notify->flights);
        notify->flights = next;
    }
}

// ---- begin ----
static void count_begin(struct attempt *attempt)
{
    const struct record_claimed *claimed = &attempt->claimed;
    struct notify *notify = attempt->op.notify;
    struct lane *lane = attempt->lane;
    lane->begun++;
    if (!claimed->taken_over) {
        int64_t late_ms = attempt->begun_ms - claimed->due_ms;
        histogram_add(&notify->stats.lateness, late_ms * 1000);
    }
    if (attempt->came_us != 0) {
        histogram_add(&notify->stats.accept_arrive,
                      clock_mono_us(notify->clock) - attempt->came_us);
    } else if (claimed->attempts + claimed->earlier == 0) {
        int64_t accepted_ms = record_id_time_ms(claimed->id);
        if (claimed->due_ms <= accepted_ms + 1000) { // else it was not wanted sooner
            histogram_add(&notify->stats.accept_arrive, (attempt->begun_ms - accepted_ms) * 1000);
        }
    }
}

static tidings_status send_it(struct attempt *attempt, struct tidings_error *err)
{
    struct flight *flight = attempt->flight;
    const struct record_notification *view = &attempt->parcel->view;
    char id[RECORD_ID_SIZE];
    record_id_format(attempt->claimed.id, id);
    const struct receiver_message message = {
        .id = id,
        .attempt = attempt->claimed.earlier + attempt->claimed.attempts + 1,
        .source = view->source,
        .type = view->type,
        .tx_no = view->tx_no,
        .content_type = view->content_type,
        .headers = view->headers,
        .payload = view->payload,
    };
    if (attempt->broken != NULL) {
        return error_set(err, TIDINGS_E_CORRUPT, "%s", attempt->broken);
    }
    tidings_status status = receiver_request_build(attempt->lane->settings, &message,
                                                   attempt->begun_ms, &flight->request, err);
    if (status == TIDINGS_OK) {
        status = http_client_send(attempt->op.notify->client, &flight->request.outgoing,
                                  attempt_replied, attempt, NULL, err);
    }
    return status;
}

// Its time came and went while nothing could be sent: a receiver that was paused or parked, a
// server that stood still.
static bool is_past_its_window(const struct attempt *attempt)
{
    const struct record_claimed *claimed = &attempt->claimed;
    int64_t window_ms = attempt->ladder.window_ms;
    return window_ms > 0 && claimed->first_ms != 0 &&
           attempt->begun_ms - claimed->first_ms > window_ms + WINDOW_SLACK_MS;
}

void attempt_begin(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    struct notify *notify = attempt->op.notify;
    struct tidings_error err = { 0 };
    attempt->begun_ms = clock_wall_ms(notify->clock);
    if (is_past_its_window(attempt)) {
        attempt_end(attempt, RECORD_REASON_WINDOW);
        return;
    }
    if (attempt->begun_ms + lane->limits->timeout_ms > attempt->lease_until_ms - LEASE_SAFETY_MS) {
        attempt_release(attempt);
        return;
    }
    attempt->flight = take_flight(notify);
    if (attempt->flight == NULL) {
        attempt_release(attempt);
        return;
    }
    attempt->flight->saves_gate = false;
    gate_begin(lane);
    count_begin(attempt);
    lane->flying++;
    notify->flying++;
    if (send_it(attempt, &err) != TIDINGS_OK) {
        const struct http_result failed = { .failure = HTTP_IMPOSSIBLE,
                                            .error = err.text,
                                            .dns_us = -1,
                                            .connect_us = -1,
                                            .tls_us = -1,
                                            .first_byte_us = -1 };
        attempt_replied(attempt, &failed);
    }
}

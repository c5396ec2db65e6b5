// SPDX-License-Identifier: Apache-2.0
// One delivery: judged, counted, answered now or later.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/listen.h"

static const char *header(const struct http_request *request, const char *name)
{
    const char *value = http_request_header(request, name);
    return value != NULL ? value : "";
}

const char *listen_header(const struct http_request *request, const char *ours, const char *event)
{
    const char *value = http_request_header(request, ours);
    return value != NULL ? value : http_request_header(request, event);
}

static void wake(struct listener *listener)
{
    uint64_t one = 1;
    if (write(listener->wake, &one, sizeof one) < 0) {
        return; // full of wake-ups that are not yet read: as good
    }
}

// Which answer this delivery gets. Under the lock.
static void decide(struct listener *listener, struct listen_delivery *delivery)
{
    struct listen_entry *entry = listen_entry(listener, delivery->id);
    if (entry == NULL) {
        delivery->answer = LISTEN_REFUSED;
        delivery->status = 503;
        (void)snprintf(delivery->why, sizeof delivery->why, "no memory");
        return;
    }
    delivery->number = ++entry->deliveries;
    if (delivery->number <= listener->fail) {
        delivery->answer = LISTEN_FAILED;
        delivery->status = 500;
    } else if (delivery->number - listener->fail <= listener->hang) {
        delivery->answer = LISTEN_HUNG;
        delivery->status = 0;
    } else {
        delivery->answer = entry->taken ? LISTEN_AGAIN : LISTEN_TAKEN;
        delivery->status = (int)listener->status;
        entry->taken = true;
    }
}

static void settle(struct listener *listener, struct listen_delivery *delivery, bool good)
{
    pthread_mutex_lock(&listener->lock);
    if (good) {
        decide(listener, delivery);
    }
    listener->counts[delivery->answer]++;
    listen_print(listener, delivery);
    pthread_mutex_unlock(&listener->lock);
}

// The answer comes when it is due; at once when too many wait already.
static void answer_later(struct listener *listener, struct http_exchange *exchange,
                         struct listen_late *late, int64_t after_ms)
{
    http_exchange_later(exchange);
    late->exchange = exchange;
    heap_node_init(&late->node);
    pthread_mutex_lock(&listener->lock);
    tidings_status status = listener->stopping
                                ? TIDINGS_E_CLOSED
                                : heap_push(&listener->late, &late->node,
                                            clock_mono_us(clock_system()) + after_ms * 1000);
    pthread_mutex_unlock(&listener->lock);
    if (status != TIDINGS_OK) {
        free(late);
        http_exchange_answer(exchange);
    }
}

static void deliver(struct listener *listener, struct listen_delivery *delivery,
                    struct http_response *response)
{
    bool good = strlen(delivery->id) <= SIGN_ID_MAX;
    if (!good) {
        delivery->id = "";
        (void)snprintf(delivery->why, sizeof delivery->why, "webhook-id is over %d bytes",
                       SIGN_ID_MAX);
    }
    delivery->status = good ? 401 : 400;
    delivery->verdict = "not compared";
    delivery->answer = LISTEN_REFUSED;
    good = good && listen_judge(listener, delivery);
    settle(listener, delivery, good);
    bool hangs = delivery->answer == LISTEN_HUNG;
    if (delivery->answer == LISTEN_FAILED || hangs) {
        (void)snprintf(delivery->why, sizeof delivery->why, "told to %s", hangs ? "hang" : "fail");
    }
    if (hangs) {
        delivery->status = 503; // when the hang ends after all
    }
    listen_reply(listener, delivery, response);
    int64_t after_ms = hangs ? LISTEN_HANG_MS : good ? listener->delay_ms : 0;
    struct listen_late *late = after_ms > 0 ? calloc(1, sizeof *late) : NULL;
    if (late != NULL) {
        answer_later(listener, delivery->request->exchange, late, after_ms);
    }
    wake(listener);
}

void listen_handle(void *arg, const struct http_request *request, struct http_response *response)
{
    struct listener *listener = arg;
    if (strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0) {
        const char *type = listen_header(request, "tidings-type", "ce-type");
        struct listen_delivery delivery = {
            .request = request,
            .id = header(request, "webhook-id"),
            .attempt = header(request, "tidings-attempt"),
            .type = type != NULL ? type : "",
        };
        deliver(listener, &delivery, response);
        return;
    }
    bool asks = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    response->status = asks ? 200 : 405;
    if (!asks) {
        http_response_field(response, "Allow", "GET, HEAD, POST, PUT");
    }
    if (buf_add_str(&response->body, STR("tidings listen: POST notifications here\n")) !=
        TIDINGS_OK) {
        response->status = 503;
    }
}

int64_t listen_answer_due(struct listener *listener, bool all)
{
    int64_t left_us = -1;
    pthread_mutex_lock(&listener->lock);
    listener->stopping = all;
    for (;;) {
        struct heap_node *next = heap_peek(&listener->late);
        int64_t now_us = clock_mono_us(clock_system());
        if (next == NULL || (!all && next->due > now_us)) {
            left_us = next != NULL ? next->due - now_us : -1;
            break;
        }
        struct listen_late *late =
            BASE_CONTAINER_OF(heap_pop(&listener->late), struct listen_late, node);
        pthread_mutex_unlock(&listener->lock);
        http_exchange_answer(late->exchange);
        free(late);
        pthread_mutex_lock(&listener->lock);
    }
    pthread_mutex_unlock(&listener->lock);
    return left_us;
}

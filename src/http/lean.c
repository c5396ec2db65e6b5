// SPDX-License-Identifier: Apache-2.0
#include "http/lean.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/net.h"

enum { TIMEOUTS_MAX = 1 << 20 };

// ---- the one timer: what fires too early goes on ----
static void arm(struct lean *lean, int64_t now_us)
{
    const struct heap_node *first = heap_peek(&lean->timeouts);
    if (first == NULL || first->due >= lean->timer_armed_us) {
        return;
    }
    int64_t left_us = first->due - now_us;
    lean->timer_armed_us = first->due;
    net_timer_start(lean->timer, left_us > 0 ? (left_us + 999) / 1000 : 0);
}

void lean_set_timeout(struct lean_call *call, int64_t due_us)
{
    struct lean *lean = call->lean;
    if (call->timeout.index != SIZE_MAX && call->timeout.due == due_us) {
        return;
    }
    heap_remove(&lean->timeouts, &call->timeout);
    BASE_ASSERT(heap_push(&lean->timeouts, &call->timeout, due_us) == TIDINGS_OK); // it was in it
    if (due_us < lean->timer_armed_us) {
        arm(lean, clock_mono_us(clock_system()));
    }
}

static void end_late(struct lean_call *call, int64_t now_us)
{
    int64_t waited_ms = (now_us - call->call.begun_us) / 1000;
    const char *what = call->conn == NULL && call->address_count == 0 ? "no address"
                       : call->conn == NULL                           ? "no connection"
                       : call->first_byte_us < 0                      ? "no answer"
                                                                      : "no whole answer";
    call->failure = HTTP_DEADLINE;
    call->end_us = now_us;
    (void)snprintf(call->error, sizeof call->error, "%s within %lld ms", what,
                   (long long)waited_ms);
    client_finish(&call->call);
}

static void timer_fired(void *arg)
{
    struct lean *lean = arg;
    int64_t now_us = clock_mono_us(clock_system());
    lean->timer_armed_us = INT64_MAX;
    for (struct heap_node *first = heap_peek(&lean->timeouts);
         first != NULL && first->due <= now_us; first = heap_peek(&lean->timeouts)) {
        struct lean_call *call = BASE_CONTAINER_OF(first, struct lean_call, timeout);
        if (call->is_over) {
            client_finish(&call->call);
        } else if (call->call.deadline_us <= now_us) {
            end_late(call, now_us);
        } else {
            lean_dial_more(call, now_us);
        }
    }
    arm(lean, now_us);
}

// ---- calls ----
static void let_go(struct lean_call *call)
{
    names_leave(&call->waiter);
    lean_dial_stop(call);
    if (call->conn != NULL) {
        struct lean_conn *conn = call->conn;
        call->conn = NULL;
        if (call->may_be_kept) {
            lean_keep(conn, call->end_us);
        } else {
            lean_conn_close(conn);
        }
    }
}

void lean_fail(struct lean_call *call, enum http_failure failure, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(call->error, sizeof call->error, format, args);
    va_end(args);
    call->failure = failure;
    call->is_over = true;
    call->may_be_kept = false;
    let_go(call);
    call->end_us = clock_mono_us(clock_system());
    lean_set_timeout(call, call->end_us);
}

static bool start(struct http_call *base)
{
    struct lean_call *call = lean_call_of(base);
    struct lean *lean = call->lean;
    int64_t now_us = base->begun_us + base->waited_us;
    if (heap_push(&lean->timeouts, &call->timeout, base->deadline_us) != TIDINGS_OK) {
        return false;
    }
    arm(lean, now_us);
    struct lean_conn *conn = lean_take_kept(base->host);
    if (conn != NULL) {
        call->is_reused = true;
        lean_go_on(call, conn);
    } else {
        lean_dial(call);
    }
    return true;
}

static void stop(struct http_call *base)
{
    struct lean_call *call = lean_call_of(base);
    heap_remove(&call->lean->timeouts, &call->timeout);
    let_go(call);
}

const struct http_way lean_way = { start, stop, lean_read_result, lean_release };

// ---- life ----
bool lean_new(struct http_client *client, struct lean **ret)
{
    struct lean *lean = calloc(1, sizeof *lean);
    if (lean == NULL) {
        return false;
    }
    lean->client = client;
    lean->timer_armed_us = INT64_MAX;
    list_init(&lean->unused);
    list_init(&lean->kept);
    heap_init(&lean->timeouts, TIMEOUTS_MAX);
    *ret = lean;
    return net_timer_new(client->loop, timer_fired, lean, &lean->timer) == TIDINGS_OK &&
           net_timer_new(client->loop, lean_idle_ended, lean, &lean->idle_timer) == TIDINGS_OK;
}

void lean_free(struct lean *lean)
{
    if (lean == NULL) {
        return;
    }
    while (!list_empty(&lean->kept)) {
        lean_drop_kept(LIST_ENTRY(lean->kept.next, struct lean_conn, age));
    }
    for (struct list *node = list_pop(&lean->unused); node != NULL;
         node = list_pop(&lean->unused)) {
        lean_call_free(lean_call_of(LIST_ENTRY(node, struct http_call, node)));
    }
    names_free(lean->names);
    net_timer_free(lean->timer);
    net_timer_free(lean->idle_timer);
    heap_deinit(&lean->timeouts);
    free(lean);
}

// SPDX-License-Identifier: Apache-2.0
// Deadlines of connections: a wheel of buckets, SWEEP_MS each, and one timer that runs while there
// are any.
//
// A connection stands in the bucket of the earliest moment at which it could be overdue. Reading
// and writing only move that moment away, so they touch nothing here: when the bucket's time comes
// the connection is looked at, and closed or put where its deadline is now. A sweep costs what is
// in its buckets, not what is connected, and an active connection is looked at once per time-out.
#include "net/private.h"

static int64_t earlier(int64_t deadline_ms, int64_t from_ms, int64_t timeout_ms)
{
    if (timeout_ms <= 0 || timeout_ms >= INT64_MAX - from_ms) {
        return deadline_ms;
    }
    return from_ms + timeout_ms < deadline_ms ? from_ms + timeout_ms : deadline_ms;
}

// INT64_MAX = none now.
static int64_t deadline_of(const struct net_conn *conn)
{
    int64_t deadline_ms = conn->deadline_ms > 0 ? conn->deadline_ms : INT64_MAX;
    if (conn->state == CONN_OPEN && !conn_is_stopped(conn)) {
        deadline_ms = earlier(deadline_ms, conn->active_ms, conn->options.idle_timeout_ms);
        if (conn->in.len > 0 && !conn->congested) {
            deadline_ms = earlier(deadline_ms, conn->frame_from_ms, conn->options.frame_timeout_ms);
        }
    }
    return deadline_ms;
}

static void put(struct net_conn *conn, int64_t due_ms)
{
    struct net_loop *loop = conn->loop;
    if (loop->wheel_count == 0 && list_empty(&conn->wheel_node)) {
        loop->wheel_tick = loop_now_ms(loop) / SWEEP_MS;
    }
    int64_t tick = due_ms / SWEEP_MS + (due_ms % SWEEP_MS != 0);
    int64_t last = loop->wheel_tick + WHEEL_SIZE - 1;
    tick = tick > last ? last : tick;
    tick = tick <= loop->wheel_tick ? loop->wheel_tick + 1 : tick;
    if (!list_empty(&conn->wheel_node)) {
        if (conn->wheel_tick <= tick) {
            return;
        }
        deadline_remove(conn);
    }
    conn->wheel_tick = tick;
    list_add_tail(&loop->wheel[tick % WHEEL_SIZE], &conn->wheel_node);
    if (loop->wheel_count++ == 0 && !uv_is_active((uv_handle_t *)&loop->sweep)) {
        uv_timer_again(&loop->sweep);
    }
}

void deadline_update(struct net_conn *conn)
{
    int64_t due_ms = conn->state != CONN_CLOSING ? deadline_of(conn) : INT64_MAX;
    if (due_ms != INT64_MAX) {
        put(conn, due_ms);
    }
}

void deadline_remove(struct net_conn *conn)
{
    if (!list_empty(&conn->wheel_node)) {
        list_remove(&conn->wheel_node);
        conn->loop->wheel_count--;
    }
}

static void look_at(struct net_conn *conn, int64_t now_ms)
{
    int64_t due_ms = deadline_of(conn);
    if (due_ms <= now_ms) {
        conn_close(conn, conn->lingering ? conn->why : TIDINGS_E_TIMEOUT);
    } else if (due_ms != INT64_MAX) {
        put(conn, due_ms);
    } else if (conn->state == CONN_OPEN && !conn->paused && conn_is_stopped(conn)) {
        put(conn, now_ms + RECHECK_MS); // nobody tells it when pause_all ends
    }
}

void deadline_sweep(struct net_loop *loop)
{
    int64_t now_ms = loop_now_ms(loop);
    int64_t now_tick = now_ms / SWEEP_MS;
    int64_t first = loop->wheel_tick + 1;
    if (now_tick < first) {
        return;
    }
    loop->wheel_tick = now_tick; // what is put back goes behind it
    int64_t last = now_tick - first >= WHEEL_SIZE ? first + WHEEL_SIZE - 1 : now_tick;
    for (int64_t tick = first; tick <= last; tick++) {
        struct list *bucket = &loop->wheel[tick % WHEEL_SIZE];
        struct list due;
        list_init(&due);
        for (struct list *node = list_pop(bucket); node != NULL; node = list_pop(bucket)) {
            list_add_tail(&due, node);
        }
        for (struct list *node = list_pop(&due); node != NULL; node = list_pop(&due)) {
            loop->wheel_count--;
            look_at(LIST_ENTRY(node, struct net_conn, wheel_node), now_ms);
        }
    }
    room_sweep(loop);
}

// The sweep itself comes after the poll: what the peers sent while we were held up counts.
static void on_sweep(uv_timer_t *handle)
{
    struct net_loop *loop = handle->data;
    if (loop->wheel_count == 0) {
        uv_timer_stop(handle);
        return;
    }
    loop->sweep_due = true;
    loop_hurry(loop);
}

tidings_status deadline_init(struct net_loop *loop)
{
    for (size_t i = 0; i < WHEEL_SIZE; i++) {
        list_init(&loop->wheel[i]);
    }
    uv_timer_init(&loop->uv, &loop->sweep);
    loop->sweep.data = loop;
    // Only sets the period; put() starts it again when there is something to watch.
    int result = uv_timer_start(&loop->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_timer_stop(&loop->sweep);
    uv_unref((uv_handle_t *)&loop->sweep);
    return result == 0 ? TIDINGS_OK : TIDINGS_E_IO;
}

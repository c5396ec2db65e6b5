// SPDX-License-Identifier: Apache-2.0
// Room for incomplete frames, of all accepted connections together. Over in_total_soft who has more
// than IN_SHARE of an unfinished frame is hungry: it is not read from until there is room again.
//
// So that not all stand still with half a frame each, one of them goes on all the same, the one
// that lacks least. And who is read from but sends nothing for STALL_MS is closed meanwhile: its
// memory is what the others wait for. A hungry connection's time for its frame runs on.
#include "net/private.h"

static bool is_over(const struct net_loop *loop)
{
    return loop->options.in_total_soft > 0 && loop->stats.in_waiting > loop->options.in_total_soft;
}

static bool is_large(const struct net_conn *conn)
{
    return conn->accepted && conn->state == CONN_OPEN && conn->in.len > IN_SHARE;
}

static size_t missing(const struct net_conn *conn)
{
    return conn->need > conn->in.len ? conn->need - conn->in.len : 0;
}

static void feed(struct net_conn *conn)
{
    conn->hungry = false;
    conn->was_hungry = true;
    conn_make_ready(conn);
}

static void feed_one(struct net_loop *loop)
{
    struct net_conn *least = NULL;
    for (struct list *node = loop->hungry.next; node != &loop->hungry; node = node->next) {
        struct net_conn *conn = LIST_ENTRY(node, struct net_conn, wait_node);
        if (!conn->congested && (least == NULL || missing(conn) < missing(least))) {
            least = conn;
        }
    }
    if (least != NULL) {
        loop->favourite = least;
        feed(least);
    }
}

void room_feed(struct net_loop *loop)
{
    if (list_empty(&loop->hungry)) {
        return;
    }
    if (!is_over(loop)) {
        while (!list_empty(&loop->hungry)) {
            feed(LIST_ENTRY(loop->hungry.next, struct net_conn, wait_node));
        }
    } else if (loop->favourite == NULL) {
        feed_one(loop);
    }
}

void room_done(struct net_conn *conn)
{
    if (conn->loop->favourite == conn) {
        conn->loop->favourite = NULL;
    }
}

void room_count(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    if (!conn->accepted) {
        return;
    }
    loop->stats.in_waiting += conn->in.size - conn->in_counted; // unsigned: may also go down
    conn->in_counted = conn->in.size;
    if (!is_large(conn)) {
        room_done(conn); // or gone
    }
    conn->hungry = is_large(conn) && is_over(loop) && loop->favourite != conn;
    room_feed(loop);
}

void room_sweep(struct net_loop *loop)
{
    if (list_empty(&loop->hungry) || !is_over(loop)) {
        return;
    }
    int64_t now_ms = loop_now_ms(loop);
    for (struct list *node = loop->conns.next; node != &loop->conns; node = node->next) {
        struct net_conn *conn = LIST_ENTRY(node, struct net_conn, node);
        if (is_large(conn) && !conn_is_blocked(conn) && now_ms - conn->active_ms > STALL_MS) {
            conn_close(conn, TIDINGS_E_TIMEOUT); // leaves the list later in the turn
        }
    }
}

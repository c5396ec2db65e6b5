// SPDX-License-Identifier: Apache-2.0
// Writing: handlers fill `out`; at the end of the turn it is sent in one call. What the socket does
// not take is handed to libuv as `sending` while the next answers gather in a fresh `out`.
//
// Buffers come from a small pool of the loop and go back to it when drained, so that a connection
// without traffic holds none, and a busy one does not allocate.
#include <errno.h>
#include <stdlib.h>

#include "net/private.h"

// ---- the pool ----
void pool_take(struct net_loop *loop, struct buf *buf)
{
    if (buf->size == 0 && loop->pool_count > 0 &&
        loop->pool[loop->pool_count - 1].size <= buf->max) {
        struct spare spare = loop->pool[--loop->pool_count];
        buf->ptr = spare.ptr;
        buf->size = spare.size;
    }
}

void pool_give(struct net_loop *loop, struct buf *buf)
{
    if (buf->size > 0 && buf->size <= POOL_KEEP && loop->pool_count < POOL_MAX) {
        loop->pool[loop->pool_count++] = (struct spare){ buf->ptr, buf->size };
        buf_init(buf, buf->max);
    } else {
        buf_deinit(buf);
    }
}

// ---- output ----
void conn_count_out(struct net_conn *conn)
{
    size_t now = conn->out.len + conn->sending.len;
    conn->loop->stats.out_waiting += now - conn->counted; // unsigned: may also go down
    conn->counted = now;
}

// Whether a reader is slow enough that no more of its requests are taken: by its own measure, or,
// when all together hold too much, by a smaller one.
static bool is_slow(const struct net_conn *conn)
{
    size_t own = conn->out.len + conn->sending.len;
    size_t total_max = conn->loop->options.out_total_soft;
    return (conn->options.out_soft > 0 && own > conn->options.out_soft) ||
           (total_max > 0 && conn->loop->stats.out_waiting > total_max && own > OUT_SHARE);
}

bool net_conn_is_congested(const struct net_conn *conn)
{
    return conn->congested;
}

struct buf *net_conn_out(struct net_conn *conn)
{
    pool_take(conn->loop, &conn->out);
    return &conn->out;
}

void conn_mark_dirty(struct net_conn *conn)
{
    if (list_empty(&conn->dirty_node)) {
        list_add_tail(&conn->loop->dirty, &conn->dirty_node);
    }
}

static void flush(struct net_conn *conn);

static void on_written(uv_write_t *write, int result)
{
    struct net_conn *conn = write->data;
    conn->write_busy = false;
    conn->sending.len = 0;
    pool_give(conn->loop, &conn->sending);
    conn_count_out(conn);
    if (result != 0) {
        conn_close(conn, TIDINGS_E_NETWORK);
        return;
    }
    conn->active_ms = loop_now_ms(conn->loop);
    flush(conn);
    if (conn->congested && conn->state == CONN_OPEN && !is_slow(conn)) {
        conn->congested = false;
        if (!conn->paused) {
            conn_make_ready(conn);
        }
    }
}

// The rest that the socket did not take leaves when it can.
static void write_rest(struct net_conn *conn, size_t done)
{
    conn->sending = conn->out;
    buf_init(&conn->out, conn->options.out_max);
    uv_buf_t rest = { .base = conn->sending.ptr + done, .len = conn->sending.len - done };
    conn->loop->stats.bytes_out += rest.len;
    conn->write.data = conn;
    conn->write_busy = true;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->handle, &rest, 1, on_written) != 0) {
        conn->write_busy = false;
        conn_close(conn, TIDINGS_E_NETWORK);
    }
}

// How many bytes the socket took, 0 when it is full, -1 when it is broken.
static ssize_t send_now(struct net_conn *conn)
{
    if (fault_hit(conn->loop->options.fault, FAULT_NET_WRITE) != 0) {
        return -1;
    }
    ssize_t done;
    do {
        done = send(conn->fd, conn->out.ptr, conn->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (done < 0 && errno == EINTR);
    if (done < 0 && errno == EAGAIN) {
        return 0;
    }
    return done;
}

// All is written: ends our side and waits a little for the peer's end (see conn_drain).
static void linger(struct net_conn *conn)
{
    int64_t until_ms = loop_now_ms(conn->loop) + LINGER_MS;
    if (conn->peer_ended || shutdown(conn->fd, SHUT_WR) != 0) {
        conn_close(conn, conn->why);
        return;
    }
    conn->lingering = true;
    conn->deadline_ms = until_ms < conn->deadline_ms ? until_ms : conn->deadline_ms;
    deadline_update(conn);
}

static void flush(struct net_conn *conn)
{
    if (conn->write_busy || conn->lingering ||
        (conn->state != CONN_OPEN && conn->state != CONN_DRAINING)) {
        return;
    }
    if (conn->tls != NULL && tls_seal(conn) != TIDINGS_OK) {
        conn_close(conn, TIDINGS_E_PROTOCOL);
        return;
    }
    if (conn->out.len > 0) {
        int64_t now_ms = loop_now_ms(conn->loop);
        ssize_t done = send_now(conn);
        if (done < 0) {
            conn_close(conn, TIDINGS_E_NETWORK);
            return;
        }
        conn->loop->stats.bytes_out += (uint64_t)done;
        if ((size_t)done < conn->out.len) {
            write_rest(conn, (size_t)done);
            conn_count_out(conn);
            return;
        }
        conn->active_ms = now_ms;
        conn->out.len = 0;
        conn->out.max = conn->options.out_max; // TLS needs a little more
        pool_give(conn->loop, &conn->out);
    }
    conn_count_out(conn);
    if (conn->state == CONN_DRAINING) {
        linger(conn);
    }
}

tidings_status net_conn_flush(struct net_conn *conn)
{
    if (conn->state == CONN_CONNECTING) {
        return TIDINGS_OK; // leaves when it is open
    }
    if (conn->state != CONN_OPEN) {
        return TIDINGS_E_CLOSED;
    }
    if (conn->out.len + conn->sending.len > conn->options.out_max) {
        conn_close(conn, TIDINGS_E_FULL);
        return TIDINGS_E_FULL;
    }
    if (conn->out.len > OUT_EAGER) {
        flush(conn);
    }
    if (conn->state == CONN_OPEN && conn->out.len > 0) {
        conn_count_out(conn);
        conn_mark_dirty(conn);
        // Only while the socket takes no more: its next readiness ends it.
        conn->congested = conn->congested || (conn->write_busy && is_slow(conn));
    } else if (conn->state == CONN_OPEN) {
        pool_give(conn->loop, &conn->out); // nothing was written into it
    }
    return conn->state == CONN_OPEN ? TIDINGS_OK : TIDINGS_E_CLOSED;
}

void conn_flush_all(struct net_loop *loop)
{
    for (struct list *node = list_pop(&loop->dirty); node != NULL; node = list_pop(&loop->dirty)) {
        flush(LIST_ENTRY(node, struct net_conn, dirty_node));
    }
}

// SPDX-License-Identifier: Apache-2.0
// Reading frames and writing output.
#include <stdlib.h>

#include "net/private.h"

// ---- reading ----
// Delivers the whole frames at the start of bytes; returns how many bytes they were. Stops when the
// connection is paused or no longer open. *ret_need gets the size of the frame that is not whole, 0
// when unknown.
static size_t deliver(struct net_conn *conn, const char *bytes, size_t have, size_t *ret_need)
{
    size_t used = 0;
    *ret_need = 0;
    while (used < have && conn->state == CONN_OPEN && !conn->paused) {
        size_t size = conn->handler->measure(conn->arg, bytes + used, have - used);
        if (size > conn->options->frame_max) { // also SIZE_MAX: no frame can follow
            conn->in.len = 0;
            net_conn_close(conn);
            conn->why = TIDINGS_E_PROTOCOL;
            return have;
        }
        if (size == 0 || size > have - used) {
            *ret_need = size;
            break;
        }
        conn->handler->frame(conn->arg, conn, str_make(bytes + used, size));
        used += size;
    }
    return used;
}

// Keeps what was not delivered.
static void keep_rest(struct net_conn *conn, const char *rest, size_t len)
{
    if (len == 0) {
        conn->frame_from_ms = 0;
        return;
    }
    if (buf_add(&conn->in, rest, len) != TIDINGS_OK) {
        conn_close(conn, TIDINGS_E_NO_MEMORY);
        return;
    }
    if (conn->frame_from_ms == 0) {
        conn->frame_from_ms = conn->loop->now_ms > 0 ? conn->loop->now_ms : 1;
    }
}

void conn_deliver_waiting(struct net_conn *conn)
{
    size_t need;
    if (conn->in_frames || conn->in.len == 0) {
        return;
    }
    conn->in_frames = true;
    struct buf waiting = conn->in; // frames may not grow the buffer that they stand in
    buf_init(&conn->in, waiting.max);
    size_t used = deliver(conn, waiting.ptr, waiting.len, &need);
    conn->in_frames = false;
    if (conn->state != CONN_OPEN) {
        buf_deinit(&waiting);
        return;
    }
    if (used == waiting.len) {
        buf_deinit(&waiting);
        conn->frame_from_ms = 0;
        return;
    }
    if (used > 0) {
        buf_consume(&waiting, used);
        conn->frame_from_ms = conn->loop->now_ms > 0 ? conn->loop->now_ms : 1;
    }
    conn->in = waiting;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct net_conn *conn = handle->data;
    (void)suggested;
    *ret = uv_buf_init(conn->loop->read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct net_conn *conn = stream->data;
    size_t need;
    if (got < 0) {
        conn_close(conn, got == UV_EOF ? TIDINGS_E_EOF : TIDINGS_E_NETWORK);
        return;
    }
    if (got == 0 || conn->state != CONN_OPEN) {
        return;
    }
    conn->active_ms = conn->loop->now_ms;
    conn->loop->stats.bytes_in += (uint64_t)got;
    if (conn->in.len > 0 || conn->paused) {
        keep_rest(conn, buffer->base, (size_t)got);
        if (conn->state == CONN_OPEN) {
            conn_deliver_waiting(conn);
        }
        return;
    }
    conn->in_frames = true;
    size_t used = deliver(conn, buffer->base, (size_t)got, &need);
    conn->in_frames = false;
    if (conn->state == CONN_OPEN) {
        keep_rest(conn, buffer->base + used, (size_t)got - used);
    }
}

void conn_read_start(struct net_conn *conn)
{
    if (!conn->reading && conn->state == CONN_OPEN && !conn->paused) {
        conn->reading = uv_read_start((uv_stream_t *)&conn->handle, on_alloc, on_read) == 0;
        if (!conn->reading) {
            conn_close(conn, TIDINGS_E_NETWORK);
        }
    }
}

void conn_read_stop(struct net_conn *conn)
{
    if (conn->reading) {
        uv_read_stop((uv_stream_t *)&conn->handle);
        conn->reading = false;
    }
}

void net_conn_pause(struct net_conn *conn)
{
    conn->paused = true;
    conn_read_stop(conn);
}

void net_conn_resume(struct net_conn *conn)
{
    if (!conn->paused || conn->state != CONN_OPEN) {
        return;
    }
    conn->paused = false;
    conn_deliver_waiting(conn);
    if (!conn->paused) {
        conn_read_start(conn);
    }
}

void net_loop_pause_all(struct net_loop *loop)
{
    loop->paused_all = true;
    list_for_each (node, &loop->conns) {
        struct net_conn *conn = LIST_ENTRY(node, struct net_conn, node);
        if (conn->accepted) {
            net_conn_pause(conn);
        }
    }
}

void net_loop_resume_all(struct net_loop *loop)
{
    loop->paused_all = false;
    list_for_each_safe (node, following, &loop->conns) {
        struct net_conn *conn = LIST_ENTRY(node, struct net_conn, node);
        if (conn->accepted && !loop->paused_all) {
            net_conn_resume(conn);
        }
    }
}

// ---- writing ----
struct buf *net_conn_out(struct net_conn *conn)
{
    return &conn->out;
}

static void flush(struct net_conn *conn);

static void on_written(uv_write_t *write, int result)
{
    struct net_conn *conn = write->data;
    conn->write_busy = false;
    if (conn->sending.size > OUT_KEEP) {
        buf_deinit(&conn->sending);
    } else {
        buf_clear(&conn->sending);
    }
    if (result != 0) {
        conn_close(conn, TIDINGS_E_NETWORK);
        return;
    }
    conn->active_ms = conn->loop->now_ms;
    flush(conn);
}

static void release_out(struct net_conn *conn)
{
    if (conn->out.size > OUT_KEEP) {
        buf_deinit(&conn->out);
    } else {
        buf_clear(&conn->out);
    }
}

// The rest that the socket did not take is written when it can.
static void write_rest(struct net_conn *conn, size_t done)
{
    struct buf swap = conn->sending;
    conn->sending = conn->out;
    conn->out = swap;
    buf_clear(&conn->out);
    uv_buf_t rest = uv_buf_init(conn->sending.ptr + done, (unsigned)(conn->sending.len - done));
    conn->write.data = conn;
    conn->write_busy = true;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->handle, &rest, 1, on_written) != 0) {
        conn->write_busy = false;
        conn_close(conn, TIDINGS_E_NETWORK);
    }
}

static void flush(struct net_conn *conn)
{
    if (conn->write_busy || (conn->state != CONN_OPEN && conn->state != CONN_DRAINING)) {
        return;
    }
    if (conn->out.len > 0) {
        uv_buf_t all = uv_buf_init(conn->out.ptr, (unsigned)conn->out.len);
        int fault = fault_hit(conn->loop->options.fault, FAULT_NET_WRITE);
        int done = fault != 0 ? -fault : uv_try_write((uv_stream_t *)&conn->handle, &all, 1);
        if (done < 0 && done != UV_EAGAIN) {
            conn_close(conn, TIDINGS_E_NETWORK);
            return;
        }
        done = done < 0 ? 0 : done;
        conn->loop->stats.bytes_out += conn->out.len;
        if ((size_t)done < conn->out.len) {
            write_rest(conn, (size_t)done);
            return;
        }
        conn->active_ms = conn->loop->now_ms;
        release_out(conn);
    }
    if (conn->state == CONN_DRAINING) {
        conn_close(conn, conn->why);
    }
}

tidings_status net_conn_flush(struct net_conn *conn)
{
    if (conn->state != CONN_OPEN) {
        return TIDINGS_E_CLOSED;
    }
    if (conn->out.len + conn->sending.len > conn->options->out_max) {
        conn_close(conn, TIDINGS_E_FULL);
        return TIDINGS_E_FULL;
    }
    if (!conn->is_dirty) {
        conn->is_dirty = true;
        list_add_tail(&conn->loop->dirty, &conn->dirty_node);
    }
    if (conn->out.len > OUT_EAGER) {
        flush(conn);
    }
    return TIDINGS_OK;
}

void conn_flush_all(struct net_loop *loop)
{
    for (struct list *node = list_pop(&loop->dirty); node; node = list_pop(&loop->dirty)) {
        struct net_conn *conn = LIST_ENTRY(node, struct net_conn, dirty_node);
        conn->is_dirty = false;
        flush(conn);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Reading frames. One buffer per loop is read into; whole frames are delivered right out of it, and
// only an incomplete rest is kept in the connection's own buffer, which grows with what arrived.
//
// A connection that is not read from (paused, or back-pressure on all) keeps behind that rest what
// the last read brought. It is delivered from the loop's idle step, never from inside the call that
// resumes.
#include "net/private.h"

bool conn_is_stopped(const struct net_conn *conn)
{
    return conn->paused || (conn->accepted && conn->loop->paused_all);
}

bool conn_is_blocked(const struct net_conn *conn)
{
    return conn->congested || conn->hungry || conn_is_stopped(conn);
}

static bool may_deliver(const struct net_conn *conn)
{
    return conn->state == CONN_OPEN && !conn_is_blocked(conn);
}

// ---- frames ----
// Size of the frame at bytes; 0 when it is not whole, with the size in conn->need when known. A
// frame that cannot be closes the connection.
static size_t whole_frame(struct net_conn *conn, const char *bytes, size_t have)
{
    size_t size = conn->handler->measure(conn->arg, bytes, have);
    size_t frame_max = conn->options.frame_max;
    if (size > frame_max || (size == 0 && have > frame_max)) { // also SIZE_MAX
        conn_drain(conn, TIDINGS_E_PROTOCOL);
        return 0;
    }
    conn->need = size;
    return size <= have ? size : 0;
}

// Delivers the whole frames at the start of bytes; returns how many bytes they were.
static size_t deliver(struct net_conn *conn, const char *bytes, size_t have)
{
    size_t used = 0;
    conn->need = 0;
    while (used < have && may_deliver(conn)) {
        size_t size = whole_frame(conn, bytes + used, have - used);
        if (size == 0) {
            break;
        }
        room_done(conn);
        conn->handler->frame(conn->arg, conn, str_make(bytes + used, size));
        used += size;
        conn->need = 0;
    }
    return used;
}

// Adds to the incomplete frame in conn->in what belongs to it and delivers it. Returns how many
// bytes were used of those at hand.
static size_t complete(struct net_conn *conn, const char *bytes, size_t have)
{
    size_t used = 0;
    while (used < have && conn->in.len > 0 && may_deliver(conn)) {
        size_t before = conn->in.len;
        // Size unknown: a little more, so that not much is copied that belongs to the next frame.
        size_t chunk = conn->need > before ? conn->need - before : before + 64;
        chunk = chunk > have - used ? have - used : chunk;
        if (buf_add(&conn->in, bytes + used, chunk) != TIDINGS_OK) {
            conn_close(conn, TIDINGS_E_NO_MEMORY);
            break;
        }
        used += chunk;
        size_t size = whole_frame(conn, conn->in.ptr, conn->in.len);
        if (size == 0) {
            continue;
        }
        if (size <= before) { // it was whole before: measure contradicts itself
            conn_drain(conn, TIDINGS_E_PROTOCOL);
            break;
        }
        used -= conn->in.len - size;
        struct buf whole = conn->in; // nothing may touch it while its frame is looked at
        buf_init(&conn->in, whole.max);
        conn->need = 0;
        room_done(conn);
        conn->handler->frame(conn->arg, conn, str_make(whole.ptr, size));
        pool_give(conn->loop, &whole);
    }
    return used;
}

// Out of the way of reading until resume_all.
static void hold(struct net_conn *conn)
{
    conn_read_stop(conn);
    if (!conn->paused && list_empty(&conn->wait_node)) {
        list_add_tail(conn->hungry ? &conn->loop->hungry : &conn->loop->held, &conn->wait_node);
    }
    room_feed(conn->loop);
}

static void keep_rest(struct net_conn *conn, const char *rest, size_t len)
{
    bool is_new = conn->in.len == 0;
    if (conn->in.size == 0) {
        pool_take(conn->loop, &conn->in);
    }
    if (buf_add(&conn->in, rest, len) != TIDINGS_OK) {
        conn_close(conn, TIDINGS_E_NO_MEMORY);
        return;
    }
    if (is_new) {
        conn->frame_from_ms = loop_now_ms(conn->loop);
        deadline_update(conn);
    }
}

void conn_take(struct net_conn *conn, const char *bytes, size_t len)
{
    size_t used = 0;
    if (conn->in.len > 0) {
        used = complete(conn, bytes, len);
    }
    if (conn->in.len == 0) {
        used += deliver(conn, bytes + used, len - used);
    }
    if (conn->state == CONN_OPEN && used < len) {
        keep_rest(conn, bytes + used, len - used);
    }
    room_count(conn);
    if (conn->state == CONN_OPEN && conn_is_blocked(conn)) {
        hold(conn);
    }
}

// ---- the socket ----
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct net_conn *conn = handle->data;
    bool no_room = conn->state == CONN_OPEN && conn_is_blocked(conn);
    (void)suggested;
    *ret = uv_buf_init(conn->loop->read_buffer, no_room ? 0 : READ_SIZE);
}

void conn_read_failed(struct net_conn *conn, ssize_t result)
{
    bool waiting = conn->out.len > 0 || conn->write_busy;
    if (result != UV_EOF) {
        conn_close(conn, conn->state == CONN_DRAINING && !waiting ? conn->why : TIDINGS_E_NETWORK);
        return;
    }
    conn->peer_ended = true;
    conn_read_stop(conn);
    if (!waiting) {
        conn_close(conn, conn->state == CONN_DRAINING ? conn->why : TIDINGS_E_EOF);
    } else if (conn->state == CONN_OPEN) {
        conn_drain(conn,
                   TIDINGS_E_EOF); // it may have ended only its own side: answers are still due
    }
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct net_conn *conn = stream->data;
    wake_after_sleep(conn->loop);
    if (conn->state == CONN_CLOSING) {
        return;
    }
    if (got == UV_ENOBUFS) { // on_alloc gave none
        hold(conn);
        return;
    }
    if (got < 0) {
        conn_read_failed(conn, got);
        return;
    }
    if (got > 0) {
        conn->loop->stats.bytes_in += (uint64_t)got;
        if (conn->state == CONN_OPEN) {
            conn->active_ms = loop_now_ms(conn->loop);
            if (conn->options.tls != NULL && (conn->accepted || conn->tls != NULL)) {
                tls_take(conn, buffer->base, (size_t)got);
            } else {
                conn_take(conn, buffer->base, (size_t)got);
            }
        }
    }
}

void conn_read_start(struct net_conn *conn)
{
    bool wanted = (conn->state == CONN_OPEN && !conn->paused) || conn->state == CONN_DRAINING;
    if (!conn->reading && wanted) {
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

// ---- pausing ----
void net_conn_pause(struct net_conn *conn)
{
    conn->paused = true;
    if (conn->state == CONN_OPEN) {
        list_remove(&conn->wait_node);
        conn_read_stop(conn);
    }
}

void conn_make_ready(struct net_conn *conn)
{
    list_remove(&conn->wait_node);
    list_add_tail(&conn->loop->ready, &conn->wait_node);
    loop_hurry(conn->loop);
}

void net_conn_resume(struct net_conn *conn)
{
    if (!conn->paused) {
        return;
    }
    conn->paused = false;
    if (conn->state != CONN_OPEN) {
        return;
    }
    room_count(conn);
    if (conn_is_blocked(conn)) {
        hold(conn);
    } else {
        conn_make_ready(conn);
    }
}

// Nothing is done to each connection here: who has something to read is stopped when it comes
// (on_alloc).
void net_loop_pause_all(struct net_loop *loop)
{
    loop->paused_all = true;
}

void net_loop_resume_all(struct net_loop *loop)
{
    loop->paused_all = false;
    while (!list_empty(&loop->held)) {
        conn_make_ready(LIST_ENTRY(loop->held.next, struct net_conn, wait_node));
    }
}

static void go_on(struct net_conn *conn)
{
    if (conn_is_blocked(conn)) {
        hold(conn); // paused again meanwhile
        return;
    }
    conn->active_ms = loop_now_ms(conn->loop); // the pause was ours, not the peer's silence
    if (!conn->was_hungry) {
        conn->frame_from_ms = conn->active_ms;
    }
    conn->was_hungry = false;
    if (conn->in.len > 0) {
        struct buf waiting = conn->in;
        buf_init(&conn->in, waiting.max);
        size_t used = deliver(conn, waiting.ptr, waiting.len);
        if (used < waiting.len && conn->state == CONN_OPEN) {
            buf_consume(&waiting, used);
            conn->in = waiting;
        } else {
            pool_give(conn->loop, &waiting);
        }
    }
    room_count(conn);
    if (conn->state == CONN_OPEN && conn_is_blocked(conn)) {
        hold(conn);
    } else if (conn->state == CONN_OPEN) {
        conn_read_start(conn);
        deadline_update(conn);
    }
}

void conn_go_on_all(struct net_loop *loop)
{
    struct list batch; // who becomes ready meanwhile waits for the next turn
    list_init(&batch);
    for (struct list *node = list_pop(&loop->ready); node != NULL; node = list_pop(&loop->ready)) {
        list_add_tail(&batch, node);
    }
    for (struct list *node = list_pop(&batch); node != NULL; node = list_pop(&batch)) {
        go_on(LIST_ENTRY(node, struct net_conn, wait_node));
    }
}

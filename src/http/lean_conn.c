// SPDX-License-Identifier: Apache-2.0
// A connection that has a call: the request goes out, the reply comes in.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/lean.h"
#include "net/net.h"

// ---- out ----
static bool is_sent(const struct lean_call *call)
{
    return call->sent == call->head.len + call->body.len;
}

static ssize_t write_some(const struct lean_call *call)
{
    struct iovec parts[2];
    size_t count = 0;
    size_t head_len = call->head.len;
    size_t body_sent = call->sent > head_len ? call->sent - head_len : 0;
    if (call->sent < head_len) {
        parts[count++] = (struct iovec){ call->head.ptr + call->sent, call->head.len - call->sent };
    }
    if (body_sent < call->body.len) { // two casts: an iovec has no const, here it is only read
        parts[count++] = (struct iovec){ (void *)(uintptr_t)(call->body.ptr + body_sent),
                                         call->body.len - body_sent };
    }
    const struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
    return sendmsg(call->conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// One write; what it does not take waits until there is room.
static void send_more(struct lean_call *call)
{
    ssize_t sent = write_some(call);
    bool is_full = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (sent > 0) {
        call->sent += (size_t)sent;
    } else if (sent < 0 && !is_full && errno != EPIPE && errno != ECONNRESET) {
        lean_fail(call, HTTP_SEND, "the request cannot be written: %s", strerrordesc_np(errno));
        return;
    } else if (!is_full) {
        call->write_broken = true; // perhaps there is an answer all the same: reading tells
    }
    bool waits = !is_sent(call) && !call->write_broken;
    if (!lean_conn_ask(call->conn, waits ? NET_READABLE | NET_WRITABLE : NET_READABLE)) {
        lean_fail(call, HTTP_IMPOSSIBLE, "no memory to watch a connection");
    }
}

void lean_go_on(struct lean_call *call, struct lean_conn *conn)
{
    conn->call = call;
    call->conn = conn;
    send_more(call);
}

// ---- in ----
static void finish(struct lean_call *call)
{
    call->end_us = clock_mono_us(clock_system());
    client_finish(&call->call);
}

// Nobody can have seen the request, or it may be seen twice.
static bool may_go_again(const struct lean_call *call)
{
    return call->is_reused && !call->is_second && call->first_byte_us < 0 &&
           (call->is_get || call->sent == 0);
}

static void go_again(struct lean_call *call)
{
    lean_conn_close(call->conn);
    call->conn = NULL;
    call->is_second = true;
    call->is_reused = call->write_broken = false;
    call->sent = 0;
    lean_dial(call);
}

static void ended(struct lean_call *call, int error)
{
    if (call->is_reused && call->first_byte_us < 0) {
        lean_mistrust_host(call->lean, call->call.host);
    }
    if (may_go_again(call)) {
        go_again(call);
    } else if (error == 0 && reply_ends(&call->reply)) {
        finish(call);
    } else if (call->first_byte_us >= 0) {
        bool in_head = call->reply.state <= REPLY_FIELDS;
        lean_fail(call, HTTP_RECEIVE, "the reply ended within its %s", in_head ? "head" : "body");
    } else if (!is_sent(call)) {
        lean_fail(call, HTTP_SEND, "the connection was closed before the request was out");
    } else {
        lean_fail(call, HTTP_RECEIVE, "the connection was closed before an answer came");
    }
}

static void receive(struct lean_call *call)
{
    struct lean *lean = call->lean;
    size_t used;
    ssize_t got = recv(call->conn->fd, lean->buffer, sizeof lean->buffer, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            ended(call, got == 0 ? 0 : errno);
        }
        return;
    }
    if (call->first_byte_us < 0) {
        call->first_byte_us = clock_mono_us(clock_system()) - call->call.begun_us;
    }
    switch (
        reply_feed(&call->reply, str_make(lean->buffer, (size_t)got), &call->reply_body, &used)) {
    case REPLY_GOES_ON: break;
    case REPLY_IS_WHOLE: // an answer that came early, or has something behind it, is the last one
        call->may_be_kept = call->reply.keeps && used == (size_t)got && is_sent(call);
        finish(call);
        break;
    case REPLY_IS_WRONG: lean_fail(call, HTTP_MALFORMED, "%s", call->reply.wrong); break;
    case REPLY_NO_MEMORY: lean_fail(call, HTTP_IMPOSSIBLE, "no memory for the reply"); break;
    }
}

// ---- the socket ----
static void conn_ready(void *arg, int ready)
{
    struct lean_conn *conn = arg;
    struct lean_call *call = conn->call;
    if (call == NULL) {
        lean_drop_kept(conn);
        return;
    }
    if (!conn->is_open) {
        lean_dialled(conn);
        return;
    }
    if ((ready & NET_WRITABLE) != 0 && !is_sent(call)) {
        send_more(call);
    }
    if ((ready & NET_READABLE) != 0 && !call->is_over) {
        receive(call);
    }
}

bool lean_conn_ask(struct lean_conn *conn, int wanted)
{
    if (conn->asked == wanted) {
        return true;
    }
    conn->asked = wanted;
    return net_watch_set(conn->watch, wanted) == TIDINGS_OK;
}

struct lean_conn *lean_conn_new(struct lean_call *call, int fd)
{
    struct lean_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    *conn =
        (struct lean_conn){ .lean = call->lean, .host = call->call.host, .call = call, .fd = fd };
    list_init(&conn->node);
    list_init(&conn->age);
    if (net_watch_new(call->lean->client->loop, fd, conn_ready, conn, &conn->watch) != TIDINGS_OK) {
        free(conn);
        return NULL;
    }
    return conn;
}

void lean_conn_close(struct lean_conn *conn)
{
    net_watch_free(conn->watch);
    (void)close(conn->fd);
    free(conn);
}

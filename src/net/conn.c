// SPDX-License-Identifier: Apache-2.0
// Connections: the table of ids, opening, closing.
#include <stdlib.h>
#include <unistd.h>

#include "net/private.h"

// ---- ids: generation << 32 | slot ----
static tidings_status grow_slots(struct net_loop *loop)
{
    uint32_t old_size = loop->slot_size;
    uint32_t size = old_size == 0 ? 64 : old_size * 2;
    struct slot *grown = size > old_size ? realloc(loop->slots, size * sizeof *grown) : NULL;
    if (grown == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    memset(grown + old_size, 0, (size - old_size) * sizeof *grown);
    for (uint32_t i = size - 1; i >= old_size && i > 0; i--) {
        grown[i].next_free = loop->free_slot;
        loop->free_slot = i;
    }
    loop->slots = grown;
    loop->slot_size = size;
    return TIDINGS_OK;
}

static tidings_status take_slot(struct net_loop *loop, struct net_conn *conn)
{
    if (loop->free_slot == 0 && grow_slots(loop) != TIDINGS_OK) {
        return TIDINGS_E_NO_MEMORY;
    }
    uint32_t index = loop->free_slot;
    struct slot *slot = &loop->slots[index];
    loop->free_slot = slot->next_free;
    slot->conn = conn;
    slot->generation++;
    conn->id = (uint64_t)slot->generation << 32 | index;
    return TIDINGS_OK;
}

static void give_slot(struct net_conn *conn)
{
    struct net_loop *loop = conn->loop;
    uint32_t index = (uint32_t)conn->id;
    loop->slots[index].conn = NULL;
    if (loop->slots[index].generation < UINT32_MAX) { // else its ids are used up
        loop->slots[index].next_free = loop->free_slot;
        loop->free_slot = index;
    }
}

uint64_t net_conn_id(const struct net_conn *conn)
{
    return conn->id;
}

struct net_conn *net_conn_find(struct net_loop *loop, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index == 0 || index >= loop->slot_size ||
        loop->slots[index].generation != (uint32_t)(id >> 32)) {
        return NULL;
    }
    struct net_conn *conn = loop->slots[index].conn;
    return conn != NULL && conn->state == CONN_OPEN ? conn : NULL;
}

void *net_conn_user(const struct net_conn *conn)
{
    return conn->user;
}

void net_conn_set_user(struct net_conn *conn, void *user)
{
    conn->user = user;
}

// ---- opening ----
tidings_status conn_new(struct net_loop *loop, const struct net_handler *handler, void *arg,
                        const struct net_conn_options *options, struct net_conn **ret)
{
    if (loop->stats.connections >= loop->options.connections_max) {
        return TIDINGS_E_FULL;
    }
    struct net_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL || take_slot(loop, conn) != TIDINGS_OK) {
        free(conn);
        return TIDINGS_E_NO_MEMORY;
    }
    uv_tcp_init(&loop->uv, &conn->handle); // makes no socket yet: cannot fail
    conn->handle.data = conn;
    conn->loop = loop;
    conn->handler = handler;
    conn->arg = arg;
    conn->options = *options;
    conn->state = CONN_CONNECTING;
    conn->fd = -1;
    // While it is not read from, what one read brought may stand behind an incomplete frame.
    size_t behind = (size_t)READ_SIZE + TLS_SLACK;
    buf_init(&conn->in,
             options->frame_max > SIZE_MAX - behind ? SIZE_MAX : options->frame_max + behind);
    buf_init(&conn->out, options->out_max);
    conn->active_ms = loop_now_ms(loop);
    list_add_tail(&loop->conns, &conn->node);
    list_init(&conn->dirty_node);
    list_init(&conn->wait_node);
    list_init(&conn->wheel_node);
    loop->stats.connections++;
    *ret = conn;
    return TIDINGS_OK;
}

static void set_peer(struct net_conn *conn, const struct sockaddr *peer)
{
    conn->peer_port = (uint16_t)address_port(peer);
    if (peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)peer;
        conn->peer_len = 16;
        memcpy(conn->peer, &v6->sin6_addr, 16);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)peer;
        conn->peer_len = 4;
        memcpy(conn->peer, &v4->sin_addr, 4);
    }
}

tidings_status conn_attach(struct net_conn *conn, int fd, const struct sockaddr *peer)
{
    if (uv_tcp_open(&conn->handle, fd) != 0) {
        close(fd);
        return TIDINGS_E_NETWORK;
    }
    conn->fd = fd;
    set_peer(conn, peer);
    // Answers leave whole at the end of a turn: nothing is gained by the kernel's waiting for more.
    // A socket that is dead already refuses, which the first read tells better.
    (void)uv_tcp_nodelay(&conn->handle, 1);
    return TIDINGS_OK;
}

void conn_opened(struct net_conn *conn)
{
    conn->told = true;
    conn->deadline_ms = 0;
    conn->handler->opened(conn->arg, conn);
    if (conn->state == CONN_OPEN && conn->out.len > 0) { // written while it was connecting
        conn_mark_dirty(conn);
    }
}

void conn_open(struct net_conn *conn)
{
    conn->state = CONN_OPEN;
    conn->active_ms = loop_now_ms(conn->loop);
    if (!conn->accepted && tls_is_client(conn->options.tls)) {
        if (!tls_dialled(conn)) {
            return;
        }
    } else {
        conn_opened(conn);
    }
    conn_read_start(conn);
    deadline_update(conn);
}

// ---- closing ----
static void handle_closed(uv_handle_t *handle)
{
    struct net_conn *conn = handle->data;
    struct net_loop *loop = conn->loop;
    list_remove(&conn->node);
    give_slot(conn);
    loop->stats.connections--;
    if (conn->told) {
        conn->handler->closed(conn->arg, conn, conn->why);
    }
    tls_free(conn);
    pool_give(loop, &conn->in);
    room_count(conn);
    conn->out.len = 0;
    conn->sending.len = 0;
    conn_count_out(conn);
    pool_give(loop, &conn->out);
    pool_give(loop, &conn->sending);
    free(conn);
}

void conn_close(struct net_conn *conn, tidings_status why)
{
    if (conn->state == CONN_CLOSING) {
        return;
    }
    conn->state = CONN_CLOSING;
    conn->why = why;
    if (conn->dial != NULL) {
        dial_cancel(conn->dial);
        conn->dial = NULL;
    }
    list_remove(&conn->dirty_node);
    list_remove(&conn->wait_node);
    deadline_remove(conn);
    uv_close((uv_handle_t *)&conn->handle, handle_closed);
}

void conn_drain(struct net_conn *conn, tidings_status why)
{
    conn->state = CONN_DRAINING;
    conn->why = why;
    conn->deadline_ms = loop_now_ms(conn->loop) + CLOSE_FLUSH_MS;
    list_remove(&conn->wait_node);
    conn_mark_dirty(conn);
    // What still comes is read and dropped: a socket closed with unread bytes resets the
    // connection, and the peer would lose the last answers.
    if (!conn->peer_ended) {
        conn_read_start(conn);
    }
    deadline_update(conn);
}

void net_conn_abort(struct net_conn *conn)
{
    conn_close(conn, TIDINGS_OK);
}

void net_conn_close(struct net_conn *conn)
{
    if (conn->state == CONN_CONNECTING) {
        conn_close(conn, TIDINGS_OK);
    } else if (conn->state == CONN_OPEN) {
        conn_drain(conn, TIDINGS_OK);
    }
}

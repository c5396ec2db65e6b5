// SPDX-License-Identifier: Apache-2.0
// Connections: the table of ids, opening, closing, deadlines.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/private.h"

// ---- ids: generation << 32 | slot ----
static tidings_status take_slot(struct net_loop *loop, struct net_conn *conn)
{
    if (loop->free_slot == 0) {
        uint32_t size = loop->slot_size == 0 ? 64 : loop->slot_size * 2;
        struct slot *grown = realloc(loop->slots, size * sizeof *grown);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        memset(grown + loop->slot_size, 0, (size - loop->slot_size) * sizeof *grown);
        loop->slots = grown;
        for (uint32_t i = size - 1; i >= loop->slot_size && i > 0; i--) {
            grown[i].next_free = loop->free_slot;
            loop->free_slot = i;
        }
        loop->slot_size = size;
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
    loop->slots[index].next_free = loop->free_slot;
    loop->free_slot = index;
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
                        struct net_conn **ret)
{
    if (loop->connections >= loop->options.connections_max) {
        return TIDINGS_E_FULL;
    }
    struct net_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    conn->loop = loop;
    conn->handler = handler;
    conn->arg = arg;
    tidings_status status = take_slot(loop, conn);
    if (status == TIDINGS_OK && uv_tcp_init(&loop->uv, &conn->handle) != 0) {
        give_slot(conn);
        status = TIDINGS_E_IO;
    }
    if (status != TIDINGS_OK) {
        free(conn);
        return status;
    }
    conn->handle.data = conn;
    conn->active_ms = loop_now_ms(loop);
    list_add_tail(&loop->conns, &conn->node);
    list_init(&conn->dirty_node);
    loop->connections++;
    *ret = conn;
    return TIDINGS_OK;
}

void conn_opened(struct net_conn *conn)
{
    size_t out_max = conn->options->out_max;
    buf_init(&conn->in, conn->options->frame_max + READ_SIZE);
    buf_init(&conn->out, out_max);
    buf_init(&conn->sending, out_max);
    conn->state = CONN_OPEN;
    conn->was_opened = true;
    conn->deadline_ms = 0;
    uv_tcp_nodelay(&conn->handle, 1);
    conn->handler->opened(conn->arg, conn);
    conn_read_start(conn);
}

// ---- closing ----
static void conn_free(struct net_conn *conn)
{
    buf_deinit(&conn->in);
    buf_deinit(&conn->out);
    buf_deinit(&conn->sending);
    free(conn->own_options);
    free(conn);
}

static void handle_closed(uv_handle_t *handle)
{
    struct net_conn *conn = handle->data;
    struct net_loop *loop = conn->loop;
    conn->handler->closed(conn->arg, conn, conn->why);
    list_remove(&conn->node);
    list_remove(&conn->dirty_node);
    give_slot(conn);
    loop->connections--;
    conn_free(conn);
}

void conn_close(struct net_conn *conn, tidings_status why)
{
    if (conn->state == CONN_CLOSING) {
        return;
    }
    conn->state = CONN_CLOSING;
    conn->why = why;
    uv_close((uv_handle_t *)&conn->handle, handle_closed);
}

void net_conn_abort(struct net_conn *conn)
{
    conn_close(conn, TIDINGS_OK);
}

void net_conn_close(struct net_conn *conn)
{
    if (conn->state != CONN_OPEN) {
        if (conn->state == CONN_CONNECTING) {
            conn_close(conn, TIDINGS_OK);
        }
        return;
    }
    if (conn->out.len == 0 && !conn->write_busy) {
        conn_close(conn, TIDINGS_OK);
        return;
    }
    conn->state = CONN_DRAINING;
    conn->why = TIDINGS_OK;
    conn->deadline_ms = loop_now_ms(conn->loop) + CLOSE_FLUSH_MS;
    conn_read_stop(conn);
    if (!conn->is_dirty) {
        conn->is_dirty = true;
        list_add_tail(&conn->loop->dirty, &conn->dirty_node);
    }
}

// ---- deadlines ----
static tidings_status overdue(const struct net_conn *conn, int64_t now_ms)
{
    const struct net_conn_options *options = conn->options;
    if (conn->deadline_ms > 0 && now_ms >= conn->deadline_ms) {
        return TIDINGS_E_TIMEOUT;
    }
    if (conn->state != CONN_OPEN) {
        return TIDINGS_OK;
    }
    if (options->frame_timeout_ms > 0 && conn->frame_from_ms > 0 && !conn->paused &&
        now_ms - conn->frame_from_ms >= options->frame_timeout_ms) {
        return TIDINGS_E_TIMEOUT;
    }
    if (options->idle_timeout_ms > 0 && now_ms - conn->active_ms >= options->idle_timeout_ms) {
        return TIDINGS_E_TIMEOUT;
    }
    return TIDINGS_OK;
}

void conn_sweep(struct net_loop *loop)
{
    list_for_each_safe (node, following, &loop->conns) {
        struct net_conn *conn = LIST_ENTRY(node, struct net_conn, node);
        if (conn->state != CONN_CLOSING && overdue(conn, loop->now_ms) != TIDINGS_OK) {
            conn_close(conn, TIDINGS_E_TIMEOUT);
        }
    }
}

// ---- addresses ----
size_t net_conn_peer(const struct net_conn *conn, uint8_t address[16], int *ret_port)
{
    struct sockaddr_storage storage = { 0 };
    int length = sizeof storage;
    memset(address, 0, 16);
    *ret_port = 0;
    if (uv_tcp_getpeername(&conn->handle, (struct sockaddr *)&storage, &length) != 0) {
        return 4;
    }
    if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;
        memcpy(address, &v6->sin6_addr, 16);
        *ret_port = ntohs(v6->sin6_port);
        return 16;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
    memcpy(address, &v4->sin_addr, 4);
    *ret_port = ntohs(v4->sin_port);
    return 4;
}

void net_conn_peer_text(const struct net_conn *conn, char *out, size_t size)
{
    uint8_t address[16];
    char host[64] = "?";
    int port;
    size_t length = net_conn_peer(conn, address, &port);
    if (inet_ntop(length == 16 ? AF_INET6 : AF_INET, address, host, sizeof host) == NULL) {
        host[0] = '?';
    }
    int n = length == 16 ? snprintf(out, size, "[%s]:%d", host, port)
                         : snprintf(out, size, "%s:%d", host, port);
    if (n < 0 && size > 0) {
        out[0] = '\0';
    }
}

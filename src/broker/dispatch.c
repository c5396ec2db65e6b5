// SPDX-License-Identifier: Apache-2.0
// From a frame to its handler.
#include <stdlib.h>

#include "broker/access.h"
#include "broker/channel.h"
#include "broker/handlers.h"

struct handler {
    int32_t code;
    void (*handle)(struct request *request);
    const char *name;
    const char *access;
    bool admin;
};

static const struct handler handlers[] = {
#define ADMIN_OF_ADMIN            true
#define ADMIN_OF_CLIENT           false
#define H(name, function, access) { WIRE_##name, function, #name, #access, ADMIN_OF_##access },
    BROKER_HANDLER_MAP(H)
#undef H
};

static const struct handler *find_handler(int32_t code)
{
    for (size_t i = 0; i < BASE_COUNT(handlers); i++) { // the hot ones stand first
        if (handlers[i].code == code) {
            return &handlers[i];
        }
    }
    return NULL;
}

bool broker_describe_request(size_t index, int *ret_code, const char **ret_name,
                             const char **ret_access)
{
    if (index >= BASE_COUNT(handlers)) {
        return false;
    }
    *ret_code = handlers[index].code;
    *ret_name = handlers[index].name;
    *ret_access = handlers[index].access;
    return true;
}

static size_t measure(void *arg, const char *bytes, size_t have)
{
    (void)arg;
    if (have < 4) {
        return 0;
    }
    uint32_t length = num_load_be32(bytes);
    return length < 4 || length > WIRE_FRAME_MAX ? SIZE_MAX : (size_t)length + 4;
}

static void handle_frame(void *arg, struct net_conn *conn, struct str bytes)
{
    struct broker *broker = arg;
    struct wire_frame frame;
    struct wire_header header;
    struct tidings_error err;
    size_t need;

    tidings_status status = wire_frame_decode(bytes, &frame, &need, &err);
    if (status == TIDINGS_OK) {
        status = wire_header_decode(&frame, &broker->scratch, &header, &err);
    }
    if (status != TIDINGS_OK) { // who sends this speaks another protocol: RocketMQ hangs up too
        char peer[64];
        net_conn_peer_text(conn, peer, sizeof peer);
        log_line(broker->options.log, LOG_WARN, "broker",
                 "msg=\"connection closed: no remoting frame\" peer=%s reason=\"%s\"", peer,
                 error_text(&err, status));
        net_conn_abort(conn);
        return;
    }
    if ((header.flag & WIRE_FLAG_RESPONSE) != 0) {
        relay_answer(broker, net_conn_id(conn), &header, frame.body);
        return;
    }
    broker->stats.requests++;
    struct request request = { broker, conn, &header, frame.body,
                               clock_wall_ms(broker->options.clock) };
    const struct handler *handler = find_handler(header.code);
    if (handler == NULL) {
        answer_codef(&request, WIRE_REQUEST_CODE_NOT_SUPPORTED, " request type %d not supported",
                     header.code);
        return;
    }
    if (access_allows(&request, handler->admin ? handler->name : NULL)) {
        handler->handle(&request);
    }
}

static void handle_opened(void *arg, struct net_conn *conn)
{
    struct broker *broker = arg;
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        net_conn_abort(conn);
        return;
    }
    channel->conn_id = net_conn_id(conn);
    list_init(&channel->waits);
    list_init(&channel->members);
    list_init(&channel->producers);
    net_conn_set_user(conn, channel);
    broker->stats.connections++;
}

static void handle_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    struct broker *broker = arg;
    struct channel *channel = net_conn_user(conn);
    (void)status;
    if (channel == NULL) {
        return;
    }
    waits_channel_closed(broker, channel);
    groups_channel_closed(broker, channel);
    net_conn_set_user(conn, NULL);
    free(channel);
    broker->stats.connections--;
}

const struct net_handler broker_handler = {
    .measure = measure,
    .frame = handle_frame,
    .opened = handle_opened,
    .closed = handle_closed,
};

void broker_conn_options(const struct broker *broker, struct net_conn_options *ret)
{
    (void)broker;
    *ret = (struct net_conn_options){
        .frame_max = (size_t)WIRE_FRAME_MAX + 4,
        .out_max = 64 * 1024 * 1024,
        .out_soft = 4 * 1024 * 1024,
        .idle_timeout_ms = 120 * 1000, // as RocketMQ's serverChannelMaxIdleTimeSeconds
        .frame_timeout_ms = 30 * 1000,
    };
}

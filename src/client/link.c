// SPDX-License-Identifier: Apache-2.0
#include "client/link.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 64, OPAQUE_NOBODY = INT32_MAX, SLOT_BITS = 16, GENERATION_MASK = 0x7fff };

// ---- slots: opaque = generation << 16 | slot ----
static tidings_status slots_grow(struct slots *slots)
{
    uint32_t size = slots->count == 0 ? SLOTS_FIRST : slots->count * 2;
    size = size < RUNTIME_CALLS_MAX ? size : RUNTIME_CALLS_MAX;
    if (size == slots->count) {
        return TIDINGS_E_FULL;
    }
    struct call **calls = realloc(slots->calls, size * sizeof *calls);
    slots->calls = calls != NULL ? calls : slots->calls;
    uint16_t *generations = realloc(slots->generations, size * sizeof *generations);
    slots->generations = generations != NULL ? generations : slots->generations;
    uint16_t *spare = realloc(slots->free, size * sizeof *spare);
    slots->free = spare != NULL ? spare : slots->free;
    if (calls == NULL || generations == NULL || spare == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (uint32_t i = size; i > slots->count; i--) {
        calls[i - 1] = NULL;
        generations[i - 1] = 0;
        spare[slots->free_count++] = (uint16_t)(i - 1);
    }
    slots->count = size;
    return TIDINGS_OK;
}

tidings_status slots_init(struct slots *slots)
{
    *slots = (struct slots){ 0 };
    return slots_grow(slots);
}

void slots_deinit(struct slots *slots)
{
    free(slots->calls);
    free(slots->generations);
    free(slots->free);
    *slots = (struct slots){ 0 };
}

static tidings_status slot_take(struct slots *slots, struct call *call)
{
    tidings_status status = slots->free_count == 0 ? slots_grow(slots) : TIDINGS_OK;
    if (status == TIDINGS_OK) {
        uint16_t slot = slots->free[--slots->free_count];
        slots->calls[slot] = call;
        slots->generations[slot] = (slots->generations[slot] + 1u) & GENERATION_MASK;
        call->opaque = (int32_t)((uint32_t)slots->generations[slot] << SLOT_BITS | slot);
    }
    return status;
}

static void slot_give(struct slots *slots, struct call *call)
{
    if (call->opaque >= 0) {
        uint32_t slot = (uint32_t)call->opaque & 0xffff;
        slots->calls[slot] = NULL;
        slots->free[slots->free_count++] = (uint16_t)slot;
        call->opaque = -1;
    }
}

static struct call *slot_find(const struct slots *slots, int32_t opaque)
{
    uint32_t slot = (uint32_t)opaque & 0xffff;
    struct call *call = opaque >= 0 && slot < slots->count ? slots->calls[slot] : NULL;
    return call != NULL && call->opaque == opaque ? call : NULL;
}

// ---- calls ----
static void on_timeout(struct alarm *alarm);

void call_init(struct call *call, void (*done)(struct call *call, const struct reply *reply))
{
    *call = (struct call){ .opaque = -1, .done = done };
    alarm_init(&call->alarm, on_timeout);
    list_init(&call->node);
}

static void detach(struct runtime *runtime, struct call *call)
{
    slot_give(&runtime->slots, call);
    runtime_alarm_stop(runtime, &call->alarm);
    list_remove(&call->node);
    call->active = false;
}

static void fail_call(struct call *call, tidings_status status, const char *why)
{
    struct tidings_error err = { 0 };
    struct link *link = call->link;
    const struct reply reply = { .status = error_set(&err, status, "%s: %s", link->address, why),
                                 .err = &err };
    detach(link->runtime, call);
    call->done(call, &reply);
}

static void on_timeout(struct alarm *alarm)
{
    struct call *call = BASE_CONTAINER_OF(alarm, struct call, alarm);
    fail_call(call, TIDINGS_E_TIMEOUT,
              call->link->state == LINK_OPEN ? "no answer in time" : "no connection in time");
}

void runtime_cancel(struct runtime *runtime, struct call *call)
{
    if (call->active) {
        detach(runtime, call);
    }
}

void link_fail_calls(struct link *link, tidings_status status, const char *why)
{
    struct list failed;
    list_init(&failed);
    while (!list_empty(&link->calls)) { // a call that `done` makes belongs to the next connection
        list_add_tail(&failed, list_pop(&link->calls));
    }
    while (!list_empty(&failed)) {
        fail_call(LIST_ENTRY(failed.next, struct call, node), status, why);
    }
}

void link_end_unsent(struct runtime *runtime)
{
    struct list unsent;
    list_init(&unsent);
    while (!list_empty(&runtime->unsent)) {
        list_add_tail(&unsent, list_pop(&runtime->unsent));
    }
    while (!list_empty(&unsent)) {
        struct call *call = LIST_ENTRY(unsent.next, struct call, node);
        const char *why = call->failed == TIDINGS_E_NETWORK ? "cannot be reached"
                                                            : tidings_status_text(call->failed);
        fail_call(call, call->failed, why);
    }
}

// ---- connections ----
static size_t measure(void *arg, const char *bytes, size_t have)
{
    (void)arg;
    if (have < 4) {
        return 0;
    }
    uint32_t len = num_load_be32(bytes);
    return len > WIRE_FRAME_MAX ? SIZE_MAX : (size_t)len + 4;
}

static void on_response(struct link *link, const struct wire_header *header, struct str body)
{
    struct runtime *runtime = link->runtime;
    struct call *call = slot_find(&runtime->slots, header->opaque);
    const struct reply reply = { .status = TIDINGS_OK, .header = header, .body = body };
    link->version = header->version;
    if (call != NULL && call->link == link) { // else it came too late
        detach(runtime, call);
        call->done(call, &reply);
    }
}

static void on_frame(void *arg, struct net_conn *conn, struct str bytes)
{
    struct link *link = arg;
    struct runtime *runtime = link->runtime;
    struct wire_frame frame;
    size_t need;
    if (wire_frame_decode(bytes, &frame, &need, NULL) != TIDINGS_OK ||
        wire_header_decode(&frame, &runtime->scratch, &runtime->header, NULL) != TIDINGS_OK) {
        net_conn_abort(conn);
        return;
    }
    if ((runtime->header.flag & WIRE_FLAG_RESPONSE) != 0) {
        on_response(link, &runtime->header, frame.body);
    } else if (runtime->owner.asked != NULL) {
        runtime->owner.asked(runtime->owner.arg, link, &runtime->header, frame.body);
    } else {
        runtime_answer(link, &runtime->header, WIRE_REQUEST_CODE_NOT_SUPPORTED,
                       STR("not supported by this client"));
    }
}

static void on_opened(void *arg, struct net_conn *conn)
{
    struct link *link = arg;
    struct runtime *runtime = link->runtime;
    link->state = LINK_OPEN;
    link->conn_id = net_conn_id(conn);
    link->backoff_ms = 0;
    if (runtime->owner.opened != NULL) {
        runtime->owner.opened(runtime->owner.arg, link);
    }
    if (buf_add_str(net_conn_out(conn), buf_str(&link->waiting)) != TIDINGS_OK ||
        net_conn_flush(conn) != TIDINGS_OK) {
        net_conn_abort(conn);
    }
    buf_deinit(&link->waiting);
}

static void on_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    struct link *link = arg;
    bool was_open = link->state == LINK_OPEN;
    char tls_text[256];
    link->state = LINK_IDLE;
    link->conn = NULL;
    link->conn_id = 0;
    if (!was_open) {
        link->backoff_ms = link->backoff_ms == 0 ? RUNTIME_BACKOFF_LEAST_MS : link->backoff_ms * 2;
        if (link->backoff_ms > RUNTIME_BACKOFF_MOST_MS) {
            link->backoff_ms = RUNTIME_BACKOFF_MOST_MS;
        }
        link->not_before_us = runtime_now_us(link->runtime) + link->backoff_ms * 1000;
    }
    buf_clear(&link->waiting);
    const char *why = !was_open                     ? "cannot be reached"
                      : status == TIDINGS_E_EOF     ? "closed the connection"
                      : status == TIDINGS_E_TIMEOUT ? "connection was idle"
                                                    : "connection is lost";
    if (net_conn_tls_reason(conn)[0] != '\0') {
        snprintf(tls_text, sizeof tls_text, "TLS failed: %s (settings tls, tls_ca, tls_verify)",
                 net_conn_tls_reason(conn));
        why = tls_text;
    } else if (!was_open && link->runtime->secure.tls != NULL) {
        why = "cannot be reached by TLS (does it speak TLS?)";
    }
    link_fail_calls(link, link->runtime->stopped ? TIDINGS_E_CLOSED : TIDINGS_E_NETWORK, why);
}

static const struct net_handler handler = {
    .measure = measure, .frame = on_frame, .opened = on_opened, .closed = on_closed
};

static void dial(struct link *link)
{
    struct runtime *runtime = link->runtime;
    const struct net_conn_options options = {
        .frame_max = WIRE_FRAME_MAX + 4,
        .out_max = RUNTIME_OUT_MAX,
        .idle_timeout_ms = RUNTIME_IDLE_MS,
        .tls = runtime->secure.tls,
        .tls_name = link->host,
        .connect_timeout_ms = config_number(runtime->config, CONFIG_CONNECT_TIMEOUT),
    };
    link->state = LINK_DIALLING;
    if (net_dial(runtime->loop, link->host, link->port, &handler, link, &options, &link->conn,
                 NULL) != TIDINGS_OK) {
        link->state = LINK_IDLE;
        link->conn = NULL;
    }
}

struct link *runtime_link(struct runtime *runtime, struct str address)
{
    struct link *link = map_get(&runtime->links, address);
    if (link != NULL) {
        return link;
    }
    link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->runtime = runtime;
    list_init(&link->calls);
    buf_init(&link->waiting, RUNTIME_OUT_MAX);
    link->address = str_dup(address);
    if (link->address == NULL ||
        !config_parse_address(address, link->host, sizeof link->host, &link->port) ||
        map_put(&runtime->links, address, link, NULL) != TIDINGS_OK) {
        link_free(link);
        return NULL;
    }
    return link;
}

void link_free(struct link *link)
{
    buf_deinit(&link->waiting);
    free(link->address);
    free(link);
}

bool link_is_usable(const struct link *link)
{
    return link->state != LINK_IDLE || link->backoff_ms == 0 ||
           runtime_now_us(link->runtime) >= link->not_before_us;
}

bool link_connect(struct link *link)
{
    if (link->state == LINK_IDLE && !link->runtime->stopped && link_is_usable(link)) {
        dial(link);
    }
    return link->state == LINK_OPEN;
}

// ---- sending ----
// Where frames for this link are put now: the connection's output, or what waits for the connection
// being made. NULL when it cannot be reached.
static struct buf *output(struct link *link)
{
    struct runtime *runtime = link->runtime;
    if (runtime->stopped) {
        return NULL;
    }
    if (link->state == LINK_OPEN) {
        struct net_conn *conn = net_conn_find(runtime->loop, link->conn_id);
        if (conn == NULL) {
            return NULL; // closing; `closed` will follow
        }
        return net_conn_out(conn);
    }
    (void)link_connect(link);
    return link->state == LINK_DIALLING ? &link->waiting : NULL;
}

static tidings_status put_frame(struct link *link, struct wire_header *header, struct str body)
{
    struct buf *out = output(link);
    if (out == NULL) {
        return link->runtime->stopped ? TIDINGS_E_CLOSED : TIDINGS_E_NETWORK;
    }
    struct signature signature = { .fields_before = header->ext_count };
    size_t before = out->len;
    tidings_status status = TIDINGS_OK;
    if ((header->flag & WIRE_FLAG_RESPONSE) == 0) {
        status = secure_sign(&link->runtime->secure, link->version, header, body, &signature);
    }
    if (status == TIDINGS_OK) {
        status = wire_header_encode(header, body.len, out);
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(out, body);
    }
    secure_unsign(header, &signature);
    if (status != TIDINGS_OK) {
        out->len = before;
        return status;
    }
    // A connection that cannot be flushed is closed, which ends its calls.
    return link->state == LINK_OPEN ? net_conn_flush(link->conn) : TIDINGS_OK;
}

void request_init(struct wire_header *header, int32_t code)
{
    header->code = code;
    header->opaque = OPAQUE_NOBODY;
    header->flag = 0;
    header->version = WIRE_VERSION;
    header->language = WIRE_LANGUAGE_OTHER;
    header->serialize = WIRE_JSON;
    header->remark = (struct str){ NULL, 0 };
    header->ext_count = 0;
}

void runtime_call(struct runtime *runtime, struct call *call, struct link *link,
                  struct wire_header *header, struct str body, int64_t timeout_ms)
{
    BASE_ASSERT(!call->active);
    call->active = true;
    call->link = link;
    tidings_status status = slot_take(&runtime->slots, call);
    if (status == TIDINGS_OK) {
        header->opaque = call->opaque;
        status = put_frame(link, header, body);
    }
    if (status != TIDINGS_OK) {
        call->failed = status;
        list_add_tail(&runtime->unsent, &call->node);
        return;
    }
    list_add_tail(&link->calls, &call->node);
    runtime_alarm(runtime, &call->alarm, timeout_ms);
}

void runtime_tell(struct runtime *runtime, struct link *link, struct wire_header *header,
                  struct str body)
{
    (void)runtime;
    header->flag |= WIRE_FLAG_ONEWAY;
    header->opaque = OPAQUE_NOBODY;
    if (put_frame(link, header, body) != TIDINGS_OK) {
        return; // one-way: lost
    }
}

void runtime_answer(struct link *link, const struct wire_header *request, int32_t code,
                    struct str remark)
{
    struct wire_header response;
    if ((request->flag & WIRE_FLAG_ONEWAY) != 0 || link->state != LINK_OPEN) {
        return;
    }
    wire_response_init(&response, request, code);
    response.remark = remark;
    if (put_frame(link, &response, (struct str){ NULL, 0 }) != TIDINGS_OK) {
        return; // the asker is gone
    }
}

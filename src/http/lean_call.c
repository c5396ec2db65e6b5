// SPDX-License-Identifier: Apache-2.0
// A request as bytes, and what became of it.
#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/num.h"
#include "http/lean.h"

enum { HEAD_KEPT_MAX = 16 * 1024, REPLY_KEPT_MAX = 16 * 1024, LENGTH_ROOM = 64 };

// ---- the head ----
static char *put(char *at, struct str text)
{
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

// With the colon that ends a name without a password.
static char *put_basic(char *at, struct str basic)
{
    size_t whole = basic.len / 3 * 3;
    size_t rest_len = basic.len - whole;
    char rest[3];
    memcpy(rest, basic.ptr + whole, rest_len);
    if (str_find(basic, ':', 0) == SIZE_MAX) {
        rest[rest_len++] = ':';
    }
    return base64_put(BASE64, base64_put(BASE64, at, basic.ptr, whole), rest, rest_len);
}

static char *put_authorization(char *at, const struct http_outgoing *outgoing)
{
    if (outgoing->bearer != NULL) {
        at = put(put(at, STR("Authorization: Bearer ")), str_of(outgoing->bearer));
    } else {
        at = put_basic(put(at, STR("Authorization: Basic ")), str_of(outgoing->basic));
    }
    return put(at, STR("\r\n"));
}

static char *put_fields(char *at, const struct http_outgoing *outgoing)
{
    bool has_accept = false;
    bool has_authorization = outgoing->basic == NULL && outgoing->bearer == NULL;
    for (size_t i = 0; i < outgoing->field_count; i++) {
        const struct http_field *field = &outgoing->fields[i];
        has_accept |= str_eq_nocase(field->name, STR("accept"));
        has_authorization |= str_eq_nocase(field->name, STR("authorization"));
        at = put(at, field->name);
        *at++ = ':';
        if (field->value.len > 0) {
            *at++ = ' ';
            at = put(at, field->value);
        }
        *at++ = '\r';
        *at++ = '\n';
    }
    at = has_accept ? at : put(at, STR("Accept: */*\r\n"));
    return has_authorization ? at : put_authorization(at, outgoing);
}

static size_t room_for(const struct http_outgoing *outgoing, struct str begin)
{
    size_t room = begin.len + LENGTH_ROOM + sizeof "Accept: */*\r\nAuthorization: Bearer \r\n\r\n";
    for (size_t i = 0; i < outgoing->field_count; i++) {
        room += outgoing->fields[i].name.len + outgoing->fields[i].value.len + 4;
    }
    room += outgoing->bearer != NULL  ? strlen(outgoing->bearer)
            : outgoing->basic != NULL ? strlen(outgoing->basic) * 2 + 8
                                      : 0;
    return room;
}

// Nobody's token continues in another field.
static bool is_credential(const char *text)
{
    bool wrong = false;
    for (size_t i = 0; text != NULL && text[i] != '\0'; i++) {
        wrong |= (unsigned char)text[i] < 0x20 || text[i] == 0x7f;
    }
    return !wrong;
}

static tidings_status write_head(struct lean_call *call, struct host *host,
                                 const struct http_outgoing *outgoing, struct tidings_error *err)
{
    struct str begin;
    char *start;
    char digits[24];
    tidings_status status = lean_target_begin(host, outgoing, &begin, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!is_credential(outgoing->bearer) || !is_credential(outgoing->basic)) {
        return error_set(err, TIDINGS_E_INVALID, "http: the credentials have a control character");
    }
    buf_clear(&call->head);
    if (buf_reserve(&call->head, room_for(outgoing, begin), &start) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    char *at = put_fields(put(start, begin), outgoing);
    if (!call->is_get) {
        size_t len = num_format_i64(digits, (int64_t)call->body.len);
        at = put(put(at, STR("Content-Length: ")), str_make(digits, len));
        at = put(at, STR("\r\n"));
    }
    at = put(at, STR("\r\n"));
    call->head.len = (size_t)(at - start);
    return TIDINGS_OK;
}

// ---- calls are kept ----
static struct lean_call *make(struct lean *lean)
{
    struct lean_call *call = calloc(1, sizeof *call);
    if (call != NULL) {
        call->call.way = &lean_way;
        call->call.client = lean->client;
        call->lean = lean;
        list_init(&call->call.node);
        list_init(&call->call.wait);
        heap_node_init(&call->call.due);
        heap_node_init(&call->timeout);
        names_waiter_init(&call->waiter);
        buf_init(&call->head, (size_t)HTTP_FIELDS_MAX * (HTTP_FIELD_MAX + 4) + 64 * 1024);
        reply_init(&call->reply);
    }
    return call;
}

void lean_call_free(struct lean_call *call)
{
    if (call->has_secrets && call->head.ptr != NULL) {
        explicit_bzero(call->head.ptr, call->head.size);
    }
    buf_deinit(&call->head);
    buf_deinit(&call->reply_body);
    reply_deinit(&call->reply);
    free(call);
}

static void begin(struct lean_call *call, const struct http_outgoing *outgoing)
{
    call->is_get = strcmp(outgoing->method, "GET") == 0;
    call->is_of_head = strcmp(outgoing->method, "HEAD") == 0;
    call->has_secrets = outgoing->basic != NULL || outgoing->bearer != NULL;
    call->body = call->is_get ? (struct str){ 0 } : outgoing->body;
    call->sent = 0;
    call->address_count = call->address_next = 0;
    call->was_allowed = call->is_reused = call->is_second = false;
    call->may_be_kept = call->write_broken = call->is_over = false;
    call->dns_us = call->connect_us = call->first_byte_us = -1;
    call->end_us = 0;
    call->failure = HTTP_FINE;
    call->error[0] = '\0';
    call->reply_body.len = 0;
    call->reply_body.max = outgoing->reply_max;
    reply_begin(&call->reply, call->is_of_head);
}

tidings_status lean_take(struct lean *lean, struct host *host, const struct http_outgoing *outgoing,
                         struct http_call **ret, struct tidings_error *err)
{
    struct list *unused = list_pop(&lean->unused);
    struct lean_call *call =
        unused != NULL ? lean_call_of(LIST_ENTRY(unused, struct http_call, node)) : make(lean);
    if (call == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    lean->unused_count -= unused != NULL;
    begin(call, outgoing);
    tidings_status status = write_head(call, host, outgoing, err);
    if (status != TIDINGS_OK) {
        lean_release(&call->call);
        return status;
    }
    *ret = &call->call;
    return TIDINGS_OK;
}

void lean_release(struct http_call *base)
{
    struct lean_call *call = lean_call_of(base);
    struct lean *lean = call->lean;
    if (base->client->closing || lean->unused_count >= HTTP_CALLS_KEPT_MAX) {
        lean_call_free(call);
        return;
    }
    if (call->has_secrets && call->head.ptr != NULL) {
        explicit_bzero(call->head.ptr, call->head.size);
    }
    if (call->head.size > HEAD_KEPT_MAX) {
        buf_deinit(&call->head);
    }
    if (call->reply_body.size > REPLY_KEPT_MAX) {
        buf_deinit(&call->reply_body);
    }
    base->ended = base->expired = base->no_memory = base->running = false;
    base->waited_us = 0;
    list_add_head(&lean->unused, &base->node); // the warmest first
    lean->unused_count++;
}

// ---- what became of it ----
void lean_read_result(struct http_call *base, struct http_result *ret)
{
    struct lean_call *call = lean_call_of(base);
    enum http_failure failure;
    const char *error;
    if (!client_ended_early(base, &failure, &error)) {
        failure = call->failure;
        error = failure == HTTP_FINE ? "" : call->error;
    }
    int64_t end_us = call->end_us != 0 ? call->end_us : clock_mono_us(clock_system());
    struct str retry_after = call->reply.retry_after;
    *ret = (struct http_result){
        .failure = failure,
        .error = error,
        .status = call->reply.status,
        .truncated = call->reply.truncated,
        .reused = call->is_reused,
        .reply = buf_str(&call->reply_body),
        .retry_after_ms = retry_after.len > 0
                              ? head_retry_after_ms(retry_after, clock_wall_ms(clock_system()))
                              : 0,
        .dns_us = call->dns_us,
        .connect_us = call->connect_us,
        .tls_us = -1,
        .first_byte_us = call->first_byte_us,
        .total_us = end_us - base->begun_us,
        .http_version = call->reply.http_version,
    };
}

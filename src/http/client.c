// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <stdlib.h>
#include <strings.h>

#include "http/curl_way.h"
#include "http/lean.h"
#include "net/net.h"

const char *http_failure_text(enum http_failure failure)
{
    static const char *const texts[] = {
#define X(name, text) [name] = (text),
        HTTP_FAILURE_MAP(X)
#undef X
    };
    return (unsigned)failure < BASE_COUNT(texts) ? texts[failure] : "unknown";
}

// ---- what is done ----
void client_finish(struct http_call *call)
{
    struct http_result result;
    list_remove(&call->node);
    waiting_leave(call);
    call->way->read_result(call, &result);
    call->done(call->arg, &result);
    call->way->release(call);
}

bool client_ended_early(const struct http_call *call, enum http_failure *ret_failure,
                        const char **ret_error)
{
    *ret_failure = call->ended ? HTTP_ENDED : call->expired ? HTTP_DEADLINE : HTTP_IMPOSSIBLE;
    *ret_error = call->ended     ? "the client was closed"
                 : call->expired ? "no connection of this receiver was free in time"
                                 : "no memory for a request";
    return call->ended || call->expired || call->no_memory;
}

// ---- requests ----
static bool is_field(struct str text, bool is_name)
{
    bool wrong = text.len == 0 && is_name;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        wrong |= c < 0x20 || c == 0x7f || (is_name && (c == ' ' || c == ':' || c >= 0x80));
    }
    return !wrong;
}

// Where it goes, and where the body ends, is written here and nowhere else.
static bool is_ours(struct str name)
{
    return str_eq_nocase(name, STR("host")) || str_eq_nocase(name, STR("content-length")) ||
           str_eq_nocase(name, STR("transfer-encoding"));
}

tidings_status client_check_fields(const struct http_outgoing *outgoing, struct tidings_error *err)
{
    if (outgoing->field_count > HTTP_FIELDS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "http: %zu header fields, at most %d",
                         outgoing->field_count, HTTP_FIELDS_MAX);
    }
    for (size_t i = 0; i < outgoing->field_count; i++) {
        const struct http_field *field = &outgoing->fields[i];
        if (!is_field(field->name, true) || !is_field(field->value, false) ||
            field->name.len + field->value.len > HTTP_FIELD_MAX) {
            return error_set(err, TIDINGS_E_INVALID,
                             "http: header field %zu: a name, and a value without control "
                             "characters, of %d bytes together",
                             i + 1, HTTP_FIELD_MAX);
        }
        if (is_ours(field->name)) {
            return error_set(
                err, TIDINGS_E_INVALID,
                "http: header field %zu: Host and the body's length are written by the client",
                i + 1);
        }
    }
    return TIDINGS_OK;
}

static bool is_plain(const struct http_client *client, const char *url)
{
    return !client->only_curl && strncasecmp(url, "http://", 7) == 0;
}

static tidings_status take(struct http_client *client, struct host *host,
                           const struct http_outgoing *outgoing, struct http_call **ret,
                           struct tidings_error *err)
{
    if (is_plain(client, outgoing->url)) {
        return lean_take(client->lean, host, outgoing, ret, err);
    }
    tidings_status status =
        client->curl == NULL ? curl_way_new(client, &client->curl, err) : TIDINGS_OK;
    return status == TIDINGS_OK ? curl_way_take(client->curl, outgoing, ret, err) : status;
}

tidings_status http_client_send(struct http_client *client, const struct http_outgoing *outgoing,
                                http_done *done, void *arg, struct http_call **ret_call,
                                struct tidings_error *err)
{
    struct http_call *call = NULL;
    if (client->closing) {
        return error_set(err, TIDINGS_E_CLOSED, "http: the client is being freed");
    }
    tidings_status status = client_check_fields(outgoing, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct host *host = waiting_host(client, outgoing->url);
    if (host == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    status = take(client, host, outgoing, &call, err);
    if (status == TIDINGS_OK) {
        call->done = done;
        call->arg = arg;
        status = waiting_admit(call, host, outgoing->deadline_ms, err);
        if (status != TIDINGS_OK) {
            call->way->release(call);
        }
    }
    if (status != TIDINGS_OK) {
        waiting_drop_unused(host);
        return status;
    }
    list_add_tail(&client->calls, &call->node);
    if (ret_call != NULL) {
        *ret_call = call;
    }
    return TIDINGS_OK;
}

void http_call_cancel(struct http_call *call)
{
    list_remove(&call->node);
    waiting_leave(call);
    call->way->release(call);
}

// ---- the client ----
tidings_status http_client_new(struct net_loop *loop, const struct http_client_options *options,
                               struct http_client **ret, struct tidings_error *err)
{
    struct http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a client");
    }
    client->loop = loop;
    client->options = *options;
    list_init(&client->calls);
    list_init(&client->ready);
    for (size_t i = 0; i < HTTP_HOST_BUCKETS; i++) {
        list_init(&client->hosts[i]);
    }
    if (!waiting_init(client) || !lean_new(client, &client->lean)) {
        http_client_free(client);
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a client");
    }
    *ret = client;
    return TIDINGS_OK;
}

void client_use_curl_only(struct http_client *client)
{
    client->only_curl = true;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    client->closing = true;
    while (!list_empty(&client->calls)) {
        struct http_call *call = LIST_ENTRY(client->calls.next, struct http_call, node);
        call->ended = true;
        client_finish(call);
    }
    lean_free(client->lean);
    curl_way_free(client->curl);
    waiting_deinit(client);
    free(client);
}

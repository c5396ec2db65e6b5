// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <stdlib.h>

#include "http/call.h"
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
void client_finish(struct http_call *call, CURLcode code)
{
    struct http_result result;
    list_remove(&call->node);
    waiting_leave(call);
    call_read_result(call, code, &result);
    call->done(call->arg, &result);
    call_release(call);
}

void client_take_done(struct http_client *client)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(client->multi, &left); message != NULL;
         message = curl_multi_info_read(client->multi, &left)) {
        char *call = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK) {
            client_finish((struct http_call *)(void *)call, code);
        }
    }
}

// ---- the client ----
static bool configure(struct http_client *client)
{
    CURLM *multi = client->multi;
    const struct http_client_options *options = &client->options;
    return sockets_init(client) && waiting_init(client) &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)options->connections_max) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                             (long)options->connections_max) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)options->per_host_max) ==
               CURLM_OK;
}

tidings_status http_client_new(struct net_loop *loop, const struct http_client_options *options,
                               struct http_client **ret, struct tidings_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) { // counted; may be called again
        return error_set(err, TIDINGS_E_INTERNAL, "http: libcurl does not start");
    }
    struct http_client *client = calloc(1, sizeof *client);
    if (client != NULL) {
        client->loop = loop;
        client->options = *options;
        list_init(&client->calls);
        list_init(&client->idle);
        list_init(&client->ready);
        for (size_t i = 0; i < HTTP_HOST_BUCKETS; i++) {
            list_init(&client->hosts[i]);
        }
        client->multi = curl_multi_init();
    }
    if (client == NULL || client->multi == NULL || !configure(client)) {
        http_client_free(client);
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a client");
    }
    *ret = client;
    return TIDINGS_OK;
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
        client_finish(call, CURLE_ABORTED_BY_CALLBACK);
    }
    for (struct list *node = list_pop(&client->idle); node != NULL;
         node = list_pop(&client->idle)) {
        call_free(LIST_ENTRY(node, struct http_call, node));
    }
    if (client->multi != NULL) {
        (void)curl_multi_cleanup(client->multi);
    }
    sockets_deinit(client);
    waiting_deinit(client);
    free(client);
}

tidings_status http_client_send(struct http_client *client, const struct http_outgoing *outgoing,
                                http_done *done, void *arg, struct http_call **ret_call,
                                struct tidings_error *err)
{
    struct http_call *call = NULL;
    if (client->closing) {
        return error_set(err, TIDINGS_E_CLOSED, "http: the client is being freed");
    }
    tidings_status status = call_take(client, outgoing, &call, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    call->done = done;
    call->arg = arg;
    status = waiting_admit(call, outgoing->url, outgoing->deadline_ms, err);
    if (status != TIDINGS_OK) {
        call_release(call);
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
    call_release(call);
}

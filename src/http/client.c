// SPDX-License-Identifier: Apache-2.0
// The multi handle on the loop: sockets are watched, libcurl's one timer is a timer of the loop.
#include "http/client.h"

#include <stdlib.h>
#include <time.h>

#include "base/list.h"
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
static void finish_call(struct http_call *call, CURLcode code)
{
    struct http_result result;
    (void)curl_multi_remove_handle(call->client->multi, call->easy);
    list_remove(&call->node);
    call_read_result(call, code, &result);
    call->done(call->arg, &result);
    call_free(call);
}

static void take_done(struct http_client *client)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(client->multi, &left); message != NULL;
         message = curl_multi_info_read(client->multi, &left)) {
        char *call = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK) {
            finish_call((struct http_call *)(void *)call, code);
        }
    }
}

static void act(struct http_client *client, curl_socket_t socket, int ready)
{
    int running = 0;
    (void)curl_multi_socket_action(client->multi, socket, ready, &running);
    take_done(client);
}

// ---- sockets and the timer ----
struct socket_watch {
    struct http_client *client;
    curl_socket_t socket;
    struct net_watch *watch;
};

static void socket_ready(void *arg, int ready)
{
    const struct socket_watch *watched = arg;
    act(watched->client, watched->socket,
        ((ready & NET_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
            ((ready & NET_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void timer_fired(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static struct socket_watch *watch_socket(struct http_client *client, curl_socket_t socket)
{
    struct socket_watch *watched = calloc(1, sizeof *watched);
    if (watched == NULL) {
        return NULL;
    }
    watched->client = client;
    watched->socket = socket;
    if (net_watch_new(client->loop, socket, socket_ready, watched, &watched->watch) != TIDINGS_OK) {
        free(watched);
        return NULL;
    }
    return watched;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *assigned)
{
    struct http_client *client = arg;
    struct socket_watch *watched = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL) {
            net_watch_free(watched->watch);
            free(watched);
        }
        return 0;
    }
    if (watched == NULL) {
        watched = watch_socket(client, socket);
        if (watched == NULL || curl_multi_assign(client->multi, socket, watched) != CURLM_OK) {
            return -1; // the transfer ends
        }
    }
    int wanted = ((what & CURL_POLL_IN) != 0 ? NET_READABLE : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? NET_WRITABLE : 0);
    return net_watch_set(watched->watch, wanted) == TIDINGS_OK ? 0 : -1;
}

static int on_timer(CURLM *multi, long after_ms, void *arg)
{
    struct http_client *client = arg;
    (void)multi;
    if (after_ms < 0) {
        net_timer_stop(client->timer);
    } else {
        net_timer_start(client->timer, after_ms);
    }
    return 0;
}

// ---- the client ----
static bool configure(struct http_client *client)
{
    CURLM *multi = client->multi;
    const struct http_client_options *options = &client->options;
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
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
        client->multi = curl_multi_init();
    }
    if (client == NULL || client->multi == NULL ||
        net_timer_new(loop, timer_fired, client, &client->timer) != TIDINGS_OK ||
        !configure(client)) {
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
        finish_call(call, CURLE_ABORTED_BY_CALLBACK);
    }
    if (client->multi != NULL) {
        (void)curl_multi_cleanup(client->multi);
    }
    net_timer_free(client->timer);
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
    tidings_status status = call_new(client, outgoing, &call, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    call->done = done;
    call->arg = arg;
    if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
        call_free(call);
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    list_add_tail(&client->calls, &call->node);
    if (ret_call != NULL) {
        *ret_call = call;
    }
    return TIDINGS_OK;
}

void http_call_cancel(struct http_call *call)
{
    (void)curl_multi_remove_handle(call->client->multi, call->easy);
    list_remove(&call->node);
    call_free(call);
}

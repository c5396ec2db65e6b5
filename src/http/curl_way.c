// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/clock.h"
#include "http/curl_call.h"

void curl_way_take_done(struct curl_way *way)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(way->multi, &left); message != NULL;
         message = curl_multi_info_read(way->multi, &left)) {
        char *private = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK) {
            struct curl_call *call = (struct curl_call *)(void *)private;
            call->code = code;
            client_finish(&call->call);
        }
    }
}

// ---- calls ----
static bool start(struct http_call *base)
{
    struct curl_call *call = curl_call_of(base);
    int64_t left_us = base->deadline_us - base->begun_us - base->waited_us;
    call->code = CURLE_ABORTED_BY_CALLBACK;
    return curl_call_set_deadline(call, left_us > 1000 ? left_us / 1000 : 1) &&
           curl_multi_add_handle(base->client->curl->multi, call->easy) == CURLM_OK;
}

static void stop(struct http_call *base)
{
    (void)curl_multi_remove_handle(base->client->curl->multi, curl_call_of(base)->easy);
}

const struct http_way curl_way = { start, stop, curl_read_result, curl_call_release };

// ---- life ----
static bool configure(struct curl_way *way)
{
    CURLM *multi = way->multi;
    const struct http_client_options *options = &way->client->options;
    return sockets_init(way) &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)options->connections_max) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                             (long)options->connections_max) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)options->per_host_max) ==
               CURLM_OK;
}

tidings_status curl_way_new(struct http_client *client, struct curl_way **ret,
                            struct tidings_error *err)
{
    tidings_status status = libcurl_open(err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct curl_way *way = calloc(1, sizeof *way);
    if (way != NULL) {
        way->client = client;
        list_init(&way->idle);
        way->multi = curl_multi_init();
    }
    if (way == NULL || way->multi == NULL || !configure(way)) {
        curl_way_free(way);
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a client");
    }
    *ret = way;
    return TIDINGS_OK;
}

void curl_way_free(struct curl_way *way)
{
    if (way == NULL) {
        return;
    }
    for (struct list *node = list_pop(&way->idle); node != NULL; node = list_pop(&way->idle)) {
        curl_call_free(curl_call_of(LIST_ENTRY(node, struct http_call, node)));
    }
    if (way->multi != NULL) {
        (void)curl_multi_cleanup(way->multi);
    }
    sockets_deinit(way);
    free(way);
}

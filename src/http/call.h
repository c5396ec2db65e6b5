// SPDX-License-Identifier: Apache-2.0
// One request under way. Private to the room.
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include <curl/curl.h>

#include "base/list.h"
#include "http/client.h"

enum { HTTP_REASON_MAX = 256 };

struct http_client {
    struct net_loop *loop;
    struct net_timer *timer;
    CURLM *multi;
    struct http_client_options options;
    struct list calls;
    bool closing;
};

struct http_call {
    struct http_client *client;
    struct list node;
    CURL *easy;
    struct curl_slist *fields;
    http_done *done;
    void *arg;
    struct str body;
    size_t body_sent;
    struct buf reply;
    size_t header_bytes;
    bool truncated;
    bool headers_too_large;
    bool refused; // by the address policy, with the reason in `reason`
    bool ended;
    char reason[HTTP_REASON_MAX];
    char curl_error[CURL_ERROR_SIZE];
};

tidings_status call_new(struct http_client *client, const struct http_outgoing *outgoing,
                        struct http_call **ret, struct tidings_error *err);
void call_free(struct http_call *call);
void call_read_result(struct http_call *call, CURLcode code, struct http_result *ret);

#endif

// SPDX-License-Identifier: Apache-2.0
// The way out over libcurl's multi interface: all that is not plain http. Everything of libcurl is
// behind this header; it is made when the first call needs it. Private to the room.
#ifndef HTTP_CURL_WAY_H
#define HTTP_CURL_WAY_H

#include "http/call.h"

// E_NO_MEMORY, E_UNSUPPORTED without libcurl.
tidings_status curl_way_new(struct http_client *client, struct curl_way **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
void curl_way_free(struct curl_way *way); // its calls are over; NULL allowed
tidings_status curl_way_take(struct curl_way *way, const struct http_outgoing *outgoing,
                             struct http_call **ret, struct tidings_error *err) TIDINGS_NODISCARD;

#endif

// SPDX-License-Identifier: Apache-2.0
// Which operation a method and a path mean: a table. Private to the room.
#ifndef API_ROUTER_H
#define API_ROUTER_H

#include "base/str.h"

struct api_call;

// What a handler says when it returns: the response is there, or it comes later.
enum api_turn { API_NOW, API_LATER };

// Kinds of bodies, as bits. 0: the operation takes none, and what comes is passed over.
enum api_body {
    API_BODY_JSON = 1,
    API_BODY_MERGE = 2,  // application/merge-patch+json
    API_BODY_EVENT = 4,  // application/cloudevents+json
    API_BODY_EVENTS = 8, // application/cloudevents-batch+json
    API_BODY_ANY = 16,   // any content type; the handler looks at headers
    API_BODY_MAY_BE_EMPTY = 32,
};

struct api_route {
    const char *method;    // "GET" is served for HEAD too
    const char *pattern;   // "/v1/receivers/{name}": one piece may be a parameter
    const char *operation; // operationId of docs/openapi.yaml
    unsigned roles;        // bits of enum api_role that may do it
    unsigned bodies;
    size_t body_max;
    // The parameters of its query, with spaces between; NULL: none. Others are refused.
    const char *query;
    enum api_turn (*handle)(struct api_call *call);
};

enum { API_ALLOW_SIZE = 64 };
enum api_found { API_FOUND, API_NO_PATH, API_NO_METHOD };
// On API_NO_METHOD `ret_allow` gets the methods that there are ("GET, HEAD, PUT").
enum api_found api_router_find(const struct api_route *routes, size_t count, const char *method,
                               struct str path, size_t *ret_index, struct str *ret_param,
                               char ret_allow[API_ALLOW_SIZE]);
// The kind that a content type names ("application/json; charset=utf-8"); 0 for others.
enum api_body api_router_body(const char *content_type);

#endif

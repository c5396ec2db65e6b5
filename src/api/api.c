// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "api/private.h"

static tidings_status read_keys(const struct api *api, struct api_keys **ret,
                                struct tidings_error *err)
{
    *ret = NULL;
    return api_has_keys(api) ? api_keys_read(api->options.keys_file, ret, err) : TIDINGS_OK;
}

static struct api *make_api(const struct api_options *options)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return NULL;
    }
    api->options = *options;
    if (api->options.clock == NULL) {
        api->options.clock = clock_system();
    }
    if (api->options.payload_max == 0 || api->options.payload_max > RECORD_PAYLOAD_MAX) {
        api->options.payload_max = RECORD_PAYLOAD_MAX;
    }
    pthread_mutex_init(&api->lock, NULL);
    api->peers = calloc(1, sizeof *api->peers);
    if (api->peers == NULL) {
        api_free(api);
        return NULL;
    }
    return api;
}

tidings_status api_new(const struct api_options *options, struct api **ret,
                       struct tidings_error *err)
{
    struct api *api = make_api(options);
    if (api == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the API");
    }
    tidings_status status = read_keys(api, &api->keys, err);
    if (status != TIDINGS_OK) {
        api_free(api);
        return status;
    }
    *ret = api;
    return TIDINGS_OK;
}

void api_free(struct api *api)
{
    if (api != NULL) {
        api_keys_unref(api->keys);
        free(api->peers);
        EVP_MD_free(atomic_load(&api->sha256));
        pthread_mutex_destroy(&api->lock);
        free(api);
    }
}

tidings_status api_reload(struct api *api, struct tidings_error *err)
{
    struct api_keys *keys;
    tidings_status status = read_keys(api, &keys, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    pthread_mutex_lock(&api->lock);
    struct api_keys *old = api->keys;
    api->keys = keys;
    pthread_mutex_unlock(&api->lock);
    api_keys_unref(old);
    return TIDINGS_OK;
}

// ---- requests ----
static struct api_call *new_call(struct api *api, const struct http_request *request,
                                 struct http_response *response)
{
    _Static_assert(sizeof(struct api_call) <= HTTP_ROOM_SIZE, "a call fits its exchange's room");
    struct api_call *call = http_request_room(request);
    memset(call, 0, offsetof(struct api_call, first));
    call->api = api;
    call->request = request;
    call->response = response;
    api_pool_init(&call->pool, call->first, sizeof call->first);
    return call;
}

static bool check_body(struct api_call *call)
{
    const struct api_route *route = call->route;
    const char *type = http_request_header(call->request, "Content-Type");
    size_t len = call->request->body.len;
    if (route->bodies == 0 || (len == 0 && (route->bodies & API_BODY_MAY_BE_EMPTY) != 0)) {
        return true;
    }
    if ((route->bodies & API_BODY_ANY) == 0 && (route->bodies & api_router_body(type)) == 0) {
        (void)api_call_problem(
            call, API_PROBLEM_MEDIA, "Content-Type", "the body must be application/json%s",
            (route->bodies & API_BODY_MERGE) != 0 ? " or application/merge-patch+json" : "");
        return false;
    }
    if (len > route->body_max) {
        (void)api_call_problem(call, API_PROBLEM_TOO_LARGE, NULL,
                               "a body of %zu bytes; at most %zu are taken here", len,
                               route->body_max);
        return false;
    }
    return true;
}

static enum api_turn route_call(struct api_call *call)
{
    char allow[API_ALLOW_SIZE];
    size_t index = 0;
    switch (api_router_find(api_routes, API_ROUTES, call->request->method,
                            str_of(call->request->path), &index, &call->param, allow)) {
    case API_NO_PATH:
        return api_call_problem(call, API_PROBLEM_NOT_FOUND, NULL,
                                "no such path; GET /openapi.yaml tells which there are");
    case API_NO_METHOD:
        (void)api_call_problem(call, API_PROBLEM_METHOD, NULL, "this path takes %s", allow);
        http_response_field(call->response, "Allow", "%s", allow);
        return API_NOW;
    case API_FOUND: break;
    }
    call->route = &api_routes[index];
    return api_access(call) && api_query_check(call) && check_body(call) ? call->route->handle(call)
                                                                         : API_NOW;
}

bool api_handle(struct api *api, const struct http_request *request, struct http_response *response)
{
    struct str path = str_of(request->path);
    if (!str_starts(path, STR("/v1/")) && !str_eq(path, STR("/openapi.yaml"))) {
        return false;
    }
    struct api_call *call = new_call(api, request, response);
    if (route_call(call) == API_NOW) {
        api_call_finish(call);
    }
    return true;
}

void api_refuse(void *arg, int status, const char *text, struct http_response *response)
{
    struct api *api = arg;
    int class = status / 100 - 1;
    api_problem_answer(response, api_problem_of_http(status), NULL, text);
    response->status = status;
    if (class >= 0 && class < API_CLASSES) {
        atomic_fetch_add_explicit(&api->answers[API_ROUTES][class], 1, memory_order_relaxed);
    }
}

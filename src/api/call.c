// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/private.h"

enum api_turn api_call_problem(struct api_call *call, enum api_problem kind, const char *field,
                               const char *format, ...)
{
    char detail[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    api_problem_answer(call->response, kind, field, detail);
    return API_NOW;
}

enum api_turn api_call_failed(struct api_call *call, const char *field, tidings_status status,
                              const struct tidings_error *err)
{
    return api_call_problem(call, api_problem_of(status), field, "%s", error_text(err, status));
}

enum api_turn api_call_refused(struct api_call *call, const struct api_refusal *refusal)
{
    api_problem_answer(call->response, refusal->kind, refusal->field, refusal->err.text);
    return API_NOW;
}

enum api_turn api_call_later(struct api_call *call)
{
    struct http_exchange *exchange = call->request->exchange;
    BASE_ASSERT(!call->is_later);
    call->is_later = true;
    http_exchange_later(exchange);
    call->request = http_exchange_request(exchange);
    call->response = http_exchange_response(exchange);
    return API_LATER;
}

static void count(struct api_call *call)
{
    size_t row = call->route != NULL ? (size_t)(call->route - api_routes) : (size_t)API_ROUTES;
    int class = call->response->status / 100 - 1;
    if (class >= 0 && class < API_CLASSES) {
        atomic_fetch_add_explicit(&call->api->answers[row][class], 1, memory_order_relaxed);
    }
}

void api_call_finish(struct api_call *call)
{
    count(call);
    api_keys_unref(call->keys);
    api_pool_deinit(&call->pool);
}

void api_call_answer(struct api_call *call)
{
    struct http_exchange *exchange = call->request->exchange;
    BASE_ASSERT(call->is_later);
    api_call_finish(call);
    http_exchange_answer(exchange);
}

struct api_out api_call_json(struct api_call *call, int status)
{
    call->response->status = status;
    call->response->content_type = "application/json";
    call->response->field_count = 0;
    buf_clear(&call->response->body);
    return api_out_begin(&call->response->body);
}

void api_call_end(struct api_call *call, struct api_out *out)
{
    if (out->status != TIDINGS_OK) {
        (void)api_call_problem(
            call,
            out->status == TIDINGS_E_NO_MEMORY ? API_PROBLEM_UNAVAILABLE : API_PROBLEM_INTERNAL,
            NULL, "the answer could not be written: %s", tidings_status_text(out->status));
    }
}

// ---- on the loop ----
static void run_on_loop(void *arg)
{
    struct api_call *call = arg;
    call->on_loop(call);
}

enum api_turn api_call_on_loop(struct api_call *call, void (*task)(struct api_call *call))
{
    call->on_loop = task;
    if (!call->is_later) {
        (void)api_call_later(call);
    }
    tidings_status status = net_loop_post(call->api->options.loop, run_on_loop, call);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, NULL);
        api_call_answer(call);
    }
    return API_LATER;
}

// ---- on the reading thread ----
static tidings_status run_read(struct keeper_task *task, struct record *record,
                               struct tidings_error *err)
{
    struct api_call *call = BASE_CONTAINER_OF(task, struct api_call, task);
    return call->read(call, record, err);
}

static void read_done(struct keeper_task *task, tidings_status status,
                      const struct tidings_error *err)
{
    struct api_call *call = BASE_CONTAINER_OF(task, struct api_call, task);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, err);
    }
    api_call_answer(call);
}

enum api_turn api_call_on_reader(struct api_call *call,
                                 tidings_status (*read)(struct api_call *call,
                                                        struct record *record,
                                                        struct tidings_error *err))
{
    call->read = read;
    call->task = (struct keeper_task){ .run = run_read, .done = read_done };
    if (!call->is_later) {
        (void)api_call_later(call);
    }
    tidings_status status = keeper_post(notify_reader(call->api->options.notify), &call->task);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, NULL);
        api_call_answer(call);
    }
    return API_LATER;
}

// Of several threads that fetch it first one has its own kept.
static const EVP_MD *sha256_of(struct api *api)
{
    EVP_MD *kept = atomic_load(&api->sha256);
    if (kept != NULL) {
        return kept;
    }
    EVP_MD *fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (fetched != NULL && !atomic_compare_exchange_strong(&api->sha256, &kept, fetched)) {
        EVP_MD_free(fetched);
        return kept;
    }
    return fetched;
}

bool api_hash(struct api *api, const struct str *pieces, size_t count_of,
              unsigned char ret[API_KEY_HASH_SIZE])
{
    const EVP_MD *sha256 = sha256_of(api);
    EVP_MD_CTX *digest = sha256 != NULL ? EVP_MD_CTX_new() : NULL;
    bool good = digest != NULL && EVP_DigestInit_ex(digest, sha256, NULL) == 1;
    for (size_t i = 0; good && i < count_of; i++) {
        good = pieces[i].len == 0 || EVP_DigestUpdate(digest, pieces[i].ptr, pieces[i].len) == 1;
    }
    good = good && EVP_DigestFinal_ex(digest, ret, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return good;
}

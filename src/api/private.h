// SPDX-License-Identifier: Apache-2.0
// What the files of the room share: one request under way.
#ifndef API_PRIVATE_H
#define API_PRIVATE_H

#include <openssl/types.h>
#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/cursor.h"
#include "api/keys.h"
#include "api/limit.h"
#include "api/out.h"
#include "api/pool.h"
#include "api/problem.h"
#include "api/router.h"
#include "net/net.h"

enum {
    API_ROUTES = 29,
    API_CLASSES = 5,                 // 1xx to 5xx
    API_POOL_FIRST = 2048,           // bytes of a request's own object
    API_LIMIT_MAX = 1000,            // items of a page
    API_LIMIT_DEFAULT = 100,         //
    API_LOOP_PAGE_MAX = 100,         // of what is written on the loop's thread
    API_BODY_SOFT = 8 * 1024 * 1024, // a page ends when its body is larger
};

struct api {
    struct api_options options;
    EVP_MD *_Atomic sha256; // NULL before the first hash: until then the library takes no memory
    pthread_mutex_t lock;
    struct api_keys *keys;   // under lock; NULL: no keys
    struct api_peers *peers; // under lock
    // By operation (the last: none) and class of status.
    _Atomic uint64_t answers[API_ROUTES + 1][API_CLASSES];
    _Atomic uint64_t keys_refused;
};

struct api_call {
    struct api *api;
    const struct http_request *request;
    struct http_response *response;
    const struct api_route *route; // NULL: none was found
    struct str param;              // of the path
    struct api_keys *keys;         // counted; NULL: no keys
    const struct api_key *key;     // NULL: anybody may do everything
    bool is_later;
    struct keeper_task task; // of a read
    tidings_status (*read)(struct api_call *call, struct record *record, struct tidings_error *err);
    void (*on_loop)(struct api_call *call);
    void *state; // the handler's, of the pool
    struct api_pool pool;
    max_align_t first[API_POOL_FIRST / sizeof(max_align_t)];
};

extern const struct api_route api_routes[API_ROUTES];

// ---- call.c: how a request is answered ----
// Fills the response with a problem; returns API_NOW.
enum api_turn api_call_problem(struct api_call *call, enum api_problem kind, const char *field,
                               const char *format, ...) BASE_PRINTF(4, 5);
enum api_turn api_call_failed(struct api_call *call, const char *field, tidings_status status,
                              const struct tidings_error *err);
enum api_turn api_call_refused(struct api_call *call, const struct api_refusal *refusal);
// The answer comes later: from now on only api_call_answer ends it. Returns API_LATER.
enum api_turn api_call_later(struct api_call *call);
// Of one that is later: sends the response, frees the call.
void api_call_answer(struct api_call *call);
// Begins a JSON response, in place of what is there.
struct api_out api_call_json(struct api_call *call, int status);
// Ends it: a problem instead when it did not fit.
void api_call_end(struct api_call *call, struct api_out *out);
// Runs on the notifier's loop, later; `task` sees to the answer. A problem when it cannot.
enum api_turn api_call_on_loop(struct api_call *call, void (*task)(struct api_call *call));
// Runs on the reading thread, later, perhaps more than once: it begins with an empty response each
// time, leaves a whole one (a problem too), and answers OK; then the answer is sent. What else it
// answers becomes a problem.
enum api_turn api_call_on_reader(struct api_call *call,
                                 tidings_status (*read)(struct api_call *call,
                                                        struct record *record,
                                                        struct tidings_error *err));
// For the end of a request that is not later.
void api_call_finish(struct api_call *call);
// SHA-256 of the pieces.
bool api_hash(struct api *api, const struct str *pieces, size_t count,
              unsigned char ret[API_KEY_HASH_SIZE]);

// ---- access.c ----
// Whose request it is; false: the response is a problem.
bool api_access(struct api_call *call);
// What the key may see and hand over.
bool api_may_submit(const struct api_call *call, struct str source);
bool api_may_read(const struct api_call *call, struct str source, struct str receiver);
// Nothing but this source or receiver may be read; ptr NULL: no such bound.
struct str api_only_source(const struct api_call *call);
struct str api_only_receiver(const struct api_call *call);

// ---- body.c: small JSON bodies ----
struct api_member {
    const char *name;
    char kind;       // 't' text, 'n' number
    size_t max;      // bytes of a text
    struct str text; // NUL-ended, of the pool; ptr NULL = absent
    int64_t number;  // stays as it is when absent
};
// The body (an object, or nothing) as these members; false: the response is a problem.
bool api_body_read(struct api_call *call, struct api_member *members, size_t count);
// Whether it can be a ladder ("" too); false: the response is a problem.
bool api_ladder_is_good(struct api_call *call, struct str text);
// A NUL-ended copy in the pool; ptr NULL when memory is short.
struct str api_call_keep(struct api_call *call, struct str text);

// ---- query.c: parameters ----
// Whether all of them are the route's, each once; false: the response is a problem. What is passed
// over in silence here would be a filter that does not filter.
bool api_query_check(struct api_call *call);
// All answer false when the response is a problem. What is absent leaves *ret as it is.
bool api_query_text(struct api_call *call, const char *name, size_t max, struct str *ret);
bool api_query_number(struct api_call *call, const char *name, int64_t least, int64_t most,
                      int64_t *ret);
bool api_query_cursor(struct api_call *call, enum api_cursor_kind kind, struct api_cursor *ret);
// Member nextCursor.
void api_out_cursor(struct api_out *out, enum api_cursor_kind kind,
                    const struct api_cursor *cursor);
// The state and the reason of a notification by their texts; false for others.
bool api_state_parse(struct str text, enum record_state *ret);
bool api_reason_parse(struct str text, enum record_reason *ret);
bool api_if_match(struct api_call *call, int64_t *ret_version, bool *ret_any);

// ---- handlers ----
enum api_turn api_handle_submit(struct api_call *call);
enum api_turn api_handle_list(struct api_call *call);
enum api_turn api_handle_get(struct api_call *call);
enum api_turn api_handle_payload(struct api_call *call);
enum api_turn api_handle_attempts(struct api_call *call);
enum api_turn api_handle_redeliver(struct api_call *call);
enum api_turn api_handle_cancel(struct api_call *call);
enum api_turn api_handle_job_start(struct api_call *call);
enum api_turn api_handle_job_list(struct api_call *call);
enum api_turn api_handle_job_get(struct api_call *call);
enum api_turn api_handle_job_cancel(struct api_call *call);
enum api_turn api_handle_receiver_list(struct api_call *call);
enum api_turn api_handle_receiver_create(struct api_call *call);
enum api_turn api_handle_receiver_get(struct api_call *call);
enum api_turn api_handle_receiver_put(struct api_call *call);
enum api_turn api_handle_receiver_patch(struct api_call *call);
enum api_turn api_handle_receiver_retire(struct api_call *call);
enum api_turn api_handle_receiver_pause(struct api_call *call);
enum api_turn api_handle_receiver_resume(struct api_call *call);
enum api_turn api_handle_receiver_secret(struct api_call *call);
enum api_turn api_handle_receiver_test(struct api_call *call);
enum api_turn api_handle_binding_list(struct api_call *call);
enum api_turn api_handle_binding_get(struct api_call *call);
enum api_turn api_handle_binding_put(struct api_call *call);
enum api_turn api_handle_binding_delete(struct api_call *call);
enum api_turn api_handle_ladders(struct api_call *call);
enum api_turn api_handle_preview(struct api_call *call);
enum api_turn api_handle_whoami(struct api_call *call);
enum api_turn api_handle_openapi(struct api_call *call);

#endif

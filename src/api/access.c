// SPDX-License-Identifier: Apache-2.0
// Whose request it is, and what that one may do.
#include <strings.h>

#include "api/private.h"

enum { PEER_SIZE = 64 };

static bool unauthorized(struct api_call *call, const char *why)
{
    (void)api_call_problem(call, API_PROBLEM_UNAUTHORIZED, "Authorization", "%s", why);
    http_response_field(call->response, "WWW-Authenticate", "%s", "Bearer realm=\"tidings\"");
    return false;
}

// Too many of them from one address are told so, and cost no line in the log; a right key is taken
// all the same: who shares the address with a guesser (a proxy) is not locked out by him.
static bool wrong_key(struct api_call *call)
{
    char peer[PEER_SIZE];
    struct api *api = call->api;
    http_request_peer(call->request, peer, sizeof peer);
    pthread_mutex_lock(&api->lock);
    bool is_counted = api_peers_failed(api->peers, peer, clock_mono_us(api->options.clock));
    pthread_mutex_unlock(&api->lock);
    atomic_fetch_add_explicit(&api->keys_refused, 1, memory_order_relaxed);
    if (!is_counted) {
        (void)api_call_problem(call, API_PROBLEM_RATE, "Authorization",
                               "too many wrong keys came from this address");
        return false;
    }
    log_line(api->options.log, LOG_INFO, "api", "msg=\"request with a wrong key\" peer=%s", peer);
    return unauthorized(call, "no such key");
}

// The key's text behind "Bearer "; false when there is none.
static bool read_bearer(const struct api_call *call, struct str *ret)
{
    const char *header = http_request_header(call->request, "Authorization");
    static const char scheme[] = "Bearer ";
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    *ret = str_trim(str_of(header + sizeof scheme - 1));
    return ret->len > 0 && ret->len <= API_KEY_TEXT_MAX;
}

// Takes a counted view of the keys, and one request of the key's rate.
static struct api_key *take_key(struct api_call *call, const unsigned char *hash, bool *ret_is_over)
{
    struct api *api = call->api;
    int64_t now_us = clock_mono_us(api->options.clock);
    pthread_mutex_lock(&api->lock);
    struct api_key *key = api->keys != NULL ? api_keys_find(api->keys, hash) : NULL;
    if (key != NULL) {
        call->keys = api_keys_ref(api->keys);
        *ret_is_over = key->rate > 0 && !api_limit_take(&key->credit_us, &key->seen_us, now_us,
                                                        1000000 / key->rate, 1000000);
    }
    pthread_mutex_unlock(&api->lock);
    return key;
}

static bool authenticate(struct api_call *call)
{
    unsigned char hash[API_KEY_HASH_SIZE];
    struct str text = { NULL, 0 };
    bool is_over = false;
    if (!read_bearer(call, &text)) {
        return unauthorized(call, "send Authorization: Bearer KEY");
    }
    if (!api_hash(call->api, &text, 1, hash)) {
        (void)api_call_problem(call, API_PROBLEM_UNAVAILABLE, NULL, "out of memory");
        return false;
    }
    struct api_key *key = take_key(call, hash, &is_over);
    if (key == NULL) {
        return wrong_key(call);
    }
    call->key = key;
    if (is_over) {
        (void)api_call_problem(call, API_PROBLEM_RATE, NULL, "over %lld requests a second",
                               (long long)key->rate);
        return false;
    }
    return true;
}

// A web page that the operator's browser has open must not make it do things here: without keys
// nothing else would stop it.
static bool is_cross_site(const struct api_call *call)
{
    const char *site = http_request_header(call->request, "Sec-Fetch-Site");
    return site != NULL && (strcmp(site, "cross-site") == 0 || strcmp(site, "same-site") == 0) &&
           strcmp(call->route->method, "GET") != 0;
}

static bool forbidden(struct api_call *call, const char *permission, const char *detail)
{
    struct api_out out;
    api_problem_begin(call->response, &out, API_PROBLEM_FORBIDDEN, NULL, detail);
    api_out_member_c(&out, "permission", permission);
    api_problem_end(call->response, &out);
    return false;
}

// The roles that may do it, as text: "operator or initiator".
static const char *roles_text(unsigned roles)
{
    return (roles & API_INITIATOR) != 0 ? "role operator or initiator" : "role operator";
}

bool api_access(struct api_call *call)
{
    unsigned roles = call->route->roles;
    if ((roles & API_ANYBODY) != 0) {
        return true;
    }
    if (is_cross_site(call)) {
        return forbidden(call, "same origin", "requests of other web sites are not taken");
    }
    if (!api_has_keys(call->api)) {
        return true;
    }
    if (!authenticate(call)) {
        return false;
    }
    return (roles & call->key->role) != 0 ||
           forbidden(call, roles_text(roles), "the key has not the role for this");
}

bool api_has_keys(const struct api *api)
{
    return api->options.keys_file != NULL && api->options.keys_file[0] != '\0';
}

bool api_may_submit(const struct api_call *call, struct str source)
{
    return call->key == NULL || call->key->role == API_OPERATOR ||
           (call->key->role == API_INITIATOR && api_patterns_match(call->key->sources, source));
}

bool api_may_read(const struct api_call *call, struct str source, struct str receiver)
{
    return api_may_submit(call, source) ||
           (call->key->role == API_RECEIVER && api_patterns_match(call->key->receivers, receiver));
}

struct str api_only_source(const struct api_call *call)
{
    return call->key != NULL ? api_patterns_only(call->key->sources) : (struct str){ NULL, 0 };
}

struct str api_only_receiver(const struct api_call *call)
{
    return call->key != NULL ? api_patterns_only(call->key->receivers) : (struct str){ NULL, 0 };
}

// SPDX-License-Identifier: Apache-2.0
// Where a host's requests go, and the part of them that is the same each time.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "http/lean.h"

enum { SCHEME_LEN = 7, PORT_DEFAULT = 80, METHOD_MAX = 16, BEGIN_KEPT_MAX = 4096 };

void lean_target_free(struct lean_target *target)
{
    if (target != NULL) {
        buf_deinit(&target->url);
        buf_deinit(&target->method);
        buf_deinit(&target->begin);
        free(target);
    }
}

// ---- the host ----
static void set_literal(struct lean_target *target, const char *host)
{
    struct address *literal = &target->literal;
    if (inet_pton(AF_INET, host, &literal->v4.sin_addr) == 1) {
        literal->size = sizeof literal->v4;
        literal->v4.sin_family = AF_INET;
        literal->v4.sin_port = htons((uint16_t)target->port);
        return;
    }
    struct in6_addr v6;
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        literal->size = sizeof literal->v6;
        literal->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                             .sin6_port = htons((uint16_t)target->port),
                                             .sin6_addr = v6 };
    }
}

// The authority of a URL that is good: name, name:port, [v6], [v6]:port.
static bool set_authority(struct lean_target *target, struct str authority)
{
    bool is_v6 = authority.len > 0 && authority.ptr[0] == '[';
    size_t end = str_find(authority, is_v6 ? ']' : ':', 0);
    end = end == SIZE_MAX ? authority.len : end + is_v6;
    struct str host = str_make(authority.ptr, end);
    int64_t port = PORT_DEFAULT;
    if (end < authority.len &&
        !num_parse_i64(str_make(authority.ptr + end + 1, authority.len - end - 1), 1, 65535,
                       &port)) {
        return false;
    }
    target->port = (int)port;
    struct str bare = is_v6 ? str_make(host.ptr + 1, host.len - 2) : host;
    if (!str_copy(target->name, sizeof target->name, bare)) {
        return false;
    }
    if (port == PORT_DEFAULT) {
        (void)snprintf(target->host_field, sizeof target->host_field, "Host: %.*s\r\n",
                       STR_ARG(host));
    } else {
        (void)snprintf(target->host_field, sizeof target->host_field, "Host: %.*s:%d\r\n",
                       STR_ARG(host), target->port);
    }
    set_literal(target, target->name);
    return true;
}

static struct lean_target *make(struct str authority)
{
    struct lean_target *target = calloc(1, sizeof *target);
    if (target != NULL) {
        buf_init(&target->url, HTTP_URL_MAX);
        buf_init(&target->method, METHOD_MAX);
        buf_init(&target->begin, BEGIN_KEPT_MAX);
        if (!set_authority(target, authority)) {
            lean_target_free(target);
            target = NULL;
        }
    }
    return target;
}

// ---- the beginning ----
static bool is_method(struct str method)
{
    bool wrong = method.len == 0 || method.len > METHOD_MAX;
    for (size_t i = 0; i < method.len && !wrong; i++) {
        wrong = method.ptr[i] < 'A' || method.ptr[i] > 'Z';
    }
    return !wrong;
}

static tidings_status write_begin(struct lean_target *target, struct str method, struct str url,
                                  struct str path)
{
    struct buf *begin = &target->begin;
    bool is_rooted = path.len > 0 && path.ptr[0] == '/';
    buf_clear(begin);
    buf_clear(&target->method);
    buf_clear(&target->url);
    if (buf_add_str(begin, method) != TIDINGS_OK ||
        buf_add_str(begin, is_rooted ? STR(" ") : STR(" /")) != TIDINGS_OK ||
        buf_add_str(begin, path) != TIDINGS_OK ||
        buf_add_str(begin, STR(" HTTP/1.1\r\n")) != TIDINGS_OK ||
        buf_add_str(begin, str_of(target->host_field)) != TIDINGS_OK ||
        buf_add_str(&target->method, method) != TIDINGS_OK) {
        return TIDINGS_E_NO_MEMORY;
    }
    return buf_add_str(&target->url, url); // last: with it the rest is good
}

tidings_status lean_target_begin(struct host *host, const struct http_outgoing *outgoing,
                                 struct str *ret_begin, struct tidings_error *err)
{
    struct lean_target *target = host->target;
    struct str url = str_of(outgoing->url);
    struct str method = str_of(outgoing->method);
    if (target == NULL || !str_eq(buf_str(&target->url), url) ||
        !str_eq(buf_str(&target->method), method)) {
        tidings_status status = http_url_check(url, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        if (!is_method(method)) {
            return error_set(err, TIDINGS_E_INVALID, "http: a method is at most %d capital letters",
                             METHOD_MAX);
        }
        if (target == NULL) {
            target = make(str_make(host->name + SCHEME_LEN, host->len - SCHEME_LEN));
            host->target = target;
        }
        struct str path = str_make(url.ptr + host->len, url.len - host->len);
        if (target == NULL || write_begin(target, method, url, path) != TIDINGS_OK) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
        }
    }
    *ret_begin = buf_str(&target->begin);
    return TIDINGS_OK;
}

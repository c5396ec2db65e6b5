// SPDX-License-Identifier: Apache-2.0
#include "http/policy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "http/ranges.h"

struct http_policy {
    size_t count;
    struct range allowed[HTTP_POLICY_RANGES_MAX];
};

// ---- the ranges that are allowed in spite of all ----
static tidings_status wrong(struct tidings_error *err, struct str piece, const char *what)
{
    return error_set(err, TIDINGS_E_INVALID,
                     "address range \"%.*s\" %s; right are 10.0.0.0/8, 192.168.1.7, fd00::/8",
                     (int)(piece.len > 64 ? 64 : piece.len), piece.ptr, what);
}

static tidings_status read_range(struct str piece, struct range *ret, struct tidings_error *err)
{
    char text[INET6_ADDRSTRLEN];
    size_t slash = str_find(piece, '/', 0);
    struct str address = slash == SIZE_MAX ? piece : str_make(piece.ptr, slash);
    *ret = (struct range){ .kind = "allowed address" };
    if (memchr(address.ptr, '\0', address.len) != NULL || !str_copy(text, sizeof text, address)) {
        return wrong(err, piece, "is no address");
    }
    ret->len = inet_pton(AF_INET, text, ret->address) == 1    ? 4
               : inet_pton(AF_INET6, text, ret->address) == 1 ? 16
                                                              : 0;
    if (ret->len == 0) {
        return wrong(err, piece, "is no address");
    }
    int64_t bits = ret->len * 8;
    if (slash != SIZE_MAX) {
        struct str number = str_make(piece.ptr + slash + 1, piece.len - slash - 1);
        if (number.len == 0 || number.len > 3 || number.ptr[0] == '-' ||
            !num_parse_i64(number, 0, bits, &bits)) {
            return wrong(err, piece,
                         ret->len == 4 ? "has no prefix of 0 to 32 bits"
                                       : "has no prefix of 0 to 128 bits");
        }
    }
    ret->bits = (uint8_t)bits;
    if (!range_is_exact(ret)) {
        return wrong(err, piece, "has bits set behind its prefix");
    }
    range_unmap(ret);
    return TIDINGS_OK;
}

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '\r';
}

// Cuts the next piece; false at the end.
static bool next_piece(struct str *rest, struct str *ret)
{
    size_t from = 0;
    while (from < rest->len && is_separator(rest->ptr[from])) {
        from++;
    }
    size_t to = from;
    while (to < rest->len && !is_separator(rest->ptr[to])) {
        to++;
    }
    *ret = str_make(rest->ptr + from, to - from);
    *rest = str_make(rest->ptr + to, rest->len - to);
    return ret->len > 0;
}

tidings_status http_policy_new(struct str allow, struct http_policy **ret,
                               struct tidings_error *err)
{
    struct http_policy *policy = calloc(1, sizeof *policy);
    struct str piece;
    tidings_status status = TIDINGS_OK;
    if (policy == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the address policy");
    }
    while (status == TIDINGS_OK && allow.len > 0 && next_piece(&allow, &piece)) {
        status = policy->count == HTTP_POLICY_RANGES_MAX
                     ? error_set(err, TIDINGS_E_INVALID, "more than %d address ranges",
                                 HTTP_POLICY_RANGES_MAX)
                     : read_range(piece, &policy->allowed[policy->count], err);
        policy->count += status == TIDINGS_OK;
    }
    if (status != TIDINGS_OK) {
        free(policy);
        return status;
    }
    *ret = policy;
    return TIDINGS_OK;
}

void http_policy_free(struct http_policy *policy)
{
    free(policy);
}

// ---- the judgement ----
static bool is_allowed(const struct http_policy *policy, const uint8_t *address, size_t len)
{
    for (size_t i = 0; i < policy->count; i++) {
        if (range_has(&policy->allowed[i], address, len)) {
            return true;
        }
    }
    return false;
}

static bool refuse(char *reason, size_t size, const char *kind, const char *within)
{
    if (size > 0) {
        (void)snprintf(reason, size, "%s%s%s", kind, within != NULL ? " inside a " : "",
                       within != NULL ? within : "");
    }
    return false;
}

static bool judge_v4(const struct http_policy *policy, const uint8_t *address, const char *within,
                     char *reason, size_t size)
{
    if (is_allowed(policy, address, 4)) {
        return true;
    }
    const struct range *blocked = range_blocking(address, 4);
    return blocked == NULL || refuse(reason, size, blocked->kind, within);
}

static bool judge_v6(const struct http_policy *policy, const uint8_t *address, char *reason,
                     size_t size)
{
    uint8_t inside[4];
    const struct carrier *carrier = carrier_of(address, inside);
    if (carrier != NULL) {
        // The IPv4 address speaks first: its kind says more, and whoever allows a gateway's range
        // has not allowed what lies behind it. A mapped one is but another way to write it.
        return judge_v4(policy, inside, carrier->kind, reason, size) &&
               (carrier->is_same || is_allowed(policy, address, 16) ||
                refuse(reason, size, carrier->kind, NULL));
    }
    if (is_allowed(policy, address, 16)) {
        return true;
    }
    const struct range *blocked = range_blocking(address, 16);
    return blocked == NULL || refuse(reason, size, blocked->kind, NULL);
}

bool http_policy_allows(void *policy, const uint8_t *address, size_t len, char *reason, size_t size)
{
    if (len == 4) {
        return judge_v4(policy, address, NULL, reason, size);
    }
    return len == 16 ? judge_v6(policy, address, reason, size)
                     : refuse(reason, size, "address of an unknown kind", NULL);
}

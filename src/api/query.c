// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "api/private.h"
#include "base/num.h"

struct check {
    struct api_call *call;
    unsigned seen; // bits by place among the route's
    bool good;
};

// Its place among the route's parameters; -1 when it is none of them.
static int find_parameter(const struct api_route *route, struct str name)
{
    struct str rest = str_of(route->query);
    struct str known;
    for (int i = 0; str_split(&rest, ' ', &known); i++) {
        if (str_eq(known, name)) {
            return i;
        }
    }
    return -1;
}

static void unknown_parameter(struct api_call *call, const char *name)
{
    char known[256] = "";
    struct str rest = str_of(call->route->query);
    struct str one;
    while (rest.len > 0 && str_split(&rest, ' ', &one)) {
        size_t len = strlen(known);
        (void)snprintf(known + len, sizeof known - len, "%s%.*s", len > 0 ? ", " : "",
                       STR_ARG(one));
    }
    (void)api_call_problem(call, API_PROBLEM_INVALID, name, "unknown parameter \"%s\"; there %s %s",
                           name, known[0] != '\0' ? "are" : "is",
                           known[0] != '\0' ? known : "none");
}

static bool check_parameter(void *arg, const char *text, const char *value)
{
    char name[64]; // of an unknown one its beginning will do
    struct check *check = arg;
    int place = find_parameter(check->call->route, str_of(text));
    (void)value;
    (void)snprintf(name, sizeof name, "%s", text);
    check->good = place >= 0 && (check->seen & 1U << place) == 0;
    if (place < 0) {
        unknown_parameter(check->call, name);
    } else if (!check->good) {
        (void)api_call_problem(check->call, API_PROBLEM_INVALID, name, "%s came twice", name);
    } else {
        check->seen |= 1U << place;
    }
    return check->good;
}

bool api_query_check(struct api_call *call)
{
    struct check check = { .call = call, .good = true };
    http_request_each_query(call->request, check_parameter, &check);
    return check.good;
}

bool api_query_text(struct api_call *call, const char *name, size_t max, struct str *ret)
{
    const char *value = http_request_query(call->request, name);
    if (value == NULL) {
        return true;
    }
    *ret = str_of(value);
    if (ret->len > max || !str_is_utf8(*ret)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, name,
                               "%s is no UTF-8 text of at most %zu bytes", name, max);
        return false;
    }
    return true;
}

bool api_query_number(struct api_call *call, const char *name, int64_t least, int64_t most,
                      int64_t *ret)
{
    const char *value = http_request_query(call->request, name);
    if (value == NULL || num_parse_i64(str_of(value), least, most, ret)) {
        return true;
    }
    (void)api_call_problem(call, API_PROBLEM_INVALID, name,
                           "%s must be a whole number from %lld to %lld", name, (long long)least,
                           (long long)most);
    return false;
}

// One strong entity tag: a version in quotes. "*": whichever, but it must be there.
bool api_if_match(struct api_call *call, int64_t *ret_version, bool *ret_any)
{
    const char *value = http_request_header(call->request, "If-Match");
    struct str tag = str_trim(str_of(value));
    *ret_version = 0;
    *ret_any = false;
    if (value == NULL) {
        return true;
    }
    if (str_eq(tag, STR("*"))) {
        *ret_any = true;
        return true;
    }
    if (tag.len > 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"' &&
        num_parse_i64(str_make(tag.ptr + 1, tag.len - 2), 1, INT64_MAX, ret_version)) {
        return true;
    }
    (void)api_call_problem(call, API_PROBLEM_INVALID, "If-Match",
                           "If-Match must be a version in quotes, as ETag has it, or *");
    return false;
}

bool api_query_cursor(struct api_call *call, enum api_cursor_kind kind, struct api_cursor *ret)
{
    struct tidings_error err = { 0 };
    const char *value = http_request_query(call->request, "cursor");
    if (value == NULL) {
        return true;
    }
    tidings_status status = api_cursor_read(kind, str_of(value), ret, &err);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, "cursor", status, &err);
    }
    return status == TIDINGS_OK;
}

void api_out_cursor(struct api_out *out, enum api_cursor_kind kind, const struct api_cursor *cursor)
{
    struct buf text;
    buf_init(&text, API_CURSOR_MAX);
    tidings_status status = api_cursor_write(kind, cursor, &text);
    if (status == TIDINGS_OK) {
        api_out_member(out, "nextCursor", buf_str(&text));
    } else if (out->status == TIDINGS_OK) {
        out->status = status;
    }
    buf_deinit(&text);
}

bool api_state_parse(struct str text, enum record_state *ret)
{
    for (int state = RECORD_WAITING; state <= RECORD_CANCELLED; state++) {
        if (str_eq_c(text, record_state_text((enum record_state)state))) {
            *ret = (enum record_state)state;
            return true;
        }
    }
    return false;
}

bool api_reason_parse(struct str text, enum record_reason *ret)
{
    for (int reason = RECORD_REASON_LADDER; reason <= RECORD_REASON_OPERATOR; reason++) {
        if (str_eq_c(text, record_reason_text((enum record_reason)reason))) {
            *ret = (enum record_reason)reason;
            return true;
        }
    }
    return false;
}

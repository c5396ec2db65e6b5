// SPDX-License-Identifier: Apache-2.0
// Header fields that are passed on from whoever submitted, as lines.
#include "receiver/member.h"
#include "receiver/private.h"

// The notifier writes these, or they are about a connection.
bool headers_is_reserved(struct str name)
{
    static const char *const reserved[] = {
        "host",
        "content-length",
        "content-type",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
        "proxy-authorization",
    };
    static const char *const beginnings[] = { "webhook-", "tidings-" };
    for (size_t i = 0; i < BASE_COUNT(reserved); i++) {
        if (str_eq_nocase(name, str_of(reserved[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < BASE_COUNT(beginnings); i++) {
        struct str beginning = str_of(beginnings[i]);
        if (name.len >= beginning.len &&
            str_eq_nocase(str_make(name.ptr, beginning.len), beginning)) {
            return true;
        }
    }
    return false;
}

static size_t count_lines(struct str lines)
{
    size_t count = 0;
    for (size_t at = str_find(lines, '\n', 0); at != SIZE_MAX; at = str_find(lines, '\n', at + 1)) {
        count++;
    }
    return count;
}

tidings_status receiver_headers_add(struct buf *lines, struct str name, struct str value,
                                    struct tidings_error *err)
{
    char shown[MEMBER_EXCERPT_SIZE];
    size_t before = lines->len;
    member_excerpt(name, shown);
    if (!member_is_token(name) || name.len > HEADER_NAME_MAX) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "header \"%s\": a name must be 1 to %d letters, digits and !#$%%&'*+-.^_`|~", shown,
            HEADER_NAME_MAX);
    }
    // `authorization` proves to us who submits; it is nothing for the receiver.
    if (headers_is_reserved(name) || str_eq_nocase(name, STR("authorization"))) {
        return error_set(err, TIDINGS_E_INVALID,
                         "header \"%s\": is not passed on, the notifier has its own", shown);
    }
    if (!member_is_field_value(value) || value.len > HEADER_VALUE_MAX) {
        return error_set(err, TIDINGS_E_INVALID,
                         "header \"%s\": a value must be at most %d bytes without control "
                         "characters, and without white space at its ends",
                         shown, HEADER_VALUE_MAX);
    }
    if (count_lines(buf_str(lines)) >= RECEIVER_PASSED_ON_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "header \"%s\": at most %d are passed on", shown,
                         RECEIVER_PASSED_ON_MAX);
    }
    tidings_status status = buf_add_str(lines, name);
    status = status == TIDINGS_OK ? buf_add_str(lines, STR(": ")) : status;
    status = status == TIDINGS_OK ? buf_add_str(lines, value) : status;
    status = status == TIDINGS_OK ? buf_add_str(lines, STR("\n")) : status;
    if (status != TIDINGS_OK) {
        lines->len = before;
        return error_set(err, status, "header \"%s\": no room among what is passed on", shown);
    }
    return TIDINGS_OK;
}

bool receiver_headers_next(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    struct str line;
    while (rest->len > 0 && str_split(rest, '\n', &line)) {
        size_t colon = str_find(line, ':', 0);
        if (colon != SIZE_MAX) { // else a line that receiver_headers_add did not write
            *ret_name = str_make(line.ptr, colon);
            *ret_value = str_trim(str_make(line.ptr + colon + 1, line.len - colon - 1));
            return true;
        }
    }
    return false;
}

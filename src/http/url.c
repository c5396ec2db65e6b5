// SPDX-License-Identifier: Apache-2.0
// A strict look at URLs: strangers write them, and what a human reads in one must be what libcurl
// connects to. Stricter than RFC 3986 on purpose.
#include <arpa/inet.h>

#include "base/num.h"
#include "http/policy.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 };

static tidings_status wrong(struct tidings_error *err, const char *what)
{
    return error_set(err, TIDINGS_E_INVALID,
                     "url: %s; right is https://host.example:8443/path?query", what);
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool has_scheme(struct str *url, struct str scheme)
{
    if (url->len < scheme.len) {
        return false;
    }
    for (size_t i = 0; i < scheme.len; i++) {
        char c = url->ptr[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c) != scheme.ptr[i]) {
            return false;
        }
    }
    *url = str_make(url->ptr + scheme.len, url->len - scheme.len);
    return true;
}

// ---- hosts ----
static bool is_v4(struct str host)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    // inet_pton takes four decimal numbers without leading zeros, and nothing else.
    return str_copy(text, sizeof text, host) && inet_pton(AF_INET, text, &address) == 1;
}

static bool is_v6(struct str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    return str_copy(text, sizeof text, host) && inet_pton(AF_INET6, text, &address) == 1;
}

// What looks like a number would be read as an address by many: 127.1, 2130706433, 0x7f000001.
static bool looks_numeric(struct str label)
{
    size_t from = label.len > 1 && label.ptr[0] == '0' && (label.ptr[1] | 0x20) == 'x' ? 2 : 0;
    for (size_t i = from; i < label.len; i++) {
        char lower = (char)(label.ptr[i] | 0x20);
        if (!is_digit(label.ptr[i]) && !(from > 0 && lower >= 'a' && lower <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool is_label(struct str label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alnum(label.ptr[i]) && label.ptr[i] != '-' && label.ptr[i] != '_') {
            return false;
        }
    }
    return true;
}

static tidings_status check_name(struct str host, struct tidings_error *err)
{
    struct str rest = host;
    struct str label = { 0 };
    if (host.len == 0) {
        return wrong(err, "the host is missing");
    }
    if (host.len > HOST_MAX) {
        return wrong(err, "the host is longer than 253 bytes");
    }
    if (host.len > 1 && host.ptr[host.len - 1] == '.') { // the root may be written
        rest.len--;
    }
    while (str_split(&rest, '.', &label)) {
        if (!is_label(label)) {
            return wrong(err, "the host has other characters than letters, digits, '-' and '.' "
                              "(international names are written in their xn-- form)");
        }
    }
    if (looks_numeric(label) && !is_v4(host)) {
        return wrong(err, "a numeric host is four decimal numbers, like 192.0.2.1");
    }
    return TIDINGS_OK;
}

static tidings_status check_port(struct str port, struct tidings_error *err)
{
    int64_t number;
    if (port.len == 0 || port.len > 5 || !is_digit(port.ptr[0]) ||
        !num_parse_i64(port, 1, 65535, &number)) {
        return wrong(err, "the port is a number from 1 to 65535");
    }
    return TIDINGS_OK;
}

static tidings_status check_authority(struct str text, struct tidings_error *err)
{
    if (str_find(text, '@', 0) != SIZE_MAX) {
        return wrong(err, "user and password do not belong here");
    }
    size_t end;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t bracket = str_find(text, ']', 0);
        if (bracket == SIZE_MAX || !is_v6(str_make(text.ptr + 1, bracket - 1))) {
            return wrong(err, "between [ and ] stands an IPv6 address without a zone");
        }
        end = bracket + 1;
    } else {
        end = str_find(text, ':', 0);
        end = end == SIZE_MAX ? text.len : end;
        tidings_status status = check_name(str_make(text.ptr, end), err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    if (end == text.len) {
        return TIDINGS_OK;
    }
    return text.ptr[end] != ':' ? wrong(err, "behind the host stands a port or a path")
                                : check_port(str_make(text.ptr + end + 1, text.len - end - 1), err);
}

// ---- the whole ----
static tidings_status check_characters(struct str url, struct tidings_error *err)
{
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c == '#') {
            return wrong(err, "a fragment (#) is never sent");
        }
        if (c <= 0x20 || c >= 0x7f || strchr("\\\"<>^`{|}", c) != NULL) {
            return error_set(err, TIDINGS_E_INVALID,
                             "url: byte %zu (0x%02x) must be percent-encoded", i + 1, c);
        }
    }
    return TIDINGS_OK;
}

tidings_status http_url_check(struct str url, struct tidings_error *err)
{
    struct str rest = url;
    if (url.len > HTTP_URL_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "url: longer than %d bytes", HTTP_URL_MAX);
    }
    tidings_status status = check_characters(url, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!has_scheme(&rest, STR("http://")) && !has_scheme(&rest, STR("https://"))) {
        return wrong(err, "begins with neither http:// nor https://");
    }
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    return check_authority(str_make(rest.ptr, end), err);
}

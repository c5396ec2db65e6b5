// SPDX-License-Identifier: Apache-2.0
// The JSON header: an object whose shape is known, so that no tree is needed.
#include "wire/header.h"
#include "wire/scanner.h"

static bool take_i32(struct wire_scanner *s, int32_t *ret)
{
    struct str text;
    bool is_string = scan_peek(s) == '"';
    const char *begin = s->at;
    if (!wire_scan_scalar(s, &text)) {
        return false;
    }
    if (text.ptr == NULL) {
        *ret = 0;
        return true;
    }
    if (is_string || !num_parse_i32(text, ret)) {
        s->at = begin;
        return wire_scan_fail(s, "a whole number of 32 bits must be here");
    }
    return true;
}

static bool take_language(struct wire_scanner *s, int32_t *ret)
{
    struct str text;
    int32_t number;
    if (!wire_scan_scalar(s, &text)) {
        return false;
    }
    if (text.ptr != NULL && num_parse_i32(text, &number)) { // some encoders write enums as numbers
        *ret = wire_language_is_known(number) ? number : WIRE_LANGUAGE_OTHER;
    } else {
        *ret = wire_language_number(text);
    }
    return true;
}

static bool take_remark(struct wire_scanner *s, struct str *ret)
{
    if (scan_peek(s) == '"') {
        return wire_scan_string(s, ret);
    }
    const char *begin = s->at;
    if (!wire_scan_scalar(s, ret)) {
        return false;
    }
    if (ret->ptr != NULL) {
        s->at = begin;
        return wire_scan_fail(s, "remark must be a string or null");
    }
    return true;
}

// Any shape: an object or array is taken as its text, which no number or name can be.
static bool take_value(struct wire_scanner *s, struct str *ret)
{
    char c = scan_peek(s);
    if (BASE_LIKELY(c == '"')) {
        return wire_scan_string(s, ret);
    }
    if (c != '{' && c != '[') {
        return wire_scan_scalar(s, ret);
    }
    const char *begin = s->at;
    if (!wire_scan_skip(s, 2)) {
        return false;
    }
    *ret = str_make(begin, (size_t)(s->at - begin));
    return true;
}

static bool take_fields(struct wire_scanner *s, struct wire_header *ret)
{
    uint64_t seen = 0;
    struct wire_pair pair;
    ret->ext_count = 0;
    if (scan_peek(s) != '{') {
        return wire_scan_scalar(s, &pair.value) &&
               (pair.value.ptr == NULL || wire_scan_fail(s, "extFields must be an object"));
    }
    s->at++;
    if (scan_take(s, '}')) {
        return true;
    }
    do {
        if (!scan_key(s, &pair.key) || !take_value(s, &pair.value)) {
            return false;
        }
        if (!wire_header_put(ret, &seen, pair.key, pair.value)) {
            return wire_scan_fail(s, "more than 64 fields");
        }
    } while (scan_take(s, ','));
    return scan_take(s, '}') || wire_scan_fail(s, "a ',' or '}' must be here");
}

static bool take_member(struct wire_scanner *s, struct str key, struct wire_header *ret,
                        bool *ret_has_code)
{
    if (str_eq(key, STR("code"))) {
        *ret_has_code = true;
        return take_i32(s, &ret->code);
    }
    if (str_eq(key, STR("extFields"))) {
        return take_fields(s, ret);
    }
    if (str_eq(key, STR("flag"))) {
        return take_i32(s, &ret->flag);
    }
    if (str_eq(key, STR("language"))) {
        return take_language(s, &ret->language);
    }
    if (str_eq(key, STR("opaque"))) {
        return take_i32(s, &ret->opaque);
    }
    if (str_eq(key, STR("remark"))) {
        return take_remark(s, &ret->remark);
    }
    if (str_eq(key, STR("version"))) {
        return take_i32(s, &ret->version);
    }
    return wire_scan_skip(s, 1);
}

static bool take_members(struct wire_scanner *s, struct wire_header *ret, bool *ret_has_code)
{
    struct str key;
    if (scan_take(s, '}')) {
        return true;
    }
    do {
        if (!scan_key(s, &key) || !take_member(s, key, ret, ret_has_code)) {
            return false;
        }
    } while (scan_take(s, ','));
    return scan_take(s, '}') || wire_scan_fail(s, "a ',' or '}' must be here");
}

static bool take_header(struct wire_scanner *s, struct wire_header *ret)
{
    bool has_code = false;
    if (!scan_take(s, '{')) {
        return wire_scan_fail(s, "a '{' must be here");
    }
    if (!take_members(s, ret, &has_code)) {
        return false;
    }
    (void)scan_peek(s);
    if (s->at != s->end) {
        return wire_scan_fail(s, "the header must end here");
    }
    return has_code || wire_scan_fail(s, "there is no \"code\"");
}

tidings_status wire_header_decode_json(struct str text, struct buf *scratch,
                                       struct wire_header *ret, struct tidings_error *err)
{
    struct wire_scanner s = wire_scan_begin(text, scratch);
    if (!take_header(&s, ret)) {
        return error_set(err, s.status, "JSON header: %s, at byte %td of %zu", s.problem,
                         s.at - s.start, text.len);
    }
    return TIDINGS_OK;
}

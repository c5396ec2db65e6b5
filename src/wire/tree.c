// SPDX-License-Identifier: Apache-2.0
#include "wire/tree.h"

#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "wire/scanner.h"

enum { NUMBER_MAX = 340 }; // characters: more than any double needs

struct parser {
    struct wire_scanner scanner;
    size_t values;
};

static json_t *parse_value(struct parser *parser, int depth);

static json_t *fail(struct parser *parser, tidings_status status, const char *problem)
{
    if (parser->scanner.status == TIDINGS_OK) {
        parser->scanner.status = status;
        parser->scanner.problem = problem;
    }
    return NULL;
}

// The constructors of jansson return NULL for lack of memory only, when what they get was checked.
static json_t *made(struct parser *parser, json_t *value)
{
    return value != NULL ? value : fail(parser, TIDINGS_E_NO_MEMORY, "out of memory");
}

static bool scan_text(struct parser *parser, struct str *ret)
{
    if (!wire_scan_string(&parser->scanner, ret)) {
        return false;
    }
    if (!str_is_utf8(*ret) || memchr(ret->ptr, '\0', ret->len) != NULL) {
        (void)fail(parser, TIDINGS_E_PROTOCOL, "text that is not UTF-8, or has \\u0000 in it");
        return false;
    }
    return true;
}

static bool is_whole(struct str number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] == '.' || (number.ptr[i] | 0x20) == 'e') {
            return false;
        }
    }
    return true;
}

static json_t *parse_number(struct parser *parser)
{
    char copy[NUMBER_MAX + 1];
    struct str text;
    int64_t whole;
    if (!wire_scan_scalar(&parser->scanner, &text)) {
        return NULL;
    }
    if (is_whole(text)) {
        return num_parse_i64(text, INT64_MIN, INT64_MAX, &whole)
                   ? made(parser, json_integer(whole))
                   : fail(parser, TIDINGS_E_PROTOCOL, "a whole number beyond 64 bits");
    }
    if (!str_copy(copy, sizeof copy, text)) {
        return fail(parser, TIDINGS_E_PROTOCOL, "a number of too many digits");
    }
    double real = strtod(copy, NULL);
    return isfinite(real) ? made(parser, json_real(real))
                          : fail(parser, TIDINGS_E_PROTOCOL, "a number beyond a double");
}

static json_t *parse_literal(struct parser *parser)
{
    struct str text;
    if (!wire_scan_scalar(&parser->scanner, &text)) {
        return NULL;
    }
    return text.ptr == NULL ? json_null() : json_boolean(text.ptr[0] == 't');
}

static json_t *parse_text(struct parser *parser)
{
    struct str text;
    return scan_text(parser, &text) ? made(parser, json_stringn_nocheck(text.ptr, text.len)) : NULL;
}

// What follows the opening bracket. False: the failure is noted.
static bool parse_members(struct parser *parser, json_t *object, int depth)
{
    if (scan_take(&parser->scanner, '}')) {
        return true;
    }
    do {
        struct str key;
        if (!scan_text(parser, &key)) {
            return false;
        }
        if (!scan_take(&parser->scanner, ':')) {
            return wire_scan_fail(&parser->scanner, "a ':' must be here");
        }
        json_t *value = parse_value(parser, depth);
        if (value == NULL) {
            return false;
        }
        if (json_object_setn_new_nocheck(object, key.ptr, key.len, value) != 0) {
            (void)fail(parser, TIDINGS_E_NO_MEMORY, "out of memory");
            return false;
        }
    } while (scan_take(&parser->scanner, ','));
    return scan_take(&parser->scanner, '}') ||
           wire_scan_fail(&parser->scanner, "a ',' or '}' must be here");
}

static bool parse_items(struct parser *parser, json_t *array, int depth)
{
    if (scan_take(&parser->scanner, ']')) {
        return true;
    }
    do {
        json_t *value = parse_value(parser, depth);
        if (value == NULL) {
            return false;
        }
        if (json_array_append_new(array, value) != 0) {
            (void)fail(parser, TIDINGS_E_NO_MEMORY, "out of memory");
            return false;
        }
    } while (scan_take(&parser->scanner, ','));
    return scan_take(&parser->scanner, ']') ||
           wire_scan_fail(&parser->scanner, "a ',' or ']' must be here");
}

static json_t *parse_group(struct parser *parser, bool is_object, int depth)
{
    if (depth == WIRE_TREE_DEPTH_MAX) {
        return fail(parser, TIDINGS_E_TOO_LARGE, "nested too deep");
    }
    json_t *group = made(parser, is_object ? json_object() : json_array());
    parser->scanner.at++;
    if (group != NULL && !(is_object ? parse_members(parser, group, depth + 1)
                                     : parse_items(parser, group, depth + 1))) {
        json_decref(group);
        return NULL;
    }
    return group;
}

static json_t *parse_value(struct parser *parser, int depth)
{
    char c = scan_peek(&parser->scanner);
    if (++parser->values > WIRE_TREE_VALUES_MAX) {
        return fail(parser, TIDINGS_E_TOO_LARGE, "too many values");
    }
    switch (c) {
    case '{':
    case '[': return parse_group(parser, c == '{', depth);
    case '"': return parse_text(parser);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return parse_number(parser);
    default: return parse_literal(parser);
    }
}

tidings_status wire_tree_parse(struct str text, json_t **ret, struct tidings_error *err)
{
    struct buf scratch;
    *ret = NULL;
    if (text.len == 0) {
        return error_set(err, TIDINGS_E_PROTOCOL, "no JSON: it is empty");
    }
    buf_init(&scratch, text.len);
    struct parser parser = { .scanner = wire_scan_begin(text, &scratch) };
    json_t *value = parse_value(&parser, 0);
    if (value != NULL && scan_peek(&parser.scanner) != '\0') {
        (void)wire_scan_fail(&parser.scanner, "nothing must follow the value");
    } else if (value != NULL && parser.scanner.at < parser.scanner.end) {
        (void)wire_scan_fail(&parser.scanner, "a NUL");
    }
    buf_deinit(&scratch);
    if (parser.scanner.status != TIDINGS_OK) {
        json_decref(value);
        return error_set(err, parser.scanner.status, "%s, at byte %zu of %zu",
                         parser.scanner.problem, (size_t)(parser.scanner.at - parser.scanner.start),
                         text.len);
    }
    *ret = value;
    return TIDINGS_OK;
}

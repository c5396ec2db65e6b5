// SPDX-License-Identifier: Apache-2.0
// Not a parser: everything is copied as it stands but for keys, so what was wrong before is wrong
// afterwards and the JSON parser says so. Only what the walk itself needs is checked: brackets, and
// strings with ends.
#include "wire/bodies.h"
#include "wire/text.h"

enum { DEPTH_MAX = 32 };

struct walker {
    struct str body;
    size_t at;
    struct wire_text text;
    unsigned depth;
    bool is_object[DEPTH_MAX]; // what the open brackets are, outermost first
    bool at_key;               // the next thing is a key or the end of an object
    const char *problem;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Index behind the string that begins at `from`, or SIZE_MAX.
static size_t string_end(struct str body, size_t from)
{
    for (size_t i = from + 1; i < body.len; i++) {
        if (body.ptr[i] == '\\') {
            i++;
        } else if (body.ptr[i] == '"') {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

// Index behind the object that begins at `from`, or SIZE_MAX.
static size_t object_end(struct str body, size_t from)
{
    size_t depth = 0;
    size_t i = from;
    while (i < body.len) {
        char c = body.ptr[i];
        if (c == '"') {
            i = string_end(body, i);
            if (i == SIZE_MAX) {
                return SIZE_MAX;
            }
            continue;
        }
        depth += c == '{';
        depth -= c == '}';
        i++;
        if (depth == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void fail(struct walker *walker, const char *problem)
{
    if (walker->problem == NULL) {
        walker->problem = problem;
    }
}

static struct str slice(const struct walker *walker, size_t end)
{
    return str_make(walker->body.ptr + walker->at, end - walker->at);
}

static void copy_string(struct walker *walker)
{
    size_t end = string_end(walker->body, walker->at);
    if (end == SIZE_MAX) {
        fail(walker, "string without end");
        return;
    }
    wire_text_put(&walker->text, slice(walker, end));
    walker->at = end;
}

static void copy_key(struct walker *walker)
{
    size_t end = walker->at + 1;
    char c = walker->body.ptr[walker->at];
    walker->at_key = false;
    if (c == '"') {
        copy_string(walker);
        return;
    }
    if (c == '{') {
        end = object_end(walker->body, walker->at);
        if (end == SIZE_MAX) {
            fail(walker, "object without end as a key");
            return;
        }
    } else if (c == '-' || is_digit(c)) {
        while (end < walker->body.len && is_digit(walker->body.ptr[end])) {
            end++;
        }
    } else {
        fail(walker, "a key must be here");
        return;
    }
    wire_text_string(&walker->text, slice(walker, end));
    walker->at = end;
}

static void open_bracket(struct walker *walker, char c)
{
    if (walker->depth == DEPTH_MAX) {
        fail(walker, "nested too deep");
        return;
    }
    walker->at_key = c == '{';
    walker->is_object[walker->depth++] = c == '{';
}

static void close_bracket(struct walker *walker, char c)
{
    if (walker->depth == 0 || walker->is_object[walker->depth - 1] != (c == '}')) {
        fail(walker, "closing bracket without its opening one");
        return;
    }
    walker->depth--;
    walker->at_key = false;
}

static void step(struct walker *walker)
{
    char c = walker->body.ptr[walker->at];
    if (walker->at_key && !is_space(c) && c != '}') {
        copy_key(walker);
        return;
    }
    switch (c) {
    case '"': copy_string(walker); return;
    case '{':
    case '[': open_bracket(walker, c); break;
    case '}':
    case ']': close_bracket(walker, c); break;
    case ',': walker->at_key = walker->depth > 0 && walker->is_object[walker->depth - 1]; break;
    default: break;
    }
    wire_text_put(&walker->text, str_make(&walker->body.ptr[walker->at], 1));
    walker->at++;
}

tidings_status wire_json_normalise(struct str body, struct buf *out, struct tidings_error *err)
{
    struct walker walker = { .body = body, .text = wire_text_begin(out) };
    while (walker.at < body.len && walker.problem == NULL && walker.text.status == TIDINGS_OK) {
        step(&walker);
    }
    if (walker.problem == NULL && walker.depth > 0) {
        fail(&walker, "bracket without its closing one");
    }
    if (walker.problem != NULL) {
        out->len = walker.text.before;
        return error_set(err, TIDINGS_E_PROTOCOL, "JSON: %s, at byte %zu of %zu", walker.problem,
                         walker.at, body.len);
    }
    tidings_status status = wire_text_end(&walker.text);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "JSON: %zu bytes do not fit when their keys are quoted",
                         body.len);
    }
    return TIDINGS_OK;
}

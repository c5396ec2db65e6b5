// SPDX-License-Identifier: Apache-2.0
// JSON pointers, RFC 6901.
#include "base/num.h"
#include "wire/tree.h"

enum { TOKEN_MAX = 1024 };

// ~1 is /, ~0 is ~ (section 4). False when it is malformed or too long.
static bool unescape(struct str token, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (c == '~') {
            i++;
            if (i >= token.len || (token.ptr[i] != '0' && token.ptr[i] != '1')) {
                return false;
            }
            c = token.ptr[i] == '0' ? '~' : '/';
        }
        if (len + 1 >= size || c == '\0') {
            return false;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

static const json_t *step(const json_t *value, struct str token)
{
    char name[TOKEN_MAX];
    int64_t index;
    if (json_is_array(value)) { // no leading zeros, no "-" (behind the end), no sign
        bool plain =
            token.len == 1 || (token.len > 1 && token.ptr[0] != '0' && token.ptr[0] != '-');
        return plain && num_parse_i64(token, 0, INT32_MAX, &index)
                   ? json_array_get(value, (size_t)index)
                   : NULL;
    }
    return unescape(token, name, sizeof name) ? json_object_get(value, name) : NULL;
}

const json_t *wire_tree_at(const json_t *root, struct str pointer)
{
    struct str rest = pointer;
    struct str token;
    const json_t *value = root;
    if (pointer.len == 0) {
        return root;
    }
    if (pointer.ptr[0] != '/') {
        return NULL;
    }
    rest = str_make(pointer.ptr + 1, pointer.len - 1);
    while (value != NULL && str_split(&rest, '/', &token)) {
        value = step(value, token);
    }
    return value;
}

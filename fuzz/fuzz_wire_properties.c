// SPDX-License-Identifier: Apache-2.0
// Property strings and tag expressions: small texts of users.
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_properties(struct str properties)
{
    const struct str without[] = { STR("DELAY") };
    struct wire_pair pair;
    struct wire_pair again;
    struct buf out;
    size_t cursor = 0;
    size_t cursor_again = 0;
    buf_init(&out, 2 * properties.len + 16);
    BASE_ASSERT(wire_properties_copy(properties, without, 1, &out) == TIDINGS_OK);
    BASE_ASSERT(out.len == 0 || out.ptr[out.len - 1] == '\x02');
    while (wire_properties_next(properties, &cursor, &pair)) {
        BASE_ASSERT(pair.key.len > 0 && wire_properties_get(properties, pair.key).ptr != NULL);
        if (!str_eq(pair.key, without[0])) {
            BASE_ASSERT(wire_properties_next(buf_str(&out), &cursor_again, &again));
            BASE_ASSERT(str_eq(pair.key, again.key) && str_eq(pair.value, again.value));
        }
    }
    BASE_ASSERT(!wire_properties_next(buf_str(&out), &cursor_again, &again));
    BASE_ASSERT(wire_properties_get(buf_str(&out), without[0]).ptr == NULL);
    buf_deinit(&out);
}

static void check_tags(struct str expression)
{
    struct wire_tags tags;
    struct tidings_error err;
    if (wire_tags_parse(expression, &tags, &err) == TIDINGS_OK) {
        BASE_ASSERT(tags.all == (tags.count == 0));
        for (unsigned i = 0; i < tags.count; i++) {
            BASE_ASSERT(wire_tags_match(&tags, tags.tags[i].text, tags.tags[i].code));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_properties(str_make(data, size));
    check_tags(str_make(data, size));
    return 0;
}

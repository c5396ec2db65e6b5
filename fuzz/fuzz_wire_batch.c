// SPDX-License-Identifier: Apache-2.0
// Batch bodies: the items that were read, written again and read again, are the same.
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str batch = str_make(data, size);
    struct wire_batch_item item;
    struct wire_batch_item again;
    struct tidings_error err;
    struct buf out;
    size_t cursor = 0;
    size_t cursor_again = 0;
    buf_init(&out, size + 1);
    while (wire_batch_next(batch, &cursor, &item, &err) == TIDINGS_OK) {
        BASE_ASSERT(wire_batch_add(&out, &item) == TIDINGS_OK);
        BASE_ASSERT(out.len == cursor);
        BASE_ASSERT(wire_batch_next(buf_str(&out), &cursor_again, &again, &err) == TIDINGS_OK);
        BASE_ASSERT(cursor_again == cursor && again.flag == item.flag);
        BASE_ASSERT(str_eq(again.body, item.body) && str_eq(again.properties, item.properties));
    }
    buf_deinit(&out);
    return 0;
}

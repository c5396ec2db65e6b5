// SPDX-License-Identifier: Apache-2.0
// The small bodies: members of a group, locks, offset tables. All three read the same input.
#include "wire/bodies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ids(struct str body, struct buf *out)
{
    struct wire_id_list *list = NULL;
    struct wire_id_list *again = NULL;
    if (wire_id_list_decode(body, &list, NULL) != TIDINGS_OK) {
        return;
    }
    BASE_ASSERT(wire_id_list_encode((const char *const *)list->ids, list->count, out) ==
                TIDINGS_OK);
    BASE_ASSERT(wire_id_list_decode(buf_str(out), &again, NULL) == TIDINGS_OK);
    BASE_ASSERT(list->count == again->count);
    wire_id_list_free(again);
    wire_id_list_free(list);
}

static void check_lock(struct str body, struct buf *out)
{
    struct wire_lock *lock = NULL;
    struct wire_lock *again = NULL;
    if (wire_lock_decode(body, &lock, NULL) != TIDINGS_OK) {
        return;
    }
    BASE_ASSERT(wire_locked_encode(lock, out) == TIDINGS_OK);
    BASE_ASSERT(wire_lock_decode(buf_str(out), &again, NULL) == TIDINGS_OK);
    BASE_ASSERT(lock->count == again->count);
    wire_lock_free(again);
    wire_lock_free(lock);
}

static void check_offsets(struct str body, struct buf *out)
{
    struct wire_offset_table *table = NULL;
    if (wire_offset_table_decode(body, &table, NULL) != TIDINGS_OK) {
        return;
    }
    for (int list_form = 0; list_form < 2; list_form++) {
        struct wire_offset_table *again = NULL;
        buf_clear(out);
        BASE_ASSERT(wire_offset_table_encode(table, list_form, out) == TIDINGS_OK);
        BASE_ASSERT(wire_offset_table_decode(buf_str(out), &again, NULL) == TIDINGS_OK);
        BASE_ASSERT(again->count <= table->count); // a map has a key once only
        BASE_ASSERT(!list_form || again->count == table->count);
        wire_offset_table_free(again);
    }
    wire_offset_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    buf_init(&out, 2 * WIRE_BODY_MAX);
    check_ids(str_make(data, size), &out);
    buf_clear(&out);
    check_lock(str_make(data, size), &out);
    check_offsets(str_make(data, size), &out);
    buf_deinit(&out);
    return 0;
}

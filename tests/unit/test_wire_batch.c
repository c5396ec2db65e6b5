// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/wire.h"

// Two items: flag 5, body "one", properties "K\1v\2"; then an empty one.
static const char batch[] = "\0\0\0\x1d\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x03one\0\x04K\1v\2"
                            "\0\0\0\x16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
enum { BATCH_SIZE = sizeof batch - 1, FIRST_SIZE = 29 };

// Status of the walk's end, and how many items came before it.
static tidings_status walk(struct str bytes, unsigned *ret_count)
{
    struct wire_batch_item item;
    struct tidings_error err = { .status = TIDINGS_OK };
    size_t cursor = 0;
    tidings_status status;
    char *copy = malloc(bytes.len + (bytes.len == 0));
    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    *ret_count = 0;
    while ((status = wire_batch_next(str_make(copy, bytes.len), &cursor, &item, &err)) ==
           TIDINGS_OK) {
        ++*ret_count;
    }
    assert_true(status == TIDINGS_E_EOF || err.text[0] != '\0');
    free(copy);
    return status;
}

static void items_are_written_and_read_byte_for_byte(void **state)
{
    (void)state;
    struct buf out;
    struct wire_batch_item item = { 5, STR("one"), STR("K\1v\2") };
    size_t cursor = 0;
    buf_init(&out, 4096);
    assert_int_equal(wire_batch_add(&out, &item), TIDINGS_OK);
    item = (struct wire_batch_item){ .flag = 0 };
    assert_int_equal(wire_batch_add(&out, &item), TIDINGS_OK);
    assert_int_equal(out.len, BATCH_SIZE);
    assert_memory_equal(out.ptr, batch, BATCH_SIZE);
    assert_int_equal(wire_batch_next(buf_str(&out), &cursor, &item, NULL), TIDINGS_OK);
    assert_int_equal(cursor, FIRST_SIZE);
    assert_int_equal(item.flag, 5);
    assert_true(str_eq(item.body, STR("one")));
    assert_true(str_eq(item.properties, STR("K\1v\2")));
    assert_int_equal(wire_batch_next(buf_str(&out), &cursor, &item, NULL), TIDINGS_OK);
    assert_int_equal(item.body.len, 0);
    assert_int_equal(item.properties.len, 0);
    assert_int_equal(wire_batch_next(buf_str(&out), &cursor, &item, NULL), TIDINGS_E_EOF);
    assert_int_equal(wire_batch_next(buf_str(&out), &cursor, &item, NULL), TIDINGS_E_EOF);
    buf_deinit(&out);
}

static void cut_batch_is_refused_unless_between_items(void **state)
{
    (void)state;
    unsigned count;
    for (size_t len = 0; len <= BATCH_SIZE; len++) {
        bool between = len == 0 || len == FIRST_SIZE || len == BATCH_SIZE;
        assert_int_equal(walk(str_make(batch, len), &count),
                         between ? TIDINGS_E_EOF : TIDINGS_E_PROTOCOL);
        assert_int_equal(count, len < FIRST_SIZE ? 0 : len < BATCH_SIZE ? 1 : 2);
    }
}

static void broken_item_is_refused_behind_a_good_one(void **state)
{
    static const struct {
        size_t at;
        unsigned char byte;
    } changes[] = {
        { FIRST_SIZE + 3, 0x15 },  // size one too small
        { FIRST_SIZE + 3, 0x17 },  // one too large
        { FIRST_SIZE, 0xff },      // negative
        { FIRST_SIZE + 3, 0 },     // none: must not walk in place for ever
        { FIRST_SIZE + 16, 0x80 }, // body of a negative length
        { FIRST_SIZE + 19, 1 },    // body one too long
        { FIRST_SIZE + 20, 0x80 }, // properties of a negative length
        { FIRST_SIZE + 21, 1 },    // properties one too long
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(changes); i++) {
        char bytes[BATCH_SIZE];
        unsigned count;
        memcpy(bytes, batch, sizeof bytes);
        bytes[changes[i].at] = (char)changes[i].byte;
        assert_int_equal(walk(str_make(bytes, sizeof bytes), &count), TIDINGS_E_PROTOCOL);
        assert_int_equal(count, 1);
    }
}

static void item_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct buf out;
    struct wire_batch_item item = { 5, STR("one"), STR("") };
    buf_init(&out, 24);
    assert_int_equal(wire_batch_add(&out, &item), TIDINGS_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_written_and_read_byte_for_byte),
        cmocka_unit_test(cut_batch_is_refused_unless_between_items),
        cmocka_unit_test(broken_item_is_refused_behind_a_good_one),
        cmocka_unit_test(item_that_does_not_fit_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/wire.h"

// length 15 = 4 (mark) + 2 (header) + 9 (body), JSON.
static const char frame_json[] = "\0\0\0\x0f\0\0\0\x02{}body-text";
enum { FRAME_JSON_SIZE = sizeof frame_json - 1 };

static void json_frame_is_cut_into_header_and_body(void **state)
{
    (void)state;
    struct wire_frame frame;
    size_t need = 0;
    struct tidings_error err = { .status = TIDINGS_OK };
    assert_int_equal(wire_frame_decode(STR(frame_json), &frame, &need, &err), TIDINGS_OK);
    assert_int_equal(frame.serialize, WIRE_JSON);
    assert_true(str_eq(frame.header, STR("{}")));
    assert_true(str_eq(frame.body, STR("body-text")));
    assert_int_equal(frame.size, 19);
    assert_int_equal(need, 19);
}

static void binary_mark_is_recognised_and_following_bytes_are_left(void **state)
{
    (void)state;
    struct wire_frame frame;
    size_t need;
    assert_int_equal(
        wire_frame_decode(STR("\0\0\0\x06\x01\0\0\x01HBnext frame"), &frame, &need, NULL),
        TIDINGS_OK);
    assert_int_equal(frame.serialize, WIRE_BINARY);
    assert_true(str_eq(frame.header, STR("H")));
    assert_true(str_eq(frame.body, STR("B")));
    assert_int_equal(frame.size, 10);
}

static void every_cut_asks_for_more(void **state)
{
    (void)state;
    struct wire_frame frame;
    for (size_t len = 0; len < FRAME_JSON_SIZE; len++) {
        size_t need = 0;
        assert_int_equal(wire_frame_decode(str_make(frame_json, len), &frame, &need, NULL),
                         TIDINGS_E_AGAIN);
        assert_int_equal(need, len < 4 ? 4 : FRAME_JSON_SIZE);
    }
}

static void refuse(struct str bytes)
{
    struct wire_frame frame;
    size_t need;
    struct tidings_error err = { .status = TIDINGS_OK };
    assert_int_equal(wire_frame_decode(bytes, &frame, &need, &err), TIDINGS_E_PROTOCOL);
    assert_true(err.text[0] != '\0');
}

static void impossible_lengths_and_marks_are_refused_at_once(void **state)
{
    (void)state;
    refuse(STR("\0\0\0\0"));                         // no room for the mark
    refuse(STR("\0\0\0\x03"));                       //
    refuse(STR("\x01\0\0\x01"));                     // one over the maximum
    refuse(STR("\xff\xff\xff\xff"));                 // negative
    refuse(STR("GET / HTTP/1.1\r\n"));               // another protocol
    refuse(STR("\x16\x03\x01\x02\x00\x01\x00\x01")); // TLS
    refuse(STR("\0\0\0\x10\x02\0\0\x01"));           // unknown serialization
    refuse(STR("\0\0\0\x10\0\0\0\x0d"));             // header longer than the frame
    refuse(STR("\0\x50\0\0\0\x04\0\x01"));           // header over 256 KiB
}

static void largest_length_is_allowed(void **state)
{
    (void)state;
    struct wire_frame frame;
    size_t need = 0;
    assert_int_equal(wire_frame_decode(STR("\x01\0\0\0\0\0\0\x02"), &frame, &need, NULL),
                     TIDINGS_E_AGAIN);
    assert_int_equal(need, 4 + WIRE_FRAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_frame_is_cut_into_header_and_body),
        cmocka_unit_test(binary_mark_is_recognised_and_following_bytes_are_left),
        cmocka_unit_test(every_cut_asks_for_more),
        cmocka_unit_test(impossible_lengths_and_marks_are_refused_at_once),
        cmocka_unit_test(largest_length_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

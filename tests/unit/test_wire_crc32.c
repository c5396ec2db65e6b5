// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "wire/crc32.h"

// The check value of the catalogue of CRCs, and nothing at all.
static void test_known(void **state)
{
    char zeros[200] = { 0 };
    (void)state;
    assert_int_equal(wire_crc32("123456789", 9), 0xcbf43926u);
    assert_int_equal(wire_crc32_plain("123456789", 9), 0xcbf43926u);
    assert_int_equal(wire_crc32(NULL, 0), 0);
    assert_int_equal(wire_crc32_plain(NULL, 0), 0);
    assert_int_equal(wire_crc32(zeros, sizeof zeros), crc32(0, (const Bytef *)zeros, sizeof zeros));
}

static void test_all_lengths_and_alignments(void **state)
{
    enum { MOST = 700, SHIFTS = 17 };
    unsigned char bytes[MOST + SHIFTS];
    struct rnd rnd;
    (void)state;
    rnd_seed(&rnd, 1);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)rnd_next(&rnd);
    }
    for (size_t shift = 0; shift < SHIFTS; shift++) {
        for (size_t len = 0; len <= MOST; len++) {
            uint32_t right = (uint32_t)crc32(0, bytes + shift, (uInt)len);
            assert_int_equal(wire_crc32(bytes + shift, len), right);
            assert_int_equal(wire_crc32_plain(bytes + shift, len), right);
        }
    }
}

static void test_large(void **state)
{
    static unsigned char bytes[1 << 20];
    struct rnd rnd;
    (void)state;
    rnd_seed(&rnd, 2);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)rnd_next(&rnd);
    }
    assert_int_equal(wire_crc32(bytes, sizeof bytes), crc32(0, bytes, sizeof bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_all_lengths_and_alignments),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

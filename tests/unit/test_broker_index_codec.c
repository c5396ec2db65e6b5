// SPDX-License-Identifier: Apache-2.0
// The bytes of a block, and the sort of the key index.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "broker/index_private.h"
#include "broker/keyindex_private.h"

static struct index_entry random_entry(struct rnd *rnd)
{
    struct index_entry entry = { .position = -1 };
    if (rnd_below(rnd, 5) > 0) {
        entry.position = (int64_t)(rnd_next(rnd) >> (1 + rnd_below(rnd, 62)));
        entry.size = (uint32_t)(rnd_next(rnd) >> (32 + rnd_below(rnd, 32)));
        entry.tag_code = rnd_below(rnd, 2) == 0 ? 0 : (int32_t)(uint32_t)rnd_next(rnd);
    }
    return entry;
}

static void blocks_come_back(void **state)
{
    struct index_entry entries[INDEX_BLOCK];
    struct index_entry decoded[INDEX_BLOCK];
    char bytes[INDEX_CODEC_MAX];
    struct rnd rnd;
    (void)state;
    rnd_seed(&rnd, 1);
    for (int round = 0; round < 2000; round++) {
        size_t count = (size_t)rnd_below(&rnd, INDEX_BLOCK + 1);
        size_t decoded_count;
        for (size_t i = 0; i < count; i++) {
            entries[i] = random_entry(&rnd);
        }
        size_t len = index_codec_encode(entries, count, bytes);
        assert_true(len <= sizeof bytes);
        assert_true(index_codec_decode(str_make(bytes, len), decoded, &decoded_count));
        assert_int_equal(decoded_count, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(decoded[i].position == entries[i].position);
            if (entries[i].position >= 0) {
                assert_true(decoded[i].size == entries[i].size &&
                            decoded[i].tag_code == entries[i].tag_code);
            }
        }
    }
}

static void a_full_block_of_neighbours_is_small(void **state)
{
    struct index_entry entries[INDEX_BLOCK];
    char bytes[INDEX_CODEC_MAX];
    (void)state;
    for (int i = 0; i < INDEX_BLOCK; i++) {
        entries[i] =
            (struct index_entry){ .position = INT64_C(1000000000000) + i * 2432, .size = 260 };
    }
    assert_true(index_codec_encode(entries, INDEX_BLOCK, bytes) < INDEX_BLOCK * 6);
}

static void damaged_bytes_are_refused(void **state)
{
    struct index_entry entries[INDEX_BLOCK];
    static const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {
        { "", 0 },
        { "\x02", 1 },                                              // another format
        { "\x01\x05", 2 },                                          // cut off
        { "\x01\x05\x80", 3 },                                      // within a number
        { "\x01\x05\x01\x00", 4 },                                  // position -1
        { "\x01\xff\xff\xff\xff\xff\x01\x00\x00", 9 },              // size beyond 32 bits
        { "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, // number beyond 64 bits
    };
    size_t count;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        assert_false(index_codec_decode(str_make(wrong[i].bytes, wrong[i].len), entries, &count));
    }
    char holes[INDEX_BLOCK + 2] = { 1 };
    assert_true(index_codec_decode(str_make(holes, INDEX_BLOCK + 1), entries, &count));
    assert_int_equal(count, INDEX_BLOCK);
    assert_false(index_codec_decode(str_make(holes, INDEX_BLOCK + 2), entries, &count));
}

static void any_bytes_may_come(void **state)
{
    struct index_entry entries[INDEX_BLOCK];
    char bytes[600];
    struct rnd rnd;
    (void)state;
    rnd_seed(&rnd, 2);
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + (size_t)rnd_below(&rnd, sizeof bytes - 1);
        size_t count = 0;
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)(uint8_t)(rnd_next(&rnd) & (round % 2 == 0 ? 0xff : 0x7f));
        }
        bytes[0] = 1;
        if (index_codec_decode(str_make(bytes, len), entries, &count)) {
            assert_true(count <= INDEX_BLOCK);
        }
    }
}

// ---- sort ----
static int compare_pairs(const void *a, const void *b)
{
    const struct keyindex_pair *left = a;
    const struct keyindex_pair *right = b;
    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    return left->position < right->position ? -1 : left->position > right->position;
}

static void pairs_are_sorted(void **state)
{
    enum { MAX = 3000 };
    struct keyindex_pair *pairs = calloc(MAX * 3, sizeof *pairs);
    struct rnd rnd;
    (void)state;
    assert_non_null(pairs);
    rnd_seed(&rnd, 3);
    for (int round = 0; round < 60; round++) {
        size_t count = (size_t)rnd_below(&rnd, MAX + 1);
        uint64_t hashes = round % 3 == 0 ? 7 : UINT64_MAX;
        for (size_t i = 0; i < count; i++) {
            pairs[i].hash = rnd_next(&rnd) % hashes;
            pairs[i].position = round % 2 == 0 ? (int64_t)i * 8 : (int64_t)(rnd_next(&rnd) >> 1);
        }
        memcpy(pairs + 2 * MAX, pairs, count * sizeof *pairs);
        qsort(pairs + 2 * MAX, count, sizeof *pairs, compare_pairs);
        key_sort(pairs, pairs + MAX, count);
        assert_memory_equal(pairs + MAX, pairs + 2 * MAX, count * sizeof *pairs);
    }
    free(pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_back),
        cmocka_unit_test(a_full_block_of_neighbours_is_small),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(any_bytes_may_come),
        cmocka_unit_test(pairs_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

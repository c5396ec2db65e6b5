// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

enum { KEYS = 3000 };

static struct str key_of(size_t i, char *text, size_t size)
{
    int n = snprintf(text, size, "key-%zu", i);
    return str_make(text, (size_t)n);
}

static void an_empty_table_holds_nothing(void **state)
{
    (void)state;
    struct map map;
    struct str key;
    void *value;
    size_t cursor = 0;
    map_init(&map, 4);
    assert_null(map_get(&map, STR("a")));
    assert_null(map_remove(&map, STR("a")));
    assert_false(map_next(&map, &cursor, &key, &value));
    assert_false(map_next(&map, &cursor, &key, &value));
    map_deinit(&map);
    map_deinit(&map);
}

static void keys_are_bytes_and_are_copied(void **state)
{
    (void)state;
    struct map map;
    int values[5];
    char key[] = "changing";
    map_init(&map, 8);
    assert_int_equal(map_put(&map, str_of(key), &values[0], NULL), TIDINGS_OK);
    key[0] = 'X';
    assert_ptr_equal(map_get(&map, STR("changing")), &values[0]);
    assert_null(map_get(&map, str_of(key)));
    assert_int_equal(map_put(&map, STR("a\0b"), &values[1], NULL), TIDINGS_OK);
    assert_int_equal(map_put(&map, STR("a\0c"), &values[2], NULL), TIDINGS_OK);
    assert_int_equal(map_put(&map, STR(""), &values[3], NULL), TIDINGS_OK);
    assert_ptr_equal(map_get(&map, STR("a\0b")), &values[1]);
    assert_ptr_equal(map_get(&map, STR("a\0c")), &values[2]);
    assert_null(map_get(&map, STR("a")));
    assert_ptr_equal(map_get(&map, (struct str){ NULL, 0 }), &values[3]);
    map_deinit(&map);
}

static void putting_again_replaces(void **state)
{
    (void)state;
    struct map map;
    int values[2];
    void *old = &map;
    map_init(&map, 1);
    assert_int_equal(map_put(&map, STR("a"), &values[0], &old), TIDINGS_OK);
    assert_null(old);
    assert_int_equal(map_put(&map, STR("a"), &values[1], &old), TIDINGS_OK); // also when full
    assert_ptr_equal(old, &values[0]);
    assert_int_equal(map.count, 1);
    old = &map;
    assert_int_equal(map_put(&map, STR("b"), &values[0], &old), TIDINGS_E_FULL);
    assert_null(old);
    assert_ptr_equal(map_get(&map, STR("a")), &values[1]);
    assert_null(map_get(&map, STR("b")));
    assert_ptr_equal(map_remove(&map, STR("a")), &values[1]);
    assert_int_equal(map_put(&map, STR("b"), &values[0], NULL), TIDINGS_OK);
    map_deinit(&map);
    assert_int_equal(map_put(&map, STR("c"), &values[0], NULL), TIDINGS_OK); // usable again
    assert_int_equal(map_put(&map, STR("d"), &values[0], NULL), TIDINGS_E_FULL);
    map_deinit(&map);
}

static void growth_and_removal_lose_nothing(void **state)
{
    (void)state;
    struct map map;
    char *values = malloc(KEYS);
    char text[32];
    map_init(&map, KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(map_put(&map, key_of(i, text, sizeof text), &values[i], NULL), TIDINGS_OK);
    }
    assert_int_equal(map_put(&map, STR("one more"), values, NULL), TIDINGS_E_FULL);
    for (size_t i = 0; i < KEYS; i += 3) {
        assert_ptr_equal(map_remove(&map, key_of(i, text, sizeof text)), &values[i]);
        assert_null(map_remove(&map, key_of(i, text, sizeof text)));
    }
    assert_int_equal(map.count, KEYS - KEYS / 3);
    for (size_t i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(&map, key_of(i, text, sizeof text)),
                         i % 3 == 0 ? NULL : &values[i]);
    }
    map_deinit(&map);
    free(values);
}

static void random_use_agrees_with_a_plain_array(void **state)
{
    (void)state;
    struct map map;
    struct rnd rnd;
    char values[2][64];
    void *model[64] = { NULL };
    char text[32];
    map_init(&map, 64);
    rnd_seed(&rnd, 5);
    for (int round = 0; round < 20000; round++) {
        size_t i = rnd_below(&rnd, 64);
        struct str key = key_of(i, text, sizeof text);
        void *old;
        switch (rnd_below(&rnd, 3)) {
        case 0:
            assert_int_equal(map_put(&map, key, &values[round & 1][i], &old), TIDINGS_OK);
            assert_ptr_equal(old, model[i]);
            model[i] = &values[round & 1][i];
            break;
        case 1:
            assert_ptr_equal(map_remove(&map, key), model[i]);
            model[i] = NULL;
            break;
        default: assert_ptr_equal(map_get(&map, key), model[i]); break;
        }
    }
    map_deinit(&map);
}

static void the_walk_sees_each_entry_once(void **state)
{
    (void)state;
    struct map map;
    unsigned char seen[KEYS] = { 0 };
    char text[32];
    struct str key;
    void *value;
    size_t cursor = 0;
    size_t count = 0;
    map_init(&map, KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(map_put(&map, key_of(i, text, sizeof text), &seen[i], NULL), TIDINGS_OK);
    }
    while (map_next(&map, &cursor, &key, &value)) {
        unsigned char *mark = value;
        assert_true(str_eq(key, key_of((size_t)(mark - seen), text, sizeof text)));
        assert_int_equal((*mark)++, 0);
        count++;
    }
    assert_int_equal(count, KEYS);
    assert_false(map_next(&map, &cursor, &key, &value)); // stays at the end
    map_deinit(&map);
}

static void the_walk_may_remove_what_it_returned(void **state)
{
    (void)state;
    struct map map;
    char values[200];
    char text[32];
    struct str key;
    void *value;
    size_t cursor = 0;
    size_t seen = 0;
    map_init(&map, 200);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(map_put(&map, key_of(i, text, sizeof text), &values[i], NULL), TIDINGS_OK);
    }
    while (map_next(&map, &cursor, &key, &value)) {
        seen++;
        assert_ptr_equal(map_remove(&map, key), value);
    }
    assert_int_equal(seen, 200);
    assert_int_equal(map.count, 0);
    map_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_holds_nothing),
        cmocka_unit_test(keys_are_bytes_and_are_copied),
        cmocka_unit_test(putting_again_replaces),
        cmocka_unit_test(growth_and_removal_lose_nothing),
        cmocka_unit_test(random_use_agrees_with_a_plain_array),
        cmocka_unit_test(the_walk_sees_each_entry_once),
        cmocka_unit_test(the_walk_may_remove_what_it_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

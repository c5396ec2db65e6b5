// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct list node;
};

static int number_of(struct list *node)
{
    return LIST_ENTRY(node, struct item, node)->number;
}

static void keeps_the_order_of_both_ends(void **state)
{
    (void)state;
    struct list head;
    struct item items[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 } };
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    list_add_tail(&head, &items[2].node);
    list_add_tail(&head, &items[3].node);
    list_add_head(&head, &items[1].node);
    list_add_head(&head, &items[0].node);
    assert_false(list_empty(&head));
    int want = 0;
    list_for_each (node, &head) {
        assert_int_equal(number_of(node), want++);
    }
    assert_int_equal(want, 4);
    assert_int_equal(number_of(list_pop(&head)), 0);
    assert_int_equal(number_of(list_pop(&head)), 1);
}

static void removal_twice_is_harmless(void **state)
{
    (void)state;
    struct list head;
    struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
    list_init(&head);
    for (size_t i = 0; i < 3; i++) {
        list_add_tail(&head, &items[i].node);
    }
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    assert_ptr_equal(head.next, &items[0].node);
    assert_ptr_equal(items[0].node.next, &items[2].node);
    assert_ptr_equal(head.prev, &items[2].node);
    list_add_head(&head, &items[1].node); // and it may come back
    assert_int_equal(number_of(list_pop(&head)), 1);
}

static void the_walk_may_remove(void **state)
{
    (void)state;
    struct list head;
    struct item items[6];
    list_init(&head);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_add_tail(&head, &items[i].node);
    }
    int seen = 0;
    list_for_each_safe (node, following, &head) {
        assert_int_equal(number_of(node), seen++);
        if (number_of(node) % 2 == 0) {
            list_remove(node);
        }
    }
    assert_int_equal(seen, 6);
    for (int want = 1; want < 6; want += 2) {
        assert_int_equal(number_of(list_pop(&head)), want);
    }
    assert_true(list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_of_both_ends),
        cmocka_unit_test(removal_twice_is_harmless),
        cmocka_unit_test(the_walk_may_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

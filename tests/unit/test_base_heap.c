// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "base/heap.h"

enum { NODES = 500 };

struct item {
    struct heap_node node;
    int64_t key;
    int order; // in which it was pushed
};

static struct item *item_of(struct heap_node *node)
{
    return BASE_CONTAINER_OF(node, struct item, node);
}

static void an_empty_heap_gives_nothing(void **state)
{
    (void)state;
    struct heap heap;
    struct heap_node node;
    heap_init(&heap, 4);
    heap_node_init(&node);
    assert_null(heap_peek(&heap));
    assert_null(heap_pop(&heap));
    heap_remove(&heap, &node); // outside: nothing happens
    heap_deinit(&heap);
    heap_deinit(&heap);
}

static void leaves_by_due_then_in_order_of_arrival(void **state)
{
    (void)state;
    struct item *items = calloc(NODES, sizeof *items);
    struct heap heap;
    struct rnd rnd;
    heap_init(&heap, NODES);
    rnd_seed(&rnd, 3);
    for (int i = 0; i < NODES; i++) {
        items[i] = (struct item){ .key = (int64_t)rnd_below(&rnd, 20) - 10, .order = i };
        heap_node_init(&items[i].node);
        assert_int_equal(heap_push(&heap, &items[i].node, items[i].key), TIDINGS_OK);
    }
    const struct item *last = NULL;
    for (int i = 0; i < NODES; i++) {
        struct heap_node *peeked = heap_peek(&heap);
        const struct item *item = item_of(heap_pop(&heap));
        assert_ptr_equal(&item->node, peeked);
        assert_true(item->node.index == SIZE_MAX);
        assert_true(last == NULL || last->key < item->key ||
                    (last->key == item->key && last->order < item->order));
        last = item;
    }
    assert_null(heap_pop(&heap));
    heap_deinit(&heap);
    free(items);
}

static void extreme_times_are_times(void **state)
{
    (void)state;
    static const int64_t times[] = { 0, INT64_MAX, INT64_MIN, -1, 1 };
    struct heap_node nodes[BASE_COUNT(times)];
    struct heap heap;
    heap_init(&heap, BASE_COUNT(times));
    for (size_t i = 0; i < BASE_COUNT(times); i++) {
        heap_node_init(&nodes[i]);
        assert_int_equal(heap_push(&heap, &nodes[i], times[i]), TIDINGS_OK);
    }
    assert_ptr_equal(heap_pop(&heap), &nodes[2]);
    assert_ptr_equal(heap_pop(&heap), &nodes[3]);
    assert_ptr_equal(heap_pop(&heap), &nodes[0]);
    assert_ptr_equal(heap_pop(&heap), &nodes[4]);
    assert_ptr_equal(heap_pop(&heap), &nodes[1]);
    heap_deinit(&heap);
}

static void full_is_an_answer(void **state)
{
    (void)state;
    struct heap_node nodes[3];
    struct heap heap;
    heap_init(&heap, 2);
    for (size_t i = 0; i < 3; i++) {
        heap_node_init(&nodes[i]);
    }
    assert_int_equal(heap_push(&heap, &nodes[0], 2), TIDINGS_OK);
    assert_int_equal(heap_push(&heap, &nodes[1], 1), TIDINGS_OK);
    assert_int_equal(heap_push(&heap, &nodes[2], 0), TIDINGS_E_FULL);
    assert_true(nodes[2].index == SIZE_MAX);
    assert_ptr_equal(heap_pop(&heap), &nodes[1]);
    assert_int_equal(heap_push(&heap, &nodes[2], 0), TIDINGS_OK);
    assert_ptr_equal(heap_peek(&heap), &nodes[2]);
    heap_deinit(&heap);
}

static void check_shape(const struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        const struct heap_node *node = heap->nodes[i];
        assert_int_equal(node->index, i);
        if (i > 0) {
            const struct heap_node *parent = heap->nodes[(i - 1) / 2];
            assert_true(parent->due < node->due ||
                        (parent->due == node->due && parent->sequence < node->sequence));
        }
    }
}

static void any_node_may_be_removed(void **state)
{
    (void)state;
    struct heap_node *nodes = calloc(NODES, sizeof *nodes);
    struct heap heap;
    struct rnd rnd;
    size_t inside = 0;
    heap_init(&heap, NODES);
    rnd_seed(&rnd, 11);
    for (size_t i = 0; i < NODES; i++) {
        heap_node_init(&nodes[i]);
    }
    for (int round = 0; round < 5000; round++) {
        struct heap_node *node = &nodes[rnd_below(&rnd, NODES)];
        if (node->index == SIZE_MAX) {
            assert_int_equal(heap_push(&heap, node, (int64_t)rnd_below(&rnd, 50)), TIDINGS_OK);
            inside++;
        } else {
            heap_remove(&heap, node);
            assert_true(node->index == SIZE_MAX);
            heap_remove(&heap, node); // twice is harmless
            inside--;
        }
        assert_int_equal(heap.count, inside);
        check_shape(&heap);
    }
    heap_deinit(&heap);
    free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_gives_nothing),
        cmocka_unit_test(leaves_by_due_then_in_order_of_arrival),
        cmocka_unit_test(extreme_times_are_times),
        cmocka_unit_test(full_is_an_answer),
        cmocka_unit_test(any_node_may_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

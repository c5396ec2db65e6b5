// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdlib.h>

#include "base/queue.h"

enum { PUSHERS = 3, POPPERS = 3, ITEMS = 4000, BATCH = 16, CAPACITY = 32 };

static void keeps_order_and_capacity(void **state)
{
    (void)state;
    struct queue queue;
    int items[7];
    void *got[8];
    assert_int_equal(queue_init(&queue, 3), TIDINGS_OK);
    assert_int_equal(queue_pop_many(&queue, got, 8, 0), 0);
    for (int round = 0; round < 5; round++) { // around the end of the ring
        assert_int_equal(queue_push(&queue, &items[0]), TIDINGS_OK);
        assert_int_equal(queue_push(&queue, &items[1]), TIDINGS_OK);
        assert_int_equal(queue_push(&queue, &items[2]), TIDINGS_OK);
        assert_int_equal(queue_push(&queue, &items[3]), TIDINGS_E_FULL);
        assert_int_equal(queue_count(&queue), 3);
        assert_int_equal(queue_pop_many(&queue, got, 2, 0), 2);
        assert_ptr_equal(got[0], &items[0]);
        assert_ptr_equal(got[1], &items[1]);
        assert_int_equal(queue_push(&queue, &items[4]), TIDINGS_OK);
        assert_int_equal(queue_pop_many(&queue, got, 8, -1), 2);
        assert_ptr_equal(got[0], &items[2]);
        assert_ptr_equal(got[1], &items[4]);
        assert_int_equal(queue_count(&queue), 0);
    }
    queue_deinit(&queue);
    queue_deinit(&queue);
}

static void waiting_ends_by_time_out(void **state)
{
    (void)state;
    struct queue queue;
    void *got[1];
    assert_int_equal(queue_init(&queue, 1), TIDINGS_OK);
    assert_int_equal(queue_pop_many(&queue, got, 1, 1), 0);
    assert_int_equal(queue_pop_many(&queue, got, 1, 20), 0);
    queue_deinit(&queue);
}

static void closing_lets_the_rest_out(void **state)
{
    (void)state;
    struct queue queue;
    int items[2];
    void *got[4];
    assert_int_equal(queue_init(&queue, 4), TIDINGS_OK);
    assert_int_equal(queue_push(&queue, &items[0]), TIDINGS_OK);
    assert_int_equal(queue_push(&queue, &items[1]), TIDINGS_OK);
    assert_false(queue_is_closed(&queue));
    queue_close(&queue);
    queue_close(&queue);
    assert_true(queue_is_closed(&queue));
    assert_int_equal(queue_push(&queue, &items[0]), TIDINGS_E_CLOSED);
    assert_int_equal(queue_pop_many(&queue, got, 1, -1), 1);
    assert_int_equal(queue_pop_many(&queue, got, 4, -1), 1);
    assert_ptr_equal(got[0], &items[1]);
    assert_int_equal(queue_pop_many(&queue, got, 4, -1), 0); // does not wait for ever
    queue_deinit(&queue);
}

static void *pop_one(void *arg)
{
    void *got[1] = { NULL };
    return queue_pop_many(arg, got, 1, -1) == 1 ? got[0] : NULL;
}

static void many_are_pushed_together_or_not_at_all(void **state)
{
    (void)state;
    struct queue queue;
    int items[5];
    void *const given[] = { &items[0], &items[1], &items[2], &items[3] };
    void *got[5];
    assert_int_equal(queue_init(&queue, 4), TIDINGS_OK);
    assert_int_equal(queue_push(&queue, &items[4]), TIDINGS_OK);
    assert_int_equal(queue_push_many(&queue, given, 4), TIDINGS_E_FULL);
    assert_int_equal(queue_count(&queue), 1);
    assert_int_equal(queue_push_many(&queue, given, 3), TIDINGS_OK);
    assert_int_equal(queue_pop_many(&queue, got, 3, 0), 3);
    assert_int_equal(queue_push_many(&queue, given, 3), TIDINGS_OK); // around the end of the ring
    assert_int_equal(queue_pop_many(&queue, got, 5, 0), 4);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(got[i], i == 0 ? given[2] : given[i - 1]);
    }
    queue_close(&queue);
    assert_int_equal(queue_push_many(&queue, given, 1), TIDINGS_E_CLOSED);
    queue_deinit(&queue);
}

static void a_waiting_popper_is_woken_by_push_and_by_close(void **state)
{
    (void)state;
    struct queue queue;
    pthread_t threads[2];
    int item;
    void *results[2];
    assert_int_equal(queue_init(&queue, 1), TIDINGS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, pop_one, &queue), 0);
    }
    assert_int_equal(queue_push(&queue, &item), TIDINGS_OK);
    queue_close(&queue);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &results[i]), 0);
    }
    // one got the item, the other the end
    assert_true((results[0] == &item && results[1] == NULL) ||
                (results[0] == NULL && results[1] == &item));
    queue_deinit(&queue);
}

struct work {
    struct queue queue;
    unsigned char seen[PUSHERS][ITEMS];
};

struct pusher {
    struct work *work;
    int number;
};

static void *push_all(void *arg)
{
    const struct pusher *pusher = arg;
    for (size_t i = 0; i < ITEMS;) {
        tidings_status status =
            queue_push(&pusher->work->queue, &pusher->work->seen[pusher->number][i]);
        if (status == TIDINGS_OK) {
            i++;
        } else if (status == TIDINGS_E_FULL) {
            sched_yield();
        } else {
            return arg;
        }
    }
    return NULL;
}

static void *pop_all(void *arg)
{
    struct work *work = arg;
    void *got[BATCH];
    unsigned char *last[PUSHERS] = { NULL };
    for (;;) {
        size_t n = queue_pop_many(&work->queue, got, BATCH, -1);
        if (n == 0) {
            return NULL;
        }
        for (size_t i = 0; i < n; i++) {
            unsigned char *mark = got[i];
            size_t pusher = (size_t)(mark - &work->seen[0][0]) / ITEMS;
            if (last[pusher] != NULL && mark <= last[pusher]) {
                return arg; // one pusher's items must come in order
            }
            last[pusher] = mark;
            (*mark)++; // each belongs to one popper only: the thread sanitizer watches
        }
    }
}

static void many_threads_lose_and_double_nothing(void **state)
{
    (void)state;
    struct work *work = calloc(1, sizeof *work);
    struct pusher pushers[PUSHERS];
    pthread_t threads[PUSHERS + POPPERS];
    void *result;
    assert_int_equal(queue_init(&work->queue, CAPACITY), TIDINGS_OK);
    for (int i = 0; i < POPPERS; i++) {
        assert_int_equal(pthread_create(&threads[PUSHERS + i], NULL, pop_all, work), 0);
    }
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){ work, i };
        assert_int_equal(pthread_create(&threads[i], NULL, push_all, &pushers[i]), 0);
    }
    for (int i = 0; i < PUSHERS + POPPERS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
        if (i == PUSHERS - 1) {
            queue_close(&work->queue);
        }
    }
    assert_int_equal(queue_count(&work->queue), 0);
    queue_deinit(&work->queue);
    for (int i = 0; i < PUSHERS; i++) {
        for (int j = 0; j < ITEMS; j++) {
            assert_int_equal(work->seen[i][j], 1);
        }
    }
    free(work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_capacity),
        cmocka_unit_test(waiting_ends_by_time_out),
        cmocka_unit_test(closing_lets_the_rest_out),
        cmocka_unit_test(many_are_pushed_together_or_not_at_all),
        cmocka_unit_test(a_waiting_popper_is_woken_by_push_and_by_close),
        cmocka_unit_test(many_threads_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

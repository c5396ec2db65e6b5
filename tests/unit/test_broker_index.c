// SPDX-License-Identifier: Apache-2.0
// Entries, settings and offsets: written, read, and there again after a restart.
#include "test_broker_index_support.h"

static struct index_entry entry_of(int64_t queue_key, int64_t offset)
{
    return (struct index_entry){ .position = offset * 4096 + queue_key % 512 * 8,
                                 .size = (uint32_t)(100 + offset % 1000),
                                 .tag_code = (int32_t)(offset * 2654435761 + queue_key) };
}

static void put(struct index_batch *batch, int64_t queue_key, int64_t offset)
{
    struct index_entry entry = entry_of(queue_key, offset);
    assert_int_equal(index_batch_entry(batch, queue_key, offset, &entry), TIDINGS_OK);
}

// Reads [from, to) in whatever pieces come and compares.
static void check_range(struct fixture *f, int64_t queue_key, int64_t from, int64_t to)
{
    struct index_entry entries[200];
    struct tidings_error err = { 0 };
    while (from < to) {
        size_t count;
        assert_int_equal(index_read(f->index, queue_key, from, 200, entries, &count, &err),
                         TIDINGS_OK);
        assert_true(count > 0);
        assert_true(from / INDEX_BLOCK == (from + (int64_t)count - 1) / INDEX_BLOCK);
        for (size_t i = 0; i < count && from < to; i++, from++) {
            struct index_entry expected = entry_of(queue_key, from);
            assert_memory_equal(&entries[i], &expected, sizeof expected);
        }
    }
}

static size_t count_at(struct fixture *f, int64_t queue_key, int64_t offset)
{
    struct index_entry entries[INDEX_BLOCK];
    size_t count;
    assert_int_equal(index_read(f->index, queue_key, offset, INDEX_BLOCK, entries, &count, NULL),
                     TIDINGS_OK);
    return count;
}

static const struct told_queue *queue_told(const struct fixture *f, int64_t key)
{
    for (size_t i = 0; i < f->queue_count; i++) {
        if (f->queues[i].key == key) {
            return &f->queues[i];
        }
    }
    return NULL;
}

static void a_new_index_is_empty(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->position, 0);
    assert_int_equal(index_position(f->index), 0);
    assert_int_equal(f->queue_count + f->topic_count + f->group_count + f->offset_count, 0);
    assert_int_equal(count_at(f, index_queue_key(1, 0), 0), 0);
    assert_int_equal(count_at(f, index_queue_key(1, 0), -5), 0);
}

static void entries_come_back(void **state)
{
    struct fixture *f = *state;
    int64_t offset = 0;
    for (int round = 0; round < 40; round++) {
        struct index_batch *batch = fixture_batch(f);
        for (int i = 0; i < 30; i++, offset++) {
            for (int q = 0; q < 5; q++) {
                put(batch, index_queue_key(7, q), offset);
            }
        }
        index_submit(f->index, batch, offset * 4096);
        if (round % 10 == 3) { // a partial block is in the cache, then grows
            fixture_settle(f);
            check_range(f, index_queue_key(7, 2), 0, offset);
        }
    }
    assert_true(index_depth(f->index) > 0);
    fixture_settle(f);
    assert_int_equal(f->indexed, 40 * 30 * 5);
    assert_int_equal(index_position(f->index), offset * 4096);
    for (int q = 0; q < 5; q++) {
        check_range(f, index_queue_key(7, q), 0, offset);
        assert_int_equal(count_at(f, index_queue_key(7, q), offset), 0);
    }
    fixture_reopen(f);
    assert_int_equal(f->position, offset * 4096);
    assert_int_equal(f->queue_count, 5);
    for (int q = 0; q < 5; q++) {
        const struct told_queue *queue = queue_told(f, index_queue_key(7, q));
        if (queue == NULL) {
            fail_msg("queue %d was not told", q);
            return;
        }
        assert_int_equal(queue->min, 0);
        assert_int_equal(queue->next, offset);
        check_range(f, index_queue_key(7, q), 0, offset);
    }
}

static void close_applies_what_waits(void **state)
{
    struct fixture *f = *state;
    struct index_batch *batch = fixture_batch(f);
    for (int64_t i = 0; i < 1000; i++) {
        put(batch, 65536, i);
    }
    index_submit(f->index, batch, 77);
    fixture_reopen(f);
    assert_int_equal(f->position, 77);
    check_range(f, 65536, 0, 1000);
}

static void a_block_goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    for (int64_t i = 0; i < 300; i++) {
        struct index_batch *batch = fixture_batch(f);
        put(batch, 65536, i);
        if (i % 50 == 20) {
            put(batch, 65536, i - 1); // applied twice, as by a replay
        }
        index_submit(f->index, batch, i + 1);
        if (i % 37 == 0) {
            fixture_reopen(f);
        }
    }
    fixture_settle(f);
    check_range(f, 65536, 0, 300);
}

static void more_queues_than_slots(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 3000 };
    for (int64_t offset = 0; offset < 140; offset += 70) {
        struct index_batch *batch = fixture_batch(f);
        for (int64_t i = 0; i < 70; i++) {
            for (int64_t q = 0; q < COUNT; q++) {
                put(batch, index_queue_key(1 + q / 1000, (int32_t)(q % 1000)), offset + i);
            }
        }
        index_submit(f->index, batch, offset + 70);
        fixture_settle(f);
    }
    for (int64_t q = 0; q < COUNT; q += 7) {
        check_range(f, index_queue_key(1 + q / 1000, (int32_t)(q % 1000)), 0, 140);
    }
    fixture_reopen(f);
    assert_int_equal(f->queue_count, COUNT);
    check_range(f, index_queue_key(3, 999), 0, 140);
}

static void holes_are_told(void **state)
{
    struct fixture *f = *state;
    struct index_entry entries[INDEX_BLOCK];
    size_t count;
    struct index_batch *batch = fixture_batch(f);
    put(batch, 65536, 500); // an index that was deleted: the log begins here
    put(batch, 65536, 501);
    put(batch, 65536, 505);
    put(batch, 65536, 1000);
    index_submit(f->index, batch, 1);
    fixture_settle(f);
    check_range(f, 65536, 500, 502);
    assert_int_equal(index_read(f->index, 65536, 502, 9, entries, &count, NULL), TIDINGS_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(entries[i].position, -1);
    }
    check_range(f, 65536, 505, 506);
    assert_int_equal(count_at(f, 65536, 506), 0);
    assert_int_equal(count_at(f, 65536, 700), 0);
    assert_int_equal(index_read(f->index, 65536, 999, 9, entries, &count, NULL), TIDINGS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].position, -1);
    fixture_reopen(f);
    assert_int_equal(f->queues[0].min, 500);
    assert_int_equal(f->queues[0].next, 1001);
}

static void extreme_entries(void **state)
{
    struct fixture *f = *state;
    static const struct index_entry extreme[] = {
        { INT64_MAX, UINT32_MAX, INT32_MIN },
        { 0, 0, INT32_MAX },
        { INT64_MAX - 1, 1, -1 },
        { 1, UINT32_MAX - 1, 1 },
    };
    struct index_batch *batch = fixture_batch(f);
    for (int64_t i = 0; i < INDEX_BLOCK; i++) {
        assert_int_equal(index_batch_entry(batch, INT64_C(1) << 40, i, &extreme[i % 4]),
                         TIDINGS_OK);
    }
    index_submit(f->index, batch, 1);
    fixture_settle(f);
    struct index_entry entries[INDEX_BLOCK];
    size_t count;
    assert_int_equal(index_read(f->index, INT64_C(1) << 40, 0, INDEX_BLOCK, entries, &count, NULL),
                     TIDINGS_OK);
    assert_int_equal(count, INDEX_BLOCK);
    for (size_t i = 0; i < INDEX_BLOCK; i++) {
        assert_memory_equal(&entries[i], &extreme[i % 4], sizeof entries[i]);
    }
}

static void depth_counts_what_is_not_back(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->depth_max = 10;
    fixture_open(f);
    struct index_batch *batch = fixture_batch(f);
    for (int64_t i = 0; i < 10; i++) {
        put(batch, 65536, i);
        assert_int_equal(index_batch_key(batch, 1, i), TIDINGS_OK);
    }
    index_submit(f->index, batch, 1);
    assert_int_equal(index_depth(f->index), 10);
    assert_false(index_is_full(f->index));
    batch = fixture_batch(f);
    put(batch, 65536, 10);
    index_submit(f->index, batch, 2);
    assert_true(index_is_full(f->index));
    fixture_settle(f);
    assert_false(index_is_full(f->index));
}

static void the_position_never_goes_back(void **state)
{
    struct fixture *f = *state;
    struct index_batch *batch = fixture_batch(f);
    put(batch, 65536, 0);
    index_submit(f->index, batch, 1000);
    batch = fixture_batch(f);
    assert_int_equal(index_batch_offset(batch, STR("g"), STR("t"), 0, 5), TIDINGS_OK);
    index_submit(f->index, batch, index_position(f->index));
    fixture_settle(f);
    assert_int_equal(index_position(f->index), 1000);
}

static void a_dropped_batch_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct index_batch *batch = fixture_batch(f);
    put(batch, 65536, 0);
    index_batch_drop(f->index, batch);
    batch = fixture_batch(f); // the same one, empty
    index_submit(f->index, batch, 9);
    fixture_reopen(f);
    assert_int_equal(f->queue_count, 0);
    assert_int_equal(f->position, 9);
    batch = fixture_batch(f);
    fixture_close(f);
    index_batch_drop(NULL, batch); // after the index is gone
    fixture_open(f);
}

// ---- settings ----
static struct index_topic topic_of(int64_t id, const char *name)
{
    struct index_topic topic = { .id = id,
                                 .read_queues = 4,
                                 .write_queues = 3,
                                 .perm = 6,
                                 .retry = { .window_ms = 123456789012, .limit = 9 } };
    assert_true(str_copy(topic.name, sizeof topic.name, str_of(name)));
    assert_true(str_copy(topic.retry.ladder, sizeof topic.retry.ladder, STR("1m 5m 10m")));
    return topic;
}

static void settings_come_back(void **state)
{
    struct fixture *f = *state;
    struct index_topic first = topic_of(1, "orders");
    struct index_topic second = topic_of(2, "%RETRY%pay");
    struct index_group group = { .name = "pay",
                                 .consume_enabled = true,
                                 .retry = { .ladder = "", .window_ms = -1, .limit = -1 } };
    struct index_batch *batch = fixture_batch(f);
    assert_int_equal(index_batch_topic(batch, &first), TIDINGS_OK);
    assert_int_equal(index_batch_topic(batch, &second), TIDINGS_OK);
    assert_int_equal(index_batch_group(batch, &group), TIDINGS_OK);
    index_submit(f->index, batch, 1);
    first.write_queues = 8;
    group.broadcast_enabled = true;
    group.notify_enabled = true;
    batch = fixture_batch(f);
    assert_int_equal(index_batch_topic(batch, &first), TIDINGS_OK);
    assert_int_equal(index_batch_group(batch, &group), TIDINGS_OK);
    index_submit(f->index, batch, 2);
    fixture_reopen(f);
    assert_int_equal(f->topic_count, 2);
    assert_memory_equal(&f->topics[0], &first, sizeof first);
    assert_memory_equal(&f->topics[1], &second, sizeof second);
    assert_int_equal(f->group_count, 1);
    assert_memory_equal(&f->groups[0], &group, sizeof group);
}

static void offsets_come_back(void **state)
{
    struct fixture *f = *state;
    struct index_batch *batch = fixture_batch(f);
    assert_int_equal(index_batch_offset(batch, STR("g1"), STR("t1"), 0, 10), TIDINGS_OK);
    assert_int_equal(index_batch_offset(batch, STR("g1"), STR("t1"), 1, 11), TIDINGS_OK);
    assert_int_equal(index_batch_offset(batch, STR("g2"), STR("t1"), 0, 12), TIDINGS_OK);
    assert_int_equal(index_batch_offset(batch, STR("g1"), STR("t1"), 0, 20), TIDINGS_OK);
    index_submit(f->index, batch, 1);
    fixture_reopen(f);
    assert_int_equal(f->offset_count, 3);
    assert_string_equal(f->offsets[0].group, "g1");
    assert_string_equal(f->offsets[0].topic, "t1");
    assert_int_equal(f->offsets[0].offset, 20);
    assert_int_equal(f->offsets[1].queue_id, 1);
    assert_int_equal(f->offsets[1].offset, 11);
    assert_int_equal(f->offsets[2].offset, 12);
}

static void a_group_goes_with_or_without_offsets(void **state)
{
    struct fixture *f = *state;
    struct index_group groups[2] = { { .name = "keep" }, { .name = "lose" } };
    struct index_batch *batch = fixture_batch(f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(index_batch_group(batch, &groups[i]), TIDINGS_OK);
        assert_int_equal(index_batch_offset(batch, str_of(groups[i].name), STR("t"), 0, 1),
                         TIDINGS_OK);
        assert_int_equal(index_batch_group_delete(batch, str_of(groups[i].name), i == 1),
                         TIDINGS_OK);
    }
    index_submit(f->index, batch, 1);
    fixture_reopen(f);
    assert_int_equal(f->group_count, 0);
    assert_int_equal(f->offset_count, 1);
    assert_string_equal(f->offsets[0].group, "keep");
}

static void a_topic_goes_with_all_it_has(void **state)
{
    struct fixture *f = *state;
    struct index_topic topics[3] = { topic_of(1, "gone"), topic_of(2, "stays"),
                                     topic_of(3, "gone") };
    struct index_batch *batch = fixture_batch(f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(index_batch_topic(batch, &topics[i]), TIDINGS_OK);
        assert_int_equal(index_batch_offset(batch, STR("g"), str_of(topics[i].name), 0, 1),
                         TIDINGS_OK);
    }
    for (int64_t i = 0; i < 100000; i++) { // more blocks than a piece takes
        put(batch, index_queue_key(1 + i % 2, (int32_t)(i / 2 % 3)), i / 6);
    }
    for (int64_t i = 0; i < 20000; i++) {
        struct index_due due = { 1000 + i, i * 8, index_queue_key(1 + i % 2, 0), 1, 0 };
        assert_int_equal(index_batch_due_add(batch, &due), TIDINGS_OK);
    }
    index_submit(f->index, batch, 1);
    fixture_settle(f);
    assert_int_equal(index_due_count(f->index), 20000);
    batch = fixture_batch(f);
    assert_int_equal(index_batch_topic_delete(batch, 1), TIDINGS_OK);
    assert_int_equal(index_batch_topic(batch, &topics[2]), TIDINGS_OK);
    assert_int_equal(index_batch_offset(batch, STR("g"), STR("gone"), 0, 5), TIDINGS_OK);
    put(batch, index_queue_key(3, 0), 0);
    index_submit(f->index, batch, 2);
    fixture_load_due(f, 0, 0,
                     30000); // those of the deleted topic are not told, cleared away or not
    assert_int_equal(f->due_count, 10000);
    for (size_t i = 0; i < f->due_count; i++) {
        assert_int_equal(f->due[i].queue_key >> 16, 2);
    }
    fixture_reopen(f); // with the clearing away half done
    for (int i = 0; i < 1000 && index_due_count(f->index) != 10000; i++) {
        fixture_load_due(f, INT64_MAX, 0, 1);
    }
    assert_int_equal(index_due_count(f->index), 10000);
    fixture_reopen(f);
    assert_int_equal(f->topic_count, 2);
    assert_int_equal(f->topics[0].id, 2);
    assert_int_equal(f->topics[1].id, 3);
    assert_int_equal(f->offset_count, 2);
    assert_string_equal(f->offsets[0].topic, "gone");
    assert_int_equal(f->offsets[0].offset, 5);
    assert_int_equal(f->queue_count, 4);
    assert_int_equal(count_at(f, index_queue_key(1, 0), 0), 0);
    check_range(f, index_queue_key(2, 1), 0, 16000);
    check_range(f, index_queue_key(3, 0), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_index_is_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(close_applies_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_block_goes_on_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(more_queues_than_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(holes_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(extreme_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(depth_counts_what_is_not_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_position_never_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dropped_batch_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(offsets_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_goes_with_or_without_offsets, setup, teardown),
        cmocka_unit_test_setup_teardown(a_topic_goes_with_all_it_has, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

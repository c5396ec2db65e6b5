// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/bodies.h"

// ---- routes ----
static void route_is_written_byte_for_byte(void **state)
{
    (void)state;
    char broker[] = "broker-a";
    char cluster[] = "Cluster";
    char address[] = "10.0.0.1:10911";
    char order[] = "broker-a:4";
    struct wire_route_queue queue = { broker, 4, 2, 6 };
    struct wire_route_broker brokers[] = { { cluster, broker, address },
                                           { cluster, broker, NULL } };
    struct wire_route route = { NULL, 1, &queue, 2, brokers };
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(wire_route_encode(&route, &out), TIDINGS_OK);
    struct str wanted = STR(
        "{\"brokerDatas\":[{\"brokerAddrs\":{\"0\":\"10.0.0.1:10911\"},\"brokerName\":\"broker-a\","
        "\"cluster\":\"Cluster\"},{\"brokerAddrs\":{},\"brokerName\":\"broker-a\",\"cluster\":"
        "\"Cluster\"}],"
        "\"filterServerTable\":{},\"queueDatas\":[{\"brokerName\":\"broker-a\",\"perm\":6,"
        "\"readQueueNums\":4,\"topicSynFlag\":0,\"topicSysFlag\":0,\"writeQueueNums\":2}]}");
    assert_true(str_eq(buf_str(&out), wanted));
    buf_clear(&out);
    route = (struct wire_route){ .order_conf = order };
    assert_int_equal(wire_route_encode(&route, &out), TIDINGS_OK);
    assert_true(str_eq(buf_str(&out), STR("{\"brokerDatas\":[],\"filterServerTable\":{},"
                                          "\"orderTopicConf\":\"broker-a:4\",\"queueDatas\":[]}")));
    buf_deinit(&out);
}

static void routes_are_read_in_both_dialects(void **state)
{
    static const char *const texts[] = {
        "{\"brokerDatas\":[{\"brokerAddrs\":{\"1\":\"b:1\",\"0\":\"a:1\"},\"brokerName\":\"n\","
        "\"cluster\":\"c\"}],"
        "\"queueDatas\":[{\"brokerName\":\"n\",\"perm\":6,\"readQueueNums\":8,\"writeQueueNums\":4}"
        "],"
        "\"orderTopicConf\":\"n:4\"}",
        "{\"brokerDatas\":[{\"brokerAddrs\":{0:\"a:1\",1:\"b:1\"},\"brokerName\":\"n\",\"cluster\":"
        "\"c\","
        "\"enableActingMaster\":false,\"zoneName\":null}],\"filterServerTable\":{},"
        "\"orderTopicConf\":\"n:4\","
        "\"queueDatas\":[{\"brokerName\":\"n\",\"perm\":6,\"readQueueNums\":8,\"topicSynFlag\":0,"
        "\"writeQueueNums\":4}]}",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct wire_route *route = NULL;
        assert_int_equal(wire_route_decode(str_of(texts[i]), &route, NULL), TIDINGS_OK);
        assert_int_equal(route->broker_count, 1);
        assert_string_equal(route->brokers[0].master, "a:1");
        assert_string_equal(route->brokers[0].broker, "n");
        assert_string_equal(route->brokers[0].cluster, "c");
        assert_int_equal(route->queue_count, 1);
        assert_string_equal(route->queues[0].broker, "n");
        assert_int_equal(route->queues[0].read_queues, 8);
        assert_int_equal(route->queues[0].write_queues, 4);
        assert_int_equal(route->queues[0].perm, 6);
        assert_string_equal(route->order_conf, "n:4");
        wire_route_free(route);
    }
}

static void sparse_routes_are_read(void **state)
{
    (void)state;
    struct wire_route *route = NULL;
    assert_int_equal(
        wire_route_decode(
            STR("{\"brokerDatas\":[{\"brokerName\":\"n\",\"brokerAddrs\":{2:\"s:1\"}},"
                "{\"brokerName\":\"m\"}],\"queueDatas\":null,\"orderTopicConf\":null}"),
            &route, NULL),
        TIDINGS_OK);
    assert_int_equal(route->broker_count, 2);
    assert_null(route->brokers[0].master);
    assert_string_equal(route->brokers[0].cluster, "");
    assert_null(route->brokers[1].master);
    assert_int_equal(route->queue_count, 0);
    assert_null(route->order_conf);
    wire_route_free(route);
    wire_route_free(NULL);
}

static void malformed_routes_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{0:}",
        "{\"brokerDatas\":{}}",
        "{\"brokerDatas\":[{}]}",
        "{\"brokerDatas\":[{\"brokerName\":\"n\",\"brokerAddrs\":[]}]}",
        "{\"brokerDatas\":[{\"brokerName\":\"n\",\"brokerAddrs\":{0:1}}]}",
        "{\"queueDatas\":[{\"brokerName\":\"n\",\"perm\":6,\"readQueueNums\":8}]}",
        "{\"queueDatas\":[{\"brokerName\":\"n\",\"perm\":\"six\",\"readQueueNums\":8,"
        "\"writeQueueNums\":8}]}",
        "{\"queueDatas\":[{\"brokerName\":\"n\",\"perm\":6,\"readQueueNums\":2147483648,"
        "\"writeQueueNums\":8}]}",
        "{\"orderTopicConf\":5}",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct wire_route *route = NULL;
        struct tidings_error err = { .status = TIDINGS_OK };
        assert_int_equal(wire_route_decode(str_of(texts[i]), &route, &err), TIDINGS_E_PROTOCOL);
        assert_null(route);
        assert_true(err.text[0] != '\0');
    }
}

static void routes_are_bounded(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1024 * 1024);
    for (unsigned count = WIRE_BROKERS_MAX; count <= WIRE_BROKERS_MAX + 1; count++) {
        struct wire_route *route = NULL;
        buf_clear(&text);
        assert_int_equal(buf_add_str(&text, STR("{\"brokerDatas\":[{\"brokerName\":\"n\"}")),
                         TIDINGS_OK);
        for (unsigned i = 1; i < count; i++) {
            assert_int_equal(buf_add_str(&text, STR(",{\"brokerName\":\"n\"}")), TIDINGS_OK);
        }
        assert_int_equal(buf_add_str(&text, STR("]}")), TIDINGS_OK);
        assert_int_equal(wire_route_decode(buf_str(&text), &route, NULL),
                         count == WIRE_BROKERS_MAX ? TIDINGS_OK : TIDINGS_E_TOO_LARGE);
        wire_route_free(route);
    }
    buf_deinit(&text);
}

// ---- lists of members ----
static void id_lists_come_back(void **state)
{
    (void)state;
    static const char *const ids[] = { "10.0.0.1@7", "b\"c" };
    struct wire_id_list *list = NULL;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(wire_id_list_encode(ids, 2, &out), TIDINGS_OK);
    assert_true(str_eq(buf_str(&out), STR("{\"consumerIdList\":[\"10.0.0.1@7\",\"b\\\"c\"]}")));
    assert_int_equal(wire_id_list_decode(buf_str(&out), &list, NULL), TIDINGS_OK);
    assert_int_equal(list->count, 2);
    assert_string_equal(list->ids[0], ids[0]);
    assert_string_equal(list->ids[1], ids[1]);
    wire_id_list_free(list);
    list = NULL;
    assert_int_equal(wire_id_list_decode(STR("{}"), &list, NULL), TIDINGS_OK);
    assert_int_equal(list->count, 0);
    wire_id_list_free(list);
    wire_id_list_free(NULL);
    list = NULL;
    assert_int_equal(wire_id_list_decode(STR("{\"consumerIdList\":[\"a\",1]}"), &list, NULL),
                     TIDINGS_E_PROTOCOL);
    assert_int_equal(wire_id_list_decode(STR("{\"consumerIdList\":\"a\"}"), &list, NULL),
                     TIDINGS_E_PROTOCOL);
    assert_null(list);
    buf_deinit(&out);
}

// ---- locks ----
static void locks_come_back(void **state)
{
    (void)state;
    char topic[] = "t";
    char broker[] = "b";
    char group[] = "g";
    char client[] = "c";
    struct wire_queue_ref queues[] = { { topic, broker, 0 }, { topic, broker, 3 } };
    struct wire_lock lock = { group, client, 2, queues };
    struct wire_lock *back = NULL;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(wire_lock_encode(&lock, &out), TIDINGS_OK);
    assert_true(
        str_eq(buf_str(&out),
               STR("{\"clientId\":\"c\",\"consumerGroup\":\"g\",\"mqSet\":[{\"brokerName\":\"b\","
                   "\"queueId\":0,\"topic\":\"t\"},{\"brokerName\":\"b\",\"queueId\":3,\"topic\":"
                   "\"t\"}]}")));
    assert_int_equal(wire_lock_decode(buf_str(&out), &back, NULL), TIDINGS_OK);
    assert_string_equal(back->group, "g");
    assert_string_equal(back->client_id, "c");
    assert_int_equal(back->count, 2);
    assert_string_equal(back->queues[1].topic, "t");
    assert_string_equal(back->queues[1].broker, "b");
    assert_int_equal(back->queues[1].queue_id, 3);
    wire_lock_free(back);
    buf_clear(&out);
    lock.count = 1;
    assert_int_equal(wire_locked_encode(&lock, &out), TIDINGS_OK);
    assert_true(
        str_eq(buf_str(&out),
               STR("{\"lockOKMQSet\":[{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"t\"}]}")));
    back = NULL;
    assert_int_equal(wire_lock_decode(buf_str(&out), &back, NULL), TIDINGS_OK);
    assert_null(back->group);
    assert_null(back->client_id);
    assert_int_equal(back->count, 1);
    wire_lock_free(back);
    wire_lock_free(NULL);
    buf_deinit(&out);
}

static void malformed_locks_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"mqSet\":{}}",
        "{\"mqSet\":[1]}",
        "{\"mqSet\":[{\"topic\":\"t\",\"brokerName\":\"b\"}]}",
        "{\"mqSet\":[{\"topic\":\"t\",\"queueId\":0}]}",
        "{\"mqSet\":[{\"brokerName\":\"b\",\"queueId\":0}]}",
        "{\"mqSet\":[{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":\"zero\"}]}",
        "{\"consumerGroup\":1}",
        "{\"clientId\":[]}",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct wire_lock *lock = NULL;
        assert_int_equal(wire_lock_decode(str_of(texts[i]), &lock, NULL), TIDINGS_E_PROTOCOL);
        assert_null(lock);
    }
}

// ---- offset tables ----
static void expect_table(struct str text)
{
    struct wire_offset_table *table = NULL;
    struct tidings_error err = { .status = TIDINGS_OK };
    if (wire_offset_table_decode(text, &table, &err) != TIDINGS_OK) {
        fail_msg("%.*s: %s", STR_ARG(text), err.text);
    }
    assert_int_equal(table->count, 2);
    assert_string_equal(table->rows[0].queue.topic, "t");
    assert_string_equal(table->rows[0].queue.broker, "b");
    assert_int_equal(table->rows[0].queue.queue_id, 0);
    assert_int_equal(table->rows[0].offset, 5);
    assert_int_equal(table->rows[1].queue.queue_id, 1);
    assert_int_equal(table->rows[1].offset, 1234567890123);
    wire_offset_table_free(table);
}

static void offset_tables_come_back_in_both_forms(void **state)
{
    (void)state;
    char topic[] = "t";
    char broker[] = "b";
    struct wire_queue_offset rows[] = { { { topic, broker, 0 }, 5 },
                                        { { topic, broker, 1 }, 1234567890123 } };
    struct wire_offset_table table = { 2, rows };
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(wire_offset_table_encode(&table, false, &out), TIDINGS_OK);
    assert_true(
        str_eq(buf_str(&out),
               STR("{\"offsetTable\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"t\"}:5,"
                   "{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"t\"}:1234567890123}}")));
    expect_table(buf_str(&out));
    buf_clear(&out);
    assert_int_equal(wire_offset_table_encode(&table, true, &out), TIDINGS_OK);
    assert_true(str_eq(
        buf_str(&out),
        STR("{\"offsetTable\":[{\"brokerName\":\"b\",\"offset\":5,\"queueId\":0,\"topic\":\"t\"},"
            "{\"brokerName\":\"b\",\"offset\":1234567890123,\"queueId\":1,\"topic\":\"t\"}]}")));
    expect_table(buf_str(&out));
    buf_deinit(&out);
}

static void offset_tables_of_other_writers_are_read(void **state)
{
    (void)state;
    expect_table(STR("{\"offsetTable\":[[{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0},5],"
                     "[{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":1},1234567890123]]}"));
    expect_table(
        STR("{\"offsetTable\":[{\"queue\":{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0},"
            "\"offset\":5},{\"queue\":{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":1},"
            "\"offset\":1234567890123}]}"));
    struct wire_offset_table *table = NULL;
    assert_int_equal(wire_offset_table_decode(STR("{}"), &table, NULL), TIDINGS_OK);
    assert_int_equal(table->count, 0);
    wire_offset_table_free(table);
    wire_offset_table_free(NULL);
}

static void malformed_offset_tables_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"offsetTable\":5}",
        "{\"offsetTable\":[5]}",
        "{\"offsetTable\":[[]]}",
        "{\"offsetTable\":[[{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0}]]}",
        "{\"offsetTable\":[{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0}]}",
        "{\"offsetTable\":[{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0,\"offset\":\"1\"}]}",
        "{\"offsetTable\":{\"key\":5}}",
        "{\"offsetTable\":{{}:5}}",
        "{\"offsetTable\":{{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0}:null}}",
        "{\"offsetTable\":{{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0}}}",
        "{\"offsetTable\":{{\"topic\":\"t\",\"brokerName\":\"b\",\"queueId\":0",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct wire_offset_table *table = NULL;
        struct tidings_error err = { .status = TIDINGS_OK };
        assert_int_equal(wire_offset_table_decode(str_of(texts[i]), &table, &err),
                         TIDINGS_E_PROTOCOL);
        assert_null(table);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route_is_written_byte_for_byte),
        cmocka_unit_test(routes_are_read_in_both_dialects),
        cmocka_unit_test(sparse_routes_are_read),
        cmocka_unit_test(malformed_routes_are_refused),
        cmocka_unit_test(routes_are_bounded),
        cmocka_unit_test(id_lists_come_back),
        cmocka_unit_test(locks_come_back),
        cmocka_unit_test(malformed_locks_are_refused),
        cmocka_unit_test(offset_tables_come_back_in_both_forms),
        cmocka_unit_test(offset_tables_of_other_writers_are_read),
        cmocka_unit_test(malformed_offset_tables_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/bodies.h"

static struct wire_heartbeat *decode(const char *text)
{
    struct wire_heartbeat *heartbeat = NULL;
    struct tidings_error err = { .status = TIDINGS_OK };
    if (wire_heartbeat_decode(str_of(text), &heartbeat, &err) != TIDINGS_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return heartbeat;
}

static void java_heartbeat_is_read(void **state)
{
    (void)state;
    struct wire_heartbeat *heartbeat =
        decode("{\"clientID\":\"10.0.0.1@77\",\"consumerDataSet\":[{\"consumeFromWhere\":\"CONSUME_"
               "FROM_FIRST_OFFSET\","
               "\"consumeType\":\"CONSUME_PASSIVELY\",\"groupName\":\"g\",\"messageModel\":"
               "\"BROADCASTING\","
               "\"subscriptionDataSet\":[{\"classFilterMode\":false,\"codeSet\":[65,66],"
               "\"expressionType\":\"TAG\","
               "\"subString\":\"A || "
               "B\",\"subVersion\":1714567890123,\"tagsSet\":[\"A\",\"B\"],\"topic\":\"t\"},"
               "{\"subString\":\"a > "
               "1\",\"expressionType\":\"SQL92\",\"topic\":\"u\"}],\"unitMode\":false}],"
               "\"heartbeatFingerprint\":0,\"producerDataSet\":[{\"groupName\":\"p\"},{"
               "\"groupName\":\"q\"}],"
               "\"withoutSub\":false}");
    assert_string_equal(heartbeat->client_id, "10.0.0.1@77");
    assert_int_equal(heartbeat->producer_count, 2);
    assert_string_equal(heartbeat->producer_groups[1], "q");
    assert_int_equal(heartbeat->consumer_count, 1);
    struct wire_consumer_data *consumer = &heartbeat->consumers[0];
    assert_string_equal(consumer->group, "g");
    assert_int_equal(consumer->model, WIRE_BROADCASTING);
    assert_int_equal(consumer->from_where, WIRE_FROM_FIRST);
    assert_false(consumer->active);
    assert_int_equal(consumer->subscription_count, 2);
    assert_string_equal(consumer->subscriptions[0].topic, "t");
    assert_string_equal(consumer->subscriptions[0].expression, "A || B");
    assert_string_equal(consumer->subscriptions[0].expression_type, "TAG");
    assert_int_equal(consumer->subscriptions[0].version, 1714567890123);
    assert_string_equal(consumer->subscriptions[1].expression_type, "SQL92");
    assert_int_equal(consumer->subscriptions[1].version, 0);
    wire_heartbeat_free(heartbeat);
}

static void go_heartbeat_is_read(void **state)
{
    (void)state;
    struct wire_heartbeat *heartbeat = decode(
        "{\"clientID\":\"c\",\"producerDataSet\":[],\"consumerDataSet\":[{\"groupName\":\"g\","
        "\"consumeType\":\"CONSUME_ACTIVELY\",\"messageModel\":\"Clustering\","
        "\"consumeFromWhere\":\"CONSUME_FROM_TIMESTAMP\",\"subscriptionDataSet\":[{\"topic\":\"t\","
        "\"subString\":\"A\",\"tagsSet\":[\"A\"],\"codeSet\":[\"65\"],\"subVersion\":5}]}]}");
    assert_int_equal(heartbeat->producer_count, 0);
    assert_int_equal(heartbeat->consumers[0].model, WIRE_CLUSTERING);
    assert_int_equal(heartbeat->consumers[0].from_where, WIRE_FROM_TIMESTAMP);
    assert_true(heartbeat->consumers[0].active);
    wire_heartbeat_free(heartbeat);
}

static void cpp_heartbeat_is_read(void **state)
{
    (void)state;
    struct wire_heartbeat *heartbeat = decode(
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"consumeFromWhere\":4,\"consumeType\":1,"
        "\"groupName\":\"g\","
        "\"messageModel\":1,\"subscriptionDataSet\":[{\"codeSet\":[0,0],\"subString\":\"A||B\","
        "\"subVersion\":9,\"tagsSet\":[\"A\",\"B\"],\"topic\":\"t\"}]}],\"producerDataSet\":null}"
        "\n");
    assert_int_equal(heartbeat->producer_count, 0);
    assert_int_equal(heartbeat->consumers[0].model, WIRE_CLUSTERING);
    assert_int_equal(heartbeat->consumers[0].from_where, WIRE_FROM_FIRST);
    assert_false(heartbeat->consumers[0].active);
    assert_string_equal(heartbeat->consumers[0].subscriptions[0].expression, "A||B");
    assert_string_equal(heartbeat->consumers[0].subscriptions[0].expression_type, "TAG");
    wire_heartbeat_free(heartbeat);
}

static void optional_members_may_be_missing(void **state)
{
    (void)state;
    struct wire_heartbeat *heartbeat = decode("{\"clientID\":\"c\"}");
    assert_int_equal(heartbeat->producer_count, 0);
    assert_int_equal(heartbeat->consumer_count, 0);
    wire_heartbeat_free(heartbeat);
    heartbeat = decode("{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\","
                       "\"subscriptionDataSet\":[{\"topic\":\"t\"}]}]}");
    assert_int_equal(heartbeat->consumers[0].model, WIRE_CLUSTERING);
    assert_int_equal(heartbeat->consumers[0].from_where, WIRE_FROM_LAST);
    assert_false(heartbeat->consumers[0].active);
    assert_string_equal(heartbeat->consumers[0].subscriptions[0].expression, "*");
    assert_string_equal(heartbeat->consumers[0].subscriptions[0].expression_type, "TAG");
    wire_heartbeat_free(heartbeat);
    wire_heartbeat_free(NULL);
}

static void every_ordinal_has_its_meaning(void **state)
{
    static const int places[] = { WIRE_FROM_LAST, WIRE_FROM_LAST,  WIRE_FROM_FIRST,
                                  WIRE_FROM_LAST, WIRE_FROM_FIRST, WIRE_FROM_TIMESTAMP };
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct buf text;
        buf_init(&text, 4096);
        assert_int_equal(
            buf_addf(&text,
                     "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\","
                     "\"consumeFromWhere\":%d,\"messageModel\":%d,\"consumeType\":%d}]}%c",
                     i, i % 2, i % 3, 0),
            TIDINGS_OK);
        struct wire_heartbeat *heartbeat = decode(text.ptr);
        assert_int_equal(heartbeat->consumers[0].from_where, places[i]);
        assert_int_equal(heartbeat->consumers[0].model,
                         i % 2 == 1 ? WIRE_CLUSTERING : WIRE_BROADCASTING);
        assert_int_equal(heartbeat->consumers[0].active, i % 3 == 0);
        wire_heartbeat_free(heartbeat);
        buf_deinit(&text);
    }
}

static void malformed_heartbeats_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{} x",
        "{}",
        "{\"clientID\":5}",
        "{\"clientID\":null}",
        "{\"clientID\":\"a\\u0000b\"}",
        "{\"clientID\":\"\xff\"}",
        "{\"clientID\":\"c\",\"producerDataSet\":{}}",
        "{\"clientID\":\"c\",\"producerDataSet\":[{}]}",
        "{\"clientID\":\"c\",\"producerDataSet\":[{\"groupName\":\"p\"},\"q\"]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":\"\"}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[null]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"messageModel\":2}]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"messageModel\":\"SOME\"}]"
        "}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"messageModel\":true}]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"consumeFromWhere\":6}]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"consumeType\":-1}]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"subscriptionDataSet\":[{}]"
        "}]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"subscriptionDataSet\":[{"
        "\"topic\":\"t\","
        "\"subVersion\":1.5}]}]}",
        "{\"clientID\":\"c\",\"consumerDataSet\":[{\"groupName\":\"g\",\"subscriptionDataSet\":[{"
        "\"topic\":\"t\"},"
        "{\"topic\":\"u\",\"subString\":1}]}]}",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct wire_heartbeat *heartbeat = NULL;
        struct tidings_error err = { .status = TIDINGS_OK };
        if (wire_heartbeat_decode(str_of(texts[i]), &heartbeat, &err) != TIDINGS_E_PROTOCOL) {
            fail_msg("accepted: %s", texts[i]);
        }
        assert_null(heartbeat);
        assert_true(err.text[0] != '\0');
    }
}

// `count` items of `item` in `list`.
static tidings_status decode_many(const char *head, const char *item, const char *tail,
                                  unsigned count)
{
    struct buf text;
    struct wire_heartbeat *heartbeat = NULL;
    buf_init(&text, 2 * WIRE_BODY_MAX);
    assert_int_equal(buf_addf(&text, "{\"clientID\":\"c\",%s%s", head, item), TIDINGS_OK);
    for (unsigned i = 1; i < count; i++) {
        assert_int_equal(buf_addf(&text, ",%s", item), TIDINGS_OK);
    }
    assert_int_equal(buf_addf(&text, "%s}", tail), TIDINGS_OK);
    tidings_status status = wire_heartbeat_decode(buf_str(&text), &heartbeat, NULL);
    wire_heartbeat_free(heartbeat);
    buf_deinit(&text);
    return status;
}

static void counts_are_bounded(void **state)
{
    const char *producers = "\"producerDataSet\":[";
    const char *consumers = "\"consumerDataSet\":[";
    const char *subscriptions =
        "\"consumerDataSet\":[{\"groupName\":\"g\",\"subscriptionDataSet\":[";
    const char *group = "{\"groupName\":\"g\"}";
    const char *topic = "{\"topic\":\"t\"}";
    (void)state;
    assert_int_equal(decode_many(producers, group, "]", WIRE_GROUPS_MAX), TIDINGS_OK);
    assert_int_equal(decode_many(producers, group, "]", WIRE_GROUPS_MAX + 1), TIDINGS_E_TOO_LARGE);
    assert_int_equal(decode_many(consumers, group, "]", WIRE_GROUPS_MAX), TIDINGS_OK);
    assert_int_equal(decode_many(consumers, group, "]", WIRE_GROUPS_MAX + 1), TIDINGS_E_TOO_LARGE);
    assert_int_equal(decode_many(subscriptions, topic, "]}]", WIRE_SUBSCRIPTIONS_MAX), TIDINGS_OK);
    assert_int_equal(decode_many(subscriptions, topic, "]}]", WIRE_SUBSCRIPTIONS_MAX + 1),
                     TIDINGS_E_TOO_LARGE);
    // Trees that would need far more memory than text, in a member nobody reads.
    assert_int_equal(decode_many("\"x\":[", "{}", "]", 263000), TIDINGS_E_TOO_LARGE);
    assert_int_equal(decode_many("\"x\":[", "\"{},[]\"", "]", 200000), TIDINGS_OK);
    assert_int_equal(decode_many("\"x\":", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "", 1),
                     TIDINGS_E_TOO_LARGE);
    assert_int_equal(decode_many("\"x\":[",
                                 "\"01234567890123456789012345678901234567890123456789\"", "]",
                                 80000),
                     TIDINGS_E_TOO_LARGE); // over 4 MiB
}

static void heartbeat_is_written_byte_for_byte(void **state)
{
    char client[] = "c\"1";
    char group[] = "g";
    char topic[] = "t";
    char expression[] = "A || BB";
    char *producers[] = { group };
    struct wire_subscription subscriptions[] = { { topic, expression, NULL, 7 },
                                                 { topic, NULL, NULL, 0 } };
    struct wire_consumer_data consumer = { group, WIRE_CLUSTERING, WIRE_FROM_LAST, true,
                                           2,     subscriptions };
    struct wire_heartbeat heartbeat = { client, 1, producers, 1, &consumer };
    struct wire_heartbeat *back = NULL;
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(wire_heartbeat_encode(&heartbeat, &out), TIDINGS_OK);
    struct str wanted = STR(
        "{\"clientID\":\"c\\\"1\",\"consumerDataSet\":[{\"consumeFromWhere\":\"CONSUME_FROM_LAST_"
        "OFFSET\","
        "\"consumeType\":\"CONSUME_ACTIVELY\",\"groupName\":\"g\",\"messageModel\":\"CLUSTERING\","
        "\"subscriptionDataSet\":[{\"classFilterMode\":false,\"codeSet\":[65,2112],"
        "\"expressionType\":\"TAG\",\"subString\":\"A || "
        "BB\",\"subVersion\":7,\"tagsSet\":[\"A\",\"BB\"],"
        "\"topic\":\"t\"},{\"classFilterMode\":false,\"codeSet\":[],\"expressionType\":\"TAG\","
        "\"subString\":\"*\",\"subVersion\":0,\"tagsSet\":[],\"topic\":\"t\"}],\"unitMode\":false}]"
        ","
        "\"producerDataSet\":[{\"groupName\":\"g\"}]}");
    assert_true(str_eq(buf_str(&out), wanted));
    assert_int_equal(wire_heartbeat_decode(buf_str(&out), &back, NULL), TIDINGS_OK);
    assert_string_equal(back->client_id, client);
    assert_string_equal(back->consumers[0].subscriptions[0].expression, expression);
    wire_heartbeat_free(back);
    buf_clear(&out);
    expression[0] = '|';
    expression[1] = '\0'; // "|" is a tag, "||" is none
    assert_int_equal(wire_heartbeat_encode(&heartbeat, &out), TIDINGS_OK);
    buf_clear(&out);
    expression[1] = '|';
    expression[2] = '\0';
    assert_int_equal(wire_heartbeat_encode(&heartbeat, &out), TIDINGS_E_INVALID);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
    buf_init(&out, 100);
    expression[0] = 'A';
    assert_int_equal(wire_heartbeat_encode(&heartbeat, &out), TIDINGS_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(java_heartbeat_is_read),
        cmocka_unit_test(go_heartbeat_is_read),
        cmocka_unit_test(cpp_heartbeat_is_read),
        cmocka_unit_test(optional_members_may_be_missing),
        cmocka_unit_test(every_ordinal_has_its_meaning),
        cmocka_unit_test(malformed_heartbeats_are_refused),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(heartbeat_is_written_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

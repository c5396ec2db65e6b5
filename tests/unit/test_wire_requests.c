// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/requests.h"

static void add(struct wire_header *header, const char *key, const char *value)
{
    assert_int_equal(wire_header_add(header, str_of(key), str_of(value)), TIDINGS_OK);
}

static void expect_text(struct str text, const char *wanted)
{
    assert_true(str_eq_c(text, wanted));
}

static void fill_send(struct wire_header *header, bool letters)
{
    static const char *const names[][3] = {
        { "producerGroup", "a", "group" },
        { "topic", "b", "orders" },
        { "defaultTopic", "c", "TBW102" },
        { "defaultTopicQueueNums", "d", "4" },
        { "queueId", "e", "-1" },
        { "sysFlag", "f", "5" },
        { "bornTimestamp", "g", "171456789" },
        { "flag", "h", "7" },
        { "properties", "i", "K\1v\2" },
        { "reconsumeTimes", "j", "2" },
        { "unitMode", "k", "false" },
        { "maxReconsumeTimes", "l", "16" },
        { "batch", "m", "true" },
    };
    *header = (struct wire_header){ .code = letters ? WIRE_SEND_MESSAGE_V2 : WIRE_SEND_MESSAGE };
    for (size_t i = BASE_COUNT(names); i-- > 0;) {
        add(header, names[i][letters], names[i][2]);
    }
}

static void send_header_is_read_in_both_spellings(void **state)
{
    (void)state;
    for (int letters = 0; letters < 2; letters++) {
        struct wire_header header;
        struct wire_send send;
        fill_send(&header, letters);
        add(&header, "n", "broker-a");
        add(&header, "bname", "broker-a");
        add(&header, "", "");
        add(&header, "`", "before a");
        assert_int_equal(wire_send_decode(&header, &send, NULL), TIDINGS_OK);
        expect_text(send.producer_group, "group");
        expect_text(send.topic, "orders");
        expect_text(send.default_topic, "TBW102");
        assert_int_equal(send.default_queues, 4);
        assert_int_equal(send.queue_id, -1);
        assert_int_equal(send.sys_flag, 5);
        assert_int_equal(send.born_ms, 171456789);
        assert_int_equal(send.flag, 7);
        expect_text(send.properties, "K\1v\2");
        assert_int_equal(send.reconsume_times, 2);
        assert_false(send.unit_mode);
        assert_int_equal(send.max_reconsume_times, 16);
        assert_true(send.batch);
    }
}

static void batch_code_uses_the_letters(void **state)
{
    (void)state;
    struct wire_header header;
    struct wire_send send;
    fill_send(&header, true);
    header.code = WIRE_SEND_BATCH_MESSAGE;
    assert_int_equal(wire_send_decode(&header, &send, NULL), TIDINGS_OK);
    expect_text(send.topic, "orders");
}

static void optional_fields_have_defaults(void **state)
{
    (void)state;
    struct wire_header header = { .code = WIRE_SEND_MESSAGE_V2 };
    struct wire_send send;
    memset(&send, 0x55, sizeof send);
    for (char c = 'a'; c <= 'h'; c++) {
        char key[] = { c, '\0' };
        assert_int_equal(wire_header_add(&header, str_make(&"abcdefgh"[c - 'a'], 1), STR("1")),
                         TIDINGS_OK);
        assert_non_null(wire_header_get(&header, str_of(key)).ptr);
    }
    assert_int_equal(wire_send_decode(&header, &send, NULL), TIDINGS_OK);
    assert_null(send.properties.ptr);
    assert_int_equal(send.properties.len, 0);
    assert_int_equal(send.reconsume_times, 0);
    assert_false(send.unit_mode);
    assert_int_equal(send.max_reconsume_times, -1);
    assert_false(send.batch);
}

static void each_required_field_is_missed_by_name(void **state)
{
    (void)state;
    for (unsigned skip = 0; skip < 13; skip++) {
        struct wire_header full;
        struct wire_header header = { .code = WIRE_SEND_MESSAGE_V2 };
        struct wire_send send;
        struct tidings_error err = { .status = TIDINGS_OK };
        fill_send(&full, true);
        for (unsigned i = 0; i < full.ext_count; i++) {
            if ((unsigned)(full.ext[i].key.ptr[0] - 'a') != skip) {
                header.ext[header.ext_count++] = full.ext[i];
            }
        }
        tidings_status status = wire_send_decode(&header, &send, &err);
        assert_int_equal(status, skip < 8 ? TIDINGS_E_INVALID : TIDINGS_OK);
        if (skip < 8) {
            char wanted[] = "field a is missing";
            wanted[6] = (char)('a' + skip);
            assert_non_null(strstr(err.text, wanted));
        }
    }
}

static void refuse_query_offset(const char *queue_id, const char *zero)
{
    struct wire_header header = { .code = WIRE_QUERY_CONSUMER_OFFSET };
    struct wire_query_offset query;
    struct tidings_error err = { .status = TIDINGS_OK };
    add(&header, "consumerGroup", "g");
    add(&header, "topic", "t");
    add(&header, "queueId", queue_id);
    add(&header, "setZeroIfNotFound", zero);
    assert_int_equal(wire_query_offset_decode(&header, &query, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "it must be"));
}

static void malformed_values_are_named(void **state)
{
    (void)state;
    refuse_query_offset("", "true");
    refuse_query_offset("one", "true");
    refuse_query_offset("1.0", "true");
    refuse_query_offset("2147483648", "true");
    refuse_query_offset("+1", "true");
    refuse_query_offset(" 1", "true");
    refuse_query_offset("1", "yes");
    refuse_query_offset("0123456789012345678901234567890123456789012345678901234567890", "true");
}

static void booleans_are_read_as_clients_write_them(void **state)
{
    static const struct {
        const char *text;
        bool value;
    } rows[] = { { "true", true },   { "TRUE", true }, { "1", true }, { "false", false },
                 { "False", false }, { "0", false },   { "", true } };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct wire_header header = { .code = WIRE_QUERY_CONSUMER_OFFSET };
        struct wire_query_offset query;
        add(&header, "setZeroIfNotFound", rows[i].text);
        add(&header, "queueId", "-2147483648");
        add(&header, "topic", "t");
        add(&header, "consumerGroup", "");
        assert_int_equal(wire_query_offset_decode(&header, &query, NULL), TIDINGS_OK);
        assert_int_equal(query.zero_if_none, rows[i].value);
        assert_int_equal(query.queue_id, INT32_MIN);
        expect_text(query.group, "");
        assert_non_null(query.group.ptr);
    }
}

static void null_values_count_as_absent(void **state)
{
    (void)state;
    struct wire_header header = { .code = WIRE_GET_ROUTEINFO_BY_TOPIC };
    struct wire_topic_request request;
    assert_int_equal(wire_header_add(&header, STR("topic"), (struct str){ NULL, 0 }), TIDINGS_OK);
    assert_int_equal(wire_topic_request_decode(&header, &request, NULL), TIDINGS_E_INVALID);
}

static void defaults_and_absent_strings_are_not_written(void **state)
{
    (void)state;
    struct buf texts;
    struct wire_header header = { .code = WIRE_PULL_MESSAGE };
    struct wire_pull pull = { .group = STR("g"),
                              .topic = STR("t"),
                              .queue_offset = INT64_MIN,
                              .suspend_ms = 15000,
                              .max_messages = 32,
                              .sys_flag = 2,
                              .max_bytes = -1,
                              .subscription = STR("A || B") };
    buf_init(&texts, 4096);
    assert_int_equal(wire_pull_encode(&pull, &header, &texts), TIDINGS_OK);
    assert_int_equal(header.ext_count, 10);
    expect_text(wire_header_get(&header, STR("queueOffset")), "-9223372036854775808");
    expect_text(wire_header_get(&header, STR("commitOffset")), "0"); // required: always written
    expect_text(wire_header_get(&header, STR("subscription")), "A || B");
    assert_null(wire_header_get(&header, STR("expressionType")).ptr);
    assert_null(wire_header_get(&header, STR("maxMsgBytes")).ptr);
    buf_deinit(&texts);
}

static void full_header_leaves_it_as_it_was(void **state)
{
    (void)state;
    struct buf texts;
    struct wire_header header = { .code = WIRE_GET_MAX_OFFSET, .ext_count = WIRE_EXT_MAX - 1 };
    struct wire_queue_request request = { .topic = STR("t"), .timestamp = -1 };
    buf_init(&texts, 4096);
    assert_int_equal(wire_queue_request_encode(&request, &header, &texts), TIDINGS_E_FULL);
    assert_int_equal(header.ext_count, WIRE_EXT_MAX - 1);
    buf_deinit(&texts);
    buf_init(&texts, 16);
    header.ext_count = 0;
    assert_int_equal(wire_queue_request_encode(&request, &header, &texts), TIDINGS_E_TOO_LARGE);
    buf_deinit(&texts);
}

// Every request: all fields set to something unlike their defaults, written, read back, compared by
// writing again. The tables' rows say what is in a struct, so that a new row is tested without a
// word here.
#define FILL_STR(key)                         STR(key)
#define FILL_I32(key)                         (int32_t)(-1000 - (int32_t)sizeof(key))
#define FILL_I64(key)                         (int64_t)(INT64_MAX - (int64_t)sizeof(key))
#define FILL_BOOL(key)                        true
#define SET(type, member, key)                value.member = FILL_##type(key);
#define SET_DEFAULT(type, member, key, def)   value.member = FILL_##type(key);
#define SAME_STR(a, b)                        str_eq(a, b)
#define SAME_I32(a, b)                        ((a) == (b))
#define SAME_I64(a, b)                        ((a) == (b))
#define SAME_BOOL(a, b)                       ((a) == (b))
#define CHECK(type, member, key)              assert_true(SAME_##type(value.member, back.member));
#define CHECK_DEFAULT(type, member, key, def) assert_true(SAME_##type(value.member, back.member));
#define ROUND_TRIP(name, fields)                                                                   \
    static void name##_comes_back(void **state)                                                    \
    {                                                                                              \
        (void)state;                                                                               \
        struct wire_##name value;                                                                  \
        struct wire_##name back;                                                                   \
        struct wire_header header = { .code = WIRE_SEND_MESSAGE_V2 };                              \
        struct buf texts;                                                                          \
        buf_init(&texts, 4096);                                                                    \
        fields(SET, SET_DEFAULT) memset(&back, 0x55, sizeof back);                                 \
        assert_int_equal(wire_##name##_encode(&value, &header, &texts), TIDINGS_OK);               \
        assert_int_equal(wire_##name##_decode(&header, &back, NULL), TIDINGS_OK);                  \
        fields(CHECK, CHECK_DEFAULT) buf_deinit(&texts);                                           \
    }
ROUND_TRIP(send, WIRE_SEND_FIELDS_V2)
WIRE_REQUEST_STRUCTS(ROUND_TRIP)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_header_is_read_in_both_spellings),
        cmocka_unit_test(batch_code_uses_the_letters),
        cmocka_unit_test(optional_fields_have_defaults),
        cmocka_unit_test(each_required_field_is_missed_by_name),
        cmocka_unit_test(malformed_values_are_named),
        cmocka_unit_test(booleans_are_read_as_clients_write_them),
        cmocka_unit_test(null_values_count_as_absent),
        cmocka_unit_test(defaults_and_absent_strings_are_not_written),
        cmocka_unit_test(full_header_leaves_it_as_it_was),
        cmocka_unit_test(send_comes_back),
#define R(name, fields) cmocka_unit_test(name##_comes_back),
        WIRE_REQUEST_STRUCTS(R)
#undef R
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/ident.h"
#include "client/message.h"

static void a_message_keeps_copies(void **state)
{
    (void)state;
    char topic[] = "topic_a";
    char body[] = "body";
    size_t len;
    tidings_message *message = tidings_message_new(topic, body, 4);
    topic[0] = body[0] = 'X';
    assert_string_equal(tidings_message_topic(message), "topic_a");
    assert_memory_equal(tidings_message_body(message, &len), "body", 4);
    assert_int_equal(len, 4);
    assert_string_equal(tidings_message_tag(message), "");
    assert_string_equal(tidings_message_keys(message), "");
    assert_string_equal(tidings_message_id(message), "");
    assert_string_equal(tidings_message_broker(message), "");
    assert_null(tidings_message_property(message, "none"));
    tidings_message_free(message);
    tidings_message_free(NULL);
}

static void names_of_topics_are_checked(void **state)
{
    (void)state;
    char longest[WIRE_TOPIC_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[WIRE_TOPIC_MAX + 1] = '\0';
    assert_null(tidings_message_new("", "x", 1));
    assert_null(tidings_message_new(NULL, "x", 1));
    assert_null(tidings_message_new("a b", "x", 1));
    assert_null(tidings_message_new("a", NULL, 1));
    assert_null(tidings_message_new(longest, "x", 1));
    longest[WIRE_TOPIC_MAX] = '\0';
    tidings_message *message = tidings_message_new(longest, NULL, 0);
    assert_non_null(message);
    tidings_message_free(message);
}

static void properties_are_set_and_replaced(void **state)
{
    (void)state;
    tidings_message *message = tidings_message_new("t", "x", 1);
    assert_int_equal(tidings_message_set_tag(message, "A"), TIDINGS_OK);
    assert_int_equal(tidings_message_set_property(message, "k", "one"), TIDINGS_OK);
    assert_int_equal(tidings_message_set_property(message, "empty", ""), TIDINGS_OK);
    assert_int_equal(tidings_message_set_property(message, "k", "two"), TIDINGS_OK);
    assert_int_equal(tidings_message_set_tag(message, "B"), TIDINGS_OK);
    assert_int_equal(tidings_message_add_key(message, "first"), TIDINGS_OK);
    assert_int_equal(tidings_message_add_key(message, "second"), TIDINGS_OK);
    assert_string_equal(tidings_message_property(message, "k"), "two");
    assert_string_equal(tidings_message_property(message, "empty"), "");
    assert_string_equal(tidings_message_tag(message), "B");
    assert_string_equal(tidings_message_keys(message), "first second");
    struct buf wire;
    buf_init(&wire, 1000);
    assert_int_equal(message_encode_properties(message, &wire), TIDINGS_OK);
    const char *expected = "empty\x01\x02k\x01two\x02TAGS\x01"
                           "B\x02KEYS\x01"
                           "first second\x02";
    assert_int_equal(wire.len, strlen(expected));
    assert_memory_equal(wire.ptr, expected, wire.len);
    buf_deinit(&wire);
    tidings_message_free(message);
}

static void what_the_protocol_forbids_is_refused(void **state)
{
    (void)state;
    tidings_message *message = tidings_message_new("t", "x", 1);
    assert_int_equal(tidings_message_set_property(message, "TAGS", "x"), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "UNIQ_KEY", "x"), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "TIMER_DELAY_MS", "1"),
                     TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "TIDINGS_DUE_MS", "1"),
                     TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "k\x01", "x"), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "k",
                                                  "a\x02"
                                                  "b"),
                     TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "", "b"), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_property(message, "k", NULL), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_tag(message, ""), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_add_key(message, "a b"), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_delay_level(message, 0), TIDINGS_E_INVALID);
    assert_int_equal(tidings_message_set_delay_ms(message, -1), TIDINGS_E_INVALID);
    assert_int_equal(message->properties.len, 0);
    tidings_message_free(message);
}

static void delays_become_properties(void **state)
{
    (void)state;
    tidings_message *message = tidings_message_new("t", "x", 1);
    assert_int_equal(tidings_message_set_delay_level(message, 3), TIDINGS_OK);
    assert_int_equal(tidings_message_set_delay_ms(message, 1500), TIDINGS_OK);
    assert_int_equal(tidings_message_set_deliver_at_ms(message, 1700000000000), TIDINGS_OK);
    assert_string_equal(tidings_message_property(message, "DELAY"), "3");
    assert_string_equal(tidings_message_property(message, "TIMER_DELAY_MS"), "1500");
    assert_string_equal(tidings_message_property(message, "TIMER_DELIVER_MS"), "1700000000000");
    tidings_message_free(message);
}

static void properties_have_a_limit(void **state)
{
    (void)state;
    static char value[WIRE_PROPERTIES_MAX + 1];
    struct buf wire;
    tidings_message *message = tidings_message_new("t", "x", 1);
    memset(value, 'v', WIRE_PROPERTIES_MAX);
    assert_int_equal(tidings_message_set_property(message, "k", value), TIDINGS_OK);
    buf_init(&wire, 1 << 20);
    assert_int_equal(message_encode_properties(message, &wire), TIDINGS_E_TOO_LARGE);
    assert_int_equal(tidings_message_set_property(message, "l", value), TIDINGS_E_TOO_LARGE);
    assert_null(tidings_message_property(message, "l"));
    buf_deinit(&wire);
    tidings_message_free(message);
}

static void properties_of_the_wire_become_texts(void **state)
{
    (void)state;
    tidings_message message = { .flag = 0 };
    buf_init(&message.properties, 1000);
    // A malformed piece, a value with a NUL and a missing end.
    const char wire[] = "a\x01"
                        "1\x02"
                        "broken\x02"
                        "n\x01x\0y\x02"
                        "b\x01"
                        "2";
    assert_int_equal(
        message_decode_properties(str_make(wire, sizeof wire - 1), &message.properties),
        TIDINGS_OK);
    assert_string_equal(tidings_message_property(&message, "a"), "1");
    assert_string_equal(tidings_message_property(&message, "b"), "2");
    assert_null(tidings_message_property(&message, "n"));
    assert_null(tidings_message_property(&message, "broken"));
    buf_deinit(&message.properties);
}

static void unique_ids_differ_and_tell_the_time(void **state)
{
    (void)state;
    struct clock_manual manual;
    struct ident ident;
    char one[IDENT_UNIQUE_LEN];
    char other[IDENT_UNIQUE_LEN];
    tidings_config *config = tidings_config_new();
    clock_manual_init(&manual, 1709251200123); // 2024-03-01T00:00:00.123Z
    ident_init(&ident, config, &manual.clock);
    ident_unique(&ident, one);
    ident_unique(&ident, other);
    assert_memory_equal(one, other, 28);
    assert_memory_equal(one + 20, "0000007B0000", 12); // 123 ms, count 0
    assert_memory_equal(other + 28, "0001", 4);
    clock_manual_advance_ms(&manual, 31LL * 86400 * 1000); // another month
    ident_unique(&ident, other);
    assert_memory_equal(other + 20, "0000007B0002", 12);
    tidings_config_free(config);
}

static void client_ids_follow_the_settings(void **state)
{
    (void)state;
    struct ident one;
    struct ident other;
    tidings_config *config = tidings_config_new();
    ident_init(&one, config, clock_system());
    ident_init(&other, config, clock_system());
    assert_string_not_equal(one.client_id, other.client_id);
    assert_int_equal(tidings_config_set(config, "client_ip", "10.1.2.3", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "instance", "x", NULL), TIDINGS_OK);
    ident_init(&one, config, clock_system());
    assert_string_equal(one.client_id, "10.1.2.3@x");
    assert_int_equal(tidings_config_set(config, "instance", "", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "model", "broadcasting", NULL), TIDINGS_OK);
    ident_init(&one, config, clock_system());
    assert_string_equal(one.client_id, "10.1.2.3@DEFAULT");
    tidings_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_keeps_copies),
        cmocka_unit_test(names_of_topics_are_checked),
        cmocka_unit_test(properties_are_set_and_replaced),
        cmocka_unit_test(what_the_protocol_forbids_is_refused),
        cmocka_unit_test(delays_become_properties),
        cmocka_unit_test(properties_have_a_limit),
        cmocka_unit_test(properties_of_the_wire_become_texts),
        cmocka_unit_test(unique_ids_differ_and_tell_the_time),
        cmocka_unit_test(client_ids_follow_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

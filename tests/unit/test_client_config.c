// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/config.h"

static void defaults_are_those_of_the_header(void **state)
{
    (void)state;
    char text[64];
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_config_get(config, "name_servers", text, sizeof text), TIDINGS_OK);
    assert_string_equal(text, "127.0.0.1:9876");
    assert_int_equal(config_number(config, CONFIG_SEND_TIMEOUT), 3000);
    assert_int_equal(config_number(config, CONFIG_MAX_MESSAGE_SIZE), 4 << 20);
    assert_int_equal(config_number(config, CONFIG_FROM), CONFIG_FROM_LAST);
    assert_int_equal(config_number(config, CONFIG_MAX_ATTEMPTS), -1);
    assert_int_equal(config_number(config, CONFIG_CONSUME_TIMEOUT), 900000);
    tidings_config_free(config);
}

static void every_default_is_in_range(void **state)
{
    (void)state;
    const char *name;
    const char *fallback;
    const char *text;
    size_t count = 0;
    tidings_config *config = tidings_config_new();
    while (tidings_config_describe(count, &name, &fallback, &text)) {
        if (fallback[0] != '\0') { // the others must be set, or mean "by itself"
            assert_int_equal(tidings_config_set(config, name, fallback, NULL), TIDINGS_OK);
        }
        assert_true(text[0] != '\0');
        count++;
    }
    assert_int_equal(count, CONFIG_COUNT);
    tidings_config_free(config);
}

static void values_are_checked_when_set(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        tidings_status status;
    } rows[] = {
        { "name_servers", "a:1;b:65535; [::1]:9876 ", TIDINGS_OK },
        { "name_servers", "a", TIDINGS_E_INVALID },
        { "name_servers", "a:0", TIDINGS_E_INVALID },
        { "name_servers", ";", TIDINGS_E_INVALID },
        { "group", "my_group-1%|", TIDINGS_OK },
        { "group", "my group", TIDINGS_E_INVALID },
        { "group", "", TIDINGS_E_INVALID },
        { "send_timeout", "250", TIDINGS_OK },
        { "send_timeout", "3s", TIDINGS_OK },
        { "send_timeout", "0", TIDINGS_E_INVALID },
        { "send_timeout", "soon", TIDINGS_E_INVALID },
        { "max_in_flight", "32768", TIDINGS_OK },
        { "max_in_flight", "32769", TIDINGS_E_INVALID },
        { "max_in_flight", "1k", TIDINGS_E_INVALID },
        { "cache_bytes", "4M", TIDINGS_OK },
        { "model", "broadcasting", TIDINGS_OK },
        { "model", "multicast", TIDINGS_E_INVALID },
        { "from", "first", TIDINGS_OK },
        { "from", "1700000000000", TIDINGS_OK },
        { "from", "-3", TIDINGS_E_INVALID },
        { "ladder", "", TIDINGS_OK },
        { "ladder", "article", TIDINGS_OK },
        { "ladder", "1m 5x", TIDINGS_E_INVALID },
        { "delay_levels", "1s 5s", TIDINGS_OK },
        { "delay_levels", "", TIDINGS_E_INVALID },
        { "no_such", "1", TIDINGS_E_INVALID },
    };
    (void)state;
    tidings_config *config = tidings_config_new();
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct tidings_error err = { 0 };
        char text[64];
        tidings_status status = tidings_config_set(config, rows[i].name, rows[i].value, &err);
        assert_int_equal(status, rows[i].status);
        assert_int_equal(err.text[0] != '\0', status != TIDINGS_OK);
        if (status == TIDINGS_OK) {
            assert_int_equal(tidings_config_get(config, rows[i].name, text, sizeof text), status);
            assert_string_equal(text, rows[i].value);
        }
    }
    assert_int_equal(config_number(config, CONFIG_FROM), 1700000000000);
    assert_int_equal(config_number(config, CONFIG_SEND_TIMEOUT), 3000);
    tidings_config_free(config);
}

static void a_value_is_cut_to_the_room(void **state)
{
    (void)state;
    char text[5];
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_config_get(config, "name_servers", text, sizeof text), TIDINGS_OK);
    assert_string_equal(text, "127.");
    assert_int_equal(tidings_config_get(config, "no_such", text, sizeof text), TIDINGS_E_INVALID);
    tidings_config_free(config);
    tidings_config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(every_default_is_in_range),
        cmocka_unit_test(values_are_checked_when_set),
        cmocka_unit_test(a_value_is_cut_to_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

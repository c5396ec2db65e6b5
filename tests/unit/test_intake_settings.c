// SPDX-License-Identifier: Apache-2.0
// Documents of bindings: what is taken, what is refused and why, and what is kept secret.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "intake/private.h"

static struct settings_source source_of(const char *document, const struct seal *seal)
{
    return (struct settings_source){ .name = STR("b"),
                                     .document = str_of(document),
                                     .name_servers = "127.0.0.1:9876",
                                     .client_settings = "",
                                     .seal = seal };
}

static void expect(const struct settings *settings, const char *name, const char *value)
{
    char got[256];
    assert_int_equal(tidings_config_get(settings->config, name, got, sizeof got), TIDINGS_OK);
    assert_string_equal(got, value);
}

static void defaults(void **state)
{
    struct settings *settings = NULL;
    struct tidings_error err = { 0 };
    struct settings_source source = source_of("{\"topic\":\"t\",\"group\":\"g\"}", NULL);
    (void)state;
    assert_int_equal(settings_parse(&source, &settings, &err), TIDINGS_OK);
    assert_string_equal(settings->topic.ptr, "t");
    assert_string_equal(settings->tags.ptr, "*");
    assert_string_equal(settings->source.ptr, "mq:t");
    assert_int_equal(settings->type.len, 0);
    assert_string_equal(settings->content_type.ptr, "application/json");
    assert_int_equal(settings->txno_from, TXNO_KEY);
    assert_int_equal(settings->receiver_count, 0);
    expect(settings, "name_servers", "127.0.0.1:9876");
    expect(settings, "group", "g");
    expect(settings, "from", "first");
    settings_unref(settings);
}

static void everything(void **state)
{
    struct settings *settings = NULL;
    struct tidings_error err = { 0 };
    struct settings_source source =
        source_of("{\"topic\":\"t\",\"group\":\"g\",\"tags\":\"a || b\",\"nameServers\":"
                  "\"10.0.0.1:9876;10.0.0.2:9876\",\"receivers\":[\"shop\",\"bank-1\"],"
                  "\"source\":\"pay\",\"type\":\"done\",\"txNo\":\"json:/a/0\",\"contentType\":"
                  "\"text/xml\",\"settings\":{\"threads\":\"8\",\"from\":\"last\"}}",
                  NULL);
    (void)state;
    source.client_settings = "threads=3\ntls=on";
    assert_int_equal(settings_parse(&source, &settings, &err), TIDINGS_OK);
    assert_int_equal(settings->receiver_count, 2);
    assert_string_equal(settings->receivers[1].ptr, "bank-1");
    assert_int_equal(settings->txno_from, TXNO_JSON);
    assert_true(str_eq_c(settings->txno_name, "/a/0"));
    expect(settings, "name_servers", "10.0.0.1:9876;10.0.0.2:9876");
    expect(settings, "threads", "8");
    expect(settings, "tls", "on");
    expect(settings, "from", "last");
    struct settings *same = settings_ref(settings);
    settings_unref(settings);
    assert_string_equal(same->source.ptr, "pay");
    settings_unref(same);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *document;
        const char *named;
    } wrong[] = {
        { "", "" },
        { "[]", "JSON object" },
        { "{\"topic\":\"t\"}", "group" },
        { "{\"group\":\"g\"}", "topic" },
        { "{\"topic\":\"t t\",\"group\":\"g\"}", "topic" },
        { "{\"topic\":\"t\",\"group\":\"g g\"}", "group" },
        { "{\"topic\":1,\"group\":\"g\"}", "topic" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"nameServers\":\"here\"}", "nameServers" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"receivers\":[]}", "receivers" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"receivers\":[\"a b\"]}", "" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"txNo\":\"tag\"}", "txNo" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"txNo\":\"property:\"}", "txNo" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"txNo\":\"json:a\"}", "txNo" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"settings\":{\"colour\":\"red\"}}",
          "settings.colour" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"settings\":{\"threads\":4}}", "settings.threads" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"settings\":[]}", "settings" },
        { "{\"topic\":\"t\",\"group\":\"g\",\"topics\":\"t\"}", "\"topics\"" },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        struct settings *settings = NULL;
        struct tidings_error err = { 0 };
        struct settings_source source = source_of(wrong[i].document, NULL);
        if (settings_parse(&source, &settings, &err) != TIDINGS_E_INVALID) {
            fail_msg("%s is taken", wrong[i].document);
        }
        assert_null(settings);
        assert_true(err.text[0] != '\0');
        if (strstr(err.text, wrong[i].named) == NULL) {
            fail_msg("%s: \"%s\" does not name %s", wrong[i].document, err.text, wrong[i].named);
        }
    }
}

static void secrets_are_sealed(void **state)
{
    static const char document[] = "{\"topic\":\"t\",\"group\":\"g\",\"settings\":{\"access_key\":"
                                   "\"ops\",\"secret_key\":\"very-secret\"}}";
    struct settings *settings = NULL;
    struct tidings_error err = { 0 };
    struct seal *seal = NULL;
    struct buf sealed;
    char key[SEAL_KEY_TEXT_SIZE];
    (void)state;
    buf_init(&sealed, INTAKE_DOCUMENT_MAX);
    assert_int_equal(seal_key_generate(key, &err), TIDINGS_OK);
    assert_int_equal(seal_new(str_of(key), &seal, &err), TIDINGS_OK);
    assert_int_equal(settings_seal(STR("b"), STR(document), NULL, &sealed, &err), TIDINGS_E_STATE);
    assert_int_equal(settings_seal(STR("b"), STR(document), seal, &sealed, &err), TIDINGS_OK);
    assert_int_equal(str_find_str(buf_str(&sealed), STR("very-secret")), SIZE_MAX);
    assert_int_not_equal(str_find_str(buf_str(&sealed), STR("\"access_key\":\"ops\"")), SIZE_MAX);
    assert_int_equal(buf_add(&sealed, "", 1), TIDINGS_OK);
    struct settings_source source = source_of(sealed.ptr, seal);
    assert_int_equal(settings_parse(&source, &settings, &err), TIDINGS_OK);
    settings_unref(settings);
    source.name = STR("another"); // a sealed text belongs to its binding
    assert_int_equal(settings_parse(&source, &settings, &err), TIDINGS_E_INVALID);
    source = source_of(sealed.ptr, NULL);
    assert_int_equal(settings_parse(&source, &settings, &err), TIDINGS_E_INVALID);
    assert_null(strstr(err.text, "very-secret"));
    seal_free(seal);
    buf_deinit(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(secrets_are_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

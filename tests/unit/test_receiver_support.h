// SPDX-License-Identifier: Apache-2.0
// What the tests of the room share: settings and requests that must come about, or must not.
#ifndef TEST_RECEIVER_SUPPORT_H
#define TEST_RECEIVER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "receiver/receiver.h"

#define URL      "\"url\":\"https://bank.example/notify\""
#define SECRET_1 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET_2 "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define KEY_TEXT "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NOW      1700000000123LL

static inline struct seal *seal_of(const char *key)
{
    struct seal *seal = NULL;
    assert_int_equal(seal_new(str_of(key), &seal, NULL), TIDINGS_OK);
    return seal;
}

static inline struct receiver_settings *settings_of(const char *document)
{
    struct receiver_settings *settings = NULL;
    struct tidings_error err = { 0 };
    tidings_status status =
        receiver_settings_parse(STR("bank-1"), str_of(document), NULL, NOW, &settings, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, TIDINGS_OK);
    assert_non_null(settings);
    return settings;
}

// Whose error has this in its text.
static inline void assert_refused(const char *document, const char *text)
{
    struct receiver_settings *settings = NULL;
    struct tidings_error err = { 0 };
    assert_int_equal(
        receiver_settings_parse(STR("bank-1"), str_of(document), NULL, NOW, &settings, &err),
        TIDINGS_E_INVALID);
    assert_null(settings);
    if (strstr(err.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, err.text);
    }
}

static inline void assert_text(const struct buf *buf, const char *want)
{
    char *text = str_dup(buf_str(buf));
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static inline void assert_has(const struct buf *buf, const char *part)
{
    if (str_find_str(buf_str(buf), str_of(part)) == SIZE_MAX) {
        fail_msg("\"%s\" is not in \"%.*s\"", part, (int)buf->len, buf->ptr);
    }
}

static inline void assert_has_not(const struct buf *buf, const char *part)
{
    if (str_find_str(buf_str(buf), str_of(part)) != SIZE_MAX) {
        fail_msg("\"%s\" is in \"%.*s\"", part, (int)buf->len, buf->ptr);
    }
}

static inline struct receiver_message message_of(const char *payload, const char *content_type)
{
    return (struct receiver_message){ .id = "ntf_01",
                                      .attempt = 3,
                                      .source = STR("pay"),
                                      .type = STR("recharge.done"),
                                      .tx_no = STR("tx-7"),
                                      .content_type = str_of(content_type),
                                      .headers = STR(""),
                                      .payload = str_of(payload) };
}

static inline void build_of(struct receiver_settings *settings,
                            const struct receiver_message *message, int64_t now_ms,
                            struct receiver_request *ret)
{
    struct tidings_error err = { 0 };
    tidings_status status = receiver_request_build(settings, message, now_ms, ret, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, TIDINGS_OK);
}

static inline void assert_not_built(struct receiver_settings *settings,
                                    const struct receiver_message *message, tidings_status want,
                                    const char *text)
{
    struct receiver_request request = { 0 };
    struct tidings_error err = { 0 };
    assert_int_equal(receiver_request_build(settings, message, NOW, &request, &err), want);
    if (strstr(err.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, err.text);
    }
    receiver_request_deinit(&request);
}

// The value of a field; its ptr is NULL when there is none. Names come once.
static inline struct str field_of(const struct receiver_request *request, const char *name)
{
    struct str value = { NULL, 0 };
    for (size_t i = 0; i < request->outgoing.field_count; i++) {
        const struct http_field *field = &request->outgoing.fields[i];
        if (str_eq_c(field->name, name)) {
            assert_null(value.ptr);
            value = field->value;
        }
    }
    return value;
}

static inline void assert_field(const struct receiver_request *request, const char *name,
                                const char *want)
{
    struct str value = field_of(request, name);
    if (value.ptr == NULL) {
        fail_msg("no field %s", name);
    }
    char *text = str_dup(value);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static inline void assert_body(const struct receiver_request *request, const char *want)
{
    char *text = str_dup(request->outgoing.body);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

#endif

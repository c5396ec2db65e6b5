// SPDX-License-Identifier: Apache-2.0
// What a request hands over, in all its forms: fields, exact payload bytes, refusals.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/submission.h"

#define KEY "\"source\":\"shop\",\"type\":\"paid\",\"txNo\":\"tx-1\""

struct fixture {
    struct api_pool pool;
    struct api_submissions read;
    struct api_refusal refusal;
    bool good;
};

static void read_input(struct fixture *f, const struct api_input *input)
{
    memset(f, 0, sizeof *f);
    api_pool_init(&f->pool, NULL, 0);
    f->good = api_submission_read(input, &f->pool, &f->read, &f->refusal);
}

static void read_json(struct fixture *f, const char *body)
{
    struct api_input input = { .body_kind = API_BODY_JSON,
                               .content_type = STR("application/json"),
                               .body = str_of(body),
                               .payload_max = 1024 };
    read_input(f, &input);
}

static void expect_refused(const struct api_input *input, enum api_problem kind, const char *field,
                           const char *text)
{
    struct fixture f;
    read_input(&f, input);
    assert_false(f.good);
    assert_int_equal(f.refusal.kind, kind);
    assert_string_equal(f.refusal.field != NULL ? f.refusal.field : "", field);
    if (strstr(f.refusal.err.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, f.refusal.err.text);
    }
    api_pool_deinit(&f.pool);
}

static void expect_bad_json(const char *body, const char *field, const char *text)
{
    struct api_input input = { .body_kind = API_BODY_JSON,
                               .body = str_of(body),
                               .payload_max = 64 };
    expect_refused(&input, API_PROBLEM_INVALID, field, text);
}

static void expect_text(struct str have, const char *want)
{
    if (!str_eq_c(have, want)) {
        fail_msg("\"%.*s\" and not \"%s\"", STR_ARG(have), want);
    }
}

// ---- one as JSON ----
static void test_single(void **state)
{
    struct fixture f;
    (void)state;
    read_json(&f,
              "{" KEY ",\"receivers\":[\"a\",\"b\"],\"payload\": {\"n\" : 1.10} ,"
              "\"ladder\":\"1m 5m\",\"dueAt\":99,\"headers\":{\"X-A\":\"1\",\"x-b\":\"\\u00e9\"},"
              "\"contentType\":\"application/vnd.x+json\"}");
    assert_true(f.good);
    assert_false(f.read.is_batch);
    assert_int_equal(f.read.count, 1);
    const struct notify_submission *s = &f.read.items[0].submission;
    expect_text(s->source, "shop");
    expect_text(s->type, "paid");
    expect_text(s->tx_no, "tx-1");
    expect_text(s->payload, "{\"n\" : 1.10}");
    expect_text(s->ladder, "1m 5m");
    expect_text(s->content_type, "application/vnd.x+json");
    expect_text(s->headers, "X-A: 1\nx-b: \xc3\xa9\n");
    assert_int_equal(s->due_ms, 99);
    assert_int_equal(s->receiver_count, 2);
    expect_text(s->receivers[1], "b");
    api_pool_deinit(&f.pool);
}

static void test_least(void **state)
{
    struct fixture f;
    (void)state;
    read_json(&f, "{" KEY "}");
    assert_true(f.good);
    const struct notify_submission *s = &f.read.items[0].submission;
    assert_int_equal(s->payload.len, 0);
    assert_non_null(s->payload.ptr);
    expect_text(s->content_type, "application/octet-stream");
    expect_text(s->headers, "");
    expect_text(s->ladder, "");
    assert_int_equal(s->receiver_count, 0);
    api_pool_deinit(&f.pool);
}

// The payload is the bytes that stand there: nested, escaped, of any number, whatever the order.
static void test_payload_bytes(void **state)
{
    static const char *const payloads[] = {
        "{}",
        "[1,[2,{\"payload\":{\"a\":[]}}]]",
        "\"}\\\"]\\\\\"",
        "123456789012345678901234567890.10",
        "null",
        "{\"a\":1,\"a\":2}",
        "\"\\u0000\"",
        "{\n\t\"b\" :\r\n 1 }",
        "-0.0",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(payloads); i++) {
        char body[512];
        struct fixture f;
        (void)snprintf(body, sizeof body, "{\"payload\" : %s\n, " KEY "}", payloads[i]);
        read_json(&f, body);
        assert_true(f.good);
        expect_text(f.read.items[0].submission.payload, payloads[i]);
        expect_text(f.read.items[0].submission.content_type, "application/json");
        // Not copied: it lies in the body.
        const char *at = f.read.items[0].submission.payload.ptr;
        assert_true(at > body && at < body + strlen(body));
        api_pool_deinit(&f.pool);
    }
}

static void test_last_counts(void **state)
{
    struct fixture f;
    (void)state;
    read_json(&f, "{\"payload\":1,\"source\":\"x\"," KEY ",\"pay\\u006coad\":[2],\"dueAt\":1,"
                  "\"dueAt\":2,\"receivers\":[\"a\"],\"receivers\":[\"b\",\"c\"]}");
    assert_true(f.good);
    const struct notify_submission *s = &f.read.items[0].submission;
    expect_text(s->payload, "[2]");
    expect_text(s->source, "shop");
    assert_int_equal(s->due_ms, 2);
    assert_int_equal(s->receiver_count, 2);
    api_pool_deinit(&f.pool);
}

static void test_other_payloads(void **state)
{
    struct fixture f;
    (void)state;
    read_json(&f, "{" KEY ",\"payloadText\":\"a\\n\\u4f60\\u0000z\"}");
    assert_true(f.good);
    assert_true(str_eq(f.read.items[0].submission.payload, STR("a\n\xe4\xbd\xa0\0z")));
    expect_text(f.read.items[0].submission.content_type, "text/plain; charset=utf-8");
    api_pool_deinit(&f.pool);
    read_json(&f, "{" KEY ",\"payloadBase64\":\"AP8Q\"}");
    assert_true(f.good);
    assert_true(str_eq(f.read.items[0].submission.payload, STR("\x00\xff\x10")));
    expect_text(f.read.items[0].submission.content_type, "application/octet-stream");
    api_pool_deinit(&f.pool);
    expect_bad_json("{" KEY ",\"payloadBase64\":\"AP8\"}", "payloadBase64", "no base64");
    expect_bad_json("{" KEY ",\"payloadText\":1}", "payloadText", "must be a text");
    expect_bad_json("{" KEY ",\"payload\":1,\"payloadText\":\"\"}", "payload", "only one of");
}

static void test_refused(void **state)
{
    (void)state;
    expect_bad_json("", "", "must be a JSON object");
    expect_bad_json("[]", "", "must be a JSON object");
    expect_bad_json("{" KEY, "", "at byte");
    expect_bad_json("{" KEY "} x", "", "nothing must follow");
    expect_bad_json("{" KEY ",\"payload\":[1,]}", "", "a value must be here");
    expect_bad_json("{" KEY ",\"receiver\":\"a\"}", "", "unknown member \"receiver\"");
    expect_bad_json("{\"source\":\"a\",\"type\":\"b\"}", "txNo", "is missing");
    expect_bad_json("{\"source\":\"\",\"type\":\"b\",\"txNo\":\"c\"}", "source", "1 to 255");
    expect_bad_json("{\"source\":1,\"type\":\"b\",\"txNo\":\"c\"}", "source", "must be a text");
    expect_bad_json("{\"source\":\"a\\u0000\",\"type\":\"b\",\"txNo\":\"c\"}", "source", "u0000");
    expect_bad_json("{\"source\":\"a\\n\",\"type\":\"b\",\"txNo\":\"c\"}", "source", "control");
    expect_bad_json("{" KEY ",\"receivers\":[]}", "receivers", "at least one");
    expect_bad_json("{" KEY ",\"receivers\":\"a\"}", "receivers", "must be a list");
    expect_bad_json("{" KEY ",\"receivers\":[\"a\",\"a\"]}", "receivers", "twice");
    expect_bad_json("{" KEY ",\"receivers\":[\"a/b\"]}", "receivers", "");
    expect_bad_json("{" KEY ",\"ladder\":\"1x\"}", "ladder", "");
    expect_bad_json("{" KEY ",\"dueAt\":-1}", "dueAt", "milliseconds");
    expect_bad_json("{" KEY ",\"dueAt\":1.5}", "dueAt", "milliseconds");
    expect_bad_json("{" KEY ",\"dueAt\":\"5\"}", "dueAt", "milliseconds");
    expect_bad_json("{" KEY ",\"contentType\":\"a\\r\\nX: y\"}", "contentType", "media type");
    expect_bad_json("{" KEY ",\"headers\":[]}", "headers", "must be an object");
    expect_bad_json("{" KEY ",\"headers\":{\"webhook-id\":\"x\"}}", "headers", "");
    expect_bad_json("{" KEY ",\"headers\":{\"a b\":\"x\"}}", "headers", "");
    expect_bad_json("{" KEY ",\"headers\":{\"a\":1}}", "headers", "must be a text");
    expect_bad_json("{" KEY ",\"payload\":\"\xff\"}", "", "not UTF-8");
    expect_bad_json("{" KEY ",\"notifications\":[{}]}", "notifications", "no other members");
}

static void test_limits(void **state)
{
    char body[512];
    (void)state;
    struct api_input input = { .body_kind = API_BODY_JSON, .payload_max = 64 };
    (void)snprintf(body, sizeof body, "{" KEY ",\"payloadText\":\"%064d\"}", 0);
    struct fixture f;
    input.body = str_of(body);
    read_input(&f, &input);
    assert_true(f.good);
    api_pool_deinit(&f.pool);
    (void)snprintf(body, sizeof body, "{" KEY ",\"payloadText\":\"%065d\"}", 0);
    input.body = str_of(body);
    expect_refused(&input, API_PROBLEM_TOO_LARGE, "payloadText", "at most 64");
    (void)snprintf(body, sizeof body, "{\"source\":\"%0256d\",\"type\":\"b\",\"txNo\":\"c\"}", 0);
    input.body = str_of(body);
    expect_refused(&input, API_PROBLEM_INVALID, "source", "1 to 255");
}

// ---- batches ----
static void test_batch(void **state)
{
    struct fixture f;
    (void)state;
    read_json(&f, "{\"notifications\":[{" KEY ",\"payload\":[1 ,2]},{\"source\":1},7,"
                  "{" KEY
                  ",\"notifications\":[]}, {\"type\":\"t\",\"source\":\"s\",\"txNo\":\"\\u0041\","
                  "\"headers\":{\"a\":\"b\"}}]}");
    assert_true(f.good);
    assert_true(f.read.is_batch);
    assert_int_equal(f.read.count, 5);
    assert_null(f.read.items[0].refusal);
    expect_text(f.read.items[0].submission.payload, "[1 ,2]");
    expect_text(f.read.items[0].submission.headers, "");
    assert_string_equal(f.read.items[1].refusal->field, "source");
    assert_non_null(f.read.items[2].refusal);
    assert_string_equal(f.read.items[3].refusal->field, "notifications");
    assert_null(f.read.items[4].refusal);
    expect_text(f.read.items[4].submission.tx_no, "A");
    expect_text(f.read.items[4].submission.headers, "a: b\n");
    api_pool_deinit(&f.pool);
    expect_bad_json("{\"notifications\":[]}", "notifications", "1 to 1000");
    expect_bad_json("{\"notifications\":[{" KEY "},]}", "", "a value must be here");
    expect_bad_json("{\"notifications\":{}}", "notifications", "must be a list");
}

static void test_batch_of_many(void **state)
{
    struct buf body;
    (void)state;
    buf_init(&body, 1 << 20);
    assert_int_equal(buf_add_str(&body, STR("{\"notifications\":[")), TIDINGS_OK);
    for (int i = 0; i < API_BATCH_MAX; i++) {
        assert_int_equal(buf_addf(&body, "%s{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"%d\"}",
                                  i > 0 ? "," : "", i),
                         TIDINGS_OK);
    }
    size_t before = body.len;
    assert_int_equal(buf_add_str(&body, STR("]}")), TIDINGS_OK);
    struct api_input input = { .body_kind = API_BODY_JSON,
                               .body = buf_str(&body),
                               .payload_max = 64 };
    struct fixture f;
    read_input(&f, &input);
    assert_true(f.good);
    assert_int_equal(f.read.count, API_BATCH_MAX);
    expect_text(f.read.items[999].submission.tx_no, "999");
    api_pool_deinit(&f.pool);
    body.len = before;
    assert_int_equal(buf_add_str(&body, STR(",{}]}")), TIDINGS_OK);
    input.body = buf_str(&body);
    expect_refused(&input, API_PROBLEM_TOO_LARGE, "notifications", "more than 1000");
    buf_deinit(&body);
}

// ---- raw ----
static void test_raw(void **state)
{
    struct fixture f;
    (void)state;
    struct api_input input = { .content_type = STR("application/xml"),
                               .body = STR("<a>\0</a>"),
                               .source = STR("shop"),
                               .type = STR("paid"),
                               .tx_no = STR("tx-1"),
                               .receivers = STR("a, b"),
                               .ladder = STR("wechat"),
                               .due = STR("12"),
                               .traceparent = STR("00-1-2-01"),
                               .tracestate = STR("x=1"),
                               .payload_max = 64 };
    read_input(&f, &input);
    assert_true(f.good);
    const struct notify_submission *s = &f.read.items[0].submission;
    assert_ptr_equal(s->payload.ptr, input.body.ptr);
    assert_int_equal(s->payload.len, input.body.len);
    expect_text(s->content_type, "application/xml");
    expect_text(s->receivers[1], "b");
    expect_text(s->ladder, "wechat");
    expect_text(s->headers, "traceparent: 00-1-2-01\ntracestate: x=1\n");
    assert_int_equal(s->due_ms, 12);
    api_pool_deinit(&f.pool);
    input.receivers = STR("a,,b");
    expect_refused(&input, API_PROBLEM_INVALID, "Tidings-Receivers", "");
    input.receivers = STR("a,a");
    expect_refused(&input, API_PROBLEM_INVALID, "Tidings-Receivers", "twice");
    input.receivers = (struct str){ NULL, 0 };
    input.due = STR("soon");
    expect_refused(&input, API_PROBLEM_INVALID, "Tidings-Due", "");
    input.due = (struct str){ NULL, 0 };
    input.source = STR("\xff");
    expect_refused(&input, API_PROBLEM_INVALID, "Tidings-Source", "UTF-8");
    input.source = (struct str){ NULL, 0 };
    expect_refused(&input, API_PROBLEM_INVALID, "Tidings-Source", "1 to 255");
    input.tx_no = (struct str){ NULL, 0 };
    expect_refused(&input, API_PROBLEM_MEDIA, "Content-Type", "application/json");
}

// A trace of the submission's own stands above the request's.
static void test_trace(void **state)
{
    struct fixture f;
    (void)state;
    struct api_input input = { .body_kind = API_BODY_JSON,
                               .body = STR("{" KEY ",\"headers\":{\"TraceParent\":\"own\"}}"),
                               .traceparent = STR("00-1-2-01"),
                               .payload_max = 64 };
    read_input(&f, &input);
    assert_true(f.good);
    expect_text(f.read.items[0].submission.headers, "TraceParent: own\n");
    api_pool_deinit(&f.pool);
    input.body = STR("{" KEY "}");
    input.traceparent = STR("a\nb"); // passed over: it could be no header
    read_input(&f, &input);
    assert_true(f.good);
    expect_text(f.read.items[0].submission.headers, "");
    api_pool_deinit(&f.pool);
}

// ---- CloudEvents ----
static void test_event(void **state)
{
    static const char event[] = "{ \"specversion\":\"1.0\",\"id\":\"A-1\",\"source\":\"/shop\","
                                "\"type\":\"com.example.paid\",\"data\":{\"n\":1e400} }";
    struct fixture f;
    (void)state;
    struct api_input input = { .body_kind = API_BODY_EVENT,
                               .body = str_of(event),
                               .receivers = STR("a"),
                               .payload_max = 256 };
    read_input(&f, &input);
    assert_true(f.good);
    const struct notify_submission *s = &f.read.items[0].submission;
    expect_text(s->payload, event);
    expect_text(s->source, "/shop");
    expect_text(s->type, "com.example.paid");
    expect_text(s->tx_no, "A-1");
    expect_text(s->content_type, "application/cloudevents+json");
    assert_int_equal(s->receiver_count, 1);
    api_pool_deinit(&f.pool);
    input.body = STR("{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    expect_refused(&input, API_PROBLEM_INVALID, "specversion", "1.0");
    input.body = STR("{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}");
    expect_refused(&input, API_PROBLEM_INVALID, "id", "missing");
    input.body = STR("{\"specversion\":\"1.0\",\"id\":5,\"source\":\"s\",\"type\":\"t\"}");
    expect_refused(&input, API_PROBLEM_INVALID, "id", "must be a text");
    input.body = STR("[]");
    expect_refused(&input, API_PROBLEM_INVALID, "", "JSON object");
}

static void test_events(void **state)
{
    struct fixture f;
    (void)state;
    struct api_input input = {
        .body_kind = API_BODY_EVENTS,
        .body =
            STR(" [{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}, {} ]\n"),
        .payload_max = 256
    };
    read_input(&f, &input);
    assert_true(f.good);
    assert_true(f.read.is_batch);
    assert_int_equal(f.read.count, 2);
    expect_text(f.read.items[0].submission.payload,
                "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    assert_non_null(f.read.items[1].refusal);
    api_pool_deinit(&f.pool);
    input.body = STR("[]");
    expect_refused(&input, API_PROBLEM_INVALID, "", "1 to 1000");
    input.body = STR("{}");
    expect_refused(&input, API_PROBLEM_INVALID, "", "must be a list");
    input.body = STR("[{}] x");
    expect_refused(&input, API_PROBLEM_INVALID, "", "nothing must follow");
}

static void test_binary_event(void **state)
{
    struct fixture f;
    (void)state;
    struct api_input input = { .body_kind = API_BODY_JSON,
                               .content_type = STR("application/json"),
                               .body = STR("{\"n\":1}"),
                               .event_version = STR("1.0"),
                               .event_id = STR("A%201%"),
                               .event_source = STR("/%E4%BD%A0"),
                               .event_type = STR("t"),
                               .event_lines = STR("ce-id: A%201%\n"),
                               .payload_max = 256 };
    read_input(&f, &input);
    assert_true(f.good);
    const struct notify_submission *s = &f.read.items[0].submission;
    expect_text(s->payload, "{\"n\":1}");
    expect_text(s->tx_no, "A 1%");
    expect_text(s->source, "/\xe4\xbd\xa0");
    expect_text(s->content_type, "application/json");
    expect_text(s->headers, "ce-id: A%201%\n");
    api_pool_deinit(&f.pool);
    input.event_id = STR("%00");
    expect_refused(&input, API_PROBLEM_INVALID, "ce-id", "1 to 255");
    input.event_id = (struct str){ NULL, 0 };
    expect_refused(&input, API_PROBLEM_INVALID, "ce-id", "missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),         cmocka_unit_test(test_least),
        cmocka_unit_test(test_payload_bytes),  cmocka_unit_test(test_last_counts),
        cmocka_unit_test(test_other_payloads), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_batch),
        cmocka_unit_test(test_batch_of_many),  cmocka_unit_test(test_raw),
        cmocka_unit_test(test_trace),          cmocka_unit_test(test_event),
        cmocka_unit_test(test_events),         cmocka_unit_test(test_binary_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The API over a real HTTP server, notifier and database: receivers, submissions in all forms,
// reads, operations, what is refused and how.
#include "api_fixture.h"
#include "each_database.h"

static struct course course;

static void make_receiver(const char *name, const char *more)
{
    char body[1024];
    (void)snprintf(body, sizeof body,
                   "{\"name\":\"%s\",\"url\":\"http://127.0.0.1:%d/in\",\"ladder\":\"1h\"%s}", name,
                   http_server_port(course.receiver), more);
    (void)ask_json(&course, "POST", "/v1/receivers", body);
    expect(&course, 201, "\"state\":\"active\"");
}

// Submits for one receiver; `ret_id` gets its number.
static void submit(const char *body, char ret_id[RECORD_ID_SIZE])
{
    (void)ask_json(&course, "POST", "/v1/notifications", body);
    expect(&course, 202, "\"notifications\":[{");
    pick(&course, "id", ret_id, RECORD_ID_SIZE);
}

static void await_state(const char *id, const char *state)
{
    char path[128];
    char text[64];
    (void)snprintf(path, sizeof path, "/v1/notifications/%s", id);
    (void)snprintf(text, sizeof text, "\"state\":\"%s\"", state);
    await(&course, path, text);
}

// ---- receivers ----
static void test_receivers(void **state)
{
    (void)state;
    make_receiver("first", "");
    expect_field(&course, "ETag: \"1\"");
    expect_field(&course, "Location: /v1/receivers/first");
    (void)ask_json(&course, "POST", "/v1/receivers", "{\"name\":\"first\",\"url\":\"http://a/\"}");
    expect(&course, 409, "urn:tidings:problem:exists");
    (void)ask_json(&course, "POST", "/v1/receivers", "{\"url\":\"http://a/\"}");
    expect(&course, 400, "\"field\":\"name\"");
    (void)ask_json(&course, "POST", "/v1/receivers", "{\"name\":\"b\",\"url\":\"ftp://a/\"}");
    expect(&course, 400, "urn:tidings:problem:invalid");
    (void)ask_json(&course, "POST", "/v1/receivers", "[");
    expect(&course, 400, "urn:tidings:problem:invalid");
    (void)ask(&course, "GET", "/v1/receivers/nobody");
    expect(&course, 404, "urn:tidings:problem:not-found");
    (void)ask(&course, "GET", "/v1/receivers/first");
    expect(&course, 200, "\"ladder\":\"1h\"");
    expect_field(&course, "ETag: \"1\"");
}

static void test_receiver_versions(void **state)
{
    static const char document[] = "{\"url\":\"http://127.0.0.1:9/\"}";
    (void)state;
    (void)ask_json(&course, "PUT", "/v1/receivers/put", document);
    expect(&course, 201, "\"version\":1");
    (void)ask_json(&course, "PUT", "/v1/receivers/put", document);
    expect(&course, 200, "\"version\":1"); // nothing has changed
    (void)ask_json(&course, "PUT", "/v1/receivers/put",
                   "{\"url\":\"http://127.0.0.1:9/\",\"inFlight\":5}");
    expect(&course, 200, "\"version\":2");
    static const char json[] = "Content-Type: application/json\r\n";
    char fields[128];
    (void)snprintf(fields, sizeof fields, "%sIf-Match: \"1\"\r\n", json);
    (void)ask_with(&course, "PUT", "/v1/receivers/put", fields, str_of(document));
    expect(&course, 412, "urn:tidings:problem:precondition-failed");
    (void)snprintf(fields, sizeof fields, "%sIf-Match: \"2\"\r\n", json);
    (void)ask_with(&course, "PATCH", "/v1/receivers/put", fields, STR("{\"inFlight\":3}"));
    expect(&course, 200, "\"inFlight\":3");
    expect_field(&course, "ETag: \"3\"");
    (void)snprintf(fields, sizeof fields, "%sIf-Match: *\r\n", json);
    (void)ask_with(&course, "PUT", "/v1/receivers/not-there", fields, str_of(document));
    expect(&course, 412, "urn:tidings:problem:precondition-failed");
    (void)snprintf(fields, sizeof fields, "%sIf-Match: 2\r\n", json);
    (void)ask_with(&course, "PUT", "/v1/receivers/put", fields, str_of(document));
    expect(&course, 400, "\"field\":\"If-Match\"");
    (void)ask_with(&course, "PATCH", "/v1/receivers/not-there",
                   "Content-Type: application/merge-patch+json\r\n", STR("{\"inFlight\":3}"));
    expect(&course, 404, "urn:tidings:problem:not-found");
    (void)ask_json(&course, "PUT", "/v1/receivers/a%20b", document);
    expect(&course, 400, "urn:tidings:problem:invalid");
}

static void test_receiver_pages(void **state)
{
    char cursor[512];
    char path[600];
    unsigned seen = 0;
    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "page-%d", i);
        make_receiver(name, "");
    }
    (void)snprintf(path, sizeof path, "/v1/receivers?limit=2");
    for (;;) {
        assert_int_equal(ask(&course, "GET", path), 200);
        for (const char *at = course.body.ptr; (at = strstr(at, "\"name\":\"page-")) != NULL;
             at++) {
            seen++;
        }
        if (strstr(course.body.ptr, "nextCursor") == NULL) {
            break;
        }
        pick(&course, "nextCursor", cursor, sizeof cursor);
        (void)snprintf(path, sizeof path, "/v1/receivers?limit=2&cursor=%s", cursor);
    }
    assert_int_equal(seen, 5);
    (void)ask(&course, "GET", "/v1/receivers?cursor=abc");
    expect(&course, 400, "\"field\":\"cursor\"");
    (void)ask(&course, "GET", "/v1/receivers?limit=0");
    expect(&course, 400, "\"field\":\"limit\"");
}

static void test_receiver_states(void **state)
{
    char id[RECORD_ID_SIZE];
    char path[128];
    (void)state;
    make_receiver("still", "");
    (void)ask(&course, "POST", "/v1/receivers/still/pause");
    expect(&course, 200, "\"state\":\"paused\"");
    submit("{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"still-1\",\"receivers\":[\"still\"]}", id);
    await_state(id, "waiting");
    (void)ask(&course, "GET", "/v1/notifications?receiver=still&state=waiting");
    expect(&course, 200, id);
    (void)ask(&course, "GET", "/v1/notifications?receiver=still&state=dead");
    expect(&course, 200, "\"items\":[]");
    (void)snprintf(path, sizeof path, "/v1/notifications/%s/redeliver", id);
    (void)ask(&course, "POST", path);
    expect(&course, 409, "urn:tidings:problem:state");
    (void)snprintf(path, sizeof path, "/v1/notifications/%s/cancel", id);
    (void)ask(&course, "POST", path);
    expect(&course, 200, id);
    (void)ask(&course, "POST", path);
    expect(&course, 409, "urn:tidings:problem:state");
    (void)ask(&course, "POST", "/v1/receivers/still/resume");
    expect(&course, 200, "\"state\":\"active\"");
    (void)ask(&course, "DELETE", "/v1/receivers/still");
    expect(&course, 204, "");
    (void)ask_json(
        &course, "POST", "/v1/notifications",
        "{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"still-2\",\"receivers\":[\"still\"]}");
    expect(&course, 404, "\"field\":\"receivers\"");
    (void)ask(&course, "POST", "/v1/receivers/nobody/pause");
    expect(&course, 404, "urn:tidings:problem:not-found");
}

static void test_receiver_secret_and_test(void **state)
{
    char secret[256];
    (void)state;
    make_receiver("signed", "");
    (void)ask(&course, "POST", "/v1/receivers/signed/secrets");
    expect(&course, 200, "\"secret\":\"whsec_");
    expect_field(&course, "Cache-Control: no-store");
    pick(&course, "secret", secret, sizeof secret);
    (void)ask(&course, "GET", "/v1/receivers/signed");
    assert_null(strstr(course.body.ptr, secret));
    (void)ask_json(&course, "POST", "/v1/receivers/signed/secrets", "{\"overlapMs\":-1}");
    expect(&course, 400, "\"field\":\"overlapMs\"");
    (void)ask_json(&course, "POST", "/v1/receivers/signed/secrets", "{\"colour\":1}");
    expect(&course, 400, "unknown member");
    (void)ask_with(&course, "POST", "/v1/receivers/signed/test", "Content-Type: text/x\r\n",
                   STR("try this"));
    expect(&course, 200, "\"taken\":true");
    assert_true(str_is_utf8(buf_str(&course.body))); // the reply was not
    pthread_mutex_lock(&course.got.lock);
    assert_true(str_eq_c(str_make(course.got.body, course.got.len), "try this"));
    assert_string_equal(course.got.type, "text/x");
    pthread_mutex_unlock(&course.got.lock);
    (void)ask(&course, "POST", "/v1/receivers/nobody/test");
    expect(&course, 404, "urn:tidings:problem:not-found");
}

// ---- submissions ----
static void expect_got(const char *body, const char *type)
{
    pthread_mutex_lock(&course.got.lock);
    assert_true(str_eq_c(str_make(course.got.body, course.got.len), body));
    assert_string_equal(course.got.type, type);
    pthread_mutex_unlock(&course.got.lock);
}

static void test_delivered(void **state)
{
    static const char payload[] = "{\"amount\" : 1.10, \"n\":12345678901234567890}";
    char body[512];
    char id[RECORD_ID_SIZE];
    char path[128];
    (void)state;
    (void)snprintf(
        body, sizeof body,
        "{\"source\":\"shop\",\"type\":\"paid\",\"txNo\":\"d-1\",\"receivers\":[\"first\"],"
        "\"headers\":{\"x-a\":\"b\"},\"payload\":%s}",
        payload);
    submit(body, id);
    expect(&course, 202, "\"receiver\":\"first\",\"duplicate\":false");
    await_state(id, "delivered");
    expect(&course, 200, "\"lastAttempts\":[{\"number\":1,");
    expect(&course, 200, "\"headers\":{\"x-a\":\"b\"}");
    expect(&course, 200, "\"status\":200,\"errorClass\":\"none\"");
    assert_true(str_is_utf8(buf_str(&course.body)));
    expect_got(payload, "application/json");
    (void)snprintf(path, sizeof path, "/v1/notifications/%s/payload", id);
    assert_int_equal(ask(&course, "GET", path), 200);
    assert_string_equal(course.body.ptr, payload);
    expect_field(&course, "Content-Type: application/json");
    expect_field(&course, "X-Content-Type-Options: nosniff");
    (void)snprintf(path, sizeof path, "/v1/notifications/%s/attempts", id);
    (void)ask(&course, "GET", path);
    expect(&course, 200, "{\"items\":[{\"number\":1,");
    submit(body, id); // the same again
    expect(&course, 202, "\"duplicate\":true");
    (void)ask_json(
        &course, "POST", "/v1/notifications",
        "{\"source\":\"shop\",\"type\":\"paid\",\"txNo\":\"d-1\",\"receivers\":[\"first\"],"
        "\"payload\":2}");
    expect(&course, 409, "urn:tidings:problem:conflict");
    expect(&course, 409, id);
    expect(
        &course, 409,
        "\"submittedHash\":\"d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35\"");
    (void)snprintf(path, sizeof path, "/v1/notifications/%s/redeliver", id);
    unsigned before = course.got.count;
    (void)ask_json(&course, "POST", path, "{\"ladder\":\"5s\"}");
    expect(&course, 202, id);
    await_state(id, "delivered");
    assert_true(course.got.count > before);
    expect(&course, 200, "\"ladder\":\"5s\"");
}

static void test_forms(void **state)
{
    char id[RECORD_ID_SIZE];
    (void)state;
    (void)ask_with(&course, "POST", "/v1/notifications",
                   "Tidings-Tx-No: raw-1\r\nTidings-Source: shop\r\nTidings-Type: paid\r\n"
                   "Tidings-Receivers: first\r\nContent-Type: application/xml\r\n"
                   "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
                   STR("<a/>"));
    expect(&course, 202, "\"receiver\":\"first\"");
    pick(&course, "id", id, sizeof id);
    await_state(id, "delivered");
    expect_got("<a/>", "application/xml");
    assert_string_equal(course.got.trace,
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    (void)ask_with(&course, "POST", "/v1/notifications",
                   "ce-specversion: 1.0\r\nce-id: e-1\r\nce-source: /shop\r\nce-type: paid\r\n"
                   "Tidings-Receivers: first\r\nContent-Type: application/json\r\n",
                   STR("{\"n\":1}"));
    expect(&course, 202, "\"receiver\":\"first\"");
    pick(&course, "id", id, sizeof id);
    await_state(id, "delivered");
    expect_got("{\"n\":1}", "application/json");
    assert_string_equal(course.got.event, "e-1");
    (void)ask_with(
        &course, "POST", "/v1/notifications",
        "Content-Type: application/cloudevents+json\r\nTidings-Receivers: first\r\n",
        STR("{\"specversion\":\"1.0\",\"id\":\"e-2\",\"source\":\"/s\",\"type\":\"t\"}"));
    expect(&course, 202, "\"receiver\":\"first\"");
    (void)ask_with(
        &course, "POST", "/v1/notifications",
        "Content-Type: application/cloudevents-batch+json\r\nTidings-Receivers: "
        "first\r\n",
        STR("[{\"specversion\":\"1.0\",\"id\":\"e-3\",\"source\":\"/s\",\"type\":\"t\"}]"));
    expect(&course, 202, "{\"results\":[{\"status\":202,\"notifications\":[{");
}

static void test_batch(void **state)
{
    (void)state;
    (void)ask_json(
        &course, "POST", "/v1/notifications",
        "{\"notifications\":["
        "{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"b-1\",\"receivers\":[\"first\"],\"payload\":1}"
        ","
        "{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"b-2\",\"receivers\":[\"nobody\"]},"
        "{\"source\":\"s\",\"type\":\"t\"},"
        "{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"b-3\",\"receivers\":[\"first\"]}]}");
    expect(&course, 207, "{\"results\":[{\"status\":202,");
    const char *second = strstr(course.body.ptr, "{\"status\":404,\"problem\":{\"type\":");
    assert_non_null(second);
    const char *third = strstr(second, "{\"status\":400,\"problem\":");
    assert_non_null(third);
    assert_non_null(strstr(third, "{\"status\":202,"));
    (void)ask_json(&course, "POST", "/v1/notifications",
                   "{\"notifications\":["
                   "{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"b-1\",\"receivers\":[\"first\"],"
                   "\"payload\":2}]}");
    expect(&course, 207, "\"storedHash\":\"");
}

static void test_large_batch(void **state)
{
    struct buf body;
    size_t found = 0;
    (void)state;
    buf_init(&body, 1 << 20);
    assert_int_equal(buf_add_str(&body, STR("{\"notifications\":[")), TIDINGS_OK);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buf_addf(&body,
                                  "%s{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"many-%d\","
                                  "\"receivers\":[\"first\"]}",
                                  i > 0 ? "," : "", i),
                         TIDINGS_OK);
    }
    assert_int_equal(buf_add(&body, "]}", 3), TIDINGS_OK);
    assert_int_equal(ask_json(&course, "POST", "/v1/notifications", body.ptr), 202);
    for (const char *at = course.body.ptr; (at = strstr(at, "\"status\":202")) != NULL; at++) {
        found++;
    }
    assert_int_equal(found, 1000);
    buf_deinit(&body);
}

static void test_idempotency(void **state)
{
    static const char fields[] = "Content-Type: application/json\r\nIdempotency-Key: k-1\r\n";
    static const char body[] = "{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"i-1\","
                               "\"receivers\":[\"first\"],\"payload\":1}";
    char first[RECORD_ID_SIZE];
    (void)state;
    (void)ask_with(&course, "POST", "/v1/notifications", fields, str_of(body));
    expect(&course, 202, "\"duplicate\":false");
    pick(&course, "id", first, sizeof first);
    (void)ask_with(&course, "POST", "/v1/notifications", fields, str_of(body));
    expect(&course, 202, first);
    expect(&course, 202, "\"duplicate\":false");
    expect_field(&course, "Idempotency-Replayed: true");
    (void)ask_with(&course, "POST", "/v1/notifications", fields,
                   STR("{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"i-2\"}"));
    expect(&course, 422, "urn:tidings:problem:idempotency-key-reused");
}

// ---- lists and jobs ----
static void test_list_pages(void **state)
{
    char path[700] = "/v1/notifications?source=s&limit=300";
    char cursor[512];
    size_t seen = 0;
    (void)state;
    for (;;) {
        assert_int_equal(ask(&course, "GET", path), 200);
        for (const char *at = course.body.ptr; (at = strstr(at, "\"txNo\":\"many-")) != NULL;
             at++) {
            seen++;
        }
        if (strstr(course.body.ptr, "nextCursor") == NULL) {
            break;
        }
        pick(&course, "nextCursor", cursor, sizeof cursor);
        (void)snprintf(path, sizeof path, "/v1/notifications?source=s&limit=300&cursor=%s", cursor);
    }
    assert_int_equal(seen, 1000);
    (void)ask(&course, "GET", "/v1/notifications?txNo=many-7");
    expect(&course, 200, "\"txNo\":\"many-7\"");
    (void)ask(&course, "GET", "/v1/notifications?receiver=nobody");
    expect(&course, 200, "\"items\":[]");
    (void)ask(&course, "GET", "/v1/notifications?state=lost");
    expect(&course, 400, "\"field\":\"state\"");
    (void)ask(&course, "GET", "/v1/notifications?acceptedFrom=x");
    expect(&course, 400, "\"field\":\"acceptedFrom\"");
}

static void test_jobs(void **state)
{
    char id[RECORD_ID_SIZE];
    (void)state;
    make_receiver("jobs", ",\"attemptLimit\":1,\"ladder\":\"1h\"");
    atomic_store(&course.got.status, 410);
    submit("{\"source\":\"j\",\"type\":\"t\",\"txNo\":\"j-1\",\"receivers\":[\"jobs\"]}", id);
    await_state(id, "dead");
    expect(&course, 200, "\"reason\":\"gone\"");
    (void)ask(&course, "GET", "/v1/notifications?receiver=jobs&state=dead&reason=gone");
    expect(&course, 200, id);
    atomic_store(&course.got.status, 200);
    (void)ask(&course, "POST", "/v1/receivers/jobs/resume");
    expect(&course, 200, "\"state\":\"active\"");
    (void)ask_json(&course, "POST", "/v1/redeliveries",
                   "{\"receiver\":\"jobs\",\"reason\":\"gone\"}");
    expect(&course, 202,
           "\"filter\":{\"receiver\":\"jobs\",\"state\":\"dead\",\"reason\":\"gone\"}");
    await_state(id, "delivered");
    await(&course, "/v1/redeliveries/1", "\"state\":\"done\"");
    expect(&course, 200, "\"redelivered\":1");
    (void)ask(&course, "GET", "/v1/redeliveries");
    expect(&course, 200, "{\"items\":[{\"job\":1,");
    (void)ask(&course, "POST", "/v1/redeliveries/1/cancel");
    expect(&course, 409, "urn:tidings:problem:state");
    (void)ask(&course, "GET", "/v1/redeliveries/99");
    expect(&course, 404, "urn:tidings:problem:not-found");
    (void)ask_json(&course, "POST", "/v1/redeliveries", "{\"receiver\":\"nobody\"}");
    expect(&course, 404, "\"field\":\"receiver\"");
    (void)ask_json(&course, "POST", "/v1/redeliveries", "{\"state\":\"waiting\"}");
    expect(&course, 400, "\"field\":\"state\"");
}

// ---- the rest ----
static void test_small_ones(void **state)
{
    (void)state;
    (void)ask(&course, "GET", "/v1/ladders");
    expect(&course, 200, "\"name\":\"article\"");
    (void)ask(&course, "GET", "/v1/ladders/preview?ladder=1m%205m&start=1000");
    expect(&course, 200,
           "\"attempts\":[{\"attempt\":1,\"afterMs\":0,\"at\":1000},"
           "{\"attempt\":2,\"afterMs\":60000,\"at\":61000},"
           "{\"attempt\":3,\"afterMs\":360000,\"at\":361000}]");
    (void)ask(&course, "GET", "/v1/ladders/preview?ladder=1m*&limit=3");
    expect(&course, 200, "\"endless\":true");
    (void)ask(&course, "GET", "/v1/ladders/preview?ladder=1x");
    expect(&course, 400, "\"field\":\"ladder\"");
    (void)ask(&course, "GET", "/v1/whoami");
    expect(&course, 200, "{\"name\":\"anybody\",\"role\":\"operator\"}");
    (void)ask(&course, "GET", "/openapi.yaml");
    expect(&course, 200, "openapi: 3.1.0");
    expect_field(&course, "Content-Type: application/yaml");
}

static void test_bindings(void **state)
{
    static const char document[] =
        "{\"topic\":\"paid\",\"group\":\"tidings\",\"receivers\":[\"first\"]}";
    (void)state;
    (void)ask(&course, "GET", "/v1/bindings");
    expect(&course, 200, "{\"items\":[]}");
    (void)ask(&course, "GET", "/v1/bindings/a");
    expect(&course, 404, "urn:tidings:problem:not-found");
    (void)ask_json(&course, "PUT", "/v1/bindings/a", document);
    expect(&course, 200, "{\"name\":\"a\",\"version\":1,\"settings\":{");
    (void)ask_json(&course, "PUT", "/v1/bindings/a", document);
    expect(&course, 200, "\"version\":2");
    (void)ask_json(&course, "PUT", "/v1/bindings/a", "{\"topic\":\"paid\"}");
    expect(&course, 400, "urn:tidings:problem:invalid");
    (void)ask_json(&course, "PUT", "/v1/bindings/a%20b", document);
    expect(&course, 400, "urn:tidings:problem:invalid");
    (void)ask(&course, "GET", "/v1/bindings");
    expect(&course, 200, "\"topic\":\"paid\"");
    (void)ask(&course, "DELETE", "/v1/bindings/a");
    expect(&course, 204, "");
    (void)ask(&course, "DELETE", "/v1/bindings/a");
    expect(&course, 404, "urn:tidings:problem:not-found");
}

static void test_refused(void **state)
{
    char large[70 * 1024];
    (void)state;
    (void)ask(&course, "GET", "/v1/other");
    expect(&course, 404, "urn:tidings:problem:not-found");
    expect_field(&course, "Content-Type: application/problem+json");
    (void)ask(&course, "DELETE", "/v1/notifications");
    expect(&course, 405, "urn:tidings:problem:method-not-allowed");
    expect_field(&course, "Allow: POST, GET, HEAD");
    (void)ask_with(&course, "POST", "/v1/notifications", "Content-Type: text/plain\r\n", STR("x"));
    expect(&course, 415, "urn:tidings:problem:unsupported-media-type");
    (void)ask_with(&course, "POST", "/v1/receivers", "Content-Type: text/plain\r\n", STR("{}"));
    expect(&course, 415, "urn:tidings:problem:unsupported-media-type");
    memset(large, 'x', sizeof large);
    (void)ask_with(&course, "POST", "/v1/notifications",
                   "Tidings-Tx-No: l\r\nTidings-Source: s\r\nTidings-Type: t\r\n",
                   str_make(large, sizeof large));
    expect(&course, 413, "urn:tidings:problem:too-large");
    (void)ask(&course, "GET", "/v1/notifications/ntf_0000000000000");
    expect(&course, 404, "urn:tidings:problem:not-found");
    (void)ask(&course, "GET", "/v1/notifications/x");
    expect(&course, 404, "urn:tidings:problem:not-found");
    assert_int_equal(ask(&course, "HEAD", "/v1/whoami"), 200);
    assert_int_equal(course.body.len, 0);
    (void)ask_with(&course, "POST", "/v1/receivers/first/pause", "Sec-Fetch-Site: cross-site\r\n",
                   STR(""));
    expect(&course, 403, "urn:tidings:problem:forbidden");
}

static void write_metrics(void *arg)
{
    struct buf *out = arg;
    assert_int_equal(api_write_metrics(course.api, out), TIDINGS_OK);
    assert_int_equal(buf_add(out, "", 1), TIDINGS_OK);
    net_loop_stop(course.loop);
}

static void read_metrics(struct buf *text)
{
    buf_init(text, 1 << 20);
    assert_int_equal(net_loop_post(course.loop, write_metrics, text), TIDINGS_OK);
    pthread_join(course.thread, NULL);
    assert_int_equal(pthread_create(&course.thread, NULL, run_loop, course.loop), 0);
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, wanted)) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_metrics(void **state)
{
    static const char *const rows[] = {
#define X(member, name, kind, help) "# TYPE " name " " kind "\n",
        API_METRICS_MAP(X) NOTIFY_STATS_MAP(X)
#undef X
            "tidings_api_requests_total{operation=\"submit\",status=\"2xx\"} ",
        "tidings_notify_receiver_delivered_total{receiver=\"first\"} ",
        "tidings_notify_attempt_seconds_bucket{le=\"+Inf\"} ",
        "tidings_notify_attempts_by_class_total{class=\"none\"} ",
    };
    struct buf text;
    (void)state;
    read_metrics(&text);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (count_text(text.ptr, rows[i]) != 1) {
            fail_msg("not once: %s", rows[i]);
        }
    }
    buf_deinit(&text);
}

// Labels by receiver are bounded, and nothing of the others is lost.
static void test_metrics_of_many(void **state)
{
    struct buf text;
    (void)state;
    for (int i = 0; i < 205; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, i == 7 ? "other" : "idle-%d", i);
        make_receiver(name, "");
    }
    (void)ask(&course, "POST", "/v1/receivers/idle-204/pause");
    char id[RECORD_ID_SIZE];
    submit("{\"source\":\"s\",\"type\":\"t\",\"txNo\":\"metrics\",\"receivers\":[\"idle-204\"]}",
           id);
    await_state(id, "waiting");
    static const char one[] = "\ntidings_notify_receiver_waiting{receiver=\"idle-204\"} 1\n";
    read_metrics(&text);
    // In a database of several nodes a count may be old by what was committed while it was made.
    for (int i = 0; i < 600 && count_text(text.ptr, one) == 0; i++) {
        buf_deinit(&text);
        (void)usleep(100 * 1000);
        read_metrics(&text);
    }
    assert_int_equal(count_text(text.ptr, "\ntidings_notify_receiver_waiting{"), 201);
    assert_int_equal(
        count_text(text.ptr, "\ntidings_notify_receiver_waiting{receiver=\"other\"} 0"), 1);
    assert_int_equal(count_text(text.ptr, one), 1);
    buf_deinit(&text);
}

static int start(void **state)
{
    (void)state;
    course_start(&course);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    course_stop(&course);
    return 0;
}

static int run(const char *url, const char *path)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receivers),
        cmocka_unit_test(test_receiver_versions),
        cmocka_unit_test(test_receiver_pages),
        cmocka_unit_test(test_receiver_states),
        cmocka_unit_test(test_receiver_secret_and_test),
        cmocka_unit_test(test_delivered),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_large_batch),
        cmocka_unit_test(test_idempotency),
        cmocka_unit_test(test_list_pages),
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_small_ones),
        cmocka_unit_test(test_bindings),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_metrics_of_many),
    };
    memset(&course, 0, sizeof course);
    course.url = url;
    course.has_intake = true;
    each_empty(url, path);
    return cmocka_run_group_tests_name(url, tests, start, stop);
}

int main(void)
{
    return each_database("api_course", run);
}

// SPDX-License-Identifier: Apache-2.0
// Requests of attempts: their fields, their signatures, who wins when names clash.
#include <pthread.h>

#include "test_receiver_support.h"

enum { THREADS = 4, ROUNDS = 200 };

static void an_attempt_has_its_fields(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL ",\"timeoutMs\":2500}");
    struct receiver_request request = { 0 };
    struct receiver_message message = message_of("hello", "");
    build_of(settings, &message, NOW, &request);
    receiver_settings_unref(settings); // the request keeps them
    assert_string_equal(request.outgoing.method, "POST");
    assert_string_equal(request.outgoing.url, "https://bank.example/notify");
    assert_int_equal(request.outgoing.deadline_ms, 2500);
    assert_int_equal(request.outgoing.reply_max, RECEIVER_REPLY_MAX);
    assert_null(request.outgoing.basic);
    assert_null(request.outgoing.bearer);
    assert_null(request.outgoing.ca_pem);
    assert_int_equal(request.outgoing.field_count, 7);
    assert_field(&request, "webhook-id", "ntf_01");
    assert_field(&request, "webhook-timestamp", "1700000000");
    assert_field(&request, "tidings-attempt", "3");
    assert_field(&request, "Content-Type", "application/octet-stream");
    assert_ptr_equal(request.outgoing.body.ptr, message.payload.ptr); // not copied
    assert_int_equal(request.outgoing.body.len, 5);
    receiver_request_deinit(&request);
    assert_int_equal(request.outgoing.field_count, 0);
    receiver_request_deinit(&request);
}

// The vectors of the standard's own libraries.
static void signatures_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        const char *id;
        int64_t time_s;
        const char *body;
        const char *want;
    } rows[] = {
        { SECRET_1, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}",
          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
        { SECRET_2, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
          "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
          "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=" },
        { "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
          "Kvg==",
          "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}",
          "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TB"
          "Ag==" },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char document[512];
        (void)snprintf(document, sizeof document, "{" URL ",\"secrets\":[{\"secret\":\"%s\"}]}",
                       rows[i].secret);
        struct receiver_settings *settings = settings_of(document);
        struct receiver_message message = message_of(rows[i].body, "application/json");
        struct receiver_request request = { 0 };
        message.id = rows[i].id;
        build_of(settings, &message, 1000 * rows[i].time_s + 999, &request);
        assert_field(&request, "webhook-signature", rows[i].want);
        assert_field(&request, "webhook-id", rows[i].id);
        assert_field(&request, "Content-Type", "application/json");
        receiver_request_deinit(&request);
        receiver_settings_unref(settings);
    }
}

static void all_secrets_sign_until_they_expire(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"secrets\":[{\"secret\":\"" SECRET_2 "\"},"
                    "{\"secret\":\"" SECRET_1 "\",\"expiresAt\":1614265331000}]}");
    struct receiver_message message = message_of("{\"test\": 2432232314}", "");
    struct receiver_request request = { 0 };
    message.id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    build_of(settings, &message, 1614265330999, &request);
    assert_field(&request, "webhook-signature",
                 "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44= "
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    receiver_request_deinit(&request);
    build_of(settings, &message, 1614265331000, &request);
    assert_int_equal(field_of(&request, "webhook-signature").len, 47);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"expiresAt\":5}]}");
    assert_not_built(settings, &message, TIDINGS_E_STATE, "all have expired");
    receiver_settings_unref(settings);
}

static void an_id_that_cannot_be_signed_is_an_error(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"secrets\":[{\"secret\":\"" SECRET_1 "\"}]}");
    struct receiver_message message = message_of("x", "");
    message.id = "a.b";
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "webhook-id");
    receiver_settings_unref(settings);
}

static void hex_signatures_have_their_own_header(void **state)
{
    (void)state;
    // echo -n 'hello' | openssl dgst -sha256 -hmac old: of the newest only
    struct receiver_settings *settings =
        settings_of("{" URL ",\"signature\":{\"scheme\":\"hmac_hex\",\"header\":\"X-Hub\","
                    "\"prefix\":\"sha256=\"},\"headers\":{\"x-hub\":\"mine\",\"X-Other\":\"1\"},"
                    "\"secrets\":[{\"secret\":\"key\"},{\"secret\":\"old\"}]}");
    struct receiver_message message = message_of("hello", "");
    struct receiver_request request = { 0 };
    build_of(settings, &message, NOW, &request);
    assert_field(&request, "X-Hub",
                 "sha256=9307b3b915efb5171ff14d8cb55fbcc798c6c0ef1456d66ded1a6aa723a58b7b");
    assert_null(field_of(&request, "x-hub").ptr);
    assert_field(&request, "X-Other", "1");
    assert_null(field_of(&request, "webhook-signature").ptr);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"signature\":{\"scheme\":\"hmac_hex\"}}");
    assert_not_built(settings, &message, TIDINGS_E_STATE, "hmac_hex needs one");
    receiver_settings_unref(settings);
}

static void the_first_of_notifier_receiver_and_submitter_wins(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"headers\":{\"X-Env\":\"prod\",\"SOAPAction\":\"mine\"}}");
    struct receiver_message message = message_of("x", "text/plain; charset=utf-8");
    struct receiver_request request = { 0 };
    struct buf lines;
    buf_init(&lines, 4096);
    assert_int_equal(receiver_headers_add(&lines, STR("x-env"), STR("test"), NULL), TIDINGS_OK);
    assert_int_equal(receiver_headers_add(&lines, STR("traceparent"), STR("00-ab-cd-01"), NULL),
                     TIDINGS_OK);
    assert_int_equal(receiver_headers_add(&lines, STR("ce-empty"), STR(""), NULL), TIDINGS_OK);
    // As if it had been written by somebody else.
    assert_int_equal(buf_add_str(&lines, STR("webhook-id: forged\nHost: evil\nno colon\n")),
                     TIDINGS_OK);
    message.headers = buf_str(&lines);
    build_of(settings, &message, NOW, &request);
    assert_field(&request, "X-Env", "prod");
    assert_field(&request, "SOAPAction", "mine");
    assert_null(field_of(&request, "x-env").ptr);
    assert_field(&request, "traceparent", "00-ab-cd-01");
    assert_field(&request, "ce-empty", "");
    assert_field(&request, "webhook-id", "ntf_01");
    assert_null(field_of(&request, "Host").ptr);
    assert_field(&request, "Content-Type", "text/plain; charset=utf-8");
    assert_int_equal(request.outgoing.field_count, 11);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    buf_deinit(&lines);
}

static void credentials_go_out(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL ",\"auth\":{\"basic\":\"u:p:q\"}}");
    struct receiver_message message = message_of("x", "");
    struct receiver_request request = { 0 };
    build_of(settings, &message, NOW, &request);
    assert_string_equal(request.outgoing.basic, "u:p:q");
    assert_null(request.outgoing.bearer);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"auth\":{\"bearer\":\"abc.def\"}}");
    build_of(settings, &message, NOW, &request);
    assert_string_equal(request.outgoing.bearer, "abc.def");
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
}

static void assert_line_refused(const char *name, const char *value, const char *text)
{
    struct tidings_error err = { 0 };
    struct buf lines;
    buf_init(&lines, 64);
    assert_int_equal(buf_add_str(&lines, STR("a: b\n")), TIDINGS_OK);
    tidings_status status = receiver_headers_add(&lines, str_of(name), str_of(value), &err);
    assert_true(status == TIDINGS_E_INVALID || status == TIDINGS_E_TOO_LARGE);
    assert_non_null(strstr(err.text, text));
    assert_text(&lines, "a: b\n");
    buf_deinit(&lines);
}

static void lines_are_checked(void **state)
{
    (void)state;
    assert_line_refused("", "x", "a name must be");
    assert_line_refused("a b", "x", "a name must be");
    assert_line_refused("a:", "x", "a name must be");
    assert_line_refused("\xC3\xA9", "x", "a name must be");
    assert_line_refused("Webhook-Id", "x", "not passed on");
    assert_line_refused("tidings-attempt", "x", "not passed on");
    assert_line_refused("HOST", "x", "not passed on");
    assert_line_refused("Content-Length", "x", "not passed on");
    assert_line_refused("content-type", "x", "not passed on");
    assert_line_refused("Connection", "x", "not passed on");
    assert_line_refused("Transfer-Encoding", "x", "not passed on");
    assert_line_refused("Authorization", "x", "not passed on");
    assert_line_refused("x", "a\nb: c", "control characters");
    assert_line_refused("x", "a\r", "control characters");
    assert_line_refused("x", " a", "white space");
    assert_line_refused("x", "0123456789012345678901234567890123456789012345678901234567890123",
                        "no room");
}

static void lines_are_bounded_and_read_back(void **state)
{
    (void)state;
    struct buf lines;
    buf_init(&lines, 65536);
    for (int i = 0; i < RECEIVER_PASSED_ON_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(receiver_headers_add(&lines, str_of(name), STR("v: w"), NULL), TIDINGS_OK);
    }
    assert_int_equal(receiver_headers_add(&lines, STR("one-more"), STR(""), NULL),
                     TIDINGS_E_TOO_LARGE);
    struct str rest = buf_str(&lines);
    struct str name;
    struct str value;
    int count = 0;
    while (receiver_headers_next(&rest, &name, &value)) {
        assert_true(str_eq(value, STR("v: w")));
        count++;
    }
    assert_int_equal(count, RECEIVER_PASSED_ON_MAX);
    buf_deinit(&lines);
}

// ---- threads ----

struct rig {
    struct receiver_settings *settings; // a reference of each thread
    pthread_barrier_t barrier;
};

// NULL when all went well; cmocka's asserts are for the thread of the test alone.
static void *attempt(void *arg)
{
    struct rig *rig = arg;
    bool fine = true;
    struct buf shown;
    buf_init(&shown, RECEIVER_DOCUMENT_MAX);
    pthread_barrier_wait(&rig->barrier);
    for (int i = 0; i < ROUNDS && fine; i++) {
        struct receiver_message message = message_of("{\"test\": 2432232314}", "");
        struct receiver_request request = { 0 };
        struct receiver_settings *changed = NULL;
        message.id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        buf_clear(&shown);
        fine =
            receiver_request_build(rig->settings, &message, 1614265330000, &request, NULL) ==
                TIDINGS_OK &&
            request.outgoing.field_count == 9 &&
            str_eq_c(request.fields[2].value, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=") &&
            receiver_settings_show(rig->settings, &shown, NULL) == TIDINGS_OK &&
            receiver_settings_merge(rig->settings, STR("{\"inFlight\":3}"), NOW, &changed, NULL) ==
                TIDINGS_OK;
        receiver_settings_unref(changed);
        receiver_request_deinit(&request);
    }
    buf_deinit(&shown);
    receiver_settings_unref(rig->settings);
    return fine ? NULL : rig;
}

static void settings_serve_several_threads(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t threads[THREADS];
    rig.settings = settings_of("{" URL ",\"headers\":{\"a\":\"b\"},"
                               "\"secrets\":[{\"secret\":\"" SECRET_1 "\"}]}");
    assert_int_equal(pthread_barrier_init(&rig.barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        (void)receiver_settings_ref(rig.settings);
        assert_int_equal(pthread_create(&threads[i], NULL, attempt, &rig), 0);
    }
    receiver_settings_unref(rig.settings); // whoever is the last frees them
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pthread_barrier_destroy(&rig.barrier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attempt_has_its_fields),
        cmocka_unit_test(signatures_are_those_of_the_standard),
        cmocka_unit_test(all_secrets_sign_until_they_expire),
        cmocka_unit_test(an_id_that_cannot_be_signed_is_an_error),
        cmocka_unit_test(hex_signatures_have_their_own_header),
        cmocka_unit_test(the_first_of_notifier_receiver_and_submitter_wins),
        cmocka_unit_test(credentials_go_out),
        cmocka_unit_test(lines_are_checked),
        cmocka_unit_test(lines_are_bounded_and_read_back),
        cmocka_unit_test(settings_serve_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

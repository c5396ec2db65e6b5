// SPDX-License-Identifier: Apache-2.0
// Settings of receivers: defaults and bounds of each member, stored and shown, changed, rotated.
#include "test_receiver_support.h"
#include "test_receiver_pem.h"
#include "test_sign_pem.h"

// ---- parsed ----

static void defaults_are_those_of_the_header(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL "}");
    const struct receiver_limits *limits = receiver_limits(settings);
    assert_string_equal(receiver_url(settings), "https://bank.example/notify");
    assert_string_equal(limits->ladder_text, "1m 5m 10m 30m 1h 2h 5h 10h");
    assert_int_equal(limits->ladder.count, 8);
    assert_int_equal(limits->timeout_ms, 15000);
    assert_int_equal(limits->in_flight, 64);
    assert_int_equal(limits->rate_per_s, 0);
    assert_int_equal(limits->burst, 0);
    assert_int_equal(limits->breaker_failures, 10);
    assert_int_equal(limits->probe_ms, 5000);
    assert_int_equal(limits->probe_max_ms, 60000);
    assert_false(receiver_subscribes(settings, STR("x")));
    assert_true(receiver_is_taken(settings, 204, STR(""), false, NULL, 0));
    assert_false(receiver_is_taken(settings, 304, STR(""), false, NULL, 0));
    receiver_settings_unref(receiver_settings_ref(settings));
    receiver_settings_unref(settings);
    receiver_settings_unref(NULL);
    settings =
        settings_of("{" URL ",\"types\":null,\"ladder\":null,\"timeoutMs\":null,\"ack\":null,"
                    "\"signature\":null,\"secrets\":null,\"auth\":null,\"tls\":null,"
                    "\"soap\":null,\"breaker\":null,\"headers\":null}");
    assert_int_equal(receiver_limits(settings)->timeout_ms, 15000);
    receiver_settings_unref(settings);
}

static void limit_and_window_stand_above_the_ladder(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const char *want;
    } rows[] = {
        { "\"ladder\":\"1m 5m; limit=1\"", "1m 5m; limit=1" },
        { "\"ladder\":\"1m 5m; limit=1\",\"attemptLimit\":7,\"windowMs\":3600000",
          "1m 5m; limit=7 window=1h" },
        { "\"ladder\":\"60s,300s\",\"attemptLimit\":0,\"windowMs\":0", "1m 5m" },
        { "\"ladder\":\"standard-webhooks\",\"attemptLimit\":3",
          "5s 5m 30m 2h 5h 10h 14h 20h 24h; limit=3 jitter=10%" },
        { "\"ladder\":\"alipay\"", "4m 10m 10m 1h 2h 6h 15h" },
        { "\"ladder\":\"rocketmq; limit=16\"",
          "10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h*; limit=16" },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char document[512];
        struct ladder ladder;
        (void)snprintf(document, sizeof document, "{" URL ",%s}", rows[i].members);
        struct receiver_settings *settings = settings_of(document);
        const char *text = receiver_limits(settings)->ladder_text;
        struct ladder want;
        assert_int_equal(ladder_parse(str_of(text), &ladder, NULL), TIDINGS_OK);
        assert_int_equal(ladder_parse(str_of(rows[i].want), &want, NULL), TIDINGS_OK);
        assert_memory_equal(ladder.rungs_ms, want.rungs_ms, sizeof want.rungs_ms);
        assert_int_equal(ladder.limit, want.limit);
        assert_int_equal(ladder.window_ms, want.window_ms);
        assert_int_equal(ladder.jitter_percent, want.jitter_percent);
        assert_int_equal(ladder.repeat_last, want.repeat_last);
        receiver_settings_unref(settings);
    }
}

static void numbers_are_read(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"timeoutMs\":10,\"inFlight\":1024,\"ratePerSecond\":50,"
                    "\"breaker\":{\"failures\":0,\"probeMs\":90000}}");
    const struct receiver_limits *limits = receiver_limits(settings);
    assert_int_equal(limits->timeout_ms, 10);
    assert_int_equal(limits->in_flight, 1024);
    assert_int_equal(limits->rate_per_s, 50);
    assert_int_equal(limits->burst, 50);
    assert_int_equal(limits->breaker_failures, 0);
    assert_int_equal(limits->probe_ms, 90000);
    assert_int_equal(limits->probe_max_ms, 90000);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"ratePerSecond\":50,\"burst\":7}");
    assert_int_equal(receiver_limits(settings)->burst, 7);
    receiver_settings_unref(settings);
}

static void types_are_patterns(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of(
        "{" URL ",\"types\":[\"recharge.*\",\"*.failed\",\"a*b*c\",\"exact\",\"\xE5\x85\x85*\"]}");
    static const char *const fit[] = { "recharge.", "recharge.done", "x.failed",
                                       ".failed",   "abc",           "aXbXbXc",
                                       "abcbc",     "exact",         "\xE5\x85\x85x" };
    static const char *const fit_not[] = { "recharge", "xrecharge.done", "failed", "ac", "abcd",
                                           "exactly",  "exac",           "",       "ab" };
    for (size_t i = 0; i < BASE_COUNT(fit); i++) {
        assert_true(receiver_subscribes(settings, str_of(fit[i])));
    }
    for (size_t i = 0; i < BASE_COUNT(fit_not); i++) {
        assert_false(receiver_subscribes(settings, str_of(fit_not[i])));
    }
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"types\":[\"*\"]}");
    assert_true(receiver_subscribes(settings, STR("")));
    receiver_settings_unref(settings);
}

static void names_are_checked(void **state)
{
    (void)state;
    char name[RECEIVER_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    assert_int_equal(receiver_name_check(STR("Bank_1.a-b"), NULL), TIDINGS_OK);
    assert_int_equal(receiver_name_check(str_make(name, RECEIVER_NAME_MAX), NULL), TIDINGS_OK);
    assert_int_equal(receiver_name_check(str_make(name, sizeof name), NULL), TIDINGS_E_INVALID);
    assert_int_equal(receiver_name_check(STR(""), NULL), TIDINGS_E_INVALID);
    assert_int_equal(receiver_name_check(STR("a/b"), NULL), TIDINGS_E_INVALID);
    assert_int_equal(receiver_name_check(STR("a\xE2\x80\x90"
                                             "b"),
                                         NULL),
                     TIDINGS_E_INVALID);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const char *text;
    } rows[] = {
        { "\"colour\":1", "\"colour\" is not a member; there are: url, types, ladder" },
        { "\"timeoutMs\":9", "timeoutMs: must be a whole number from 10 to 300000" },
        { "\"timeoutMs\":300001", "timeoutMs: " },
        { "\"timeoutMs\":\"15\"", "timeoutMs: " },
        { "\"timeoutMs\":15.5", "timeoutMs: " },
        { "\"inFlight\":0", "inFlight: must be a whole number from 1 to 1024" },
        { "\"inFlight\":1025", "inFlight: " },
        { "\"ratePerSecond\":-1", "ratePerSecond: " },
        { "\"burst\":1000001", "burst: " },
        { "\"attemptLimit\":-1", "attemptLimit: " },
        { "\"windowMs\":-1", "windowMs: " },
        { "\"ladder\":\"1x\"", "ladder: " },
        { "\"ladder\":7", "ladder: must be a text" },
        { "\"types\":\"a\"", "types: must be an array" },
        { "\"types\":[\"\"]", "types: must be a text" },
        { "\"headers\":[]", "headers: must be an object" },
        { "\"headers\":{\"a b\":\"x\"}", "headers.a b: must be the name" },
        { "\"headers\":{\"Webhook-Id\":\"x\"}", "headers.Webhook-Id: " },
        { "\"headers\":{\"content-type\":\"x\"}", "headers.content-type: " },
        { "\"headers\":{\"X\":\"a\\r\\nb\"}", "headers.X: must have no control" },
        { "\"headers\":{\"X\":1}", "headers.X: must be a text" },
        { "\"headers\":{\"X\":\"1\",\"x\":\"2\"}", "headers.x: comes twice" },
        { "\"ack\":7", "ack: must be an object" },
        { "\"ack\":{\"codes\":1}", "ack: \"codes\" is not a member; there are: status, body" },
        { "\"signature\":{\"scheme\":\"md5\"}", "signature.scheme: unknown way to sign" },
        { "\"signature\":{\"scheme\":\"hmac_hex\",\"header\":\"Host\"}", "signature.header: " },
        { "\"signature\":{\"scheme\":\"hmac_hex\",\"header\":\"a b\"}", "signature.header: " },
        { "\"signature\":{\"scheme\":\"hmac_hex\",\"prefix\":\"a b\"}", "signature.prefix: " },
        { "\"signature\":{\"header\":\"X-S\"}",
          "signature: header, prefix and secondHeader belong" },
        { "\"signature\":{\"scheme\":\"hmac_hex\",\"secondHeader\":\"x-signature\"}",
          "signature.secondHeader: must be" },
        { "\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"activeAt\":5,\"expiresAt\":5}]",
          "secrets[0].expiresAt: must be a whole number from 6" },
        { "\"signature\":{\"scheme\":\"none\"},\"secrets\":[{\"secret\":\"a\"}]", "secrets: " },
        { "\"signature\":{\"scheme\":\"rsa2\"},\"soap\":{}", "signature.scheme: rsa2 signs" },
        { "\"secrets\":{}", "secrets: must be an array" },
        { "\"secrets\":[{\"secret\":\"\"}]", "secrets[0].secret: must be a text of 1 to 16384" },
        { "\"secrets\":[{}]", "secrets[0].secret: must be there" },
        { "\"secrets\":[{\"secret\":\"short\"}]", "secrets[0].secret: secret: must begin with" },
        { "\"secrets\":[{\"secret\":\"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=\"}]",
          "secrets[0].secret: a public key cannot sign" },
        { "\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"expiresAt\":0}]", "secrets[0].expiresAt: " },
        { "\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"id\":\"a b\"}]", "secrets[0].id: " },
        { "\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"id\":\"a\"},"
          "{\"secret\":\"" SECRET_2 "\",\"id\":\"a\"}]",
          "secrets[1].id: comes twice" },
        { "\"auth\":{\"basic\":\"nobody\"}", "auth: basic must be" },
        { "\"auth\":{\"bearer\":\"a b\"}", "auth: " },
        { "\"auth\":{\"basic\":\"a:b\",\"bearer\":\"c\"}", "auth: basic or bearer, not both" },
        { "\"auth\":{\"basic\":true}", "auth.basic: must be a text; true stands for" },
        { "\"auth\":{\"digest\":\"a\"}", "auth: \"digest\" is not a member" },
        { "\"auth\":{\"basic\":\"a:b\"},\"headers\":{\"Authorization\":\"x\"}",
          "headers.authorization: auth writes" },
        { "\"tls\":{\"ca\":\"x\"}", "tls.ca: must be PEM" },
        { "\"tls\":{\"certificate\":\"x\"}", "tls: certificate and key belong together" },
        { "\"tls\":{\"certificate\":\"x\",\"key\":\"y\"}", "tls.certificate: must be PEM" },
        { "\"soap\":{\"version\":\"2\"}", "soap.version: must be \"1.1\" or \"1.2\"" },
        { "\"soap\":{\"action\":\"a b\"}", "soap.action: must be a URI" },
        { "\"breaker\":{\"probeMs\":99}", "breaker.probeMs: " },
        { "\"breaker\":{\"probeMs\":5000,\"probeMaxMs\":4000}", "breaker.probeMaxMs: must not be" },
        { "\"url\":\"ftp://x/\"", "url: " },
        { "\"url\":7", "url: must be a text" },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char document[1024];
        (void)snprintf(document, sizeof document, "{" URL ",%s}", rows[i].members);
        assert_refused(document, rows[i].text);
    }
    assert_refused("{}", "url: must be given");
    assert_refused("[]", "settings: must be an object");
    assert_refused("{" URL, "settings: must be a JSON object");
    assert_refused("", "settings: must be a JSON object");
}

static void secrets_are_not_in_errors(void **state)
{
    (void)state;
    struct receiver_settings *settings;
    struct tidings_error err = { 0 };
    static const char *const documents[] = {
        "{" URL ",\"secrets\":[{\"secret\":\"hush-hush\"}]}",
        "{" URL ",\"auth\":{\"basic\":\"hush-hush\"}}",
        "{" URL ",\"tls\":{\"key\":\"hush-hush\"}}",
        "{" URL ",\"auth\":{\"bearer\":\"hush-hush \"}}",
    };
    for (size_t i = 0; i < BASE_COUNT(documents); i++) {
        assert_int_equal(
            receiver_settings_parse(STR("a"), str_of(documents[i]), NULL, NOW, &settings, &err),
            TIDINGS_E_INVALID);
        assert_null(strstr(err.text, "hush"));
    }
}

static void documents_are_bounded(void **state)
{
    (void)state;
    struct receiver_settings *settings;
    char *document = malloc(RECEIVER_DOCUMENT_MAX + 1);
    assert_non_null(document);
    memset(document, ' ', RECEIVER_DOCUMENT_MAX + 1);
    memcpy(document, "{" URL "}", strlen("{" URL "}"));
    assert_int_equal(receiver_settings_parse(STR("a"), str_make(document, RECEIVER_DOCUMENT_MAX),
                                             NULL, NOW, &settings, NULL),
                     TIDINGS_OK);
    receiver_settings_unref(settings);
    assert_int_equal(receiver_settings_parse(STR("a"),
                                             str_make(document, RECEIVER_DOCUMENT_MAX + 1), NULL,
                                             NOW, &settings, NULL),
                     TIDINGS_E_TOO_LARGE);
    free(document);
}

// ---- stored and shown ----

#define WITH_SECRETS                                                                               \
    "{" URL ",\"types\":[\"a.*\"],\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"id\":\"one\"},"      \
    "{\"secret\":\"" SECRET_2 "\",\"id\":\"two\",\"createdAt\":5,\"expiresAt\":1800000000000}],"   \
    "\"auth\":{\"basic\":\"user:hush\"}}"

static void what_is_stored_is_sealed_and_reads_back(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of(WITH_SECRETS);
    struct receiver_settings *again = NULL;
    struct seal *seal = seal_of(KEY_TEXT);
    struct seal *other = seal_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHiA=");
    struct tidings_error err = { 0 };
    struct buf stored;
    struct buf twice;
    buf_init(&stored, RECEIVER_DOCUMENT_MAX);
    buf_init(&twice, RECEIVER_DOCUMENT_MAX);
    assert_int_equal(receiver_settings_store(settings, NULL, &stored, &err), TIDINGS_E_STATE);
    assert_int_equal(receiver_settings_store(settings, seal, &stored, NULL), TIDINGS_OK);
    assert_has_not(&stored, "whsec_");
    assert_has_not(&stored, "hush");
    assert_has(&stored, "\"id\":\"two\",\"createdAt\":5,\"expiresAt\":1800000000000");
    assert_int_equal(
        receiver_settings_parse(STR("bank-1"), buf_str(&stored), NULL, 1, &again, &err),
        TIDINGS_E_PERMISSION);
    assert_non_null(strstr(err.text, "is sealed"));
    assert_int_equal(
        receiver_settings_parse(STR("bank-1"), buf_str(&stored), other, 1, &again, &err),
        TIDINGS_E_PERMISSION);
    assert_int_equal(
        receiver_settings_parse(STR("bank-2"), buf_str(&stored), seal, 1, &again, &err),
        TIDINGS_E_PERMISSION); // moved to another receiver
    assert_int_equal(
        receiver_settings_parse(STR("bank-1"), buf_str(&stored), seal, 1, &again, NULL),
        TIDINGS_OK);
    struct receiver_message message = message_of("{\"test\": 2432232314}", "");
    struct receiver_request request = { 0 };
    message.id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    build_of(again, &message, 1614265330000, &request);
    assert_field(&request, "webhook-signature",
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                 "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44=");
    assert_string_equal(request.outgoing.basic, "user:hush");
    receiver_request_deinit(&request);
    assert_int_equal(receiver_settings_show(settings, &twice, NULL), TIDINGS_OK);
    buf_clear(&stored);
    assert_int_equal(receiver_settings_show(again, &stored, NULL), TIDINGS_OK);
    assert_int_equal(str_cmp(buf_str(&stored), buf_str(&twice)), 0);
    receiver_settings_unref(settings);
    receiver_settings_unref(again);
    seal_free(seal);
    seal_free(other);
    buf_deinit(&stored);
    buf_deinit(&twice);
}

static void what_is_shown_is_all_but_secrets(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL "}");
    struct buf shown;
    buf_init(&shown, RECEIVER_DOCUMENT_MAX);
    assert_int_equal(receiver_settings_show(settings, &shown, NULL), TIDINGS_OK);
    assert_text(&shown,
                "{" URL ",\"types\":[],\"ladder\":\"article\",\"headers\":{},"
                "\"ack\":{\"status\":\"200-299\",\"noFault\":false},"
                "\"signature\":{\"scheme\":\"standard\"},"
                "\"breaker\":{\"failures\":10,\"probeMs\":5000,\"probeMaxMs\":60000},"
                "\"secrets\":[],\"auth\":null,\"tls\":null,\"soap\":null,\"attemptLimit\":0,"
                "\"windowMs\":0,\"timeoutMs\":15000,\"inFlight\":64,\"ratePerSecond\":0,"
                "\"burst\":0}");
    receiver_settings_unref(settings);
    settings = settings_of(WITH_SECRETS);
    buf_clear(&shown);
    assert_int_equal(receiver_settings_show(settings, &shown, NULL), TIDINGS_OK);
    assert_has_not(&shown, "whsec_");
    assert_has_not(&shown, "hush");
    assert_has(&shown,
               "\"secrets\":[{\"id\":\"one\",\"createdAt\":1700000000123,\"expiresAt\":null}");
    assert_has(&shown, "\"auth\":{\"basic\":true}");
    // What is shown can be sent back as a change, and changes nothing.
    struct receiver_settings *again = NULL;
    struct buf other;
    buf_init(&other, RECEIVER_DOCUMENT_MAX);
    assert_int_equal(receiver_settings_merge(settings, buf_str(&shown), 1, &again, NULL),
                     TIDINGS_OK);
    assert_int_equal(receiver_settings_show(again, &other, NULL), TIDINGS_OK);
    assert_has(&other, "\"id\":\"two\",\"createdAt\":5,\"expiresAt\":1800000000000");
    assert_has(&other, "\"auth\":{\"basic\":true}");
    receiver_settings_unref(again);
    receiver_settings_unref(settings);
    buf_deinit(&shown);
    buf_deinit(&other);
}

static void no_room_is_an_error(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL "}");
    struct buf small;
    buf_init(&small, 16);
    assert_int_equal(receiver_settings_show(settings, &small, NULL), TIDINGS_E_TOO_LARGE);
    assert_int_equal(receiver_settings_store(settings, NULL, &small, NULL), TIDINGS_E_TOO_LARGE);
    assert_int_equal(small.len, 0);
    receiver_settings_unref(settings);
    buf_deinit(&small);
}

// ---- TLS ----

// `format` with the certificate, the key, another key, as JSON has line feeds.
static char *with_pems(const char *format)
{
    static const char *const pems[] = { pem_certificate, pem_private, pem_private_pkcs1,
                                        pem_ed25519 };
    struct buf document;
    buf_init(&document, 65536);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at < '0' || *at > '3') {
            assert_int_equal(buf_add(&document, at, 1), TIDINGS_OK);
            continue;
        }
        for (const char *c = pems[*at - '0']; *c != '\0'; c++) {
            struct str text = *c == '\n' ? STR("\\n") : str_make(c, 1);
            assert_int_equal(buf_add_str(&document, text), TIDINGS_OK);
        }
    }
    char *text = str_dup(buf_str(&document));
    buf_deinit(&document);
    assert_non_null(text);
    return text;
}

static void certificates_and_keys_belong_together(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *text;
    } bad[] = {
        { "{" URL ",\"tls\":{\"certificate\":\"0\"}}", "certificate and key belong together" },
        { "{" URL ",\"tls\":{\"key\":\"1\"}}", "certificate and key belong together" },
        { "{" URL ",\"tls\":{\"certificate\":\"0\",\"key\":\"3\"}}", "tls.key: is not that of" },
        { "{" URL ",\"tls\":{\"certificate\":\"0\",\"key\":\"x\"}}", "tls.key: must be PEM" },
        { "{" URL ",\"tls\":{\"certificate\":\"1\",\"key\":\"1\"}}", "tls.certificate: must be" },
        { "{" URL ",\"tls\":{\"ca\":\"1\"}}", "tls.ca: must be PEM" },
    };
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        char *document = with_pems(bad[i].format);
        assert_refused(document, bad[i].text);
        free(document);
    }
}

static void keys_of_certificates_are_hidden(void **state)
{
    (void)state;
    char *document =
        with_pems("{" URL ",\"tls\":{\"ca\":\"0\",\"certificate\":\"0\",\"key\":\"1\"}}");
    struct receiver_settings *settings = settings_of(document);
    struct receiver_settings *again = NULL;
    struct seal *seal = seal_of(KEY_TEXT);
    struct receiver_message message = message_of("x", "");
    struct receiver_request request = { 0 };
    struct buf text;
    buf_init(&text, RECEIVER_DOCUMENT_MAX);
    assert_int_equal(receiver_settings_show(settings, &text, NULL), TIDINGS_OK);
    assert_has_not(&text, "PRIVATE");
    assert_has(&text, "\"key\":true");
    assert_has(&text, "BEGIN CERTIFICATE");
    assert_int_equal(receiver_settings_merge(settings, buf_str(&text), NOW, &again, NULL),
                     TIDINGS_OK);
    receiver_settings_unref(settings);
    buf_clear(&text);
    assert_int_equal(receiver_settings_store(again, seal, &text, NULL), TIDINGS_OK);
    assert_has_not(&text, "PRIVATE");
    assert_int_equal(
        receiver_settings_parse(STR("bank-1"), buf_str(&text), seal, NOW, &settings, NULL),
        TIDINGS_OK);
    build_of(settings, &message, NOW, &request);
    assert_string_equal(request.outgoing.ca_pem, pem_certificate);
    assert_string_equal(request.outgoing.client_pem, pem_certificate);
    assert_string_equal(request.outgoing.client_key_pem, pem_private);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    receiver_settings_unref(again);
    seal_free(seal);
    buf_deinit(&text);
    free(document);
}

// ---- changed ----

static struct receiver_settings *merged(const struct receiver_settings *settings, const char *patch)
{
    struct receiver_settings *ret = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = receiver_settings_merge(settings, str_of(patch), NOW, &ret, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, TIDINGS_OK);
    return ret;
}

static void changes_keep_the_rest(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of(
        "{" URL ",\"timeoutMs\":100,\"headers\":{\"A\":\"1\",\"B\":\"2\"},"
        "\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"id\":\"one\"}],\"auth\":{\"bearer\":\"t\"}}");
    struct receiver_settings *changed = merged(
        settings, "{\"timeoutMs\":null,\"inFlight\":3,\"headers\":{\"A\":null,\"C\":\"3\"}}");
    struct receiver_message message = message_of("x", "");
    struct receiver_request request = { 0 };
    assert_int_equal(receiver_limits(changed)->timeout_ms, 15000);
    assert_int_equal(receiver_limits(changed)->in_flight, 3);
    assert_int_equal(receiver_limits(settings)->timeout_ms, 100); // as it was
    build_of(changed, &message, NOW, &request);
    assert_null(field_of(&request, "A").ptr);
    assert_field(&request, "B", "2");
    assert_field(&request, "C", "3");
    assert_non_null(field_of(&request, "webhook-signature").ptr);
    assert_string_equal(request.outgoing.bearer, "t");
    receiver_request_deinit(&request);
    receiver_settings_unref(changed);
    changed = merged(settings, "{\"secrets\":null,\"auth\":null}");
    build_of(changed, &message, NOW, &request);
    assert_null(field_of(&request, "webhook-signature").ptr);
    assert_null(request.outgoing.bearer);
    receiver_request_deinit(&request);
    receiver_settings_unref(changed);
    changed = merged(settings, "{\"secrets\":[{\"secret\":\"" SECRET_2 "\"},{\"id\":\"one\"}],"
                               "\"auth\":{\"bearer\":null,\"basic\":\"a:b\"}}");
    build_of(changed, &message, NOW, &request);
    assert_int_equal(field_of(&request, "webhook-signature").len, 2 * 47 + 1);
    assert_string_equal(request.outgoing.basic, "a:b");
    receiver_request_deinit(&request);
    receiver_settings_unref(changed);
    receiver_settings_unref(settings);
}

static void bad_changes_change_nothing(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of(WITH_SECRETS);
    struct receiver_settings *changed;
    static const char *const patches[] = {
        "[]",
        "7",
        "{",
        "{\"url\":null}",
        "{\"colour\":1}",
        "{\"secrets\":[{\"id\":\"three\"}]}",
        "{\"tls\":{\"key\":true}}",
        "{\"auth\":{\"bearer\":\"x\"}}", // beside basic
        "{\"signature\":{\"scheme\":\"rsa2\"}}",
    };
    for (size_t i = 0; i < BASE_COUNT(patches); i++) {
        struct tidings_error err = { 0 };
        assert_int_equal(receiver_settings_merge(settings, str_of(patches[i]), NOW, &changed, &err),
                         TIDINGS_E_INVALID);
        assert_null(changed);
        assert_true(err.text[0] != '\0');
    }
    receiver_settings_unref(settings);
}

// ---- rotated ----

static void a_new_secret_stands_in_front(void **state)
{
    (void)state;
    struct receiver_settings *settings =
        settings_of("{" URL ",\"secrets\":[{\"secret\":\"" SECRET_1 "\",\"id\":\"one\"},"
                    "{\"secret\":\"" SECRET_2 "\",\"id\":\"two\",\"expiresAt\":1700000000200},"
                    "{\"secret\":\"" SECRET_2 "\",\"id\":\"over\",\"expiresAt\":1700000000123}]}");
    struct receiver_settings *rotated = NULL;
    struct receiver_settings *alone = NULL;
    struct buf secret;
    struct buf shown;
    buf_init(&secret, SIGN_PEM_MAX);
    buf_init(&shown, RECEIVER_DOCUMENT_MAX);
    assert_int_equal(
        receiver_settings_rotate(settings, STR(""), 1000, 0, NOW, &rotated, &secret, NULL),
        TIDINGS_OK);
    assert_int_equal(secret.len, 50);
    assert_true(str_starts(buf_str(&secret), STR("whsec_")));
    assert_int_equal(receiver_settings_show(rotated, &shown, NULL), TIDINGS_OK);
    assert_has(&shown, "\"createdAt\":1700000000123,\"expiresAt\":null},"
                       "{\"id\":\"one\",\"createdAt\":1700000000123,\"expiresAt\":1700000001123},"
                       "{\"id\":\"two\",\"createdAt\":1700000000123,\"expiresAt\":1700000000200}]");
    assert_has_not(&shown, "over");
    // The text that was given back is the one that signs.
    struct sign_secret *key = NULL;
    struct receiver_message message = message_of("x", "");
    struct receiver_request request = { 0 };
    assert_int_equal(sign_secret_new(SIGN_STANDARD, buf_str(&secret), &key, NULL), TIDINGS_OK);
    build_of(rotated, &message, NOW, &request);
    struct sign_webhook_headers headers = { str_of(message.id), STR("1700000000"),
                                            field_of(&request, "webhook-signature") };
    const struct sign_secret *keys[] = { key };
    assert_int_equal(sign_webhook_verify(keys, 1, &headers, 1700000000, 0, STR("x"), NULL),
                     TIDINGS_OK);
    assert_int_equal(headers.signature.len, 3 * 47 + 2);
    receiver_request_deinit(&request);
    sign_secret_free(key);
    // No overlap: the old ones are gone at once.
    assert_int_equal(
        receiver_settings_rotate(rotated, STR(SECRET_2), 0, 0, NOW, &alone, &secret, NULL),
        TIDINGS_OK);
    build_of(alone, &message, NOW, &request);
    assert_int_equal(field_of(&request, "webhook-signature").len, 47);
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
    receiver_settings_unref(rotated);
    receiver_settings_unref(alone);
    buf_deinit(&secret);
    buf_deinit(&shown);
}

static void rotation_knows_its_bounds(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL "}");
    struct receiver_settings *next = NULL;
    struct tidings_error err = { 0 };
    struct buf secret;
    buf_init(&secret, SIGN_PEM_MAX);
    for (int i = 0; i < SIGN_KEYS_MAX; i++) {
        assert_int_equal(
            receiver_settings_rotate(settings, STR(""), 1000, 0, NOW, &next, &secret, NULL),
            TIDINGS_OK);
        receiver_settings_unref(settings);
        settings = next;
    }
    buf_clear(&secret);
    assert_int_equal(
        receiver_settings_rotate(settings, STR(""), 1000, 0, NOW, &next, &secret, &err),
        TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "secrets: must be an array of at most 10"));
    assert_int_equal(receiver_settings_rotate(settings, STR(""), -1, 0, NOW, &next, &secret, &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(receiver_settings_rotate(settings, STR("x"), 0, 0, NOW, &next, &secret, &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(
        receiver_settings_rotate(settings, STR("sealed:1:AAAA"), 0, 0, NOW, &next, &secret, &err),
        TIDINGS_E_PERMISSION);
    assert_int_equal(secret.len, 0);
    // Once the old ones are over there is room again.
    assert_int_equal(
        receiver_settings_rotate(settings, STR(""), 1000, 0, NOW + 1000, &next, &secret, NULL),
        TIDINGS_OK);
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"signature\":{\"scheme\":\"rsa2\"}}");
    assert_int_equal(receiver_settings_rotate(settings, STR(""), 0, 0, NOW, &next, &secret, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "rsa2"));
    buf_clear(&secret);
    assert_int_equal(
        receiver_settings_rotate(settings, str_of(pem_private), 0, 0, NOW, &next, &secret, NULL),
        TIDINGS_OK);
    assert_text(&secret, pem_private);
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"signature\":{\"scheme\":\"hmac_hex\"}}");
    buf_clear(&secret);
    assert_int_equal(receiver_settings_rotate(settings, STR(""), 0, 0, NOW, &next, &secret, NULL),
                     TIDINGS_OK);
    assert_int_equal(secret.len, 50);
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"signature\":{\"scheme\":\"none\"}}");
    assert_int_equal(receiver_settings_rotate(settings, STR(""), 0, 0, NOW, &next, &secret, NULL),
                     TIDINGS_E_STATE);
    receiver_settings_unref(settings);
    buf_deinit(&secret);
}

// ---- who signs when ----

#define HEX_SCHEME(more)                                                                           \
    "{" URL ",\"signature\":{\"scheme\":\"hmac_hex\"" more "},\"secrets\":[{\"secret\":\"first\"}" \
    "]}"

// Which of the secrets, first or second, made the header's signature at a time; "" without one.
static const char *signer(struct receiver_settings *settings, const char *header, int64_t at_ms)
{
    static const char *const secrets[] = { "first", "second" };
    const char *found = "";
    struct receiver_message message = message_of("x", "");
    struct receiver_request request = { 0 };
    build_of(settings, &message, at_ms, &request);
    struct str value = field_of(&request, header);
    for (size_t i = 0; i < BASE_COUNT(secrets) && value.len > 0; i++) {
        struct sign_secret *key = NULL;
        assert_int_equal(sign_secret_new(SIGN_HMAC_HEX, str_of(secrets[i]), &key, NULL),
                         TIDINGS_OK);
        const struct sign_secret *keys[] = { key };
        found = sign_body_hex_verify(keys, 1, STR(""), STR("x"), value, NULL) == TIDINGS_OK
                    ? secrets[i]
                    : found;
        sign_secret_free(key);
    }
    receiver_request_deinit(&request);
    return found;
}

static struct receiver_settings *rotated(struct receiver_settings *settings, int64_t overlap_ms,
                                         int64_t active_ms)
{
    struct receiver_settings *next = NULL;
    struct buf secret;
    buf_init(&secret, SIGN_PEM_MAX);
    assert_int_equal(receiver_settings_rotate(settings, STR("second"), overlap_ms, active_ms, NOW,
                                              &next, &secret, NULL),
                     TIDINGS_OK);
    buf_deinit(&secret);
    return next;
}

// Where there is room for one signature, the old secret signs until the overlap ends.
static void one_header_changes_hands_when_the_overlap_ends(void **state)
{
    static const struct {
        int64_t overlap_ms;
        int64_t active_ms;
        int64_t hand_over_ms;
    } rows[] = {
        { 1000, 0, NOW + 1000 },     { 0, 0, NOW },    { 5000, NOW + 700, NOW + 700 },
        { 0, NOW + 700, NOW + 700 }, { 1000, 1, NOW }, { 1000, NOW, NOW },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct receiver_settings *settings = settings_of(HEX_SCHEME(""));
        struct receiver_settings *next = rotated(settings, rows[i].overlap_ms, rows[i].active_ms);
        int64_t at_ms = rows[i].hand_over_ms;
        assert_true(receiver_newest_active_ms(next) == (at_ms > NOW ? at_ms : 0));
        assert_string_equal(signer(next, "X-Signature", at_ms), "second");
        assert_string_equal(signer(next, "X-Signature", at_ms + 100000), "second");
        if (at_ms > NOW) {
            assert_string_equal(signer(next, "X-Signature", NOW), "first");
            assert_string_equal(signer(next, "X-Signature", at_ms - 1), "first");
        }
        receiver_settings_unref(next);
        receiver_settings_unref(settings);
    }
}

static void a_second_header_has_the_other_one(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of(HEX_SCHEME(",\"secondHeader\":\"X-Other\""));
    struct receiver_settings *next = rotated(settings, 1000, NOW + 500);
    assert_string_equal(signer(settings, "X-Other", NOW), "");
    assert_string_equal(signer(next, "X-Signature", NOW + 499), "first");
    assert_string_equal(signer(next, "X-Other", NOW + 499), "second");
    assert_string_equal(signer(next, "X-Signature", NOW + 500), "second");
    assert_string_equal(signer(next, "X-Other", NOW + 500), "first");
    assert_string_equal(signer(next, "X-Other", NOW + 1499), "first");
    assert_string_equal(signer(next, "X-Other", NOW + 1500), "");
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
}

static void nothing_is_left_unsigned_by_a_later_begin(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_of("{" URL ",\"secrets\":[{\"secret\":\"" SECRET_1
                                                     "\",\"expiresAt\":1700000000600}]}");
    struct receiver_settings *next = NULL;
    struct tidings_error err = { 0 };
    struct buf secret;
    buf_init(&secret, SIGN_PEM_MAX);
    assert_int_equal(
        receiver_settings_rotate(settings, STR(""), 0, NOW + 1000, NOW, &next, &secret, &err),
        TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "activeAt: no secret that there is signs until then"));
    assert_int_equal(receiver_settings_rotate(settings, STR(""), 0,
                                              NOW + RECEIVER_OVERLAP_MOST_MS + 1, NOW, &next,
                                              &secret, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "activeAt: must be at most"));
    assert_int_equal(
        receiver_settings_rotate(settings, STR(""), 0, NOW + 400, NOW, &next, &secret, &err),
        TIDINGS_OK);
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
    // By itself it begins when the last one that signs ends; at once when none does.
    settings = settings_of("{" URL ",\"signature\":{\"scheme\":\"hmac_hex\"},"
                           "\"secrets\":[{\"secret\":\"first\",\"expiresAt\":1700000000600}]}");
    next = rotated(settings, 100000, 0);
    assert_true(receiver_newest_active_ms(next) == 1700000000600);
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
    settings = settings_of("{" URL ",\"signature\":{\"scheme\":\"hmac_hex\"}}");
    next = rotated(settings, 100000, 0);
    assert_string_equal(signer(next, "X-Signature", NOW), "second");
    receiver_settings_unref(next);
    receiver_settings_unref(settings);
    buf_deinit(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(limit_and_window_stand_above_the_ladder),
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(types_are_patterns),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(secrets_are_not_in_errors),
        cmocka_unit_test(documents_are_bounded),
        cmocka_unit_test(what_is_stored_is_sealed_and_reads_back),
        cmocka_unit_test(what_is_shown_is_all_but_secrets),
        cmocka_unit_test(no_room_is_an_error),
        cmocka_unit_test(certificates_and_keys_belong_together),
        cmocka_unit_test(keys_of_certificates_are_hidden),
        cmocka_unit_test(changes_keep_the_rest),
        cmocka_unit_test(bad_changes_change_nothing),
        cmocka_unit_test(a_new_secret_stands_in_front),
        cmocka_unit_test(rotation_knows_its_bounds),
        cmocka_unit_test(one_header_changes_hands_when_the_overlap_ends),
        cmocka_unit_test(a_second_header_has_the_other_one),
        cmocka_unit_test(nothing_is_left_unsigned_by_a_later_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

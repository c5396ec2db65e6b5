// SPDX-License-Identifier: Apache-2.0
// Payloads whose members are signed: what is put in, where, and that nothing else changes. The
// signatures were computed with Python's hashlib and hmac.
#include "test_receiver_support.h"
#include "test_sign_pem.h"

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json; charset=utf-8"
#define XML  "text/xml"

static struct receiver_settings *settings_for(const char *scheme, const char *secret)
{
    char *document = malloc(16384);
    struct buf escaped;
    buf_init(&escaped, 8192);
    assert_non_null(document);
    for (const char *at = secret; *at != '\0'; at++) {
        assert_int_equal(*at == '\n' ? buf_add_str(&escaped, STR("\\n")) : buf_add(&escaped, at, 1),
                         TIDINGS_OK);
    }
    (void)snprintf(document, 16384,
                   "{" URL
                   ",\"signature\":{\"scheme\":\"%s\"},\"secrets\":[{\"secret\":\"%.*s\"}]}",
                   scheme, (int)escaped.len, escaped.ptr);
    struct receiver_settings *settings = settings_of(document);
    buf_deinit(&escaped);
    free(document);
    return settings;
}

static void assert_sent(const char *scheme, const char *type, const char *payload, const char *want)
{
    struct receiver_settings *settings = settings_for(scheme, "key");
    struct receiver_message message = message_of(payload, type);
    struct receiver_request request = { 0 };
    build_of(settings, &message, NOW, &request);
    assert_body(&request, want);
    assert_null(field_of(&request, "webhook-signature").ptr);
    assert_field(&request, "Content-Type", type[0] != '\0' ? type : "application/octet-stream");
    receiver_request_deinit(&request);
    receiver_settings_unref(settings);
}

static void forms_are_signed(void **state)
{
    (void)state;
    assert_sent("params_md5", FORM, "b=2+3&a=1.50&c=%e4%B8%AD%26%3D%2B&empty=&bare",
                "b=2+3&a=1.50&c=%e4%B8%AD%26%3D%2B&empty=&bare"
                "&sign=C2A15881502067564B7BD3E231EDF5F2");
    assert_sent("params_hmac", "Application/X-WWW-Form-URLEncoded;charset=UTF-8",
                "&&c=%e4%B8%AD%26%3D%2B&a=1.50&&b=2%203&",
                "&&c=%e4%B8%AD%26%3D%2B&a=1.50&&b=2%203&"
                "sign=5C9E573BA9F06116A64EBB46B5E3EFD6987118FAD5F03435A2126DD54F79DABC");
}

static void json_is_signed(void **state)
{
    (void)state;
    assert_sent("params_md5", JSON,
                " { \"amount\" : 1.50,\"id\":\"a\\\"b\",\"n\":12345678901234567,\n"
                "\"ok\":true ,\"e\":1e2, \"none\":null,\"z\":\"\" } \n",
                " { \"amount\" : 1.50,\"id\":\"a\\\"b\",\"n\":12345678901234567,\n"
                "\"ok\":true ,\"e\":1e2, \"none\":null,\"z\":\"\",\"sign\":"
                "\"0D3D410F69DC55A4969B1AFCE3A83FFD\" } \n");
    assert_sent("params_hmac", "application/vnd.pay+json",
                "{\"e\":1e2,\"\\u0061mount\":\"1.50\",\"id\":\"a\\u0022b\",\"ok\":\"true\","
                "\"n\":12345678901234567}",
                "{\"e\":1e2,\"\\u0061mount\":\"1.50\",\"id\":\"a\\u0022b\",\"ok\":\"true\","
                "\"n\":12345678901234567,\"sign\":"
                "\"13B80413D7B275619D1531F684647510188C76904BF7B44F28852C68883C4D33\"}");
}

static void xml_is_signed(void **state)
{
    (void)state;
    assert_sent("params_md5", XML,
                "<?xml version=\"1.0\"?>\n<xml>\n <total><![CDATA[1 < 2]]></total>\n"
                " <!-- </xml> --><appid>wx1</appid><none/>\n</xml >\n",
                "<?xml version=\"1.0\"?>\n<xml>\n <total><![CDATA[1 < 2]]></total>\n"
                " <!-- </xml> --><appid>wx1</appid><none/>\n"
                "<sign>1F9B7C94D9BCAD9E92EF9432062F4985</sign></xml >\n");
    assert_sent("params_hmac", "application/xml",
                "<xml><appid>wx1</appid><total>1 &lt; &#50;</total></xml>",
                "<xml><appid>wx1</appid><total>1 &lt; &#50;</total><sign>"
                "7A2979CFE5F11A048F21ED8373A8E2FBCD9B0E00394DFA1C46E18A8566C24516</sign></xml>");
}

static void what_has_no_type_is_told_by_its_beginning(void **state)
{
    (void)state;
    assert_sent("params_md5", "", "\n<xml><appid>wx1</appid><total>1 &lt; 2</total></xml>",
                "\n<xml><appid>wx1</appid><total>1 &lt; 2</total>"
                "<sign>1F9B7C94D9BCAD9E92EF9432062F4985</sign></xml>");
    assert_sent("params_md5", "text/plain", "{\"appid\":\"wx1\",\"total\":\"1 < 2\"}",
                "{\"appid\":\"wx1\",\"total\":\"1 < 2\",\"sign\":"
                "\"1F9B7C94D9BCAD9E92EF9432062F4985\"}");
}

// The text between two others.
static struct str between(struct str text, const char *before, const char *after)
{
    size_t from = str_find_str(text, str_of(before));
    assert_true(from != SIZE_MAX);
    from += strlen(before);
    size_t len = str_find_str(str_make(text.ptr + from, text.len - from), str_of(after));
    assert_true(len != SIZE_MAX);
    return str_make(text.ptr + from, len);
}

static void assert_verifies(struct str sign)
{
    struct sign_secret *key = NULL;
    struct sign_param params[] = { { STR("b"), STR("2 3") },
                                   { STR("sign_type"), STR("RSA2") },
                                   { STR("a"), STR("1") },
                                   { STR("sign"), sign } };
    assert_int_equal(sign_secret_new(SIGN_RSA2, str_of(pem_public), &key, NULL), TIDINGS_OK);
    const struct sign_secret *keys[] = { key };
    assert_int_equal(sign_params_verify(keys, 1, params, BASE_COUNT(params), NULL), TIDINGS_OK);
    sign_secret_free(key);
}

static void rsa2_names_its_type(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_for("rsa2", pem_private);
    struct receiver_message message = message_of("b=2+3&a=1", FORM);
    struct receiver_request request = { 0 };
    char sign[1024];
    size_t len = 0;
    build_of(settings, &message, NOW, &request);
    struct str body = request.outgoing.body;
    assert_true(str_starts(body, STR("b=2+3&a=1&sign_type=RSA2&sign=")));
    size_t at = strlen("b=2+3&a=1&sign_type=RSA2&sign=");
    for (; at < body.len; at++) {
        char c = body.ptr[at];
        assert_true(c != '+' && c != '/' && c != '=');
        if (c == '%') {
            struct str digits = str_make(body.ptr + at + 1, 2);
            c = str_eq(digits, STR("2B")) ? '+' : str_eq(digits, STR("2F")) ? '/' : '=';
            at += 2;
        }
        sign[len++] = c;
    }
    assert_verifies(str_make(sign, len));
    receiver_request_deinit(&request);
    message = message_of("{\"b\":\"2 3\",\"a\":1}", JSON);
    build_of(settings, &message, NOW, &request);
    assert_verifies(
        between(request.outgoing.body, "\"a\":1,\"sign_type\":\"RSA2\",\"sign\":\"", "\"}"));
    receiver_request_deinit(&request);
    message = message_of("<x><b>2 3</b><sign_type>RSA2</sign_type><a>1</a></x>", XML);
    build_of(settings, &message, NOW, &request); // it is there already
    assert_verifies(between(request.outgoing.body, "</sign_type><a>1</a><sign>", "</sign></x>"));
    receiver_request_deinit(&request);
    message = message_of("a=1&sign_type=RSA", FORM);
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "\"sign_type\" is not RSA2");
    receiver_settings_unref(settings);
}

static void what_cannot_be_signed_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *payload;
        const char *text;
    } rows[] = {
        { "text/plain", "a=1", "not \"text/plain\"" },
        { "", "", "payload: " },
        { FORM, "", "nothing to sign" },
        { FORM, "a=&b", "nothing to sign" },
        { FORM, "a=1&a=2", "a name comes twice" },
        { FORM, "a=1&%61=2", "a name comes twice" },
        { FORM, "a=%", "two hex digits" },
        { FORM, "a=%4", "two hex digits" },
        { FORM, "a=%4g", "two hex digits" },
        { FORM, "=1", "a name is empty" },
        { FORM, "a%3D=1", "has a \"=\"" },
        { FORM, "a=1&sign=2", "\"sign\" of its own" },
        { FORM, "a=1&sign", "\"sign\" of its own" },
        { JSON, "", "payload: no JSON" },
        { JSON, "a=1", "payload: no JSON" },
        { JSON, "[1]", "must be a JSON object" },
        { JSON, "{}", "nothing to sign" },
        { JSON, "{\"a\":{}}", "plain values" },
        { JSON, "{\"a\":1,\"b\":[1]}", "plain values" },
        { JSON, "{\"a\":1,\"a\":1}", "a name comes twice" },
        { JSON, "{\"a\":1,\"\\u0061\":2}", "a name comes twice" },
        { JSON, "{\"a\":\"x,}\",\"a\":1}", "a name comes twice" },
        { JSON, "{\"a\":1,\"a\":\"x,}\"}", "a name comes twice" },
        { JSON, "{\"a\":1,\"b\":2,\"a\":{}}", "a name comes twice" },
        { JSON, "{\"a\":1,\"sign\":null}", "\"sign\" of its own" },
        { JSON, "{\"a\":123456789012345678901234567890}", "beyond 64 bits" },
        { XML, "", "payload: no XML" },
        { XML, "{}", "no well-formed XML" },
        { XML, "<x/>", "nothing to sign" },
        { XML, "<x></x>", "nothing to sign" },
        { XML, "<x><a>1</a><a>2</a></x>", "a name comes twice" },
        { XML, "<x><a b='1'>1</a></x>", "no attributes or elements" },
        { XML, "<x><a><b>1</b></a></x>", "no attributes or elements" },
        { XML, "<x>1<a>1</a></x>", "elements only" },
        { XML, "<x><?p i?><a>1</a></x>", "elements only" },
        { XML, "<x><a>1</a><sign/></x>", "\"sign\" of its own" },
        { XML, "<x><a>1</a></x><!-- </ -->", "nothing may follow" },
        { XML, "<!DOCTYPE x><x><a>1</a></x>", "DOCTYPE" },
        { XML, "<!DOCTYPE x [<!ENTITY e 'x'>]><x><a>&e;</a></x>", "DOCTYPE" },
        { XML, "<?xml version='1.0' encoding='GBK'?><x><a>1</a></x>", "must be XML in UTF-8" },
        { XML, "<x><a>\xFF</a></x>", "must be XML in UTF-8" },
    };
    struct receiver_settings *settings = settings_for("params_md5", "key");
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct receiver_message message = message_of(rows[i].payload, rows[i].type);
        assert_not_built(settings, &message, TIDINGS_E_INVALID, rows[i].text);
    }
    struct receiver_message message = message_of("", XML);
    message.payload = STR("<\0x\0/\0>\0");
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "must be XML in UTF-8");
    receiver_settings_unref(settings);
}

static void members_are_bounded(void **state)
{
    (void)state;
    struct receiver_settings *settings = settings_for("params_md5", "key");
    struct receiver_request request = { 0 };
    struct buf payload;
    buf_init(&payload, 2 << 20);
    for (int i = 0; i < SIGN_PARAMS_MAX; i++) {
        assert_int_equal(buf_addf(&payload, "p%d=%d&", i, i), TIDINGS_OK);
    }
    struct receiver_message message = message_of("", FORM);
    message.payload = buf_str(&payload);
    build_of(settings, &message, NOW, &request);
    assert_int_equal(request.outgoing.body.len, payload.len + strlen("sign=") + 32);
    receiver_request_deinit(&request);
    assert_int_equal(buf_add_str(&payload, STR("more=1")), TIDINGS_OK);
    message.payload = buf_str(&payload);
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "more than 256 members");
    buf_clear(&payload);
    assert_int_equal(buf_add_str(&payload, STR("<x><a>1</a>")), TIDINGS_OK);
    while (payload.len < 1100000) {
        assert_int_equal(buf_add_str(&payload, STR("          ")), TIDINGS_OK);
    }
    assert_int_equal(buf_add_str(&payload, STR("</x>")), TIDINGS_OK);
    message = message_of("", XML);
    message.payload = buf_str(&payload);
    assert_not_built(settings, &message, TIDINGS_E_INVALID, "at most 1048576");
    receiver_settings_unref(settings);
    buf_deinit(&payload);
}

// What is sent fits by the key that signed it, and by no other.
static void what_is_sent_can_be_checked(void **state)
{
    static const char *const rows[][2] = {
        { FORM, "b=2&a=1" },
        { "application/json", "{\"b\":2,\"a\":1}" },
        { XML, "<x><b>2</b><a>1</a></x>" },
    };
    struct tidings_error err = { 0 };
    struct receiver_settings *settings = settings_for("params_hmac", "key");
    const struct sign_secret *keys[2];
    struct sign_secret *key = NULL;
    struct sign_secret *other = NULL;
    (void)state;
    assert_int_equal(sign_secret_new(SIGN_PARAMS_HMAC, STR("key"), &key, &err), TIDINGS_OK);
    assert_int_equal(sign_secret_new(SIGN_PARAMS_HMAC, STR("other"), &other, &err), TIDINGS_OK);
    keys[0] = other;
    keys[1] = key;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct receiver_message message = message_of(rows[i][1], rows[i][0]);
        struct receiver_request request = { 0 };
        struct receiver_right right;
        buf_init(&right.value, 1024);
        buf_init(&right.text, 1024);
        build_of(settings, &message, NOW, &request);
        struct str body = request.outgoing.body;
        assert_int_equal(receiver_params_verify(keys, 2, SIGN_PARAMS_HMAC, message.content_type,
                                                body, &right, &err),
                         TIDINGS_OK);
        assert_int_equal(right.value.len + right.text.len, 0);
        assert_int_equal(receiver_params_verify(keys, 1, SIGN_PARAMS_HMAC, message.content_type,
                                                body, &right, &err),
                         TIDINGS_E_PERMISSION);
        assert_int_equal(right.value.len, 64);
        assert_text(&right.text, "a=1&b=2");
        assert_int_equal(receiver_params_verify(keys, 2, SIGN_PARAMS_HMAC, message.content_type,
                                                message.payload, NULL, &err),
                         TIDINGS_E_INVALID);
        receiver_request_deinit(&request);
        buf_deinit(&right.value);
        buf_deinit(&right.text);
    }
    assert_int_equal(receiver_params_verify(keys, 2, SIGN_PARAMS_HMAC, STR("text/plain"),
                                            STR("a=1"), NULL, &err),
                     TIDINGS_E_INVALID);
    sign_secret_free(key);
    sign_secret_free(other);
    receiver_settings_unref(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_signed),
        cmocka_unit_test(json_is_signed),
        cmocka_unit_test(xml_is_signed),
        cmocka_unit_test(what_has_no_type_is_told_by_its_beginning),
        cmocka_unit_test(rsa2_names_its_type),
        cmocka_unit_test(what_cannot_be_signed_is_an_error),
        cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(what_is_sent_can_be_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

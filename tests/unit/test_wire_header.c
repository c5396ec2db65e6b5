// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/wire.h"

struct fixture {
    struct buf scratch;
    struct wire_header header;
    struct tidings_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    buf_init(&f->scratch, WIRE_HEADER_MAX);
    *state = f;
    return f == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_deinit(&f->scratch);
    free(f);
    return 0;
}

// The header as a heap block of its very size, so that a sanitizer sees every byte read too far.
static tidings_status decode(struct fixture *f, enum wire_serialize serialize, struct str text)
{
    char *copy = malloc(text.len + (text.len == 0));
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    struct wire_frame frame = { .serialize = serialize, .header = { copy, text.len } };
    tidings_status status = wire_header_decode(&frame, &f->scratch, &f->header, &f->err);
    free(copy);
    return status;
}

// For tests that look at the values: `text` itself is decoded, its views live on.
static void decode_json(struct fixture *f, struct str text)
{
    struct wire_frame frame = { .serialize = WIRE_JSON, .header = text };
    assert_int_equal(decode(f, WIRE_JSON, text), TIDINGS_OK);
    assert_int_equal(wire_header_decode(&frame, &f->scratch, &f->header, &f->err), TIDINGS_OK);
}

static void expect_field(const struct fixture *f, const char *key, const char *value)
{
    struct str found = wire_header_get(&f->header, str_of(key));
    if (value == NULL) {
        assert_null(found.ptr);
    } else {
        assert_non_null(found.ptr);
        assert_int_equal(found.len, strlen(value));
        assert_memory_equal(found.ptr, value, found.len);
    }
}

static void java_request_is_read(void **state)
{
    struct fixture *f = *state;
    decode_json(
        f,
        STR("{\"code\":310,\"extFields\":{\"a\":\"group\",\"b\":\"topic\",\"e\":\"3\","
            "\"i\":\"KEYS\\u0001k1\\u0002TAGS\\u0001A\\u0002\"},\"flag\":0,\"language\":\"JAVA\","
            "\"opaque\":17,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}"));
    assert_int_equal(f->header.code, 310);
    assert_int_equal(f->header.opaque, 17);
    assert_int_equal(f->header.flag, 0);
    assert_int_equal(f->header.version, 409);
    assert_int_equal(f->header.language, WIRE_LANGUAGE_JAVA);
    assert_int_equal(f->header.serialize, WIRE_JSON);
    assert_null(f->header.remark.ptr);
    assert_int_equal(f->header.ext_count, 4);
    expect_field(f, "a", "group");
    expect_field(f, "i", "KEYS\1k1\2TAGS\1A\2");
    expect_field(f, "z", NULL);
}

static void values_may_be_numbers_booleans_and_null(void **state)
{
    struct fixture *f = *state;
    decode_json(
        f, STR(" {\"code\" : 15 , \"extFields\":{\"n\":-12,\"r\":1.5e3,\"t\":true,\"f\":false,"
               "\"z\":null,\"e\":\"\"},\"flag\":-2,\"opaque\":-2147483648,\"language\":\"CPP\","
               "\"remark\":\"\",\"version\":333}\n"));
    expect_field(f, "n", "-12");
    expect_field(f, "r", "1.5e3");
    expect_field(f, "t", "true");
    expect_field(f, "f", "false");
    expect_field(f, "z", NULL);
    expect_field(f, "e", "");
    assert_int_equal(f->header.flag, -2);
    assert_int_equal(f->header.opaque, INT32_MIN);
    assert_int_equal(f->header.language, WIRE_LANGUAGE_CPP);
    assert_non_null(f->header.remark.ptr);
    assert_int_equal(f->header.remark.len, 0);
}

static void fields_may_be_null_missing_or_empty(void **state)
{
    struct fixture *f = *state;
    decode_json(f, STR("{\"code\":34,\"extFields\":null,\"remark\":null}"));
    assert_int_equal(f->header.ext_count, 0);
    assert_null(f->header.remark.ptr);
    decode_json(f, STR("{\"code\":34}"));
    assert_int_equal(f->header.ext_count, 0);
    assert_int_equal(f->header.language, WIRE_LANGUAGE_OTHER);
    decode_json(f, STR("{\"code\":34,\"extFields\":{ }}"));
    assert_int_equal(f->header.ext_count, 0);
    decode_json(
        f, STR("{\"code\":34,\"opaque\":null,\"flag\":null,\"version\":null,\"language\":null}"));
    assert_int_equal(f->header.opaque, 0);
}

static void unknown_members_of_any_shape_are_passed_over(void **state)
{
    struct fixture *f = *state;
    decode_json(
        f, STR("{\"x\":{\"a\":[1,{\"b\":null},[],\"}\"],\"c\":{}},\"code\":1,\"y\":[true,-0.5e-7],"
               "\"extFields\":{\"k\":\"v\"},\"z\":\"\\\"\"}"));
    assert_int_equal(f->header.code, 1);
    expect_field(f, "k", "v");
    // 16 levels are the most: the header itself is the first.
    decode_json(f, STR("{\"code\":1,\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"));
    assert_int_equal(
        decode(f, WIRE_JSON, STR("{\"code\":1,\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}")),
        TIDINGS_E_PROTOCOL);
}

static void last_of_duplicates_wins(void **state)
{
    struct fixture *f = *state;
    decode_json(f, STR("{\"code\":1,\"extFields\":{\"gone\":\"1\"},\"code\":2,"
                       "\"extFields\":{\"a\":\"1\",\"b\":\"x\",\"a\":\"2\",\"b\":null,\"\":\"e\","
                       "\"\":\"f\"}}"));
    assert_int_equal(f->header.code, 2);
    expect_field(f, "gone", NULL);
    expect_field(f, "a", "2");
    expect_field(f, "b", NULL);
    expect_field(f, "", "f");
}

static void escapes_become_utf8(void **state)
{
    struct fixture *f = *state;
    decode_json(f, STR("{\"code\":1,\"extFields\":{\"all\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
                       "\"u\":\"\\u0041\\u00e9\\u20AC\\uD83D\\ude00\",\"\\u006bey\":\"\\u0000\","
                       "\"raw\":\"\xc3\xa9\xff\"}}"));
    expect_field(f, "all", "\"\\/\b\f\n\r\t");
    expect_field(f, "u", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    expect_field(f, "raw", "\xc3\xa9\xff");
    struct str nul = wire_header_get(&f->header, STR("key"));
    assert_int_equal(nul.len, 1);
    assert_int_equal(nul.ptr[0], 0);
}

static void lone_surrogates_become_replacement_characters(void **state)
{
    struct fixture *f = *state;
    decode_json(f, STR("{\"code\":1,\"extFields\":{\"high\":\"\\ud800\",\"low\":\"\\udfff!\","
                       "\"swapped\":\"\\udc00\\ud800\",\"twice\":\"\\ud800\\ud83d\\ude00\","
                       "\"letter\":\"\\ud800\\u0041\",\"escape\":\"\\ud800\\n\"}}"));
    expect_field(f, "high", "\xef\xbf\xbd");
    expect_field(f, "low", "\xef\xbf\xbd!");
    expect_field(f, "swapped", "\xef\xbf\xbd\xef\xbf\xbd");
    expect_field(f, "twice", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    expect_field(f, "letter",
                 "\xef\xbf\xbd"
                 "A");
    expect_field(f, "escape", "\xef\xbf\xbd\n");
}

static void malformed_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"code\":1",
        "{\"code\":1}}",
        "{\"code\":1} x",
        "{\"code\":1,}",
        "{,\"code\":1}",
        "{code:1}",
        "{'code':1}",
        "{\"code\" 1}",
        "{\"code\":}",
        "{\"code\":01}",
        "{\"code\":+1}",
        "{\"code\":1.}",
        "{\"code\":1.0}",
        "{\"code\":.5}",
        "{\"code\":-}",
        "{\"code\":1e}",
        "{\"code\":1e5}",
        "{\"code\":\"1\"}",
        "{\"code\":true}",
        "{\"code\":2147483648}",
        "{\"code\":-2147483649}",
        "{\"code\":99999999999999999999}",
        "{\"code\":{}}",
        "{\"code\":1,\"remark\":5}",
        "{\"code\":1,\"remark\":[]}",
        "{\"code\":1,\"language\":{}}",
        "{\"code\":1,\"extFields\":[]}",
        "{\"code\":1,\"extFields\":\"x\"}",
        "{\"code\":1,\"extFields\":{\"a\":{]}}",
        "{\"code\":1,\"extFields\":{\"a\":[1}}",
        "{\"code\":1,\"extFields\":{\"a\":tru}}",
        "{\"code\":1,\"extFields\":{\"a\":nul",
        "{\"code\":1,\"extFields\":{\"a\":\"x}}",
        "{\"code\":1,\"extFields\":{\"a\":\"\\x\"}}",
        "{\"code\":1,\"extFields\":{\"a\":\"\\u12g4\"}}",
        "{\"code\":1,\"extFields\":{\"a\":\"\\u12",
        "{\"code\":1,\"extFields\":{\"a\":\"\\ud800\\u12\"}}",
        "{\"code\":1,\"extFields\":{\"a\":\"tab\there\"}}",
        "{\"code\":1,\"extFields\":{\"a\":\"\\n raw\1\"}}",
        "{\"code\":1,\"extFields\":{1:\"a\"}}",
        "{\"code\":1,\"x\":[1,]}",
        "{\"code\":1,\"x\":[1}}",
        "{\"code\":1,\"x\":{\"y\"}}",
        "{\"flag\":0,\"opaque\":1}",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        f->err.text[0] = '\0';
        if (decode(f, WIRE_JSON, str_of(texts[i])) != TIDINGS_E_PROTOCOL) {
            fail_msg("accepted: %s", texts[i]);
        }
        assert_non_null(strstr(f->err.text, "at byte"));
    }
}

static void cut_json_is_refused_at_every_byte(void **state)
{
    struct fixture *f = *state;
    struct str text =
        STR("{\"code\":310,\"extFields\":{\"a\":\"g\\u0001\",\"n\":12,\"t\":true},\"flag\":0,"
            "\"language\":\"GO\",\"opaque\":7,\"x\":[null,{}],\"remark\":\"r\"}");
    assert_int_equal(decode(f, WIRE_JSON, text), TIDINGS_OK);
    for (size_t len = 0; len < text.len; len++) {
        assert_int_equal(decode(f, WIRE_JSON, str_make(text.ptr, len)), TIDINGS_E_PROTOCOL);
    }
}

static void more_than_64_fields_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 65536);
    for (unsigned count = WIRE_EXT_MAX; count <= WIRE_EXT_MAX + 1; count++) {
        buf_clear(&text);
        assert_int_equal(buf_add_str(&text, STR("{\"code\":1,\"extFields\":{\"first\":\"0\"")),
                         TIDINGS_OK);
        for (unsigned i = 1; i < count; i++) {
            assert_int_equal(buf_addf(&text, ",\"k%u\":\"%u\"", i, i), TIDINGS_OK);
        }
        assert_int_equal(buf_add_str(&text, STR("}}")), TIDINGS_OK);
        assert_int_equal(decode(f, WIRE_JSON, buf_str(&text)),
                         count == WIRE_EXT_MAX ? TIDINGS_OK : TIDINGS_E_PROTOCOL);
    }
    assert_int_equal(wire_header_add(&f->header, STR("k"), STR("v")), TIDINGS_E_FULL);
    buf_deinit(&text);
}

static void small_scratch_is_told(void **state)
{
    struct fixture *f = *state;
    struct buf small;
    struct wire_frame frame = { .header = STR("{\"code\":1,\"extFields\":{\"a\":\"\\n\"}}") };
    buf_init(&small, 8);
    assert_int_equal(wire_header_decode(&frame, &small, &f->header, &f->err), TIDINGS_E_TOO_LARGE);
    frame.header = STR("{\"code\":1,\"extFields\":{\"a\":\"plain needs none\"}}");
    assert_int_equal(wire_header_decode(&frame, &small, &f->header, &f->err), TIDINGS_OK);
    buf_deinit(&small);
}

// ---- encoding ----
static void expect_bytes(const struct buf *out, struct str wanted)
{
    assert_int_equal(out->len, wanted.len);
    assert_memory_equal(out->ptr, wanted.ptr, wanted.len);
}

static void response_is_written_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    struct wire_header response;
    struct buf out;
    f->header =
        (struct wire_header){ .code = 310, .opaque = 42, .flag = 0, .serialize = WIRE_JSON };
    buf_init(&out, 4096);
    wire_response_init(&response, &f->header, WIRE_SUCCESS);
    assert_int_equal(wire_header_add(&response, STR("msgId"), STR("7F0000\"1")), TIDINGS_OK);
    assert_int_equal(wire_header_add(&response, STR("absent"), (struct str){ NULL, 0 }),
                     TIDINGS_OK);
    assert_int_equal(wire_header_add(&response, STR("queueId"), STR("2")), TIDINGS_OK);
    assert_int_equal(wire_header_encode(&response, 3, &out), TIDINGS_OK);
    // 145 = 0x91 bytes of header; 0x98 = 4 + 145 + 3.
    expect_bytes(&out,
                 STR("\0\0\0\x98\0\0\0\x91{\"code\":0,\"extFields\":{\"msgId\":\"7F0000\\\"1\","
                     "\"queueId\":\"2\"},\"flag\":1,\"language\":\"OTHER\",\"opaque\":42,"
                     "\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}"));
    buf_clear(&out);
    wire_response_init(&response, &f->header, WIRE_SYSTEM_ERROR);
    response.remark = STR("a\1b");
    assert_int_equal(wire_header_encode(&response, 0, &out), TIDINGS_OK);
    expect_bytes(
        &out,
        STR("\0\0\0\x88\0\0\0\x84{\"code\":1,\"extFields\":{},\"flag\":1,\"language\":\"OTHER\","
            "\"opaque\":42,\"remark\":\"a\\u0001b\",\"serializeTypeCurrentRPC\":\"JSON\","
            "\"version\":409}"));
    buf_deinit(&out);
}

static void binary_is_written_and_read_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    // code 0, OTHER, 409, opaque 258, flag 1, remark "hi", 13 bytes of fields: k=v, ky=""
    struct str wanted =
        STR("\0\0\0\x2a\x01\0\0\x26\0\0\x07\x01\x99\0\0\x01\x02\0\0\0\x01\0\0\0\x02hi"
            "\0\0\0\x0f\0\x01k\0\0\0\x01v\0\x01y\0\0\0\0");
    struct wire_header request = { .opaque = 258, .serialize = WIRE_BINARY };
    struct wire_header response;
    struct wire_frame frame;
    size_t need;
    buf_init(&out, 4096);
    wire_response_init(&response, &request, 0);
    response.remark = STR("hi");
    assert_int_equal(wire_header_add(&response, STR("k"), STR("v")), TIDINGS_OK);
    assert_int_equal(wire_header_add(&response, STR("absent"), (struct str){ NULL, 0 }),
                     TIDINGS_OK);
    assert_int_equal(wire_header_add(&response, STR("y"), STR("")), TIDINGS_OK);
    assert_int_equal(wire_header_encode(&response, 0, &out), TIDINGS_OK);
    expect_bytes(&out, wanted);
    assert_int_equal(wire_frame_decode(wanted, &frame, &need, &f->err), TIDINGS_OK);
    assert_int_equal(wire_header_decode(&frame, &f->scratch, &f->header, &f->err), TIDINGS_OK);
    assert_int_equal(f->header.opaque, 258);
    assert_int_equal(f->header.flag, WIRE_FLAG_RESPONSE);
    assert_int_equal(f->header.version, 409);
    assert_int_equal(f->header.serialize, WIRE_BINARY);
    assert_true(str_eq(f->header.remark, STR("hi")));
    expect_field(f, "k", "v");
    expect_field(f, "y", "");
    buf_deinit(&out);
}

static void cut_binary_is_refused_at_every_byte(void **state)
{
    struct fixture *f = *state;
    struct str bytes = STR("\x01\x36\x09\x01\x3d\0\0\0\x07\xff\xff\xff\xfe\0\0\0\x02hi"
                           "\0\0\0\x11\0\x01k\0\0\0\x01v\0\x01k\0\0\0\x02ww");
    assert_int_equal(decode(f, WIRE_BINARY, bytes), TIDINGS_OK);
    assert_int_equal(f->header.code, 310);
    assert_int_equal(f->header.language, WIRE_LANGUAGE_GO);
    assert_int_equal(f->header.version, 317);
    assert_int_equal(f->header.flag, -2);
    assert_int_equal(f->header.ext_count, 1);
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(decode(f, WIRE_BINARY, str_make(bytes.ptr, len)), TIDINGS_E_PROTOCOL);
    }
}

static void malformed_binary_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct str no_fields = STR("\0\x0b\x63\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_int_equal(decode(f, WIRE_BINARY, no_fields), TIDINGS_OK);
    assert_int_equal(f->header.language, WIRE_LANGUAGE_OTHER); // 0x63 is none
    assert_null(f->header.remark.ptr);
    // a byte too many; negative lengths of remark, fields, key, value
    assert_int_equal(decode(f, WIRE_BINARY, STR("\0\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x")),
                     TIDINGS_E_PROTOCOL);
    assert_int_equal(
        decode(f, WIRE_BINARY, STR("\0\x0b\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0")),
        TIDINGS_E_PROTOCOL);
    assert_int_equal(
        decode(f, WIRE_BINARY, STR("\0\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff")),
        TIDINGS_E_PROTOCOL);
    assert_int_equal(
        decode(f, WIRE_BINARY, STR("\0\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\xff\xff")),
        TIDINGS_E_PROTOCOL);
    assert_int_equal(
        decode(f, WIRE_BINARY,
               STR("\0\x0b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\x01k\xff\xff\xff\xff")),
        TIDINGS_E_PROTOCOL);
}

static void what_is_encoded_decodes_the_same(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    struct buf value;
    struct wire_frame frame;
    size_t need;
    buf_init(&out, 1024 * 1024);
    buf_init(&value, 1024);
    for (unsigned len = 0; len < 600; len++) {
        struct wire_header header = {
            .code = -5, .opaque = -9, .flag = 3, .version = 475, .language = 9
        };
        header.serialize = len % 2 == 0 ? WIRE_JSON : WIRE_BINARY;
        buf_clear(&value);
        buf_clear(&out);
        for (unsigned i = 0; i < len; i++) {
            char c = (char)(i * 7 + len);
            assert_int_equal(buf_add(&value, &c, 1), TIDINGS_OK);
        }
        header.remark = STR("remark");
        assert_int_equal(
            wire_header_add(&header, STR("value"), str_make(len > 0 ? value.ptr : "", len)),
            TIDINGS_OK);
        assert_int_equal(wire_header_encode(&header, 0, &out), TIDINGS_OK);
        assert_int_equal(wire_frame_decode(buf_str(&out), &frame, &need, NULL), TIDINGS_OK);
        assert_int_equal(wire_header_decode(&frame, &f->scratch, &f->header, NULL), TIDINGS_OK);
        assert_int_equal(f->header.code, -5);
        assert_int_equal(f->header.opaque, -9);
        assert_int_equal(f->header.language, WIRE_LANGUAGE_GO);
        assert_true(str_eq(f->header.remark, STR("remark")));
        assert_true(str_eq(wire_header_get(&f->header, STR("value")), buf_str(&value)));
    }
    buf_deinit(&value);
    buf_deinit(&out);
}

// Texts of all short lengths, with a byte that needs an escape at each place, from blocks of their
// very size.
static void texts_of_all_lengths(void **state)
{
    enum { LONGEST = 50 };
    static const char specials[] = { 'x', '"', '\\', '\n', '\1', '\x1f', ' ', '\x7f', '\xc3' };
    struct fixture *f = *state;
    struct buf out;
    buf_init(&out, WIRE_HEADER_MAX);
    for (size_t len = 1; len <= LONGEST; len++) {
        for (size_t i = 0; i < len * sizeof specials; i++) {
            char *text = malloc(len);
            assert_non_null(text);
            memset(text, 'a', len);
            text[i / sizeof specials] = specials[i % sizeof specials];
            struct wire_header header = { .code = 1, .serialize = WIRE_JSON };
            assert_int_equal(wire_header_add(&header, STR("k"), str_make(text, len)), TIDINGS_OK);
            buf_clear(&out);
            assert_int_equal(wire_header_encode(&header, 0, &out), TIDINGS_OK);
            decode_json(f, str_make(out.ptr + 8, out.len - 8));
            assert_true(str_eq(wire_header_get(&f->header, STR("k")), str_make(text, len)));
            free(text);
        }
    }
    buf_deinit(&out);
}

static void too_large_headers_leave_the_buffer_alone(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    size_t len = WIRE_HEADER_MAX;
    char *bytes = calloc(1, len);
    assert_non_null(bytes);
    f->header = (struct wire_header){ .code = 1 };
    buf_init(&out, 64 * 1024);
    assert_int_equal(buf_add(&out, "kept", 4), TIDINGS_OK);
    assert_int_equal(wire_header_encode(&f->header, WIRE_FRAME_MAX, &out), TIDINGS_E_TOO_LARGE);
    f->header.remark = str_make(bytes, len);
    assert_int_equal(wire_header_encode(&f->header, 0, &out), TIDINGS_E_TOO_LARGE);
    f->header.serialize = WIRE_BINARY;
    assert_int_equal(wire_header_encode(&f->header, 0, &out), TIDINGS_E_TOO_LARGE);
    f->header.remark.len = 64 * 1024; // within the header's limit, not within the buffer's
    assert_int_equal(wire_header_encode(&f->header, 0, &out), TIDINGS_E_TOO_LARGE);
    assert_true(str_eq(buf_str(&out), STR("kept")));
    buf_deinit(&out);
    free(bytes);
}

static void languages_have_names(void **state)
{
    static const char *const names[] = { "JAVA",   "CPP",  "DOTNET", "PYTHON", "DELPHI",
                                         "ERLANG", "RUBY", "OTHER",  "HTTP",   "GO",
                                         "PHP",    "OMS",  "RUST",   "NODE_JS" };
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 4096);
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        buf_clear(&text);
        assert_int_equal(buf_addf(&text, "{\"code\":1,\"language\":\"%s\"}", names[i]), TIDINGS_OK);
        decode_json(f, buf_str(&text));
        assert_int_equal(f->header.language, i);
        buf_clear(&text);
        assert_int_equal(wire_header_encode(&f->header, 0, &text), TIDINGS_OK);
        assert_true(str_find_str(buf_str(&text), str_of(names[i])) != SIZE_MAX);
    }
    decode_json(f, STR("{\"code\":1,\"language\":9}"));
    assert_int_equal(f->header.language, WIRE_LANGUAGE_GO);
    decode_json(f, STR("{\"code\":1,\"language\":99}"));
    assert_int_equal(f->header.language, WIRE_LANGUAGE_OTHER);
    decode_json(f, STR("{\"code\":1,\"language\":\"KLINGON\"}"));
    assert_int_equal(f->header.language, WIRE_LANGUAGE_OTHER);
    buf_deinit(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(java_request_is_read),
        TEST(values_may_be_numbers_booleans_and_null),
        TEST(fields_may_be_null_missing_or_empty),
        TEST(unknown_members_of_any_shape_are_passed_over),
        TEST(last_of_duplicates_wins),
        TEST(escapes_become_utf8),
        TEST(lone_surrogates_become_replacement_characters),
        TEST(malformed_json_is_refused),
        TEST(cut_json_is_refused_at_every_byte),
        TEST(more_than_64_fields_are_refused),
        TEST(small_scratch_is_told),
        TEST(response_is_written_byte_for_byte),
        TEST(binary_is_written_and_read_byte_for_byte),
        TEST(cut_binary_is_refused_at_every_byte),
        TEST(malformed_binary_is_refused),
        TEST(what_is_encoded_decodes_the_same),
        TEST(texts_of_all_lengths),
        TEST(too_large_headers_leave_the_buffer_alone),
        TEST(languages_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

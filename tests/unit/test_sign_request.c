// SPDX-License-Identifier: Apache-2.0
// Signatures against those that rocketmq-acl 4.9.7 (AclUtils.combineRequestContent, calSignature)
// computes for the same fields, bodies and secrets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sign/sign.h"

enum { PAIRS_MAX = 16 };

struct vector {
    const char *about;
    const char *secret;
    enum sign_form form;
    const char *body;
    const char *signature;
    const char *pairs[PAIRS_MAX][2];
};

static const struct vector vectors[] = {
    { "heartbeat: body and key only",
      "12345678",
      SIGN_FORM_WHOLE,
      "{\"clientID\":\"10.0.0.7@4711\",\"producerDataSet\":[],\"consumerDataSet\":[]}",
      "r0Cy1NHqj05R71u6mXbwsa8Sp6g=",
      { { "AccessKey", "RocketMQ" } } },
    { "SEND_MESSAGE_V2",
      "12345678",
      SIGN_FORM_WHOLE,
      "hello",
      "9CfAidnKg3I1Y2jxv4Hqsmh7omA=",
      { { "a", "billing" },
        { "b", "orders" },
        { "c", "TBW102" },
        { "d", "4" },
        { "e", "-1" },
        { "f", "0" },
        { "g", "1718000000000" },
        { "h", "0" },
        { "i", "KEYS\x01k1\x02TAGS\x01paid\x02" },
        { "j", "0" },
        { "k", "false" },
        { "m", "false" },
        { "AccessKey", "RocketMQ" } } },
    { "SEND_MESSAGE, security token",
      "12345678",
      SIGN_FORM_WHOLE,
      "hello",
      "HfgSJahm+a++Y4ss3vt59w0+kPo=",
      { { "producerGroup", "billing" },
        { "topic", "orders" },
        { "defaultTopic", "TBW102" },
        { "queueId", "-1" },
        { "AccessKey", "RocketMQ" },
        { "SecurityToken", "tok/en+1=" } } },
    { "no body",
      "12345678",
      SIGN_FORM_WHOLE,
      NULL,
      "wQpEtKVGCRZV0Dt019r5of21aVA=",
      { { "topic", "orders" }, { "AccessKey", "RocketMQ" } } },
    { "nothing to sign",
      "12345678",
      SIGN_FORM_WHOLE,
      "",
      "beQgVA0KNM4WtCe68fj2DEn3WWU=",
      { { "AccessKey", "" }, { "topic", "" } } },
    { "a Signature that is there already",
      "12345678",
      SIGN_FORM_WHOLE,
      "x",
      "3bvv7K4uebEjikcMHkklrz8mvOo=",
      { { "AccessKey", "RocketMQ" }, { "Signature", "b2xk" }, { "topic", "t" } } },
    { "OnsChannel of the C++ client",
      "12345678",
      SIGN_FORM_WHOLE,
      "x",
      "sn2LxGiHfSQDrfiH4iVcWTLcj9Y=",
      { { "OnsChannel", "ALIYUN" }, { "AccessKey", "RocketMQ" }, { "topic", "t" } } },
    { "digits, capitals, small letters",
      "12345678",
      SIGN_FORM_WHOLE,
      "",
      "0IKo2H66X90/Xjn11PsdN89Mq6Y=",
      { { "b", "2" },
        { "B", "1" },
        { "a", "3" },
        { "_", "4" },
        { "AccessKey", "RocketMQ" },
        { "10", "5" },
        { "9", "6" } } },
    { "beyond ASCII",
      "g\xc3\xa9heimnis\xe4\xb8\xad",
      SIGN_FORM_WHOLE,
      "\xe4\xbd\xa0\xe5\xa5\xbd",
      "3fqI32w5NxBqjsM9jS3tgnpuTXY=",
      { { "AccessKey", "RocketMQ" },
        { "i", "KEYS\x01\xe8\xae\xa2\xe5\x8d\x95\xf0\x9f\x9a\x80\x02" },
        { "topic", "t" } } },
    { "names in the order of UTF-16",
      "12345678",
      SIGN_FORM_WHOLE,
      "",
      "DN86ogHlNPtJTEhwkYLroLbvObk=",
      { { "\xf0\x9f\x9a\x80", "rocket" },
        { "\xef\xbd\x9e", "tilde" },
        { "\xee\x80\x80", "private" },
        { "AccessKey", "RocketMQ" },
        { "\xed\x9f\xbf", "d7ff" } } },
    { "a secret longer than a block of SHA-1",
      "0123456789012345678901234567890123456789012345678901234567890123456789-long",
      SIGN_FORM_WHOLE,
      "x",
      "aYz+HB9X7qu/zk4SHPueSJcPn7U=",
      { { "AccessKey", "RocketMQ" } } },
    { "QUERY_MESSAGE as a client of 4.9.7 signs it",
      "12345678",
      SIGN_FORM_WHOLE,
      NULL,
      "UNsgZymPjf1hJyNq+Fs35wveJyY=",
      { { "topic", "orders" },
        { "key", "AC11000100" },
        { "maxNum", "32" },
        { "beginTimestamp", "0" },
        { "endTimestamp", "9223372036854775807" },
        { "_UNIQUE_KEY_QUERY", "true" },
        { "AccessKey", "RocketMQ" } } },
    { "QUERY_MESSAGE as older clients sign it",
      "12345678",
      SIGN_FORM_NO_UNIQUE,
      NULL,
      "cpWRzExIWlHYqrH/zCKFpKThRaI=",
      { { "topic", "orders" },
        { "key", "AC11000100" },
        { "maxNum", "32" },
        { "beginTimestamp", "0" },
        { "endTimestamp", "9223372036854775807" },
        { "_UNIQUE_KEY_QUERY", "true" },
        { "AccessKey", "RocketMQ" } } },
};

static size_t fields_of(const struct vector *vector, struct sign_field *fields)
{
    size_t count = 0;
    while (count < PAIRS_MAX && vector->pairs[count][0] != NULL) {
        fields[count].name = str_of(vector->pairs[count][0]);
        fields[count].value = str_of(vector->pairs[count][1]);
        count++;
    }
    return count;
}

static struct sign_key *signer_of(const char *secret)
{
    struct sign_key *signer = NULL;
    struct tidings_error err = { 0 };
    assert_int_equal(sign_key_new(str_of(secret), &signer, &err), TIDINGS_OK);
    return signer;
}

static void signatures_are_those_of_rocketmq(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(vectors); i++) {
        struct sign_field fields[PAIRS_MAX];
        char signature[SIGN_TEXT_SIZE];
        size_t count = fields_of(&vectors[i], fields);
        struct sign_key *signer = signer_of(vectors[i].secret);
        for (int round = 0; round < 2; round++) { // signing changes nothing in the signer
            assert_int_equal(sign_request(signer, vectors[i].form, fields, count,
                                          str_of(vectors[i].body), signature),
                             TIDINGS_OK);
            assert_string_equal(signature, vectors[i].signature);
        }
        sign_key_free(signer);
    }
}

static void the_order_of_fields_does_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(vectors); i++) {
        struct sign_field fields[PAIRS_MAX];
        struct sign_field turned[PAIRS_MAX];
        char signature[SIGN_TEXT_SIZE];
        size_t count = fields_of(&vectors[i], fields);
        for (size_t n = 0; n < count; n++) {
            turned[n] = fields[count - 1 - n];
        }
        struct sign_key *signer = signer_of(vectors[i].secret);
        assert_int_equal(sign_request(signer, vectors[i].form, turned, count,
                                      str_of(vectors[i].body), signature),
                         TIDINGS_OK);
        assert_string_equal(signature, vectors[i].signature);
        sign_key_free(signer);
    }
}

// RFC 2202, section 3, cases 1, 2, 6 and 7.
static void the_code_is_hmac_sha1(void **state)
{
    (void)state;
    char long_key[81];
    char short_key[21];
    memset(long_key, 0xAA, 80);
    memset(short_key, 0x0B, 20);
    long_key[80] = short_key[20] = '\0';
    const char *const cases[][3] = {
        { short_key, "Hi There", "thcxhlUFcmTii8C2+zeMjvFGvgA=" },
        { "Jefe", "what do ya want for nothing?", "7/zfauXrL6LSdBbV8YTfnCWafHk=" },
        { long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
          "qkrl4VJy0A6VcFY3zoo7Ve1AIRI=" },
        { long_key, "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
          "6OmdD0UjfXhta7qnllx4CLv/GpE=" },
    };
    for (size_t i = 0; i < BASE_COUNT(cases); i++) {
        char signature[SIGN_TEXT_SIZE];
        struct sign_key *signer = signer_of(cases[i][0]);
        assert_int_equal(
            sign_request(signer, SIGN_FORM_WHOLE, NULL, 0, str_of(cases[i][1]), signature),
            TIDINGS_OK);
        assert_string_equal(signature, cases[i][2]);
        sign_key_free(signer);
    }
}

static void a_name_may_not_come_twice(void **state)
{
    (void)state;
    char signature[SIGN_TEXT_SIZE] = "before";
    const struct sign_field fields[] = { { STR("topic"), STR("a") },
                                         { STR("AccessKey"), STR("RocketMQ") },
                                         { STR("topic"), STR("b") } };
    struct sign_key *signer = signer_of("12345678");
    assert_int_equal(sign_request(signer, SIGN_FORM_WHOLE, fields, 3, STR(""), signature),
                     TIDINGS_E_INVALID);
    assert_string_equal(signature, "");
    sign_key_free(signer);
}

static void fields_have_a_maximum(void **state)
{
    (void)state;
    struct sign_field fields[SIGN_FIELDS_MAX + 1];
    char names[SIGN_FIELDS_MAX + 1][8];
    char signature[SIGN_TEXT_SIZE];
    for (size_t i = 0; i <= SIGN_FIELDS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "f%zu", i);
        fields[i] = (struct sign_field){ str_of(names[i]), STR("v") };
    }
    struct sign_key *signer = signer_of("12345678");
    assert_int_equal(
        sign_request(signer, SIGN_FORM_WHOLE, fields, SIGN_FIELDS_MAX, STR(""), signature),
        TIDINGS_OK);
    assert_int_equal(
        sign_request(signer, SIGN_FORM_WHOLE, fields, SIGN_FIELDS_MAX + 1, STR(""), signature),
        TIDINGS_E_TOO_LARGE);
    sign_key_free(signer);
}

static void secrets_are_told_apart(void **state)
{
    (void)state;
    static const char *const secrets[] = { "", "1", "12345678", "12345679", "123456780" };
    char signatures[BASE_COUNT(secrets)][SIGN_TEXT_SIZE];
    for (size_t i = 0; i < BASE_COUNT(secrets); i++) {
        struct sign_key *signer = signer_of(secrets[i]);
        assert_int_equal(sign_request(signer, SIGN_FORM_WHOLE, NULL, 0, STR("x"), signatures[i]),
                         TIDINGS_OK);
        sign_key_free(signer);
        for (size_t other = 0; other < i; other++) {
            assert_string_not_equal(signatures[other], signatures[i]);
        }
    }
    sign_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_rocketmq),
        cmocka_unit_test(the_order_of_fields_does_not_matter),
        cmocka_unit_test(the_code_is_hmac_sha1),
        cmocka_unit_test(a_name_may_not_come_twice),
        cmocka_unit_test(fields_have_a_maximum),
        cmocka_unit_test(secrets_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/wire.h"

// Body "123456789": CRC-32 is the check value 0xcbf43926, 0x4bf43926 without its top bit.
static const char record_v4[] = "\0\0\0\x6b"                       // size 107 = 91 + 9 + 2 + 5
                                "\xda\xa3\x20\xa7"                 // magic V1
                                "\x4b\xf4\x39\x26"                 // crc of the body
                                "\0\0\0\x03"                       // queue
                                "\0\0\0\x07"                       // flag
                                "\0\0\0\0\0\0\x01\x02"             // queue offset 258
                                "\0\0\0\x01\0\0\0\0"               // physical offset 2^32
                                "\0\0\0\x04"                       // sysFlag: prepared
                                "\0\0\x01\x8f\x35\xd0\x53\xcb"     // born 1714567898059
                                "\x7f\0\0\x01\0\0\x2a\x9f"         // 127.0.0.1:10911
                                "\0\0\x01\x8f\x35\xd0\x53\xcc"     // stored one later
                                "\x0a\0\0\x02\0\0\0\x50"           // 10.0.0.2:80
                                "\0\0\0\x02"                       // reconsume times
                                "\xff\xff\xff\xff\xff\xff\xff\xff" // prepared offset -1
                                "\0\0\0\x09"
                                "123456789"
                                "\x02"
                                "To"
                                "\0\x05"
                                "K\1vv\2";
enum { RECORD_V4_SIZE = sizeof record_v4 - 1 };

static struct wire_message example(void)
{
    return (struct wire_message){
        .queue_id = 3,
        .flag = 7,
        .queue_offset = 258,
        .physical_offset = (int64_t)1 << 32,
        .sys_flag = 4,
        .born_ms = 0x18f35d053cb,
        .born_host = { { 127, 0, 0, 1 }, 4, 10911 },
        .store_ms = 0x18f35d053cc,
        .store_host = { { 10, 0, 0, 2 }, 4, 80 },
        .reconsume_times = 2,
        .prepared_offset = -1,
        .body = STR("123456789"),
        .topic = STR("To"),
        .properties = STR("K\1vv\2"),
    };
}

static tidings_status decode(struct str bytes, struct wire_message *ret)
{
    struct tidings_error err = { .status = TIDINGS_OK };
    char *copy = malloc(bytes.len + (bytes.len == 0));
    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    tidings_status status = wire_message_decode(str_make(copy, bytes.len), ret, &err);
    assert_true(status == TIDINGS_OK || err.text[0] != '\0');
    free(copy);
    return status;
}

static void record_is_written_byte_for_byte(void **state)
{
    (void)state;
    char out[RECORD_V4_SIZE];
    struct wire_message message = example();
    assert_int_equal(wire_message_size(&message), RECORD_V4_SIZE);
    wire_message_encode(&message, out);
    assert_memory_equal(out, record_v4, RECORD_V4_SIZE);
}

static void expect_host(const struct wire_host *host, const struct wire_host *wanted)
{
    assert_int_equal(host->length, wanted->length);
    assert_memory_equal(host->address, wanted->address, sizeof wanted->address);
    assert_int_equal(host->port, wanted->port);
}

static void record_is_read(void **state)
{
    (void)state;
    struct wire_message wanted = example();
    struct wire_message message;
    struct buf two;
    buf_init(&two, 4096);
    assert_int_equal(buf_add(&two, record_v4, RECORD_V4_SIZE), TIDINGS_OK);
    assert_int_equal(buf_add(&two, record_v4, RECORD_V4_SIZE), TIDINGS_OK);
    assert_int_equal(wire_message_decode(buf_str(&two), &message, NULL), TIDINGS_OK);
    assert_int_equal(message.size, RECORD_V4_SIZE);
    assert_int_equal(message.body_crc, 0x4bf43926);
    assert_int_equal(message.queue_id, 3);
    assert_int_equal(message.flag, 7);
    assert_int_equal(message.queue_offset, 258);
    assert_int_equal(message.physical_offset, wanted.physical_offset);
    assert_int_equal(message.sys_flag, 4);
    assert_int_equal(message.born_ms, wanted.born_ms);
    expect_host(&message.born_host, &wanted.born_host);
    assert_int_equal(message.store_ms, wanted.store_ms);
    expect_host(&message.store_host, &wanted.store_host);
    assert_int_equal(message.reconsume_times, 2);
    assert_int_equal(message.prepared_offset, -1);
    assert_true(str_eq(message.body, wanted.body));
    assert_true(str_eq(message.topic, wanted.topic));
    assert_true(str_eq(message.properties, wanted.properties));
    buf_deinit(&two);
}

static void v6_hosts_set_and_follow_their_bits(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        struct wire_message message = example();
        struct wire_message back;
        char out[256];
        message.sys_flag = WIRE_SYS_BORN_V6 | WIRE_SYS_STORE_V6 |
                           WIRE_SYS_COMPRESSED; // what was there is no matter
        message.born_host.length = (bits & 1) != 0 ? 16 : 4;
        message.store_host.length = (bits & 2) != 0 ? 16 : 4;
        memcpy(message.store_host.address, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
        size_t size = wire_message_size(&message);
        assert_int_equal(size,
                         RECORD_V4_SIZE + ((bits & 1) != 0 ? 12 : 0) + ((bits & 2) != 0 ? 12 : 0));
        wire_message_encode(&message, out);
        assert_int_equal(wire_message_decode(str_make(out, size), &back, NULL), TIDINGS_OK);
        assert_int_equal(back.sys_flag, WIRE_SYS_COMPRESSED | bits * WIRE_SYS_BORN_V6);
        assert_int_equal(back.born_host.length, message.born_host.length);
        assert_int_equal(back.store_host.length, message.store_host.length);
        assert_memory_equal(back.store_host.address, message.store_host.address,
                            back.store_host.length);
        assert_int_equal(back.store_host.port, 80);
        assert_true(str_eq(back.properties, message.properties));
    }
}

static void v2_has_a_topic_length_of_two_bytes(void **state)
{
    (void)state;
    char bytes[RECORD_V4_SIZE + 1];
    struct wire_message message;
    size_t topic_at = RECORD_V4_SIZE - 10; // length byte, "To", length, 5 bytes
    memcpy(bytes, record_v4, topic_at);
    bytes[topic_at] = 0;
    memcpy(bytes + topic_at + 1, record_v4 + topic_at, 10);
    bytes[3]++;
    bytes[7] = (char)0xab;
    assert_int_equal(decode(str_make(bytes, sizeof bytes), &message), TIDINGS_OK);
    assert_int_equal(message.topic.len, 2);
    assert_int_equal(message.properties.len, 5);
    bytes[7] = (char)0xa7; // a V1 reader must not take it
    assert_int_equal(decode(str_make(bytes, sizeof bytes), &message), TIDINGS_E_PROTOCOL);
    bytes[7] = (char)0xa8;
    assert_int_equal(decode(str_make(bytes, sizeof bytes), &message), TIDINGS_E_PROTOCOL);
}

static void cut_record_is_refused_at_every_byte(void **state)
{
    (void)state;
    struct wire_message message;
    assert_int_equal(decode(STR(record_v4), &message), TIDINGS_OK);
    for (size_t len = 0; len < RECORD_V4_SIZE; len++) {
        assert_int_equal(decode(str_make(record_v4, len), &message), TIDINGS_E_PROTOCOL);
    }
}

// A size that says less than the parts, or more.
static void sizes_that_do_not_add_up_are_refused(void **state)
{
    (void)state;
    char bytes[RECORD_V4_SIZE + 1];
    struct wire_message message;
    memcpy(bytes, record_v4, sizeof record_v4);
    for (uint32_t size = 0; size <= sizeof bytes; size++) {
        num_store_be32(bytes, size);
        assert_int_equal(decode(str_make(bytes, sizeof bytes), &message),
                         size == RECORD_V4_SIZE ? TIDINGS_OK : TIDINGS_E_PROTOCOL);
    }
    num_store_be32(bytes, 0xffffffff);
    assert_int_equal(decode(str_make(bytes, sizeof bytes), &message), TIDINGS_E_PROTOCOL);
    num_store_be32(bytes, RECORD_V4_SIZE);
    num_store_be32(bytes + 84, 0xfffffff7); // body of -9 bytes
    assert_int_equal(decode(str_make(bytes, RECORD_V4_SIZE), &message), TIDINGS_E_PROTOCOL);
    num_store_be32(bytes + 84, 9);
    bytes[97] = (char)0x82; // topic of 130 bytes
    assert_int_equal(decode(str_make(bytes, RECORD_V4_SIZE), &message), TIDINGS_E_PROTOCOL);
    bytes[97] = 2;
    bytes[100] = (char)0x80; // properties of a negative length
    assert_int_equal(decode(str_make(bytes, RECORD_V4_SIZE), &message), TIDINGS_E_PROTOCOL);
    bytes[100] = 0;
    assert_int_equal(decode(str_make(bytes, RECORD_V4_SIZE), &message), TIDINGS_OK);
}

static void largest_topic_and_properties_come_back(void **state)
{
    (void)state;
    struct wire_message message = example();
    struct wire_message back;
    char *properties = calloc(1, WIRE_PROPERTIES_MAX);
    char *out = malloc(64 * 1024);
    char topic[WIRE_TOPIC_MAX] = { 't' };
    assert_non_null(properties);
    assert_non_null(out);
    message.topic = str_make(topic, sizeof topic);
    message.properties = str_make(properties, WIRE_PROPERTIES_MAX);
    message.body = (struct str){ NULL, 0 };
    wire_message_encode(&message, out);
    assert_int_equal(wire_message_decode(str_make(out, wire_message_size(&message)), &back, NULL),
                     TIDINGS_OK);
    assert_int_equal(back.topic.len, WIRE_TOPIC_MAX);
    assert_int_equal(back.properties.len, WIRE_PROPERTIES_MAX);
    assert_int_equal(back.body.len, 0);
    assert_int_equal(back.body_crc, 0);
    free(out);
    free(properties);
}

static void queue_and_offset_can_be_patched(void **state)
{
    (void)state;
    char bytes[RECORD_V4_SIZE];
    struct wire_message message;
    memcpy(bytes, record_v4, sizeof bytes);
    wire_message_patch(bytes, 9, 1234567890123);
    assert_int_equal(decode(str_make(bytes, sizeof bytes), &message), TIDINGS_OK);
    assert_int_equal(message.queue_id, 9);
    assert_int_equal(message.queue_offset, 1234567890123);
    assert_int_equal(message.flag, 7);
    assert_int_equal(num_load_be64(bytes + WIRE_MESSAGE_AT_PHYSICAL_OFFSET), (uint64_t)1 << 32);
}

// ---- ids ----
static void ids_are_upper_case_hex(void **state)
{
    (void)state;
    char out[WIRE_MESSAGE_ID_MAX];
    struct wire_host v4 = { { 192, 168, 1, 254 }, 4, 10911 };
    struct wire_host v6 = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 0xaf }, 16, 10911 };
    assert_int_equal(wire_message_id_format(&v4, 0x1234abcd, out), 32);
    assert_memory_equal(out, "C0A801FE00002A9F000000001234ABCD", 32);
    assert_int_equal(wire_message_id_format(&v6, 1, out), 56);
    assert_memory_equal(out, "20010DB80000000000000000000000AF00002A9F0000000000000001", 56);
}

static void ids_are_read_back(void **state)
{
    (void)state;
    struct wire_host host;
    int64_t offset;
    assert_true(wire_message_id_parse(STR("c0a801FE00002A9f000000001234abcd"), &host, &offset));
    assert_int_equal(host.length, 4);
    assert_memory_equal(host.address, "\xc0\xa8\x01\xfe\0", 5);
    assert_int_equal(host.port, 10911);
    assert_int_equal(offset, 0x1234abcd);
    assert_true(wire_message_id_parse(
        STR("20010DB80000000000000000000000AF00002A9F0000000000000001"), &host, &offset));
    assert_int_equal(host.length, 16);
    assert_int_equal(host.address[15], 0xaf);
    assert_int_equal(offset, 1);
    assert_false(wire_message_id_parse(STR(""), &host, &offset));
    assert_false(wire_message_id_parse(STR("C0A801FE00002A9F000000001234ABC"), &host, &offset));
    assert_false(wire_message_id_parse(STR("C0A801FE00002A9F000000001234ABCG"), &host, &offset));
    assert_false(wire_message_id_parse(STR("C0A801FE00002A9F000000001234ABC\0"), &host, &offset));
    assert_false(wire_message_id_parse(STR("C0A801FE00002A9F000000001234ABCD00"), &host, &offset));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_is_written_byte_for_byte),
        cmocka_unit_test(record_is_read),
        cmocka_unit_test(v6_hosts_set_and_follow_their_bits),
        cmocka_unit_test(v2_has_a_topic_length_of_two_bytes),
        cmocka_unit_test(cut_record_is_refused_at_every_byte),
        cmocka_unit_test(sizes_that_do_not_add_up_are_refused),
        cmocka_unit_test(largest_topic_and_properties_come_back),
        cmocka_unit_test(queue_and_offset_can_be_patched),
        cmocka_unit_test(ids_are_upper_case_hex),
        cmocka_unit_test(ids_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

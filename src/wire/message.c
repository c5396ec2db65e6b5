// SPDX-License-Identifier: Apache-2.0
// The stored record. Fixed places up to the store host, whose place depends on the length of the
// born host:
//   0 i32 size   4 i32 magic   8 i32 crc of the body   12 i32 queue   16 i32 flag   20 i64 queue
//   offset 28 i64 physical offset   36 i32 sysFlag   40 i64 born   48 born host (4 or 16, then i32
//   port) then i64 stored, store host, i32 reconsume times, i64 prepared offset, i32 + body, u8
//   (V1) or i16 (V2) + topic, i16 + properties
#include "wire/bytes.h"
#include "wire/crc32.h"
#include "wire/wire.h"

enum {
    MAGIC_V2 = (int32_t)0xDAA320AB,
    FIXED_SIZE = 75, // without hosts' addresses and ports, body, topic, properties; V1
};

size_t wire_message_size(const struct wire_message *message)
{
    return FIXED_SIZE + message->born_host.length + 4u + message->store_host.length + 4u +
           message->body.len + message->topic.len + message->properties.len;
}

static char *put_host(char *out, const struct wire_host *host)
{
    memcpy(out, host->address, host->length);
    return bytes_put_u32(out + host->length, (uint32_t)host->port);
}

static uint32_t sys_flag_with_hosts(const struct wire_message *message)
{
    uint32_t flag = (uint32_t)message->sys_flag & ~(uint32_t)(WIRE_SYS_BORN_V6 | WIRE_SYS_STORE_V6);
    flag |= message->born_host.length == 16 ? WIRE_SYS_BORN_V6 : 0;
    return flag | (message->store_host.length == 16 ? WIRE_SYS_STORE_V6 : 0);
}

void wire_message_encode(const struct wire_message *message, void *out)
{
    size_t size = wire_message_size(message);
    BASE_ASSERT(message->born_host.length == 4 || message->born_host.length == 16);
    BASE_ASSERT(message->store_host.length == 4 || message->store_host.length == 16);
    BASE_ASSERT(message->topic.len <= WIRE_TOPIC_MAX);
    BASE_ASSERT(message->properties.len <= WIRE_PROPERTIES_MAX);
    BASE_ASSERT(size <= INT32_MAX);
    char *at = bytes_put_u32(out, (uint32_t)size);
    at = bytes_put_u32(at, (uint32_t)WIRE_MESSAGE_MAGIC);
    at = bytes_put_u32(at, wire_crc32(message->body.ptr, message->body.len) & 0x7fffffff);
    at = bytes_put_u32(at, (uint32_t)message->queue_id);
    at = bytes_put_u32(at, (uint32_t)message->flag);
    at = bytes_put_u64(at, (uint64_t)message->queue_offset);
    at = bytes_put_u64(at, (uint64_t)message->physical_offset);
    at = bytes_put_u32(at, sys_flag_with_hosts(message));
    at = bytes_put_u64(at, (uint64_t)message->born_ms);
    at = put_host(at, &message->born_host);
    at = bytes_put_u64(at, (uint64_t)message->store_ms);
    at = put_host(at, &message->store_host);
    at = bytes_put_u32(at, (uint32_t)message->reconsume_times);
    at = bytes_put_u64(at, (uint64_t)message->prepared_offset);
    at = bytes_put_u32(at, (uint32_t)message->body.len);
    at = bytes_put_str(at, message->body);
    *at++ = (char)message->topic.len;
    at = bytes_put_str(at, message->topic);
    num_store_be16(at, (uint16_t)message->properties.len);
    at = bytes_put_str(at + 2, message->properties);
    BASE_ASSERT(at == (char *)out + size);
}

// ---- decoding ----
static void take_host(struct bytes_cursor *cursor, bool v6, struct wire_host *ret)
{
    *ret = (struct wire_host){ .length = v6 ? 16 : 4 };
    const char *p = bytes_take(cursor, ret->length);
    if (p != NULL) {
        memcpy(ret->address, p, ret->length);
    }
    ret->port = bytes_take_i32(cursor);
}

static void take_fixed(struct bytes_cursor *cursor, struct wire_message *ret)
{
    ret->body_crc = (uint32_t)bytes_take_i32(cursor);
    ret->queue_id = bytes_take_i32(cursor);
    ret->flag = bytes_take_i32(cursor);
    ret->queue_offset = bytes_take_i64(cursor);
    ret->physical_offset = bytes_take_i64(cursor);
    ret->sys_flag = bytes_take_i32(cursor);
    ret->born_ms = bytes_take_i64(cursor);
    take_host(cursor, (ret->sys_flag & WIRE_SYS_BORN_V6) != 0, &ret->born_host);
    ret->store_ms = bytes_take_i64(cursor);
    take_host(cursor, (ret->sys_flag & WIRE_SYS_STORE_V6) != 0, &ret->store_host);
    ret->reconsume_times = bytes_take_i32(cursor);
    ret->prepared_offset = bytes_take_i64(cursor);
}

tidings_status wire_message_decode(struct str bytes, struct wire_message *ret,
                                   struct tidings_error *err)
{
    struct bytes_cursor cursor = { bytes.ptr, bytes.ptr + bytes.len, false };
    int32_t size = bytes_take_i32(&cursor);
    int32_t magic = bytes_take_i32(&cursor);
    if (cursor.failed || size < FIXED_SIZE || (size_t)size > bytes.len) {
        return error_set(err, TIDINGS_E_PROTOCOL,
                         "message: size %d does not fit in the %zu bytes there are", size,
                         bytes.len);
    }
    if (magic != WIRE_MESSAGE_MAGIC && magic != MAGIC_V2) {
        return error_set(err, TIDINGS_E_PROTOCOL, "message: unknown magic 0x%08x", (unsigned)magic);
    }
    cursor.end = bytes.ptr + size;
    take_fixed(&cursor, ret);
    ret->body = bytes_take_str(&cursor, bytes_take_i32(&cursor));
    int32_t topic_len =
        magic == MAGIC_V2 ? bytes_take_i16(&cursor) : (signed char)bytes_take_u8(&cursor);
    ret->topic = bytes_take_str(&cursor, topic_len);
    ret->properties = bytes_take_str(&cursor, bytes_take_i16(&cursor));
    if (cursor.failed || cursor.at != cursor.end) {
        return error_set(err, TIDINGS_E_PROTOCOL, "message: its parts do not add up to its size %d",
                         size);
    }
    ret->size = (size_t)size;
    return TIDINGS_OK;
}

// ---- message ids ----
static size_t put_hex(char *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    return 2 * len;
}

size_t wire_message_id_format(const struct wire_host *host, int64_t physical_offset, char *out)
{
    char tail[12];
    BASE_ASSERT(host->length == 4 || host->length == 16);
    num_store_be32(tail, (uint32_t)host->port);
    num_store_be64(tail + 4, (uint64_t)physical_offset);
    size_t len = put_hex(out, host->address, host->length);
    return len + put_hex(out + len, tail, sizeof tail);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool wire_message_id_parse(struct str id, struct wire_host *ret_host, int64_t *ret_physical_offset)
{
    unsigned char bytes[WIRE_MESSAGE_ID_MAX / 2];
    if (id.len != 32 && id.len != 56) {
        return false;
    }
    for (size_t i = 0; i < id.len / 2; i++) {
        int high = hex_value(id.ptr[2 * i]);
        int low = hex_value(id.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    *ret_host = (struct wire_host){ .length = id.len == 32 ? 4 : 16 };
    memcpy(ret_host->address, bytes, ret_host->length);
    ret_host->port = (int32_t)num_load_be32(bytes + ret_host->length);
    *ret_physical_offset = (int64_t)num_load_be64(bytes + ret_host->length + 4);
    return true;
}

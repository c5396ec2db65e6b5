// SPDX-License-Identifier: Apache-2.0
#include "commitlog/private.h"

// Offsets in the header, see commitlog.h.
enum {
    AT_LEN = 0,
    AT_TYPE = 4,
    AT_VERSION = 5,
    AT_CRC = 8,
    AT_COVERED = 12,
    AT_LAST = 12,
    AT_POSITION = 16,
    AT_BACK = 24,
    AT_WALL = 32
};

static void put32(char *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static void put64(char *at, int64_t value)
{
    memcpy(at, &value, sizeof value);
}

// The checksum covers the length and the type too, as first bytes.
static uint32_t checksum(const char *bytes, size_t payload_len)
{
    uint32_t crc = num_crc32c(0, bytes, AT_CRC);
    return num_crc32c(crc, bytes + AT_COVERED, COMMITLOG_HEADER - AT_COVERED + payload_len);
}

uint32_t record_encode(char *bytes, const struct record *record)
{
    int64_t back = record->position - record->durable;
    memset(bytes, 0, COMMITLOG_HEADER);
    put32(bytes + AT_LEN, (uint32_t)record->payload_len);
    bytes[AT_TYPE] = (char)record->type;
    bytes[AT_VERSION] = RECORD_VERSION;
    put32(bytes + AT_LAST, record->last_crc);
    put64(bytes + AT_POSITION, record->position);
    put32(bytes + AT_BACK, back > UINT32_MAX ? UINT32_MAX : (uint32_t)back);
    put64(bytes + AT_WALL, record->wall_ms);
    uint32_t crc = checksum(bytes, record->payload_len);
    put32(bytes + AT_CRC, crc);
    return crc;
}

bool record_decode(const struct commitlog *log, const char *bytes, int64_t position,
                   struct record *ret)
{
    uint32_t len = num_load_le32(bytes + AT_LEN);
    int64_t in_segment = position % log->options.segment_size;
    if (len == 0 || bytes[AT_TYPE] == 0 || bytes[AT_VERSION] != RECORD_VERSION ||
        (int64_t)num_load_le64(bytes + AT_POSITION) != position ||
        in_segment + (int64_t)record_size(len) > log->options.segment_size) {
        return false;
    }
    *ret = (struct record){
        .payload_len = len,
        .type = (uint8_t)bytes[AT_TYPE],
        .crc = num_load_le32(bytes + AT_CRC),
        .last_crc = num_load_le32(bytes + AT_LAST),
        .position = position,
        .durable = position - num_load_le32(bytes + AT_BACK),
        .wall_ms = (int64_t)num_load_le64(bytes + AT_WALL),
    };
    return true;
}

bool record_is_sound(const char *bytes, const struct record *record)
{
    return checksum(bytes, record->payload_len) == record->crc;
}

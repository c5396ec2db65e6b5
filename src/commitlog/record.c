// SPDX-License-Identifier: Apache-2.0
#include "commitlog/private.h"

// Offsets in the header, see commitlog.h.
enum {
    AT_LEN = 0,
    AT_TYPE = 4,
    AT_VERSION = 5,
    AT_ZERO = 6,
    AT_CRC = 8,
    AT_LAST = 12, // the checksum goes on here
    AT_BACK = 24,
    AT_ZERO_TOO = 28,
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

uint32_t record_checksum_begin(const char *header)
{
    uint32_t crc = num_crc32c(0, header, AT_CRC);
    return num_crc32c(crc, header + AT_LAST, COMMITLOG_HEADER - AT_LAST);
}

uint32_t record_checksum_more(uint32_t crc, const void *payload, size_t len)
{
    return num_crc32c(crc, payload, len);
}

// Header and payload stand together: one call less than in pieces.
static uint32_t checksum(const char *bytes, size_t payload_len)
{
    uint32_t crc = num_crc32c(0, bytes, AT_CRC);
    return num_crc32c(crc, bytes + AT_LAST, COMMITLOG_HEADER - AT_LAST + payload_len);
}

uint32_t record_encode(char *bytes, const struct record *record)
{
    int64_t back = record->position - record->durable;
    BASE_ASSERT(back >= 0 && back <= UINT32_MAX); // follows from the limits in check_options
    memset(bytes, 0, COMMITLOG_HEADER);
    put32(bytes + AT_LEN, (uint32_t)record->payload_len);
    bytes[AT_TYPE] = (char)record->type;
    bytes[AT_VERSION] = RECORD_VERSION;
    put32(bytes + AT_LAST, record->last_crc);
    put64(bytes + RECORD_AT_POSITION, record->position);
    put32(bytes + AT_BACK, (uint32_t)back);
    put64(bytes + AT_WALL, record->wall_ms);
    uint32_t crc = checksum(bytes, record->payload_len);
    put32(bytes + AT_CRC, crc);
    return crc;
}

bool record_decode(int64_t segment_size, const char *bytes, int64_t position, struct record *ret)
{
    uint32_t len = num_load_le32(bytes + AT_LEN);
    if (len == 0 || bytes[AT_TYPE] == 0 || bytes[AT_VERSION] != RECORD_VERSION ||
        bytes[AT_ZERO] != 0 || bytes[AT_ZERO + 1] != 0 || num_load_le32(bytes + AT_ZERO_TOO) != 0 ||
        !record_claims(bytes, position) ||
        position % segment_size + (int64_t)record_size(len) > segment_size) {
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

// SPDX-License-Identifier: Apache-2.0
// Stored records back to back: one that can be written again must come out byte for byte, but for
// its CRC.
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CRC_AT = 8, CRC_END = 12 };

static void write_again(struct str record, const struct wire_message *message)
{
    char *out = malloc(record.len);
    if (out == NULL) {
        return;
    }
    BASE_ASSERT(wire_message_size(message) == record.len);
    wire_message_encode(message, out);
    BASE_ASSERT(memcmp(out, record.ptr, CRC_AT) == 0);
    BASE_ASSERT(memcmp(out + CRC_END, record.ptr + CRC_END, record.len - CRC_END) == 0);
    free(out);
}

static void check_id(const struct wire_message *message)
{
    char id[WIRE_MESSAGE_ID_MAX];
    struct wire_host host;
    int64_t offset;
    size_t len = wire_message_id_format(&message->store_host, message->physical_offset, id);
    BASE_ASSERT(wire_message_id_parse(str_make(id, len), &host, &offset));
    BASE_ASSERT(offset == message->physical_offset && host.port == message->store_host.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make(data, size);
    struct wire_message message;
    struct tidings_error err;
    struct wire_host host;
    int64_t offset;
    while (wire_message_decode(rest, &message, &err) == TIDINGS_OK) {
        if (num_load_be32(rest.ptr + 4) == (uint32_t)WIRE_MESSAGE_MAGIC) {
            write_again(str_make(rest.ptr, message.size), &message);
        }
        check_id(&message);
        rest = str_make(rest.ptr + message.size, rest.len - message.size);
    }
    (void)wire_message_id_parse(str_make(data, size), &host, &offset);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// A stream of frames as a server reads it: frame, header, and every request's fields.
#include "wire/requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_all(const struct wire_header *header)
{
    struct tidings_error err;
    struct wire_send send;
    if (wire_send_decode(header, &send, &err) == TIDINGS_OK) {
        BASE_ASSERT(send.topic.ptr != NULL);
    }
#define R(name, fields)                                                                            \
    {                                                                                              \
        struct wire_##name request;                                                                \
        if (wire_##name##_decode(header, &request, &err) != TIDINGS_OK) {                          \
            BASE_ASSERT(err.text[0] != '\0');                                                      \
        }                                                                                          \
    }
    WIRE_REQUEST_STRUCTS(R)
#undef R
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make(data, size);
    struct wire_frame frame;
    struct wire_header header;
    struct tidings_error err;
    struct buf scratch;
    size_t need;
    buf_init(&scratch, WIRE_HEADER_MAX);
    while (wire_frame_decode(rest, &frame, &need, &err) == TIDINGS_OK) {
        BASE_ASSERT(frame.size == 8 + frame.header.len + frame.body.len && frame.size == need);
        if (wire_header_decode(&frame, &scratch, &header, &err) == TIDINGS_OK) {
            decode_all(&header);
        }
        rest = str_make(rest.ptr + frame.size, rest.len - frame.size);
    }
    buf_deinit(&scratch);
    return 0;
}

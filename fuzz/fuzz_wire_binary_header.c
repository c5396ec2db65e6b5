// SPDX-License-Identifier: Apache-2.0
// The binary header: what was read is written and read again.
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_frame frame = { .serialize = WIRE_BINARY, .header = str_make(data, size) };
    struct wire_header header;
    struct wire_header again;
    struct tidings_error err;
    struct buf scratch;
    struct buf out;
    size_t need;
    buf_init(&scratch, WIRE_HEADER_MAX);
    buf_init(&out, 2 * WIRE_HEADER_MAX);
    if (wire_header_decode(&frame, &scratch, &header, &err) == TIDINGS_OK &&
        wire_header_encode(&header, 0, &out) == TIDINGS_OK) {
        BASE_ASSERT(wire_frame_decode(buf_str(&out), &frame, &need, NULL) == TIDINGS_OK);
        BASE_ASSERT(wire_header_decode(&frame, &scratch, &again, NULL) == TIDINGS_OK);
        BASE_ASSERT(again.code == header.code && again.opaque == header.opaque);
        BASE_ASSERT(again.flag == header.flag && again.version == header.version);
        BASE_ASSERT(again.language == header.language && str_eq(again.remark, header.remark));
        BASE_ASSERT(again.ext_count == header.ext_count);
        for (unsigned i = 0; i < header.ext_count; i++) {
            BASE_ASSERT(str_eq(again.ext[i].key, header.ext[i].key));
            BASE_ASSERT(str_eq(again.ext[i].value, header.ext[i].value));
        }
    }
    buf_deinit(&out);
    buf_deinit(&scratch);
    return 0;
}

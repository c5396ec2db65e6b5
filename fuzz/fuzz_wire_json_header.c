// SPDX-License-Identifier: Apache-2.0
// The JSON header scanner against jansson, and what it read against its own encoder.
#include "fuzz_wire_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct str text, struct buf *scratch)
{
    struct wire_frame frame = { .serialize = WIRE_JSON, .header = text };
    struct wire_header header;
    struct wire_header again;
    struct buf out;
    struct buf scratch_again;
    size_t need;
    buf_init(&out, 2 * WIRE_HEADER_MAX);
    buf_init(&scratch_again, WIRE_HEADER_MAX);
    if (wire_header_decode(&frame, scratch, &header, NULL) != TIDINGS_OK ||
        wire_header_encode(&header, 0, &out) != TIDINGS_OK) {
        goto out;
    }
    BASE_ASSERT(wire_frame_decode(buf_str(&out), &frame, &need, NULL) == TIDINGS_OK);
    BASE_ASSERT(wire_header_decode(&frame, &scratch_again, &again, NULL) == TIDINGS_OK);
    BASE_ASSERT(again.code == header.code && again.opaque == header.opaque &&
                again.flag == header.flag);
    BASE_ASSERT(again.version == header.version && again.language == header.language);
    BASE_ASSERT(str_eq(again.remark, header.remark));
    for (unsigned i = 0; i < header.ext_count; i++) {
        BASE_ASSERT(str_eq(wire_header_get(&again, header.ext[i].key), header.ext[i].value));
    }
out:
    buf_deinit(&scratch_again);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf scratch;
    buf_init(&scratch, WIRE_HEADER_MAX);
    if (size <= WIRE_HEADER_MAX && judge_header(str_make(data, size), &scratch)) {
        round_trip(str_make(data, size), &scratch);
    }
    buf_deinit(&scratch);
    return 0;
}

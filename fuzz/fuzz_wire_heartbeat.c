// SPDX-License-Identifier: Apache-2.0
// Heartbeats: what was read is written and read again.
#include "wire/bodies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_heartbeat *heartbeat = NULL;
    struct wire_heartbeat *again = NULL;
    struct tidings_error err = { .status = TIDINGS_OK };
    struct buf out;
    buf_init(&out, 2 * WIRE_BODY_MAX);
    if (wire_heartbeat_decode(str_make(data, size), &heartbeat, &err) != TIDINGS_OK) {
        BASE_ASSERT(heartbeat == NULL && err.text[0] != '\0');
        goto out;
    }
    if (wire_heartbeat_encode(heartbeat, &out) != TIDINGS_OK) { // its tag expressions may be wrong
        goto out;
    }
    BASE_ASSERT(wire_heartbeat_decode(buf_str(&out), &again, NULL) == TIDINGS_OK);
    BASE_ASSERT(strcmp(heartbeat->client_id, again->client_id) == 0);
    BASE_ASSERT(heartbeat->producer_count == again->producer_count);
    BASE_ASSERT(heartbeat->consumer_count == again->consumer_count);
    for (unsigned i = 0; i < heartbeat->consumer_count; i++) {
        const struct wire_consumer_data *a = &heartbeat->consumers[i];
        const struct wire_consumer_data *b = &again->consumers[i];
        BASE_ASSERT(a->model == b->model && a->from_where == b->from_where &&
                    a->active == b->active);
        BASE_ASSERT(a->subscription_count == b->subscription_count);
    }
out:
    wire_heartbeat_free(again);
    wire_heartbeat_free(heartbeat);
    buf_deinit(&out);
    return 0;
}

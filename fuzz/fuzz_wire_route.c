// SPDX-License-Identifier: Apache-2.0
// Routes in both dialects, and the walk that turns one into the other.
#include <jansson.h>

#include "wire/bodies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_route(struct str body)
{
    struct wire_route *route = NULL;
    struct wire_route *again = NULL;
    struct tidings_error err = { .status = TIDINGS_OK };
    struct buf out;
    buf_init(&out, 2 * WIRE_BODY_MAX);
    if (wire_route_decode(body, &route, &err) == TIDINGS_OK) {
        BASE_ASSERT(wire_route_encode(route, &out) == TIDINGS_OK);
        BASE_ASSERT(wire_route_decode(buf_str(&out), &again, NULL) == TIDINGS_OK);
        BASE_ASSERT(route->queue_count == again->queue_count);
        BASE_ASSERT(route->broker_count == again->broker_count);
        for (unsigned i = 0; i < route->broker_count; i++) {
            BASE_ASSERT(strcmp(route->brokers[i].broker, again->brokers[i].broker) == 0);
            BASE_ASSERT((route->brokers[i].master == NULL) == (again->brokers[i].master == NULL));
        }
    } else {
        BASE_ASSERT(route == NULL && err.text[0] != '\0');
    }
    wire_route_free(again);
    wire_route_free(route);
    buf_deinit(&out);
}

// Plain JSON comes through unchanged (unless it is deeper than the walk goes), and what came
// through once comes through again unchanged when it is JSON by then.
static void check_normalise(struct str body)
{
    struct buf once;
    struct buf twice;
    buf_init(&once, 2 * WIRE_BODY_MAX);
    buf_init(&twice, 2 * WIRE_BODY_MAX);
    tidings_status status = wire_json_normalise(body, &once, NULL);
    json_t *before = json_loadb(body.len > 0 ? body.ptr : "", body.len, JSON_DECODE_ANY, NULL);
    if (before != NULL && status == TIDINGS_OK) {
        BASE_ASSERT(str_eq(body, buf_str(&once)));
    }
    if (status == TIDINGS_OK) {
        json_t *after = json_loadb(once.len > 0 ? once.ptr : "", once.len, JSON_DECODE_ANY, NULL);
        if (after != NULL) {
            BASE_ASSERT(wire_json_normalise(buf_str(&once), &twice, NULL) == TIDINGS_OK);
            BASE_ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
        }
        json_decref(after);
    }
    json_decref(before);
    buf_deinit(&twice);
    buf_deinit(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_route(str_make(data, size));
    check_normalise(str_make(data, size));
    return 0;
}

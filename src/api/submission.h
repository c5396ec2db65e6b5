// SPDX-License-Identifier: Apache-2.0
// What a request hands over, in all the forms of docs/openapi.yaml, read into the notifier's
// submissions. Nothing is copied that can stay where it is: the submissions point into the request
// and the pool. Private to the room.
#ifndef API_SUBMISSION_H
#define API_SUBMISSION_H

#include "api/pool.h"
#include "api/problem.h"
#include "api/router.h"
#include "notify/notify.h"

enum {
    API_BATCH_MAX = 1000,
    API_TARGETS_MAX = 16384, // receivers that a request names in all
    API_HEADERS_MAX = 64,    // that one passes on
};

// The parts of a request; ptr NULL = absent.
struct api_input {
    enum api_body body_kind; // of the content type
    struct str content_type;
    struct str body;
    struct str source; // Tidings-Source, …
    struct str type;
    struct str tx_no;
    struct str receivers;
    struct str ladder;
    struct str due;
    struct str event_version; // ce-specversion, …; percent-encoded
    struct str event_id;
    struct str event_source;
    struct str event_type;
    struct str event_lines; // all ce- headers, lines of receiver_headers_add
    struct str traceparent;
    struct str tracestate;
    size_t payload_max;
};

struct api_submit;

struct api_item {
    struct notify_submission submission;
    struct api_refusal *refusal; // it is not handed over; NULL: it is
    struct api_submit *submit;   // whose it is, see submit.c
    struct buf result;           // of a batch: its part of the answer
    int status;                  // HTTP, of its part
};

struct api_submissions {
    struct api_item *items;
    size_t count;
    bool is_batch; // answered with results, each on its own
};

// False when the whole request is refused. Of a batch each item may have a refusal of its own.
bool api_submission_read(const struct api_input *input, struct api_pool *pool,
                         struct api_submissions *ret, struct api_refusal *refusal);

#endif

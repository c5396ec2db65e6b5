// SPDX-License-Identifier: Apache-2.0
// What the readers of the forms share.
#ifndef API_SUBMISSION_PRIVATE_H
#define API_SUBMISSION_PRIVATE_H

#include "api/scan.h"
#include "api/submission.h"

struct api_reading {
    const struct api_input *input;
    struct api_pool *pool;
    struct buf lines;            // of the headers that are passed on
    size_t targets;              // receivers that were named so far
    struct api_refusal *refusal; // of what is read now
};

// Fields that one of several forms fills in, with the checks that all need; false: refused.
bool api_reading_name(struct api_reading *reading, const char *field, struct str text,
                      struct str *ret);
bool api_reading_content_type(struct api_reading *reading, const char *field, struct str text,
                              struct str *ret);
bool api_reading_ladder(struct api_reading *reading, const char *field, struct str text,
                        struct str *ret);
bool api_reading_payload(struct api_reading *reading, const char *field, struct str payload,
                         struct str *ret);
bool api_reading_targets(struct api_reading *reading, const char *field, const struct str *names,
                         size_t count, struct notify_submission *ret);
// "A, B"; absent: none.
bool api_reading_target_list(struct api_reading *reading, const char *field, struct str text,
                             struct notify_submission *ret);
// Tidings-Receivers, Tidings-Ladder and Tidings-Due.
bool api_reading_options(struct api_reading *reading, struct notify_submission *ret);
// What stands in `lines`, and the request's trace, become the submission's headers.
bool api_reading_headers(struct api_reading *reading, struct notify_submission *ret);
bool api_reading_no_memory(struct api_reading *reading);
// What a JSON string means; `value` has its quotes.
bool api_reading_text(struct api_reading *reading, const char *field, struct str value,
                      bool may_have_nul, struct str *ret);
bool api_reading_malformed(struct api_reading *reading, const struct api_scan *scan);

// ---- submission_json.c ----
// One notification, the bytes of a JSON value; *ret_slices gets the items when it is a batch
// (`max` at most), and *ret_is_batch says so: then nothing else was read.
bool api_reading_json(struct api_reading *reading, struct str value, struct str *ret_slices,
                      size_t max, size_t *ret_count, bool *ret_is_batch,
                      struct notify_submission *ret);
// Items of an array as their bytes.
bool api_reading_slices(struct api_reading *reading, struct api_scan *scan, const char *field,
                        struct str *ret_slices, size_t max, size_t *ret_count);

// ---- submission_event.c ----
bool api_reading_event(struct api_reading *reading, struct str value,
                       struct notify_submission *ret);
bool api_reading_binary_event(struct api_reading *reading, struct notify_submission *ret);

#endif

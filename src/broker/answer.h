// SPDX-License-Identifier: Apache-2.0
// Answering requests, at once or later. One-way requests are never answered; neither are closed
// connections.
#ifndef BROKER_ANSWER_H
#define BROKER_ANSWER_H

#include "broker/internal.h"

struct asker asker_of(const struct request *request);

// Code and remark (remark may be NULL), no fields.
void answer_code(struct request *request, int32_t code, const char *remark);
void answer_codef(struct request *request, int32_t code, const char *format, ...) BASE_PRINTF(3, 4);
// Code 1 (or the status' own code) with the error's text.
void answer_error(struct request *request, tidings_status status, const struct tidings_error *err);
// Success with one number field.
void answer_number(struct request *request, const char *field, int64_t value);
// Success with a body.
void answer_body(struct request *request, struct str body);
// Success with the body that was built in broker->body, or what went wrong with it.
void answer_made(struct request *request, tidings_status status, const struct tidings_error *err);
// Appends `,` between the members of a JSON object or array that is being built.
tidings_status answer_comma(struct buf *out, bool *first);

// Starts a response for `asker` with the two fields that clients read without a check (region,
// trace).
void answer_begin(const struct asker *asker, struct wire_header *response, int32_t code);
// Sends a finished response (header and body) to the asker. Error answers count as refused.
void answer_send(struct broker *broker, const struct asker *asker,
                 const struct wire_header *response, struct str body);
// A request of ours to a client that it answers, with push->opaque. False as below.
bool answer_ask(struct broker *broker, uint64_t conn_id, struct wire_header *push, struct str body);
// No memory for the answer to what was done: its connection ends, so that nobody waits for it.
void answer_impossible(struct broker *broker, const struct asker *asker);
// A request of ours to a client (one-way): 40, 220. False when the connection is gone, or goes for
// lack of memory.
bool answer_push(struct broker *broker, uint64_t conn_id, struct wire_header *push,
                 struct str body);

#endif

// SPDX-License-Identifier: Apache-2.0
// Things as the JSON of docs/openapi.yaml. Private to the room.
#ifndef API_SHOW_H
#define API_SHOW_H

#include "api/out.h"
#include "notify/notify.h"

// The members of NotificationRow, without the brackets.
void api_show_row(struct api_out *out, const struct record_row *row, struct str receiver);
// The headers of a notification, as an object.
void api_show_headers(struct api_out *out, struct str lines);
void api_show_attempt(struct api_out *out, const struct record_attempt *attempt);
// Of an attempt's test, which is not on record.
void api_show_tested(struct api_out *out, const struct notify_tested *tested, int64_t begun_ms);
void api_show_receiver(struct api_out *out, const struct notify_receiver_view *view);
void api_show_job(struct api_out *out, const struct record_job *job, struct str receiver,
                  struct str ladder);

#endif

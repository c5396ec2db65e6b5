// SPDX-License-Identifier: Apache-2.0
// Old messages go: by time and by size, whole segments, never what a delayed message still needs.
#ifndef BROKER_RETENTION_H
#define BROKER_RETENTION_H

#include <stdint.h>

struct broker;

// Decides what may go and asks the index; the log follows when the index has answered.
void retention_run(struct broker *broker);
// The index' answers (see struct index_handlers).
void retention_min(void *broker, int64_t queue_key, int64_t min_offset);
void retention_done(void *broker, int64_t position);

#endif

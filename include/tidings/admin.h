// SPDX-License-Identifier: Apache-2.0
// Administration: topics, groups, offsets, dead letters, look-up of messages. Synchronous; one
// admin is used by one thread at a time. What it returns as JSON text is plain JSON (RFC 8259),
// new, freed with tidings_text_free.
#ifndef TIDINGS_ADMIN_H
#define TIDINGS_ADMIN_H

#include <stdbool.h>

#include <tidings/config.h>
#include <tidings/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tidings_admin tidings_admin;

TIDINGS_API tidings_status tidings_admin_new(const tidings_config *config, tidings_admin **ret,
                                             struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API void tidings_admin_free(tidings_admin *admin); // NULL allowed
TIDINGS_API void tidings_text_free(char *text);            // NULL allowed

// JSON arrays of objects.
TIDINGS_API tidings_status tidings_admin_topics(tidings_admin *admin, char **ret_json,
                                                struct tidings_error *err) TIDINGS_NODISCARD;
// One topic: queues with min and max offsets per broker; E_NOT_FOUND.
TIDINGS_API tidings_status tidings_admin_topic(tidings_admin *admin, const char *topic,
                                               char **ret_json,
                                               struct tidings_error *err) TIDINGS_NODISCARD;
// ladder: NULL = leave; "" = back to the default. window_ms, limit: -1 = leave.
TIDINGS_API tidings_status tidings_admin_topic_create(tidings_admin *admin, const char *topic,
                                                      int queues, int perm, const char *ladder,
                                                      int64_t window_ms, int limit,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_admin_topic_delete(tidings_admin *admin, const char *topic,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_admin_groups(tidings_admin *admin, char **ret_json,
                                                struct tidings_error *err) TIDINGS_NODISCARD;
// One group: members, subscriptions, offsets and lag per queue.
TIDINGS_API tidings_status tidings_admin_group(tidings_admin *admin, const char *group,
                                               char **ret_json,
                                               struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_admin_group_create(tidings_admin *admin, const char *group,
                                                      const char *ladder, int64_t window_ms,
                                                      int limit,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_admin_group_delete(tidings_admin *admin, const char *group,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
// To the first message at or after wall_ms (-1 = the end, 0 = the beginning), for running consumers
// too.
TIDINGS_API tidings_status tidings_admin_offset_reset(tidings_admin *admin, const char *group,
                                                      const char *topic, int64_t wall_ms,
                                                      char **ret_json,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
// Message by offset id, or by key (newest first, at most `max`): JSON array with bodies as text or
// base64.
TIDINGS_API tidings_status tidings_admin_message_by_id(tidings_admin *admin, const char *offset_id,
                                                       char **ret_json,
                                                       struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API tidings_status
tidings_admin_message_by_key(tidings_admin *admin, const char *topic, const char *key, int max,
                             char **ret_json, struct tidings_error *err) TIDINGS_NODISCARD;
// Dead letters of a group: JSON array of at most `max`, from queue offset `from` on.
TIDINGS_API tidings_status tidings_admin_dead_letters(tidings_admin *admin, const char *group,
                                                      int64_t from, int max, char **ret_json,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
// Sends dead letters [from, from+count) to the group's retry topic again, with attempts counted
// from 0; the number that was sent in *ret_count. (They stay listed until retention: the log is
// append-only.)
TIDINGS_API tidings_status tidings_admin_dead_letters_resend(
    tidings_admin *admin, const char *group, int64_t from, int64_t count, int64_t *ret_count,
    struct tidings_error *err) TIDINGS_NODISCARD;

// Half messages that are not yet decided, oldest first; with parked_only those that ran out of
// checks and that nobody is asked about any more. Tidings brokers only: E_REFUSED from others.
TIDINGS_API tidings_status tidings_admin_transactions(tidings_admin *admin, bool parked_only,
                                                      int max, char **ret_json,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
// Asks the producers of a half message again, with checks counted from 0. `id` as in the list
// above.
TIDINGS_API tidings_status tidings_admin_transaction_resume(
    tidings_admin *admin, const char *id, struct tidings_error *err) TIDINGS_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif

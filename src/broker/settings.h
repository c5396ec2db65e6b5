// SPDX-License-Identifier: Apache-2.0
// Settings of topics and groups as JSON, as they stand in the log (record types 4 to 7).
#ifndef BROKER_SETTINGS_H
#define BROKER_SETTINGS_H

#include "broker/index.h"

tidings_status settings_topic_encode(const struct index_topic *topic,
                                     struct buf *out) TIDINGS_NODISCARD;
tidings_status settings_topic_decode(struct str json, struct index_topic *ret,
                                     struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status settings_group_encode(const struct index_group *group,
                                     struct buf *out) TIDINGS_NODISCARD;
tidings_status settings_group_decode(struct str json, struct index_group *ret,
                                     struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status settings_group_delete_encode(struct str name, bool with_offsets,
                                            struct buf *out) TIDINGS_NODISCARD;
tidings_status settings_group_delete_decode(struct str json, struct index_group *ret_named,
                                            bool *ret_with_offsets,
                                            struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status settings_topic_delete_decode(struct str json, int64_t *ret_id,
                                            struct tidings_error *err) TIDINGS_NODISCARD;

#endif

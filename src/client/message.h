// SPDX-License-Identifier: Apache-2.0
// Inside of a message. Private to the room.
//
// Properties stand as pairs "key NUL value NUL …", so that a value read is a C text; on the wire
// the two NULs are \x01 and \x02. A message made by the user owns what it points at; one that a
// handler gets points into the pull's bytes and the handler thread's buffers.
#ifndef CLIENT_MESSAGE_H
#define CLIENT_MESSAGE_H

#include <tidings/message.h>

#include "base/str.h"
#include "wire/wire.h"

struct tidings_message {
    struct str topic; // a NUL stands behind it
    struct str body;
    struct buf properties; // pairs
    int32_t flag;
    const char *broker; // "" when not from a broker
    char offset_id[WIRE_MESSAGE_ID_MAX + 1];
    int32_t queue_id;
    int64_t queue_offset;
    int32_t reconsume_times;
    int64_t born_ms;
    int64_t store_ms;
};

// Value of a property, ptr NULL when absent. The view is followed by a NUL.
struct str message_property(const tidings_message *message, struct str key);
// Sets or replaces, also reserved names. E_INVALID for \x01, \x02, NUL; E_TOO_LARGE.
tidings_status message_put(tidings_message *message, struct str key,
                           struct str value) TIDINGS_NODISCARD;
// Appends the properties as they stand on the wire.
tidings_status message_encode_properties(const tidings_message *message,
                                         struct buf *out) TIDINGS_NODISCARD;
// Appends properties of the wire as pairs.
tidings_status message_decode_properties(struct str properties, struct buf *out) TIDINGS_NODISCARD;

// What a message that was read points into, beside its record.
struct message_room {
    struct buf topic;
    struct buf properties;
    struct buf body; // unpacked
};
void message_room_init(struct message_room *room);
void message_room_deinit(struct message_room *room);
// Makes a message of a record, good until the record goes or the room is used again; it is not
// freed. `origin`: its topic is the one that a retry came from, if it says so.
tidings_status message_read(const struct wire_message *wire, bool origin, struct message_room *room,
                            tidings_message *ret, struct tidings_error *err) TIDINGS_NODISCARD;

#endif

// SPDX-License-Identifier: Apache-2.0
// Messages made of what a broker sends.
#include "client/message.h"

enum { BODY_MAX = 64 << 20 }; // of an unpacked message

void message_room_init(struct message_room *room)
{
    buf_init(&room->topic, WIRE_PROPERTIES_MAX + 1);
    buf_init(&room->properties, (size_t)2 * WIRE_PROPERTIES_MAX);
    buf_init(&room->body, BODY_MAX);
}

void message_room_deinit(struct message_room *room)
{
    buf_deinit(&room->topic);
    buf_deinit(&room->properties);
    buf_deinit(&room->body);
}

static tidings_status read_topic(struct str topic, bool origin, struct message_room *room,
                                 tidings_message *ret)
{
    struct str from = origin ? message_property(ret, WIRE_P_RETRY_TOPIC) : (struct str){ NULL, 0 };
    tidings_status status = buf_add_str(&room->topic, from.len > 0 ? from : topic);
    if (status == TIDINGS_OK) {
        status = buf_add(&room->topic, "", 1);
    }
    if (status == TIDINGS_OK) {
        ret->topic = str_make(room->topic.ptr, room->topic.len - 1);
    }
    return status;
}

tidings_status message_read(const struct wire_message *wire, bool origin, struct message_room *room,
                            tidings_message *ret, struct tidings_error *err)
{
    buf_clear(&room->topic);
    buf_clear(&room->properties);
    *ret = (tidings_message){ .body = wire->body,
                              .flag = wire->flag,
                              .broker = "",
                              .queue_id = wire->queue_id,
                              .queue_offset = wire->queue_offset,
                              .reconsume_times = wire->reconsume_times,
                              .born_ms = wire->born_ms,
                              .store_ms = wire->store_ms };
    size_t id_len =
        wire_message_id_format(&wire->store_host, wire->physical_offset, ret->offset_id);
    ret->offset_id[id_len] = '\0';
    tidings_status status = message_decode_properties(wire->properties, &room->properties);
    if (status == TIDINGS_OK && (wire->sys_flag & WIRE_SYS_COMPRESSED) != 0) {
        buf_clear(&room->body);
        status = wire_decompress(wire->body, &room->body, err);
        ret->body = buf_str(&room->body);
    }
    ret->properties = room->properties; // a view: not freed
    return status == TIDINGS_OK ? read_topic(wire->topic, origin, room, ret) : status;
}

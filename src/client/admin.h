// SPDX-License-Identifier: Apache-2.0
// Inside of an admin: synchronous requests and their answers as jansson values. Private to the
// room.
#ifndef CLIENT_ADMIN_H
#define CLIENT_ADMIN_H

#include <jansson.h>
#include <tidings/admin.h>

#include "client/runtime.h"
#include "wire/bodies.h"

enum { ADMIN_SERVERS_MAX = 16, ADMIN_BROKERS_MAX = 256, ADMIN_RESULT_MAX = 64 << 20 };

struct tidings_admin {
    struct runtime runtime;
    struct buf texts; // numbers of the header being made
    struct str servers[ADMIN_SERVERS_MAX];
    unsigned server_count;
};

struct admin_brokers { // masters of the cluster, or of a topic's route
    unsigned count;
    struct {
        char *name;
        char *address;
    } items[ADMIN_BROKERS_MAX];
};

// Fills header and the admin's texts from a struct of wire/requests.h.
#define admin_fill(admin, name, header, request)                                                   \
    (buf_clear(&(admin)->texts), wire_##name##_encode((request), (header), &(admin)->texts))

// Asks one server; any answer but SUCCESS is an error. The answer is freed with answer_deinit when
// OK.
tidings_status admin_ask(struct tidings_admin *admin, struct str address,
                         struct wire_header *header, struct str body, const char *what,
                         struct answer *ret, struct tidings_error *err) TIDINGS_NODISCARD;
// The name servers in turn until one answers.
tidings_status admin_ask_names(struct tidings_admin *admin, struct wire_header *header,
                               const char *what, struct answer *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// Body as JSON (RocketMQ's dialect is read).
tidings_status admin_parse(struct str body, json_t **ret,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// Masters of all clusters; at least one.
tidings_status admin_brokers(struct tidings_admin *admin, struct admin_brokers *ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// E_NOT_FOUND when no name server knows the topic.
tidings_status admin_route(struct tidings_admin *admin, const char *topic, struct wire_route **ret,
                           struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status admin_topic_brokers(struct tidings_admin *admin, const char *topic,
                                   struct admin_brokers *ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
void admin_brokers_free(struct admin_brokers *brokers);
// Takes the reference to `root` (NULL = out of memory) and makes a text of it.
tidings_status admin_text(json_t *root, char **ret, struct tidings_error *err) TIDINGS_NODISCARD;
// The rows in another order, at most `max`. Takes the reference and gives a new one, NULL = out of
// memory.
json_t *admin_sorted(json_t *rows, int (*compare)(const json_t *one, const json_t *other),
                     size_t max);
int admin_by_name(const json_t *one, const json_t *other); // "topic" or "group", then "broker"
// One offset of a queue: 30, 31, or 29 with a timestamp.
tidings_status admin_offset(struct tidings_admin *admin, struct str address, int32_t code,
                            const char *topic, int32_t queue_id, int64_t wall_ms, int64_t *ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Broker and position that an offset id names. ret_position may be NULL.
tidings_status admin_id_address(const char *id, int64_t *ret_position, char *ret_address,
                                size_t size, struct tidings_error *err) TIDINGS_NODISCARD;
// A stored message as a JSON object; new reference, NULL when out of memory.
json_t *admin_message_json(const struct wire_message *message, const char *broker);

#endif

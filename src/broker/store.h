// SPDX-License-Identifier: Apache-2.0
// The message store: from an accepted message to the log, and from "durable" to visible, indexed
// and answered.
//
// What was appended waits in one queue (pending), in the order of the log. store_wake takes what
// became durable: publishes entries, fills the index batch, wakes held pulls, answers the askers.
// When the log gives up a part, the pending behind it are refused and the queues' next offsets go
// back.
//
// Record types in the log (payloads; numbers big-endian as in the messages themselves):
//   1 MESSAGE       a stored message, its queue offset assigned
//   2 DELAYED       i64 due_ms, then a stored message with its target queue and offset 0
//   3 DELIVER       DELAYED messages become visible: repeated { i64 position, i64 due_ms, i64 queue
//   key,
//                   i64 queue offset, u32 size, i32 tag code }
//   4 TOPIC         JSON: settings of a topic (new or changed)      5 TOPIC_DELETED  JSON {"id":…}
//   6 GROUP         JSON: settings of a consumer group              7 GROUP_DELETED  JSON
//   {"name":…,"offsets":…}
//   8 HALF          i64 next check (ms), i64 position of the HALF record that this one moves (0 =
//                   none), i32 checks, i32 parked (0 or 1), then a stored message, undecided
//   9 COMMIT        i64 position of the HALF record, then its message, queue offset assigned
//   10 ROLLBACK     i64 position of the HALF record
//   11 HALF_STATE   i64 position of the HALF record, i64 next check (ms), i32 checks, i32 parked
// Policy: types and payloads never change their meaning; a new need gets a new type.
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "base/error.h"
#include "broker/index.h"
#include "broker/topic.h"
#include "wire/wire.h"

struct broker;
struct asker;

enum store_record {
    STORE_MESSAGE = 1,
    STORE_DELAYED = 2,
    STORE_DELIVER = 3,
    STORE_TOPIC = 4,
    STORE_TOPIC_DELETED = 5,
    STORE_GROUP = 6,
    STORE_GROUP_DELETED = 7,
    STORE_HALF = 8,
    STORE_COMMIT = 9,
    STORE_ROLLBACK = 10,
    STORE_HALF_STATE = 11,
};
enum {
    STORE_DELIVER_ROW = 40,
    STORE_DUE_PREFIX = 8,
    STORE_HALF_PREFIX = 24,
    STORE_COMMIT_PREFIX = 8,
    STORE_HALF_STATE_SIZE = 24,
    STORE_KEYS_MAX = 64,
};

struct pending;

struct store {
    struct pending *ring; // power of two
    size_t size;
    uint64_t head; // next to become durable
    uint64_t tail;
    uint64_t *keys; // ring of key hashes, in the order of pending
    size_t keys_size;
    uint64_t keys_head;
    uint64_t keys_tail;
    int64_t durable; // as the log last told
    bool given_up;   // what lies behind `durable` is to be refused, `why` tells the reason
    bool starved;    // no memory to publish the next one: nothing is appended meanwhile
    struct tidings_error why;
    struct index_batch *batch; // being filled
    struct list woken;         // queues with news in this turn
    struct buf texts;          // message ids of a batch answer
    struct buf properties;     // of the message being appended
};

// A message to append. message->queue_id names the queue of `topic`; offsets, hosts and times are
// filled in.
struct store_append {
    struct topic *topic;
    struct wire_message message;
    int64_t due_ms; // > 0: not before that time
    // A half: not visible until it is decided. Its position is that of the half which it moves to
    // the log's end, or 0.
    const struct index_half *half;
    int64_t commits;           // > 0: the half at that position becomes this message
    const struct asker *asker; // answered when durable; NULL for none
    uint32_t
        batch_count; // > 1 on the last message of a batch: the answer lists the ids of them all
    unsigned marks;  // wire_properties_marks of the message; 0 = not known
};

tidings_status store_init(struct broker *broker) TIDINGS_NODISCARD;
void store_deinit(struct broker *broker);
// Appends one message. On error nothing was appended and nobody is answered.
tidings_status store_append(struct broker *broker, const struct store_append *append,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the settings of a topic or group, or their deletion; `asker` (may be NULL) gets code 0
// when durable.
tidings_status store_log_topic(struct broker *broker, struct topic *topic,
                               const struct asker *asker,
                               struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status store_log_topic_delete(struct broker *broker, int64_t topic_id,
                                      const struct asker *asker,
                                      struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status store_log_group(struct broker *broker, const struct index_group *group,
                               const struct asker *asker,
                               struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status store_log_group_delete(struct broker *broker, struct str name, bool with_offsets,
                                      const struct asker *asker,
                                      struct tidings_error *err) TIDINGS_NODISCARD;
// Makes delayed messages visible, or only forgets their due rows (queue offset −1 in the log): one
// DELIVER record. On error none.
tidings_status store_log_deliver(struct broker *broker, const struct index_due *rows, size_t count,
                                 bool visible) TIDINGS_NODISCARD;

// Decides against a half, or writes down that it was checked, parked or resumed.
tidings_status store_log_rollback(struct broker *broker, int64_t position,
                                  const struct asker *asker,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status store_log_half_state(struct broker *broker, const struct index_half *half,
                                    const struct asker *asker,
                                    struct tidings_error *err) TIDINGS_NODISCARD;

// The log has news: publish and answer, or refuse. While `starved` it wants to be called now and
// then.
void store_wake(struct broker *broker);
// Hands the log's batch and the index's batch on; end of a turn.
void store_turn(struct broker *broker);
size_t store_pending(const struct store *store);
// The index batch being filled (made when there is none); NULL when out of memory.
struct index_batch *store_batch(struct broker *broker);

// Reads the stored message at a log position: bytes as stored (a view good until the next read).
// E_NOT_FOUND, E_CORRUPT (counted and logged). *ret_due_ms > 0 for a DELAYED record, −1 for a HALF.
tidings_status store_read(struct broker *broker, int64_t position, struct str *ret_message,
                          int64_t *ret_due_ms, struct tidings_error *err) TIDINGS_NODISCARD;
// Bytes that stand before the message in a record of this type.
size_t store_prefix(enum store_record type);
// Hash under which a message is found by key: topic and key.
uint64_t store_key_hash(struct str topic, struct str key);
// Entries of a queue from offset on (tail or index), at most `max`; *ret_count 0 at the end.
tidings_status store_entries(struct broker *broker, struct queue *queue, int64_t offset, size_t max,
                             struct index_entry *ret, size_t *ret_count,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// Recovery: applies one record of the log (see commitlog_replay).
tidings_status store_replay(void *broker, int64_t position, uint8_t type, int64_t wall_ms,
                            struct str payload);

#endif

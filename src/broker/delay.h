// SPDX-License-Identifier: Apache-2.0
// When is a message to be seen: delay levels, exact times, and the retry ladder.
#ifndef BROKER_DELAY_H
#define BROKER_DELAY_H

#include "broker/internal.h"

// Looks at the properties of a send (append->marks are known): DELAY (level of the table; stands
// above the others), TIMER_DELAY_MS, TIMER_DELAY_SEC, TIMER_DELIVER_MS. Sets append->due_ms and
// takes these properties out of the stored message (the new text goes to `texts`). A send to
// %RETRY% by a consumer whose give-back failed climbs the ladder, or goes to the dead letters, as
// code 36 does: append->topic and message change then. E_TOO_LARGE when a time is beyond the
// longest delay, E_INVALID when it is no number.
tidings_status delay_of_send(struct broker *broker, const struct wire_send *send,
                             struct store_append *append, struct buf *texts,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// What becomes of a message that a consumer gave back.
struct delay_decision {
    bool dead;          // to the dead letter topic
    int64_t due_ms;     // 0 = at once
    const char *reason; // of death
};
struct delay_asked {
    struct str group;
    struct str topic;        // the original one
    int32_t delay_level;     // < 0 dead at once, 0 the ladder, > 0 that level of the table
    int64_t delay_ms;        // ≥ 0: exactly that (ours), -1 none
    int32_t max_attempts;    // the consumer's own limit, -1 = none said
    int32_t reconsume_times; // of the delivery that failed
    int64_t first_ms;        // when the message was first seen by the group's ladder
};
void delay_decide(struct broker *broker, const struct delay_asked *asked,
                  struct delay_decision *ret);
// The ladder in force for a topic in a group: the group's own, the topic's own, the broker's, in
// this order; window and limit likewise (0 = none).
void delay_ladder(struct broker *broker, struct str group, struct str topic, struct ladder *ret,
                  int64_t *ret_window_ms, int32_t *ret_limit);
// Checks a ladder text; "" is fine (default).
tidings_status delay_check_retry(const struct index_retry *retry,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

// Property that remembers, over all retries, when the ladder began (ms, decimal).
#define DELAY_P_FIRST  STR("TIDINGS_FIRST_MS")
#define DELAY_P_REASON STR("TIDINGS_DEAD_REASON")

#endif

// SPDX-License-Identifier: Apache-2.0
// The notice of a recharge that is done: a transactional message, bound to the database transaction
// that does it.
#ifndef PAY_NOTICE_H
#define PAY_NOTICE_H

#include <jansson.h>

#include "store.h"

json_t *recharge_json(const struct recharge *recharge);

struct notices;
// NULL: said on stderr.
struct notices *notices_start(const char *name_server, const char *topic, struct store *store,
                              const char *crash);
void notices_stop(struct notices *notices); // NULL allowed

struct notice {
    tidings_message *message;
    tidings_transaction *transaction; // NULL: the MQ did not take the half
    struct binding binding;           // for the store
};
// Before the local transaction. 0: no memory. A notice that the MQ did not take is one all the
// same: the recharge goes on, the receiver can ask.
int notice_begin(struct notices *notices, const struct recharge *recharge, struct notice *ret);
// After it. Returns what became of it: "sent", "discarded", "left to the check", "not sent".
const char *notice_end(struct notices *notices, struct notice *notice, enum store_result result);

#endif

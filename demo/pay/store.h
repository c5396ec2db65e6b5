// SPDX-License-Identifier: Apache-2.0
// The recharges in SQLite: each change is one database transaction, the barrier's row first.
#ifndef PAY_STORE_H
#define PAY_STORE_H

#include <stdint.h>
#include <tidings/tidings.h>

enum { TX_NO_LEN = 32 };

struct recharge {
    char tx_no[TX_NO_LEN + 1];
    char account_no[65];
    int64_t amount; // minor units
    char status[16];
    int64_t updated_ms;
};

struct store;
// NULL: said on stderr. `crash`: crash.h.
struct store *store_open(const char *path, const char *crash);
void store_close(struct store *store); // NULL allowed

void store_make_tx_no(char *out); // TX_NO_LEN + 1 bytes

enum store_key { STORE_BY_TX_NO, STORE_BY_IDEMPOTENCY_KEY };
// 1 found, 0 not there, −1 failed.
int store_find(struct store *store, enum store_key key, const char *value, struct recharge *ret);

// What the notice of a change is bound to; id NULL: the change has no notice.
struct binding {
    const char *group;
    const char *transaction_id;
};
enum store_result {
    STORE_DONE,
    STORE_KNOWN,  // another request did it before: nothing was changed
    STORE_FAILED, // rolled back, or the database does not answer
};
enum store_result store_insert(struct store *store, const struct recharge *recharge,
                               const char *idempotency_key, const struct binding *binding);
// PROCESSING becomes recharge->status.
enum store_result store_complete(struct store *store, const struct recharge *recharge,
                                 const struct binding *binding);

// The ready-made check, on a connection of its own; any thread.
tidings_decision store_check(struct store *store, const struct binding *binding);

#endif

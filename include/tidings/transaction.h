// SPDX-License-Identifier: Apache-2.0
// Transactional messages: a message that is delivered exactly when the caller's local transaction
// is committed.
//
//   tidings_producer_begin           a half message is durable at the broker, nobody sees it
//   … the caller's local transaction: tidings_barrier_enter first (barrier.h), then its own rows …
//   tidings_transaction_commit       the message is delivered; or _rollback: it never is
//
// What was neither committed nor rolled back here (the program died, the answer was lost, the
// caller does not know) is left to the check: the broker asks any producer of the same group, again
// and again on its ladder of checks, and the checker answers from the database. Two rules make that
// safe: every producer of a group can answer for every transaction of the group, and the checker
// decides with tidings_barrier_check, not by looking for a business row, which a transaction that
// is still open would hide.
//
// Works with Tidings and with RocketMQ 4 and 5 brokers (protocol: request codes 10/310, 37, 39 of
// RocketMQ's remoting).
#ifndef TIDINGS_TRANSACTION_H
#define TIDINGS_TRANSACTION_H

#include <tidings/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tidings_transaction tidings_transaction;

typedef enum tidings_decision {
    TIDINGS_LEAVE = 0,    // not known now: the broker asks again
    TIDINGS_COMMIT = 1,   // committed: deliver
    TIDINGS_ROLLBACK = 2, // rolled back, and it will never be committed: discard
} tidings_decision;

// Answers a check. Runs on one of the producer's check threads (setting check_threads), never on
// two for the same check; it may use a database and take its time, the broker waits for its next
// check. `message` is the half message, good during the call only. It must not stop or free the
// producer.
typedef tidings_decision tidings_checker(void *arg, const char *transaction_id,
                                         const tidings_message *message);

// Before tidings_producer_start; makes the producer a transactional one. Brokers of the topics in
// the setting `check_topics` may ask from the start on, others once this producer has sent to them.
TIDINGS_API tidings_status
tidings_producer_set_checker(tidings_producer *producer, tidings_checker *checker, void *arg,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// Sends the half message and waits until it is durable. On an error the broker may have it all the
// same. Then begin no local transaction, and a check rolls it back; or, where the business must go
// on without the message, enter the barrier with tidings_message_id(message) as ever: should the
// half be there, a check delivers it. E_INVALID for a delayed message; E_STATE without a checker.
// *ret is ended by commit or rollback and freed by the caller.
TIDINGS_API tidings_status tidings_producer_begin(tidings_producer *producer,
                                                  tidings_message *message,
                                                  tidings_transaction **ret,
                                                  struct tidings_error *err) TIDINGS_NODISCARD;
// The unique id of the message, and the key of the barrier. Good until the transaction is freed.
TIDINGS_API const char *tidings_transaction_id(const tidings_transaction *transaction);
TIDINGS_API const tidings_send_result *
tidings_transaction_half(const tidings_transaction *transaction);

// Says that the local transaction was committed (or rolled back), and waits for the broker's
// answer, at most request_timeout. An error means that the broker may not know: the transaction is
// left to the check, there is nothing to do but to log it. E_STATE when it was ended before.
TIDINGS_API tidings_status tidings_transaction_commit(tidings_transaction *transaction,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_transaction_rollback(
    tidings_transaction *transaction, struct tidings_error *err) TIDINGS_NODISCARD;
// Says the same without waiting for an answer; a lost one is left to the check. TIDINGS_LEAVE sends
// nothing. E_STATE when it was ended before.
TIDINGS_API tidings_status tidings_transaction_end(tidings_transaction *transaction,
                                                   tidings_decision decision,
                                                   struct tidings_error *err) TIDINGS_NODISCARD;
// One that was not ended is left to the check. NULL allowed. Before its producer is freed.
TIDINGS_API void tidings_transaction_free(tidings_transaction *transaction);

#ifdef __cplusplus
}
#endif
#endif

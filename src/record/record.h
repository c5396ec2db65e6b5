// SPDX-License-Identifier: Apache-2.0
// The notification record: what was accepted, for whom, in which state it is, when it is due, and
// each attempt that was made. It is the only writer of a notification's state; the database is the
// truth; in memory are only the slots of the keys that came last, which are bounded (recent.c).
//
// A notification is (source, type, tx_no) for one receiver; that key is unique for as long as the
// row is kept. What is unfinished lies in a small table (`pending`) with one time each, `due`: of a
// waiting one when its next attempt is due, of one that is being delivered when its lease ends. So
// one index finds both what is due and what a node that died has left. What is finished moves to
// `archive`.
//
// All calls are made within a batch (record_begin … record_commit): many share one commit, and none
// may be answered before it. After an error of a call there is only record_rollback, unless its
// comment says otherwise. One thread at a time. On SQLite and PostgreSQL (tests/conformance).
//
// Times are milliseconds since 1970-01-01T00:00:00Z. Text is UTF-8 without NUL. Views that are
// given must stay until the call returns; views that are returned are good as said.
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/str.h"

enum {
    RECORD_NAME_MAX = 255,          // bytes of source, type, tx_no, content type, receiver's name
    RECORD_HEADERS_MAX = 16 * 1024, // bytes of the headers that are passed on
    RECORD_PAYLOAD_MAX = 16 * 1024 * 1024, // what can be stored; the ways in have lower limits
    RECORD_REPLY_MAX = 64 * 1024,          // of a reply that is kept
    RECORD_ERROR_MAX = 1024,               // of an attempt's error text
    RECORD_LADDER_MAX = 1023,
    RECORD_DOCUMENT_MAX = 256 * 1024, // of a receiver's settings
    RECORD_TARGETS_MAX = 256,         // receivers of one submission
    RECORD_BATCH_MAX = 4096,          // rows of one answer
    RECORD_HASH_SIZE = 32,            // SHA-256
    RECORD_ID_SIZE = 18,              // "ntf_" and 13 characters, and NUL
};

struct record;

struct record_options {
    const struct clock *clock; // NULL: the system's
    int node;                  // 0 to 1023: no two that write to a database at a time are the same
    int64_t life; // of record_life_begin: leases are made under it; 0: under the node's number
    struct fault *fault; // may be NULL
    // On SQLite: so many new keys are gathered in memory (some 40 bytes each, and as many again
    // while they move to their table); 0: 262,144, at most 1,048,576.
    size_t recent_keys;
    // For reading beside the one that writes: the tables must be there, only the calls that read
    // are made, batches see one state of the database and lock nobody out.
    bool read_only;
};

// Opens, and makes or moves forward the tables. `url` as db_open takes it.
tidings_status record_open(const char *url, const struct record_options *options,
                           struct record **ret, struct tidings_error *err) TIDINGS_NODISCARD;
void record_close(struct record *record); // NULL allowed; a batch that is open is rolled back

tidings_status record_begin(struct record *record, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status record_commit(struct record *record, struct tidings_error *err) TIDINGS_NODISCARD;
void record_rollback(struct record *record); // no-op without a batch
// What the database wants done now and then, outside of a batch.
tidings_status record_maintain(struct record *record, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- ids ----
// Of a notification: 63 bits, in the order of acceptance (milliseconds since 2020, node, sequence).
// As text "ntf_" and 13 characters of Crockford's base 32 in lower case, in the same order.
void record_id_format(int64_t id, char out[RECORD_ID_SIZE]);
bool record_id_parse(struct str text, int64_t *ret);
int64_t record_id_time_ms(int64_t id);

// ---- states ----
enum record_state {
    RECORD_WAITING = 1,    // until due
    RECORD_DELIVERING = 2, // leased to a node
    RECORD_DELIVERED = 3,
    RECORD_DEAD = 4, // ladder, limit, window or receiver ended it
    RECORD_CANCELLED = 5,
};
enum record_event {
    RECORD_CLAIM,     // a node takes it, or takes it over
    RECORD_RELEASE,   // given back untried
    RECORD_TAKEN,     // the receiver answered as its ack rule wants
    RECORD_RETRY,     // it did not; there is a next time
    RECORD_END,       // it did not; there is none
    RECORD_CANCEL,    // by an operator
    RECORD_REDELIVER, // by an operator: a new course
    RECORD_LOST,      // nobody knows how its attempt ended: again, in its place on the ladder
    RECORD_EVENTS,
};
// The one table of transitions: false when `event` is not allowed in `state`.
bool record_next(enum record_state state, enum record_event event, enum record_state *ret);
const char *record_state_text(enum record_state state); // "waiting", …

enum record_reason { // why it is dead
    RECORD_REASON_NONE,
    RECORD_REASON_LADDER, // all rungs used
    RECORD_REASON_LIMIT,  // attempt limit
    RECORD_REASON_WINDOW,
    RECORD_REASON_GONE,     // the receiver answered 410
    RECORD_REASON_REFUSED,  // the receiver's settings make an attempt impossible
    RECORD_REASON_OPERATOR, // cancelled
};
const char *record_reason_text(enum record_reason reason); // "ladder", …

// ---- receivers and ladders ----
struct record_receiver {
    int64_t id;
    int32_t state; // the notifier's own numbers
    int64_t version;
    int64_t changed_ms;
    struct str name;     // at most RECORD_NAME_MAX
    struct str document; // settings as the notifier writes them
    int64_t seq;         // of its last change, among all changes of receivers
};
// Makes it (version 0 means that there must be none) or changes it: `version` is the one that was
// read. Answers with the new id and version. E_DUPLICATE when the name is taken, E_STATE when the
// version is another or the receiver is gone: the batch goes on after both.
tidings_status record_receiver_put(struct record *record, struct record_receiver *receiver,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
// By name, or by id when the name is empty. The views point into `room`, which is cleared first.
// E_NOT_FOUND: the batch goes on.
tidings_status record_receiver_get(struct record *record, struct str name, int64_t id,
                                   struct buf *room, struct record_receiver *ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
// Calls `each` in the order of ids after `after`, at most `max`; its views are good while it runs.
tidings_status record_receiver_list(struct record *record, int64_t after, size_t max,
                                    void (*each)(void *arg, const struct record_receiver *receiver),
                                    void *arg, struct tidings_error *err) TIDINGS_NODISCARD;

// The same, of those that were changed after change `seq` (of all: 0), in the order of their
// changes.
tidings_status record_receiver_since(struct record *record, int64_t seq, size_t max,
                                     void (*each)(void *arg,
                                                  const struct record_receiver *receiver),
                                     void *arg, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- how receivers are, as this node knows it ----
struct record_gate {
    int64_t receiver_id;
    int64_t failures; // in a row
    bool open;        // its breaker is
    int64_t probe_at_ms;
    int64_t probe_wait_ms;
    int64_t slow_until_ms;
    int64_t slow_step_ms;
};
tidings_status record_gate_put(struct record *record, const struct record_gate *gate,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// Of this node's number, in the order of receivers after `after`.
tidings_status record_gate_list(struct record *record, int64_t after, size_t max,
                                void (*each)(void *arg, const struct record_gate *gate), void *arg,
                                struct tidings_error *err) TIDINGS_NODISCARD;

// ---- several nodes on one database ----
// May others write to the database, too? Not to an SQLite file.
bool record_is_shared(const struct record *record);
enum record_mark { RECORD_MARK_RECEIVERS = 1, RECORD_MARK_BINDINGS = 2 };
// A number that grows with each change of receivers, of bindings: cheap, to be looked at often.
// What was committed up to a mark that was seen has its seq at or below it.
tidings_status record_mark_get(struct record *record, enum record_mark which, int64_t *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// The first receiver after this one that has something waiting, and when that is due, whoever
// accepted it: one look into an index. *ret_id 0: there is none.
tidings_status record_next_receiver(struct record *record, int64_t after, int64_t *ret_id,
                                    int64_t *ret_due_ms,
                                    struct tidings_error *err) TIDINGS_NODISCARD;
// When the first lease ends, whoever has it; INT64_MAX without one.
tidings_status record_first_lease(struct record *record, int64_t *ret_ms,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
// What is leased no more, up to some thousands: it is due for its receivers again. record_claim
// does that, too.
tidings_status record_shelve(struct record *record, int64_t now_ms,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// The number of a ladder's text, made when it is new. Texts never change under their number: this
// is the version of the ladder that a notification keeps.
tidings_status record_ladder_put(struct record *record, struct str text, int64_t *ret_id,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the text. E_NOT_FOUND: the batch goes on.
tidings_status record_ladder_get(struct record *record, int64_t id, struct buf *out,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

// ---- bindings: topics of an MQ that are listened to for receivers ----
// As receivers: name, version, a document of the notifier's. Calls like those above.
struct record_binding {
    int64_t version;
    int64_t changed_ms;
    struct str name;
    struct str document;
};
tidings_status record_binding_put(struct record *record, struct record_binding *binding,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status record_binding_get(struct record *record, struct str name, struct buf *room,
                                  struct record_binding *ret,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
// In the order of names after `after` ("" at first).
tidings_status record_binding_list(struct record *record, struct str after, size_t max,
                                   void (*each)(void *arg, const struct record_binding *binding),
                                   void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// E_NOT_FOUND: the batch goes on.
tidings_status record_binding_drop(struct record *record, struct str name,
                                   struct tidings_error *err) TIDINGS_NODISCARD;

// ---- accept ----
struct record_target {
    int64_t receiver_id;
    int64_t ladder_id;
    int64_t due_ms;         // of the first attempt
    int64_t lease_until_ms; // not 0: leased from the start, to be delivered at once by this node
};
struct record_submission {
    struct str source;
    struct str type;
    struct str tx_no;
    struct str content_type;
    struct str headers; // as the notifier writes them
    struct str payload; // exactly these bytes are sent
    const struct record_target *targets;
    size_t target_count;
};
enum record_answer {
    RECORD_NEW,
    RECORD_SAME,     // was there with the same payload
    RECORD_CONFLICT, // was there with another payload
};
struct record_accepted {
    enum record_answer answer;
    int64_t id;
    unsigned char hash[RECORD_HASH_SIZE]; // of the payload that is stored
    int64_t epoch;                        // of the lease
};
// One entry of ret_accepted per target. Existing rows stay as they are. E_INVALID and E_TOO_LARGE
// are told before anything is written: the batch goes on after them.
tidings_status record_accept(struct record *record, const struct record_submission *submission,
                             struct record_accepted *ret_accepted,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// SHA-256 of the bytes.
tidings_status record_hash(struct record *record, struct str bytes,
                           unsigned char ret[RECORD_HASH_SIZE],
                           struct tidings_error *err) TIDINGS_NODISCARD;

// ---- deliver ----
struct record_claimed {
    int64_t id;
    int64_t epoch;
    int64_t due_ms;   // when it was due (of a lease that ended: that end)
    int64_t first_ms; // of the first attempt, 0 before it
    int64_t ladder_id;
    int32_t attempts; // made before in this course
    int32_t earlier;  // made in courses before it: the next one is number earlier + attempts + 1
    bool taken_over;  // its lease had ended
};
// Leases up to `max` (RECORD_BATCH_MAX) of what a receiver has due, oldest due first.
tidings_status record_claim(struct record *record, int64_t receiver_id, int64_t now_ms,
                            int64_t lease_until_ms, struct record_claimed *ret, size_t max,
                            size_t *ret_count, struct tidings_error *err) TIDINGS_NODISCARD;
// Lengthens a lease. E_STATE when it is no longer this one: the batch goes on.
tidings_status record_renew(struct record *record, int64_t id, int64_t epoch,
                            int64_t lease_until_ms, struct tidings_error *err) TIDINGS_NODISCARD;

struct record_attempt {
    int32_t number; // from 1
    int64_t begun_ms;
    int32_t dns_us; // phases: -1 = was not reached, each counted from the start
    int32_t connect_us;
    int32_t tls_us;
    int32_t first_byte_us;
    int32_t total_us;
    int32_t http_status; // 0 = none
    int32_t error_class; // the notifier's own numbers; 0 = none
    int64_t next_due_ms; // 0 = none
    struct str error;
    struct str reply;
};
struct record_outcome {
    int64_t id;
    int64_t epoch;
    int64_t receiver_id;
    int64_t ladder_id;
    int64_t first_ms;        // when the first attempt of this course was begun
    enum record_event event; // RELEASE, TAKEN, RETRY, END or LOST
    enum record_reason reason;
    int64_t due_ms;  // of RELEASE, RETRY and LOST
    int32_t earlier; // as claimed
    // What was tried; not used by RELEASE. attempt.number is earlier + attempts + 1 of the claim.
    // END may come without a further attempt: begun_ms is 0 then, and number is earlier + attempts.
    // LOST puts it on record, but the ladder and the limit go on as if it had not been.
    struct record_attempt attempt;
};
// Writes the attempt and the state it leads to, in one. E_STATE when the lease is no longer this
// one (somebody else settles it): nothing is written, the batch goes on.
tidings_status record_settle(struct record *record, const struct record_outcome *outcome,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// When the receiver's next row is due, or a lease ends, whoever it is for;
// INT64_MAX when there is neither.
tidings_status record_next_due(struct record *record, int64_t receiver_id, int64_t *ret_ms,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// An attempt under a lease that ended without an outcome: it goes on record as one that was made,
// number claimed->earlier + claimed->attempts + 1, but counts for neither ladder nor limit. Of a
// row that was just claimed (taken_over); claimed->earlier moves on.
tidings_status record_lapsed(struct record *record, struct record_claimed *claimed,
                             const struct record_attempt *attempt,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// ---- lives: what a node that was killed had in hand ----
// Each start of a node is a life. `owner` is the node's lasting identity (not 0): with
// record_options.node it says whose earlier lives are meant, so that a folder that was copied for
// another node takes nothing from the first. This record leases under *ret from now on; others of
// the node do with record_options.life.
tidings_status record_life_begin(struct record *record, int64_t owner, int64_t *ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
struct record_leased {
    int64_t id;
    int64_t receiver_id;
    int64_t epoch;
    int64_t until_ms; // when the lease ends
    int32_t attempts; // as of record_claimed
    int32_t earlier;
};
// Up to `max` (RECORD_BATCH_MAX) of what earlier lives than `life` have leased, in the order of
// their ends: settled with RECORD_LOST it is due again at once, and not among them any more.
tidings_status record_life_leases(struct record *record, int64_t owner, int64_t life,
                                  struct record_leased *ret, size_t max, size_t *ret_count,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
// Forgets the earlier lives: what they may still have leased ends by itself.
tidings_status record_life_end(struct record *record, int64_t owner, int64_t life,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// The same of what waits for the receiver or is leased of it: INT64_MAX when it has nothing
// unfinished. Looks at all leases.
tidings_status record_receiver_next(struct record *record, int64_t receiver_id, int64_t *ret_ms,
                                    struct tidings_error *err) TIDINGS_NODISCARD;

// ---- operate ----
// A new course from its beginning with another ladder (0: the one it has): attempts so far stay on
// record, the count of the limit and the window begin anew. Of what is finished only. E_NOT_FOUND,
// E_STATE: the batch goes on.
tidings_status record_redeliver(struct record *record, int64_t id, int64_t ladder_id,
                                int64_t due_ms, struct tidings_error *err) TIDINGS_NODISCARD;
// Of what waits only. E_NOT_FOUND, E_STATE: the batch goes on.
tidings_status record_cancel(struct record *record, int64_t id,
                             struct tidings_error *err) TIDINGS_NODISCARD;

struct record_filter { // what is 0 or has no ptr does not matter
    int64_t receiver_id;
    enum record_state state;
    enum record_reason reason;
    struct str source;
    struct str type;
    struct str tx_no;
    int64_t from_ms; // accepted at this time or later
    int64_t to_ms;   // accepted before it
};

// ---- jobs: redelivery of many, durable ----
enum record_job_state { RECORD_JOB_RUNNING = 1, RECORD_JOB_DONE = 2, RECORD_JOB_CANCELLED = 3 };
struct record_job {
    int64_t id; // in the order of making, from 1
    enum record_job_state state;
    struct record_filter filter; // state is DEAD, DELIVERED, CANCELLED or 0: all three
    int64_t ladder_id;           // 0: the ladder each has
    int64_t until_id;            // made before it: what is accepted later does not belong to it
    int64_t cursor;              // id of the last one that was looked at
    int64_t looked;              // rows looked at
    int64_t redelivered;
    int64_t refused; // were in another state meanwhile
    int64_t created_ms;
    int64_t changed_ms;
};
// Makes a running job; id and until_id are filled in.
tidings_status record_job_new(struct record *record, struct record_job *job,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// Redelivers up to `max` (RECORD_BATCH_MAX) of a running job's rows and writes how far it is, in
// one; due now. Calls `each` for each receiver that got something, with how many. The job's new
// state is in *ret (views point into `room`); one that is not running is only read. E_NOT_FOUND:
// the batch goes on.
tidings_status record_job_step(struct record *record, int64_t id, size_t max, struct buf *room,
                               struct record_job *ret,
                               void (*each)(void *arg, int64_t receiver_id, int64_t count),
                               void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// E_NOT_FOUND, E_STATE when it is no longer running: the batch goes on.
tidings_status record_job_cancel(struct record *record, int64_t id,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status record_job_get(struct record *record, int64_t id, struct buf *room,
                              struct record_job *ret, struct tidings_error *err) TIDINGS_NODISCARD;
// Newest first, before id `before` (0: from the newest).
tidings_status record_job_list(struct record *record, int64_t before, size_t max,
                               void (*each)(void *arg, const struct record_job *job), void *arg,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// ---- idempotency keys of API calls ----
enum record_idempotent {
    RECORD_KEY_NEW,   // kept from now on
    RECORD_KEY_SAME,  // was there with the same request
    RECORD_KEY_OTHER, // was there with another request
};
// Was this key (whose it is and the key, up to RECORD_HEADERS_MAX bytes) used within the last 24
// hours, and for the same request? Older ones are as if they had never been; record_purge removes
// them. Notifications whose id is above *ret_mark were not there when the key was first used (ids
// of other nodes: as far as clocks agree).
tidings_status record_idempotency(struct record *record, struct str scope_and_key,
                                  const unsigned char request_hash[RECORD_HASH_SIZE],
                                  int64_t now_ms, enum record_idempotent *ret, int64_t *ret_mark,
                                  struct tidings_error *err) TIDINGS_NODISCARD;

// Forgets what was accepted before `before_ms` and is finished, with its attempts and its key; a
// submission to several receivers goes when all of it is finished. Looks at no more than `max` rows
// (RECORD_BATCH_MAX; but always at a whole submission) after id *cursor (0 at first), which moves
// on; 0 again at the end. Removes up to `max` idempotency keys of more than 24 hours ago, too.
tidings_status record_purge(struct record *record, int64_t before_ms, size_t max, int64_t *cursor,
                            int64_t *ret_removed, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- read ----
struct record_notification {
    int64_t id;
    int64_t receiver_id;
    int64_t ladder_id;
    int64_t accepted_ms;
    struct str source;
    struct str type;
    struct str tx_no;
    struct str content_type;
    struct str headers;
    struct str payload; // ptr NULL when it was not asked for
    int64_t payload_size;
    unsigned char hash[RECORD_HASH_SIZE];
    enum record_state state;
    enum record_reason reason;
    int32_t attempts; // of all courses
    int64_t first_ms; // 0 = none yet
    int64_t due_ms;   // of an unfinished one
    int64_t finished_ms;
};
// The views point into `room`, which is cleared first. E_NOT_FOUND: the batch goes on.
tidings_status record_get(struct record *record, int64_t id, struct buf *room,
                          struct record_notification *ret,
                          struct tidings_error *err) TIDINGS_NODISCARD;
// The same without the payload, which is not read.
tidings_status record_get_brief(struct record *record, int64_t id, struct buf *room,
                                struct record_notification *ret,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// What is told of many at once.
struct record_row {
    int64_t id;
    int64_t receiver_id;
    int64_t accepted_ms;
    struct str source;
    struct str type;
    struct str tx_no;
    enum record_state state;
    enum record_reason reason;
    int32_t attempts;
    int64_t first_ms;
    int64_t due_ms;
    int64_t finished_ms;
};
// Those that fit the filter, in the order of ids, after `after` (0 at first), at most `max`. Looks
// at no more than `look_max` rows: *ret_after is where to go on, 0 at the end; a page may be short
// or empty and yet not be the last. With tx_no the rows are found by it (look_max is then at least
// RECORD_BATCH_MAX: all at once, unless thousands have the same); with state DEAD by the dead
// letters; with WAITING or DELIVERING among the unfinished ones. The views are good while `each`
// runs, which makes no calls of the record.
tidings_status record_list(struct record *record, const struct record_filter *filter, int64_t after,
                           size_t max, size_t look_max,
                           void (*each)(void *arg, const struct record_row *row), void *arg,
                           int64_t *ret_after, struct tidings_error *err) TIDINGS_NODISCARD;
// Unfinished rows by receiver. Counts them: for who can wait (10 million take a second or so).
tidings_status record_backlog(struct record *record,
                              void (*each)(void *arg, int64_t receiver_id, int64_t count),
                              void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// By its key. E_NOT_FOUND: the batch goes on.
tidings_status record_find(struct record *record, int64_t receiver_id, struct str source,
                           struct str type, struct str tx_no, int64_t *ret_id,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// The attempts after number `after`, in order, at most `max`; views are good while `each` runs.
tidings_status record_attempts(struct record *record, int64_t id, int32_t after, size_t max,
                               void (*each)(void *arg, const struct record_attempt *attempt),
                               void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// The dead letters of a receiver (0: of all) after id `after`, in the order of ids.
tidings_status record_dead(struct record *record, int64_t receiver_id, int64_t after, size_t max,
                           void (*each)(void *arg, int64_t id, enum record_reason reason),
                           void *arg, struct tidings_error *err) TIDINGS_NODISCARD;

#endif

// SPDX-License-Identifier: Apache-2.0
// What the files of the room share. All of it belongs to the loop's thread, unless it is said
// otherwise.
//
// A lane is a receiver's share of the notifier: what is known of its rows, what of them is in
// memory, and whether it may be sent to. A row in memory is an attempt: leased, then ready, then
// under way, then being settled. Lanes are never freed before the end, so they may be pointed to.
#ifndef NOTIFY_PRIVATE_H
#define NOTIFY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "net/net.h"
#include "notify/notify.h"

enum {
    LEASE_SLACK_MS = 30000, // a lease outlasts the longest attempt by so much
    LEASE_SAFETY_MS = 5000, // an attempt that could end nearer to its lease's end is not begun
    CLAIM_MAX = 1024,       // rows of one claim
    CLAIMS_MAX = 64,        // claims that the store has at a time
    LEASED_MAX = 16384,     // rows in memory
    AHEAD_US = 200000,      // so much of its work lies ready for a lane, see lane_window
    SHARED_PACE_US = 50000, // a pace is measured over so much at least where others work, too
    PACE_US = 1000000,      // its pace is not older than that when rows are leased for it
    WINDOW_SLACK_MS = 1000, // an attempt that was due within its window may begin so late
    AGAIN_MS = 100,         // after what failed for reasons of the store; doubles
    AGAIN_MOST_MS = 10000,
    REPLY_KEPT = 4096,             // bytes of a reply that are on record
    MEMORY_MAX = 64 * 1024 * 1024, // of payloads in memory, with what belongs to them
    CLAIM_BYTES = 4 * 1024 * 1024, // of one claim, but for its first row
    ACCEPTS_MAX = 32768,           // submissions that are not answered yet
    ACCEPTS_OUT_MAX = 512,         // of them the store has: outcomes and claims wait behind them
    CHANGES_MAX = 10000,           // changes of receivers that wait
    OPS_MAX = 10000,               // redeliveries and cancellations that wait
    TESTS_MAX = 64,                // test notifications under way
    STEP_ROWS = 500,               // of a job, of retention, of a receiver that is removed
    FLIGHTS_KEPT = 2048,           // that are not used now
    ACCEPTS_KEPT = 2048,           // likewise
    ATTEMPTS_KEPT = 2048,
    PARCELS_KEPT = 2048,
    PARCEL_SIZE = 2048, // of those that are kept
    OPS_SOON = 256,     // posted together
    HOLDS_MAX = 16384,  // submissions that wait at their source, see accept.c
    HOLD_LOOK_MS = 20,
    QUICK_US = 1000000,
    QUICK_FOR_US = 5000000,
    SHARE = 3, // a lane uses at most so many times what is free
    PAYLOAD_ROOM = RECORD_PAYLOAD_MAX + RECORD_HEADERS_MAX + 4 * RECORD_NAME_MAX + 64,
};

// ---- op.c: what is asked of the store, and its answer on the loop ----
struct op {
    struct keeper_task task;
    struct op *next; // among the answers
    struct notify *notify;
    void (*take)(struct op *op); // on the loop: `status` tells how it ended, `err` why
    tidings_status own;          // what run found, when the batch is good all the same
    tidings_status status;
    struct tidings_error err;
};
typedef tidings_status op_run(struct keeper_task *task, struct record *record,
                              struct tidings_error *err);
void op_init(struct op *op, struct notify *notify, op_run *run, void (*take)(struct op *op));
// E_FULL, E_CLOSED: `take` will not run.
tidings_status op_post(struct op *op) TIDINGS_NODISCARD;
tidings_status op_post_to(struct op *op, struct keeper *keeper) TIDINGS_NODISCARD;
// At the end of the loop's turn, with all others of the turn: one lock, one wake. What the store
// does not take is answered so.
void op_post_soon(struct op *op);
void ops_flush(struct notify *notify);
// From the loop: `take` runs in one of the next turns with this status, without the store.
void op_answer(struct op *op, tidings_status status);
// Within run: `status` is the op's own when it is not found, not in that state, there already or
// not valid: the batch goes on. Else it breaks the batch.
tidings_status op_own(struct op *op, tidings_status status, struct tidings_error *err);
void answers_tell(void *notify); // the keepers' batch_done
void answers_take(struct notify *notify);
void turn_end(void *notify); // the loop's on_turn

// ---- lanes ----
struct gate {
    int64_t slow_until_ms;
    int64_t slow_step_ms; // of the last 503 without Retry-After
    int64_t failures;     // in a row
    bool open;            // the breaker
    bool probing;
    int64_t probe_at_ms;
    int64_t probe_wait_ms;
    int64_t ramp; // in-flight limit after the breaker closed; 0 = the receiver's own
    int64_t ramp_taken;
    int64_t bucket_ns;        // monotonic: when the bucket will be full again, see gate.c
    struct record_gate saved; // what is on record of it
};

struct claim { // what a lane asks of the store, one at a time
    struct op op;
    struct list node; // among those that wait to be posted
    struct lane *lane;
    bool busy;    // posted
    bool waiting; // to be posted
    size_t max;
    size_t bytes_max;
    int64_t timeout_ms;
    struct list attempts; // made on the store thread
    size_t count;
    int64_t next_due_ms;
    unsigned failures;
};

struct lane {
    struct notify *notify;
    int64_t id;
    int64_t version;
    int64_t changed_ms;
    int64_t ladder_id;
    char name[RECEIVER_NAME_MAX + 1];
    enum notify_receiver_state state;
    struct receiver_settings *settings;
    const struct receiver_limits *limits; // of settings
    // ---- on disk ----
    int64_t due_ms;        // not before then is a row due; INT64_MAX: nothing waits
    int64_t waiting;       // unfinished rows
    struct heap_node wake; // when to look again
    // ---- in memory ----
    struct list ready; // struct attempt
    size_t ready_count;
    size_t pledged; // leased from the start, not committed yet
    size_t flying;  // under way
    size_t bytes;   // of what is ready or under way
    struct list turn;
    bool has_turn;
    struct list held;    // struct accepting: patient ones that wait for room
    struct list holding; // among the lanes that have such
    struct claim claim;
    size_t ahead; // rows that are wanted beside those under way
    int64_t paced_us;
    int64_t quick_us; // when an attempt ended that took less than QUICK_US
    uint64_t paced_begun;
    struct gate gate;
    uint64_t begun;
    uint64_t attempts;
    uint64_t delivered;
    uint64_t failed;
    uint64_t dead;
    bool swept; // retired, and nothing waits any more
};

// ---- lane.c ----
struct lane *lane_find(const struct notify *notify, struct str name);
struct lane *lane_of(const struct notify *notify, int64_t id);
struct lane *lane_new(struct notify *notify, struct str name);
void lane_free(struct lane *lane);
// Into the tables; on an error it is still the caller's.
tidings_status lane_add(struct lane *lane, int64_t id) TIDINGS_NODISCARD;
// Takes the reference.
void lane_set(struct lane *lane, struct receiver_settings *settings, int64_t ladder_id);
void lanes_free(struct notify *notify);
// Index of the first name after `after`.
size_t lanes_after(const struct notify *notify, struct str after);
struct subscribers {
    size_t count; // may be more than are listed: RECORD_TARGETS_MAX
    struct lane *lanes[];
};
// NULL without memory.
const struct subscribers *lanes_subscribed(struct notify *notify, struct str type);
void lanes_forget_subscribers(struct notify *notify);

// ---- gate.c: when a lane may be sent to ----
// From when on; at most now_ms = now; INT64_MAX: not before something else happens.
int64_t gate_opens_ms(const struct lane *lane, int64_t now_ms);
// Not to be sent to for a while: what lies ready is better given back.
bool gate_is_shut(const struct lane *lane, int64_t now_ms);
size_t gate_limit(const struct lane *lane); // attempts at a time
void gate_begin(struct lane *lane);         // an attempt begins
void gate_heard(struct lane *lane, const struct http_result *result, bool taken);
void gate_reset(struct lane *lane);
// Is it worth a row, since what is on record tells something else? Then what is to be written.
bool gate_save(struct lane *lane, struct record_gate *ret);
void gate_load(struct lane *lane, const struct record_gate *saved);

// ---- dispatch.c ----
// A row of it is due then, or earlier.
void lane_is_due(struct lane *lane, int64_t due_ms);
// Looks what it needs: a turn, a claim, to be woken. dispatch_run gives the turns.
void lane_pump(struct lane *lane);
size_t lane_held(const struct lane *lane);
// Rows that it may have in memory: those under way, and what is begun in AHEAD_US.
size_t lane_window(const struct lane *lane);
void lane_give_back(struct lane *lane); // what lies ready
void dispatch_run(struct notify *notify);
void dispatch_fired(void *notify);

// ---- claim.c ----
void claim_init(struct claim *claim, struct lane *lane);
void claim_want(struct lane *lane);
void claims_next(struct notify *notify);
// How many rows it begins in AHEAD_US, by what it did since the last time.
void lane_pace(struct lane *lane);

// ---- parcel.c: what is sent, in memory, for one or several attempts ----
struct parcel {
    struct parcel *next; // among those that are not used
    size_t refs;
    size_t size; // that it was made with, when it may be kept; else 0
    size_t bytes;
    struct record_notification view; // text and bytes of it only
    struct buf room;                 // of one that was read
};
struct parcel *parcel_copy(struct notify *notify, const struct notify_submission *submission);
void parcel_unref(struct notify *notify, struct parcel *parcel); // NULL allowed
void parcels_free(struct notify *notify);

// ---- attempt.c, outcome.c ----
struct flight {          // what an attempt needs from its begin to its end on record
    struct flight *next; // among those that are not used
    struct receiver_request request;
    bool saves_gate; // with the outcome
    struct record_gate gate;
    char error[RECORD_ERROR_MAX];
    char reply[REPLY_KEPT];
};
struct attempt { // a row that is leased, until its outcome is stored
    struct op op;
    struct list node;
    struct lane *lane;
    struct record_claimed claimed;
    int64_t lease_until_ms;
    int64_t came_us; // of one that was just accepted: when; else 0
    struct ladder ladder;
    struct parcel *parcel;
    const char *broken; // why it cannot be tried, or NULL
    struct flight *flight;
    int64_t begun_ms;
    struct record_outcome outcome;
};
struct attempt *attempt_new(struct notify *notify); // zeroed; NULL without memory
void attempt_free(struct attempt *attempt);         // what is in its parcel too
void attempts_free(struct notify *notify);
void attempt_ready(struct attempt *attempt);
void attempt_begin(struct attempt *attempt);
void attempt_release(struct attempt *attempt); // gives the lease back untried
void attempt_end(struct attempt *attempt, enum record_reason reason); // without trying
void attempt_replied(void *attempt, const struct http_result *result);
void outcomes_again(struct notify *notify); // those that the store did not take
int attempt_class(const struct http_result *result, bool taken);
// One that was in hand and of which nobody knows how it ended. `why` must stay.
void attempt_unknown(struct record_attempt *ret, int32_t number, int64_t begun_ms, int64_t due_ms,
                     const char *why);
void count_unknown(struct notify *notify, size_t count); // such attempts, once they are on record
// When a lease was taken that ends then: about, if the receiver's timeout was changed meanwhile.
int64_t leased_ms(int64_t id, int64_t until_ms, int64_t timeout_ms, int64_t now_ms);
void flight_drop(struct notify *notify, struct flight *flight); // NULL allowed
void flights_free(struct notify *notify);

// ---- change.c ----
// Stores lane->state as it is now.
void change_state(struct lane *lane);
void changes_again(struct notify *notify); // what others changed is known now

// ---- load.c ----
// *ret is the record it read from, open.
tidings_status lanes_load(struct notify *notify, struct record **ret,
                          struct tidings_error *err) TIDINGS_NODISCARD;
void backlog_count(struct notify *notify); // before anything is done to the record
void backlog_again(struct notify *notify); // now and then

// ---- jobs.c ----
void jobs_find(struct notify *notify); // those that ran when the notifier stopped
void jobs_tick(struct notify *notify);
void jobs_free(struct notify *notify);

// ---- tidy.c: retention, and what waits for receivers that were removed ----
struct tidy;
tidings_status tidy_start(struct notify *notify) TIDINGS_NODISCARD;
void tidy_retired(struct notify *notify); // there may be some
void tidy_free(struct notify *notify);

// ---- follow.c: what other nodes on the same record do ----
struct follow;
tidings_status follow_start(struct notify *notify) TIDINGS_NODISCARD;
// What is read of receivers after it is behind this mark.
tidings_status follow_begin(struct notify *notify, struct record *record,
                            struct tidings_error *err) TIDINGS_NODISCARD;
void follow_look(struct notify *notify); // now and then
// Looks at once; changes_again runs behind it. False: it will not.
bool follow_now(struct notify *notify);
void follow_free(struct notify *notify);

// ---- lives.c: what this node had in hand when it was killed ----
struct lives;
tidings_status lives_start(struct notify *notify) TIDINGS_NODISCARD;
void lives_look(struct notify *notify); // now and then, until nothing of it is left
void lives_free(struct notify *notify);

// ---- accept.c ----
void accepts_take(struct notify *notify, struct list *accepts); // what came in
void holds_take(struct notify *notify);                         // those that have room now
void holds_fired(void *notify);
void accepts_return(struct notify *notify); // those that were answered are used again
void accepts_free(struct notify *notify);

// ---- stats.c ----
void histogram_add(struct notify_histogram *histogram, int64_t us);

struct notify {
    struct notify_options options;
    char *database_url;
    const struct clock *clock;
    struct keeper *keeper;
    struct keeper *reader;
    struct keeper *counter; // reads, too: a count of millions must not hold up what else is read
    struct http_client *client;
    struct net_timer *timer;
    struct rnd rnd;
    _Atomic bool stopping;
    size_t out; // ops that a keeper has
    // ---- lanes ----
    struct map by_name;
    struct map by_id;
    struct lane **names; // in order; retired ones too
    size_t lane_count;
    size_t lane_room;
    struct map subscribers; // by type
    struct heap wake;
    int64_t timer_ms; // what the timer is set to
    struct list turns;
    size_t turn_count;
    bool running; // in dispatch_run
    struct list claims;
    struct list unstored; // struct attempt
    size_t claims_out;
    size_t leased;
    size_t flying;
    size_t memory;
    struct flight *flights;
    size_t flights_kept;
    struct list attempts_kept; // struct attempt
    size_t attempts_kept_count;
    struct parcel *parcels;
    size_t parcels_kept;
    struct list accepts_waiting; // for the store to have room for them
    size_t accepts_out;          // that the store has
    struct list holding;         // struct lane
    size_t hold_count;
    struct net_timer *hold_timer;
    bool hold_timed;
    struct list answered; // struct accepting
    size_t answered_count;
    struct keeper_task *soon[OPS_SOON];
    size_t soon_count;
    // ---- others ----
    struct list changes; // the first one is being made
    size_t change_count;
    size_t op_count;
    size_t tests;
    struct list jobs;
    size_t job_count;
    struct tidy *tidy;
    struct lives *lives;
    struct follow *follow;
    bool shared;           // others may write to the record, too
    bool counted;          // what waits
    bool counting;         // a count is under way
    int64_t count_next_ms; // monotonic
    struct notify_stats stats;
    struct map ladders; // by number; the store thread's
    // ---- from other threads ----
    _Atomic(struct op *) answers; // newest first
    pthread_mutex_t lock;
    struct list accepts; // under lock
    size_t accept_count; // under lock: not answered yet, but for those that are held
    struct list spare;   // under lock: struct accepting that are not used now
    size_t spare_count;  // under lock
    bool told;           // under lock: the loop will look at both
    bool refuses;        // under lock: it stops
};

#endif

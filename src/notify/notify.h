// SPDX-License-Identifier: Apache-2.0
// The notifier: takes notifications for receivers, calls their endpoints over HTTP or SOAP, climbs
// the ladder when they do not answer as wanted, and has all of it on record.
//
// It lives on one loop; the record's store thread commits for it. What waits lies in the database:
// memory holds a receiver's settings and what is on its way to it, so that a receiver that hangs
// costs its own share and nothing else.
//
// Calls are made on the loop's thread, but for notify_accept and the two keepers, which any thread
// may use. `done` callbacks run on the loop's thread, exactly once after OK, never inside the call;
// after an error of the call itself they never run. Views given to a call must stay until `done`
// has run, unless the call says that it copies.
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include "base/log.h"
#include "receiver/receiver.h"
#include "record/keeper.h"

struct notify;
struct net_loop;

enum { NOTIFY_RECEIVERS_MAX = 100000, NOTIFY_JOBS_MAX = 16 /* running at a time */ };

struct notify_options {
    struct net_loop *loop; // its on_turn is the notifier's
    const char *database_url;
    struct record_options record;
    // This node's lasting identity, the same at each start: what it had in hand when it was killed
    // is due again at once. 0: it has none, and these leases end by themselves.
    int64_t owner;
    unsigned connections_max; // to receivers, in all
    // Whether an address may be connected to; see http_client_options. NULL: all may.
    bool (*allows)(void *arg, const uint8_t *address, size_t len, char *reason, size_t size);
    void *allows_arg;
    const struct seal *seal; // NULL: receivers with secrets are refused
    struct log *log;         // may be NULL
    int64_t retention_ms;    // of what is finished, from its acceptance; 0 = kept
    size_t payload_max;      // 0 = RECORD_PAYLOAD_MAX
};
// Opens the record, reads the receivers, and goes on with what is due as soon as the loop runs.
tidings_status notify_start(const struct notify_options *options, struct notify **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Gives back what is on its way (it is delivered again after the next start), commits, frees. The
// loop must not be running; nothing may be asked of it any more. NULL allowed.
void notify_stop(struct notify *notify);

// For reading what is on record, beside the store thread: tasks only read. Any thread.
struct keeper *notify_reader(struct notify *notify);
// May other servers write to the record, too? Then they are followed: what they change of receivers
// is known here within a second or so, and what they accepted is delivered by whoever has room.
bool notify_is_shared(const struct notify *notify);
// For others who keep something in the same database. Any thread.
struct keeper *notify_keeper(struct notify *notify);

// ---- receivers ----
enum notify_put { NOTIFY_CREATE, NOTIFY_REPLACE /* or create */, NOTIFY_MERGE };
enum notify_receiver_state {
    NOTIFY_ACTIVE = 1,
    NOTIFY_PAUSED = 2,  // by an operator: accepts, does not send
    NOTIFY_GONE = 3,    // it answered 410: accepts, does not send, until it is resumed
    NOTIFY_RETIRED = 4, // removed: takes nothing more; what waits is cancelled
};
const char *notify_receiver_state_text(enum notify_receiver_state state); // "active", …

// How a change ended: on OK the receiver's new version.
typedef void notify_changed(void *arg, tidings_status status, int64_t version,
                            const struct tidings_error *err);
// Makes or changes a receiver; name and document are copied. version: the one it must have, 0 =
// any. What waits for it keeps the ladder that it has. E_INVALID and E_TOO_LARGE at once; later
// E_EXISTS (CREATE), E_NOT_FOUND (MERGE), E_STATE (another version).
tidings_status notify_receiver_put(struct notify *notify, struct str name, struct str document,
                                   enum notify_put how, int64_t version, notify_changed *done,
                                   void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// Pauses, resumes (ACTIVE, which also closes an open breaker), retires. E_NOT_FOUND at once.
tidings_status notify_receiver_set_state(struct notify *notify, struct str name,
                                         enum notify_receiver_state state, notify_changed *done,
                                         void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// A new secret in front, see receiver_settings_rotate; on OK its text, good while `done` runs, and
// when it begins to sign (0 = at once).
typedef void notify_rotated(void *arg, tidings_status status, struct str secret, int64_t version,
                            int64_t active_ms, const struct tidings_error *err);
tidings_status notify_receiver_rotate(struct notify *notify, struct str name, struct str secret,
                                      int64_t overlap_ms, int64_t active_ms, notify_rotated *done,
                                      void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
// One attempt now, of a test notification (source "tidings", type "tidings.test"), not on record,
// whatever the receiver's state; the settings' own limits hold.
struct notify_tested {
    bool taken;
    const char *why; // not taken: what was wanted and what came
    const struct http_result *result;
};
typedef void notify_test_done(void *arg, tidings_status status, const struct notify_tested *tested,
                              const struct tidings_error *err);
tidings_status notify_receiver_test(struct notify *notify, struct str name, struct str payload,
                                    struct str content_type, notify_test_done *done, void *arg,
                                    struct tidings_error *err) TIDINGS_NODISCARD;

// What is known of a receiver now.
struct notify_receiver_view {
    int64_t id;
    int64_t version;
    int64_t changed_ms;
    const char *name;
    enum notify_receiver_state state;
    const char *state_reason; // of PAUSED and GONE: who or what did it; "" else
    const struct receiver_settings *settings;
    int64_t waiting;       // unfinished notifications, those on their way too
    int64_t in_flight;     // attempts under way
    int64_t next_due_ms;   // of its next row, INT64_MAX when nothing waits or it is not known yet
    int64_t slow_until_ms; // 429, 503 or Retry-After: not before then; 0 = not slowed
    bool breaker_open;     // parked; probed at next_probe_ms
    int64_t next_probe_ms;
    int64_t failures;                           // in a row
    uint64_t attempts, delivered, failed, dead; // since the start
};
// E_NOT_FOUND: of retired ones, too.
tidings_status notify_receiver_get(const struct notify *notify, struct str name,
                                   struct notify_receiver_view *ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
// In the order of names after `after`, at most `max`, without retired ones.
void notify_receiver_each(const struct notify *notify, struct str after, size_t max,
                          void (*each)(void *arg, const struct notify_receiver_view *view),
                          void *arg);
// Name of a receiver by its number, retired ones too; NULL when there is none.
const char *notify_receiver_name(const struct notify *notify, int64_t id);

// ---- accept ----
struct notify_accepted {
    struct str receiver; // name
    struct record_accepted record;
};
// The caller's object, which stays until `done` runs, and so does all that it points to.
struct notify_submission {
    struct str source;
    struct str type;
    struct str tx_no;
    struct str content_type;
    struct str headers;          // lines of receiver_headers_add
    struct str payload;          // exactly these bytes are sent
    const struct str *receivers; // names; none = all that subscribe to the type
    size_t receiver_count;
    struct str ladder; // "" = each receiver's own
    int64_t due_ms;    // not before; 0 = now
    // Its source keeps it until it is answered, and knows no haste: while all of its receivers are
    // sent to as fast as they take, it may wait so long for memory to have room, which spares it
    // the way over the disk and back. 0 = it does not wait.
    int64_t patience_ms;
    // On OK it is durable, and there is one of `accepted` per receiver, good while it runs. A
    // RECORD_CONFLICT among them is not an error of the call. E_NOT_FOUND names a receiver that is
    // not there, or the type when nobody subscribes to it; E_INVALID the field; E_TOO_LARGE.
    void (*done)(struct notify_submission *submission, tidings_status status,
                 const struct notify_accepted *accepted, size_t count,
                 const struct tidings_error *err);
    void *arg; // the caller's
};
// The one way in; any thread. E_FULL when too much waits, E_CLOSED when the notifier stops.
tidings_status notify_accept(struct notify *notify, struct notify_submission *submission,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// ---- operate ----
typedef void notify_done(void *arg, tidings_status status, const struct tidings_error *err);
// A new course for a finished one. ladder "" = the receiver's own. Later E_NOT_FOUND, E_STATE (not
// finished yet, or its receiver is retired).
tidings_status notify_redeliver(struct notify *notify, int64_t id, struct str ladder,
                                notify_done *done, void *arg,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// Of one that waits. Later E_NOT_FOUND, E_STATE.
tidings_status notify_cancel(struct notify *notify, int64_t id, notify_done *done, void *arg,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// Redelivers all finished ones that fit, as a job that goes on across restarts (record.h, jobs). On
// OK its number. E_FULL beyond NOTIFY_JOBS_MAX.
typedef void notify_job_done(void *arg, tidings_status status, int64_t job,
                             const struct tidings_error *err);
tidings_status notify_job_start(struct notify *notify, const struct record_filter *filter,
                                struct str ladder, notify_job_done *done, void *arg,
                                struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status notify_job_cancel(struct notify *notify, int64_t job, notify_done *done, void *arg,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

// ---- figures ----
// X(member, name, kind, help), under the names of the metrics.
#define NOTIFY_STATS_MAP(X)                                                                        \
    X(accepted, "tidings_notify_accepted_total", "counter",                                        \
      "Notifications accepted, one per receiver")                                                  \
    X(duplicates, "tidings_notify_duplicates_total", "counter",                                    \
      "Submissions that were there before")                                                        \
    X(conflicts, "tidings_notify_conflicts_total", "counter",                                      \
      "Submissions whose key was there with another payload")                                      \
    X(attempts, "tidings_notify_attempts_total", "counter", "Attempts made")                       \
    X(delivered, "tidings_notify_delivered_total", "counter", "Notifications that were taken")     \
    X(dead, "tidings_notify_dead_total", "counter", "Notifications whose ladder ended")            \
    X(stale, "tidings_notify_stale_total", "counter",                                              \
      "Outcomes of leases that were another's meanwhile")                                          \
    X(unsettled, "tidings_notify_unsettled_total", "counter", "Outcomes that could not be stored") \
    X(purged, "tidings_notify_purged_total", "counter", "Notifications removed by retention")      \
    X(waiting, "tidings_notify_waiting", "gauge", "Unfinished notifications")                      \
    X(held, "tidings_notify_held", "gauge",                                                        \
      "Submissions that wait at their source for room, not accepted yet")                          \
    X(in_flight, "tidings_notify_in_flight", "gauge", "Attempts under way")                        \
    X(receivers, "tidings_notify_receivers", "gauge", "Receivers, without retired ones")           \
    X(parked, "tidings_notify_receivers_parked", "gauge", "Receivers whose breaker is open")
enum {
    NOTIFY_CLASSES = 17, // by http_failure, then status 2xx not fitting, 3xx, 4xx, 5xx, others;
                         // then: how it ended is not known
    NOTIFY_BUCKETS = 16, // of a histogram; the last has no bound
};
extern const int64_t notify_bucket_us[NOTIFY_BUCKETS - 1]; // upper bounds
const char *notify_class_text(int class); // "none", "dns", …, "http_5xx"; NULL beyond the last
struct notify_histogram {
    uint64_t count[NOTIFY_BUCKETS]; // not cumulative
    uint64_t sum_us;
};
struct notify_stats {
#define X(member, name, kind, help) uint64_t member;
    NOTIFY_STATS_MAP(X)
#undef X
    uint64_t attempts_by_class[NOTIFY_CLASSES];
    struct notify_histogram lateness;      // of an attempt's begin behind its due time
    struct notify_histogram attempt_time;  // of attempts, whole
    struct notify_histogram accept_arrive; // from acceptance to the first attempt's begin
    struct keeper_stats keeper;
};
void notify_read_stats(const struct notify *notify, struct notify_stats *ret);

#endif

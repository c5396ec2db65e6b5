// SPDX-License-Identifier: Apache-2.0
// The notifier: takes notifications for receivers, calls their endpoints over HTTP, climbs the
// ladder when they do not answer as wanted, and has all of it on record.
//
// It lives on one loop; the record's store thread commits for it. What waits lies in the database:
// memory holds a receiver's settings and what is on its way to it (its in-flight limit), so that a
// receiver that hangs costs its own share and nothing else.
//
// All calls are made on the loop's thread.
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include "record/keeper.h"

struct notify;
struct net_loop;

enum {
    NOTIFY_RECEIVERS_MAX = 100000,
    NOTIFY_IN_FLIGHT_MAX = 1024, // of one receiver
    NOTIFY_URL_MAX = 2048,
    NOTIFY_TIMEOUT_LEAST_MS = 10,
    NOTIFY_TIMEOUT_MOST_MS = 300000,
};

struct notify_options {
    struct net_loop *loop;
    const char *database_url;
    struct record_options record;
    unsigned connections_max; // to receivers, in all
    // Whether an address may be connected to; see http_client_options. NULL: all may.
    bool (*allows)(void *arg, const uint8_t *address, size_t len, char *reason, size_t size);
    void *allows_arg;
};
// Opens the record, reads the receivers, and goes on with what is due as soon as the loop runs.
tidings_status notify_start(const struct notify_options *options, struct notify **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Gives back what is on its way (it is delivered again after the next start), commits, frees. The
// loop must not be running. NULL allowed.
void notify_stop(struct notify *notify);

// ---- receivers ----
struct notify_settings {
    char url[NOTIFY_URL_MAX + 1];
    char ladder[RECORD_LADDER_MAX + 1]; // as ladder_parse reads it
    int64_t timeout_ms;                 // over one attempt, all of it
    int64_t in_flight;                  // attempts at a time
};
// The defaults: no URL, ladder "article", 15 s, 64.
void notify_settings_init(struct notify_settings *settings);
// JSON: {"url": "…", "ladder": "…", "timeoutMs": 15000, "inFlight": 64}; what is left out keeps
// its default. E_INVALID names the member.
tidings_status notify_settings_parse(struct str document, struct notify_settings *ret,
                                     struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status notify_settings_format(const struct notify_settings *settings,
                                      struct buf *out) TIDINGS_NODISCARD;

// How a call on the store ended; on the loop, exactly once, later.
typedef void notify_done(void *arg, tidings_status status, const struct tidings_error *err);
// Makes a receiver, or changes its settings; what waits for it keeps the ladder that it has.
tidings_status notify_receiver_set(struct notify *notify, struct str name,
                                   const struct notify_settings *settings, notify_done *done,
                                   void *arg, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- accept ----
// The caller's object until `done` runs; so is all that it points to.
struct notify_submission {
    struct record_submission record; // targets are filled in here
    const struct str *receivers;     // names
    size_t receiver_count;
    struct record_accepted *accepted; // receiver_count of them
    notify_done *done;                // OK: it is durable, `accepted` is filled
    void *arg;
};
// The one way in. E_NOT_FOUND names a receiver that is not there; E_FULL when too much waits.
tidings_status notify_accept(struct notify *notify, struct notify_submission *submission,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// X(member, name, help): counters, under the names of the metrics.
#define NOTIFY_STATS_MAP(X)                                                                        \
    X(accepted, "tidings_notify_accepted_total", "Notifications accepted, one per receiver")       \
    X(attempts, "tidings_notify_attempts_total", "Attempts made")                                  \
    X(delivered, "tidings_notify_delivered_total", "Notifications that were taken")                \
    X(dead, "tidings_notify_dead_total", "Notifications whose ladder ended")                       \
    X(stale, "tidings_notify_stale_total", "Outcomes of leases that were another's meanwhile")     \
    X(unsettled, "tidings_notify_unsettled_total", "Outcomes that could not be stored")
struct notify_stats {
#define X(member, name, help) uint64_t member;
    NOTIFY_STATS_MAP(X)
#undef X
};
void notify_read_stats(const struct notify *notify, struct notify_stats *ret);

#endif

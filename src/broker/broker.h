// SPDX-License-Identifier: Apache-2.0
// The embedded MQ: name server and broker for RocketMQ clients, on one event loop.
//
// Data: options.folder/log holds the commit log (the truth), options.folder/index the index derived
// from it. Threads: everything on the loop thread; the log and the index have a thread each and
// wake the loop. The owner of the loop calls broker_wake from net_loop_on_wake and broker_turn from
// net_loop_on_turn.
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"
#include "net/net.h"

struct broker;

enum { BROKER_TOPICS_MAX = 10000, BROKER_GROUPS_MAX = 10000, BROKER_QUEUES_MAX = 1024 };

struct broker_topic_option {
    const char *name;
    int queues;
};

struct broker_options {
    const char *folder;
    struct net_loop *loop;
    const struct clock *clock;
    struct fault *fault; // may be NULL
    struct log *log;     // may be NULL
    const char *cluster_name;
    const char *broker_name;
    const char *message_delay_level; // RocketMQ's table for delay levels that clients name
    const char *retry_ladder;        // default ladder of code 36 with delay level 0
    int64_t retry_window_ms;         // 0 = none
    int retry_limit;                 // 0 = what the ladder says
    bool auto_create_topics;
    int default_queues;                       // of topics that are made by a first send, at most
    const struct broker_topic_option *topics; // made at start when missing
    size_t topic_count;
    int64_t max_message_size;
    int64_t segment_size;
    int64_t retention_time_ms;
    int64_t retention_size;         // bytes of log, 0 = no limit
    int64_t disk_reserve;           // bytes that stay free
    const char *acl_file;           // accounts; NULL or "": everybody may do everything
    const char *transaction_checks; // delays between checks of a half message, as a level table
    int transaction_check_max;      // then it is parked
    int64_t delay_max_ms;           // longest delay of a message by TIMER_* properties
};

// Opens log and index, recovers, makes the configured topics. Serving may begin when it returns.
tidings_status broker_open(const struct broker_options *options, struct broker **ret,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// The address that routes and message ids name: numeric IPv4 or IPv6 text and the main port.
tidings_status broker_set_address(struct broker *broker, const char *host, int port,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
// Makes everything durable that was taken in, then frees. All connections must be closed before.
tidings_status broker_close(struct broker *broker, struct tidings_error *err) TIDINGS_NODISCARD;

// For net_listen, arg = the broker; the same for every port.
extern const struct net_handler broker_handler;
void broker_conn_options(const struct broker *broker, struct net_conn_options *ret);
void broker_wake(void *broker);
void broker_turn(void *broker);
// Reads the accounts file again. On error the accounts in force stay.
tidings_status broker_reload(struct broker *broker, struct tidings_error *err) TIDINGS_NODISCARD;
// Answers held pulls and takes no new sends (code 14), so that clients go elsewhere; sends that
// were taken in are still answered. Done when broker_is_drained.
void broker_drain(struct broker *broker);
bool broker_is_drained(const struct broker *broker);

// Counters for /metrics: X(member, "metric name", "counter" or "gauge", "help").
#define BROKER_STATS_MAP(X)                                                                        \
    X(requests, "tidings_requests_total", "counter", "Remoting requests received")                 \
    X(requests_refused, "tidings_requests_refused_total", "counter",                               \
      "Requests answered with an error")                                                           \
    X(messages_in, "tidings_messages_in_total", "counter", "Messages stored and acknowledged")     \
    X(messages_out, "tidings_messages_out_total", "counter", "Messages given to consumers")        \
    X(pulls_found, "tidings_pulls_found_total", "counter", "Pulls answered with messages")         \
    X(pulls_missed, "tidings_pulls_empty_total", "counter", "Pulls answered without a message")    \
    X(bytes_in, "tidings_message_bytes_in_total", "counter", "Bytes of stored messages")           \
    X(bytes_out, "tidings_message_bytes_out_total", "counter",                                     \
      "Bytes of messages given to consumers")                                                      \
    X(access_refused, "tidings_access_refused_total", "counter",                                   \
      "Requests without the permission that they need")                                            \
    X(sends_refused, "tidings_sends_refused_total", "counter", "Sends refused, all reasons")       \
    X(send_backs, "tidings_send_backs_total", "counter", "Messages given back by consumers")       \
    X(dead_letters, "tidings_dead_letters_total", "counter",                                       \
      "Messages moved to a dead letter topic")                                                     \
    X(delayed_waiting, "tidings_delayed_messages", "gauge", "Messages waiting for their time")     \
    X(delivered_due, "tidings_delayed_delivered_total", "counter",                                 \
      "Delayed messages made visible")                                                             \
    X(due_late_ms_max, "tidings_delayed_lateness_max_milliseconds", "gauge",                       \
      "Greatest lateness in the last minute")                                                      \
    X(transactions_undecided, "tidings_transactions_undecided", "gauge",                           \
      "Half messages not yet decided, the parked ones too")                                        \
    X(transactions_parked, "tidings_transactions_parked", "gauge",                                 \
      "Half messages that ran out of checks")                                                      \
    X(transactions_checked, "tidings_transaction_checks_total", "counter",                         \
      "Producers asked how a transaction ended")                                                   \
    X(transactions_committed, "tidings_transactions_committed_total", "counter",                   \
      "Half messages made visible")                                                                \
    X(transactions_rolled_back, "tidings_transactions_rolled_back_total", "counter",               \
      "Half messages discarded")                                                                   \
    X(pulls_held, "tidings_pulls_held", "gauge", "Pull requests waiting for a message")            \
    X(connections, "tidings_connections", "gauge", "Open remoting connections")                    \
    X(clients, "tidings_clients", "gauge", "Client ids with a live heartbeat")                     \
    X(topics, "tidings_topics", "gauge", "Topics")                                                 \
    X(groups, "tidings_groups", "gauge", "Consumer groups")                                        \
    X(log_bytes, "tidings_log_bytes", "gauge", "Bytes of the commit log kept")                     \
    X(log_batches, "tidings_log_syncs_total", "counter", "Synced batches of the commit log")       \
    X(log_sync_us, "tidings_log_sync_microseconds_total", "counter", "Time spent in syncs")        \
    X(log_waiting, "tidings_log_waiting_bytes", "gauge", "Bytes waiting to be synced")             \
    X(log_state, "tidings_log_state", "gauge", "0 ok, 1 disk full, 2 failed")                      \
    X(index_depth, "tidings_index_waiting_entries", "gauge", "Entries not yet indexed")            \
    X(damaged_records, "tidings_log_damaged_records_total", "counter", "Bad records met")

struct broker_stats {
#define X(member, name, kind, help) uint64_t member;
    BROKER_STATS_MAP(X)
#undef X
};
// Walks the requests that are served, for documentation: index from 0; false at the end.
bool broker_describe_request(size_t index, int *ret_code, const char **ret_name,
                             const char **ret_access);
// Loop thread.
void broker_stats(struct broker *broker, struct broker_stats *ret);

#endif

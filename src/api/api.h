// SPDX-License-Identifier: Apache-2.0
// The HTTP API of the notifier, as docs/openapi.yaml has it: routes, keys and roles, problems
// (RFC 9457). Handlers run on the HTTP server's threads; what takes the notifier's loop or the
// database is answered later (http_exchange_later).
#ifndef API_API_H
#define API_API_H

#include "base/log.h"
#include "http/http.h"
#include "intake/intake.h"
#include "notify/notify.h"

struct api;

struct api_options {
    struct net_loop *loop; // the notifier's
    struct notify *notify;
    struct intake *intake; // NULL: no bindings
    const char *keys_file; // NULL or "": no keys, everybody may do everything
    size_t payload_max;    // bytes of one payload (1 MiB)
    struct log *log;       // may be NULL
    const struct clock *clock;
};
// E_INVALID for a mistake in the keys file, with its line.
tidings_status api_new(const struct api_options *options, struct api **ret,
                       struct tidings_error *err) TIDINGS_NODISCARD;
// After the HTTP server has stopped. NULL allowed.
void api_free(struct api *api);
// Reads the keys file again; with a mistake in it the old keys stay. Any thread.
tidings_status api_reload(struct api *api, struct tidings_error *err) TIDINGS_NODISCARD;
// Any thread. False when the path is not the API's (/v1/…, /openapi.yaml).
bool api_handle(struct api *api, const struct http_request *request,
                struct http_response *response);
// http_server_options.refuse
void api_refuse(void *api, int status, const char *text, struct http_response *response);
// Whether requests must carry a key.
bool api_has_keys(const struct api *api);
// X(member, name, kind, help): the metrics beside NOTIFY_STATS_MAP. Labels: operation and status of
// requests, class of attempts, receiver.
#define API_METRICS_MAP(X)                                                                         \
    X(requests, "tidings_api_requests_total", "counter",                                           \
      "Requests answered, by operation and class of status")                                       \
    X(keys_refused, "tidings_api_keys_refused_total", "counter", "Requests with a wrong key")      \
    X(classes, "tidings_notify_attempts_by_class_total", "counter",                                \
      "Attempts made, by how they ended")                                                          \
    X(lateness, "tidings_notify_lateness_seconds", "histogram",                                    \
      "Begin of an attempt behind its due time")                                                   \
    X(attempt_time, "tidings_notify_attempt_seconds", "histogram", "Attempts, from begin to end")  \
    X(accept_arrive, "tidings_notify_accept_to_attempt_seconds", "histogram",                      \
      "From acceptance to the begin of the first attempt")                                         \
    X(store_waiting, "tidings_notify_store_waiting", "gauge",                                      \
      "Tasks that wait for the store thread")                                                      \
    X(store_tasks, "tidings_notify_store_tasks_total", "counter", "Tasks committed")               \
    X(store_commits, "tidings_notify_store_commits_total", "counter", "Commits")                   \
    X(store_failed, "tidings_notify_store_failed_total", "counter",                                \
      "Tasks answered with an error")                                                              \
    X(store_lost, "tidings_notify_store_lost_total", "counter",                                    \
      "Times that the database was lost")                                                          \
    X(store_upkeep, "tidings_notify_store_upkeep_failed_total", "counter",                         \
      "Times that the database's upkeep failed")                                                   \
    X(receiver_waiting, "tidings_notify_receiver_waiting", "gauge",                                \
      "Unfinished notifications of a receiver")                                                    \
    X(receiver_in_flight, "tidings_notify_receiver_in_flight", "gauge",                            \
      "Attempts under way to a receiver")                                                          \
    X(receiver_attempts, "tidings_notify_receiver_attempts_total", "counter",                      \
      "Attempts made to a receiver")                                                               \
    X(receiver_delivered, "tidings_notify_receiver_delivered_total", "counter",                    \
      "Notifications that a receiver took")                                                        \
    X(receiver_failed, "tidings_notify_receiver_failed_total", "counter",                          \
      "Attempts that a receiver did not take")                                                     \
    X(receiver_dead, "tidings_notify_receiver_dead_total", "counter",                              \
      "Notifications of a receiver whose ladder ended")
// Appends the API's and the notifier's metrics in Prometheus' text format. On the loop's thread.
// Labels by receiver: the 200 with the most waiting, the rest together as "other".
tidings_status api_write_metrics(struct api *api, struct buf *out) TIDINGS_NODISCARD;

// ---- the keys file ----
// Lines: ROLE NAME sha256:HEX [sources=A,B] [receivers=A,B] [rate=N]; # begins a comment.
//   ROLE operator, initiator or receiver; NAME for logs; HEX of the key's SHA-256; sources: what an
//   initiator may submit (patterns with *); receivers: whose notifications a receiver may read;
//   rate: requests a second.
// A new key's text and the line for the file.
tidings_status api_key_generate(const char *role, const char *name, struct buf *ret_key,
                                struct buf *ret_line, struct tidings_error *err) TIDINGS_NODISCARD;
// Reads a file as api_new would. For --check-config.
tidings_status api_keys_check(const char *path, struct tidings_error *err) TIDINGS_NODISCARD;

#endif

// SPDX-License-Identifier: Apache-2.0
// Notifications from an MQ: topics bound to receivers, consumed through libtidings from the
// embedded MQ or a real cluster like any consumer's, acknowledged only after the notification is
// durable. A binding is a document (BindingSettings of docs/openapi.yaml), kept in the notifier's
// database.
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include "base/log.h"
#include "notify/notify.h"

struct intake;

enum { INTAKE_BINDINGS_MAX = 256, INTAKE_DOCUMENT_MAX = 64 * 1024 };

struct intake_options {
    struct net_loop *loop; // the notifier's
    struct notify *notify;
    const char *name_servers; // of the embedded MQ: what bindings without their own listen to
    // The embedded MQ's clients speak TLS or sign, where it wants that: settings of the library,
    // "name=value" lines; "" for none.
    const char *client_settings;
    size_t payload_max;
    const struct seal *seal; // for settings.secret_key; NULL: bindings with one are refused
    struct log *log;         // may be NULL
};
// Reads the bindings and listens, as soon as the loop runs; an MQ that does not answer is tried
// again for as long as it takes. After an error *ret may be there: it is stopped and freed as
// usual, while the loop runs.
tidings_status intake_start(const struct intake_options *options, struct intake **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Ends the consumers: waits for what is being accepted. While the notifier and its loop still run,
// from another thread than the loop's. Nothing but intake_free may follow.
void intake_stop(struct intake *intake);
void intake_free(struct intake *intake); // NULL allowed

// How a change ended; on the loop, exactly once, later.
typedef void intake_changed(void *arg, tidings_status status, int64_t version,
                            const struct tidings_error *err);
// Makes a binding or replaces it; name and document are copied. E_INVALID names the member.
tidings_status intake_put(struct intake *intake, struct str name, struct str document,
                          intake_changed *done, void *arg,
                          struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status intake_drop(struct intake *intake, struct str name, intake_changed *done, void *arg,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// Is it a document that intake_put would take?
tidings_status intake_check(struct str name, struct str document,
                            struct tidings_error *err) TIDINGS_NODISCARD;

struct intake_view {
    const char *name;
    int64_t version;
    struct str document;
    bool listening;
    const char *error; // why not, or the last thing that went wrong; ""
    uint64_t accepted;
    uint64_t refused; // answered "later": not durable, or the notifier refused them
};
// On the loop; a view's texts are good until the next one is taken. E_NOT_FOUND.
tidings_status intake_get(struct intake *intake, struct str name, struct intake_view *ret,
                          struct tidings_error *err) TIDINGS_NODISCARD;
void intake_each(struct intake *intake, void (*each)(void *arg, const struct intake_view *view),
                 void *arg);

#endif

// SPDX-License-Identifier: Apache-2.0
// The notifier in `tidings serve`: its loop on a thread of its own, beside the MQ's, so that
// neither waits for the other; what it listens to; its API.
#ifndef APP_NOTIFIER_H
#define APP_NOTIFIER_H

#include "api/api.h"
#include "app/conf.h"
#include "base/fault.h"
#include "base/log.h"

struct notifier;

struct notifier_options {
    const struct conf *conf;
    struct log *log;
    struct fault *fault;      // may be NULL
    const char *name_servers; // of the embedded MQ
};
// Opens the record, sets up what the configuration names, runs. The data folder is there.
tidings_status notifier_start(const struct notifier_options *options, struct notifier **ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// Ends its consumers (the MQ still runs), gives back what is on its way, frees. The HTTP server has
// stopped. Waits; not on a loop's thread. NULL allowed.
void notifier_stop(struct notifier *notifier);
struct api *notifier_api(const struct notifier *notifier);
// Appends its metrics, asked of its loop. E_TIMEOUT when that does not answer. Any thread.
tidings_status notifier_metrics(struct notifier *notifier, struct buf *out) TIDINGS_NODISCARD;
// Settings that need more than a look at each: documents, ranges, files; nothing is made. Errors
// name the place.
tidings_status notifier_check(const struct conf *conf, struct tidings_error *err) TIDINGS_NODISCARD;

#endif

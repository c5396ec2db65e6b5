// SPDX-License-Identifier: Apache-2.0
// Private to `tidings doctor`.
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "base/compiler.h"
#include "cli/rest.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    struct cli *cli;
    struct rest *rest;
    json_t *rows; // of --json, else NULL: lines are printed as they come
    int counts[DOCTOR_FAIL + 1];
    int64_t timeout_ms;
};

// One line. next: what to do, NULL when nothing is.
void doctor_say(struct doctor *doctor, enum doctor_verdict verdict, const char *check,
                const char *next, const char *format, ...) BASE_PRINTF(5, 6);

void doctor_mq(struct doctor *doctor); // name server, broker
// HTTP port, readiness, clock, key. True when the API may be asked more.
bool doctor_http(struct doctor *doctor);
void doctor_disk(struct doctor *doctor, const char *folder);
void doctor_receivers(struct doctor *doctor);
// Whether the names of hosts can be resolved; `names` is an array of texts, those that are no
// numbers. Together within the timeout.
void doctor_names(struct doctor *doctor, json_t *names);
// DNS name in a URL; false when it is an address or cannot be read.
bool doctor_host(const char *url, char *out, size_t size);

#endif

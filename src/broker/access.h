// SPDX-License-Identifier: Apache-2.0
// Who may send which request: the accounts file, and what each request needs (docs/acl.md).
#ifndef BROKER_ACCESS_H
#define BROKER_ACCESS_H

#include <stdbool.h>

#include "base/error.h"

struct broker;
struct request;

// Reads the accounts file anew; on error the accounts in force stay. Nothing to do without one.
tidings_status access_load(struct broker *broker, struct tidings_error *err) TIDINGS_NODISCARD;
void access_deinit(struct broker *broker);
// False when the request was refused, and answered. `admin` names a request for administrators,
// NULL for others.
bool access_allows(struct request *request, const char *admin);

#endif

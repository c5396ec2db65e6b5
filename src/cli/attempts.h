// SPDX-License-Identifier: Apache-2.0
// A notification and its attempts, for people; following one until it is finished.
#ifndef CLI_ATTEMPTS_H
#define CLI_ATTEMPTS_H

#include "cli/rest.h"

// The notification, whole, with all its attempts (the last 10,000 at most) in `lastAttempts`; NULL
// when it was said on stderr why not.
json_t *attempts_get(struct cli *cli, struct rest *rest, const char *id);
void attempts_print(json_t *notification); // as lines, attempts as a table

struct attempts_follow {
    struct cli *cli;
    struct rest *rest;
    int64_t until_us; // of the monotonic clock
    json_t *whole;    // the notifications as they ended are added, or NULL: attempts are printed
};
// Asks again and again until it is finished, the time is over, or a signal came. 0 when it was
// delivered, 1 otherwise (said on stderr, with how to look again).
int attempts_follow(struct attempts_follow *follow, const char *id);

#endif

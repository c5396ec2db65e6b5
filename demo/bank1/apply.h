// SPDX-License-Identifier: Apache-2.0
// The one function that credits an account: the push path and the query path both end here.
#ifndef DEMO_BANK1_APPLY_H
#define DEMO_BANK1_APPLY_H

#include <jansson.h>
#include <sqlite3.h>

enum apply_result {
    APPLY_DONE,      // credited now
    APPLY_DUPLICATE, // credited before: success too
    APPLY_FAILED,    // the recharge failed; noted, nothing credited
    APPLY_PENDING,   // not a terminal state yet: nothing noted
    APPLY_REFUSED, // can never be applied (unknown account, another amount than before, malformed)
    APPLY_RETRY,   // the database was busy or gone: try again
};

// Opens the database with its tables; NULL and a line on stderr when it cannot. A connection per
// thread.
sqlite3 *apply_open(const char *path);
// `notice` is what pay says of a recharge; `text` (200 bytes) gets one line for people. pause_ms
// sleeps between the two statements, to prove that duplicates at that moment do no harm.
enum apply_result apply_notice(sqlite3 *db, const json_t *notice, int pause_ms, char *text);
const char *apply_result_name(enum apply_result result);

#endif

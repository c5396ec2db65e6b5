// SPDX-License-Identifier: Apache-2.0
#include "record/record.h"

enum { STATES = RECORD_CANCELLED + 1 };

// Row: state; column: event; value: the state it leads to, 0 = not allowed.
static const unsigned char transitions[STATES][RECORD_EVENTS] = {
    [RECORD_WAITING] = { [RECORD_CLAIM] = RECORD_DELIVERING, [RECORD_CANCEL] = RECORD_CANCELLED },
    [RECORD_DELIVERING] = { [RECORD_CLAIM] = RECORD_DELIVERING, // its lease had ended
                            [RECORD_RELEASE] = RECORD_WAITING,
                            [RECORD_TAKEN] = RECORD_DELIVERED,
                            [RECORD_RETRY] = RECORD_WAITING,
                            [RECORD_END] = RECORD_DEAD,
                            [RECORD_LOST] = RECORD_WAITING },
    [RECORD_DELIVERED] = { [RECORD_REDELIVER] = RECORD_WAITING },
    [RECORD_DEAD] = { [RECORD_REDELIVER] = RECORD_WAITING },
    [RECORD_CANCELLED] = { [RECORD_REDELIVER] = RECORD_WAITING },
};

bool record_next(enum record_state state, enum record_event event, enum record_state *ret)
{
    if ((unsigned)state >= STATES || (unsigned)event >= RECORD_EVENTS) {
        return false;
    }
    *ret = (enum record_state)transitions[state][event];
    return transitions[state][event] != 0;
}

const char *record_state_text(enum record_state state)
{
    static const char *const texts[STATES] = { [RECORD_WAITING] = "waiting",
                                               [RECORD_DELIVERING] = "delivering",
                                               [RECORD_DELIVERED] = "delivered",
                                               [RECORD_DEAD] = "dead",
                                               [RECORD_CANCELLED] = "cancelled" };
    return (unsigned)state < STATES && texts[state] != NULL ? texts[state] : "unknown";
}

const char *record_reason_text(enum record_reason reason)
{
    static const char *const texts[] = {
        [RECORD_REASON_NONE] = "none",        [RECORD_REASON_LADDER] = "ladder",
        [RECORD_REASON_LIMIT] = "limit",      [RECORD_REASON_WINDOW] = "window",
        [RECORD_REASON_GONE] = "gone",        [RECORD_REASON_REFUSED] = "refused",
        [RECORD_REASON_OPERATOR] = "operator"
    };
    return (unsigned)reason < BASE_COUNT(texts) ? texts[reason] : "unknown";
}

// SPDX-License-Identifier: Apache-2.0
// A change of a receiver, from its asking to its answer. Private to the room.
#ifndef NOTIFY_CHANGE_H
#define NOTIFY_CHANGE_H

#include "notify/private.h"

enum change_kind { CHANGE_PUT, CHANGE_STATE, CHANGE_ROTATE };

struct change {
    struct op op;
    struct list node;
    enum change_kind kind;
    char name[RECEIVER_NAME_MAX + 1];
    // ---- what is wanted ----
    enum notify_put how;
    int64_t version; // 0 = any
    struct buf document;
    enum notify_receiver_state state;
    struct buf secret; // what is given, then the new one's text
    int64_t overlap_ms;
    int64_t active_ms; // what is wanted, then what it comes to
    bool own;          // by the notifier: nobody is told
    bool again;        // another node was quicker: once more, on what it left
    bool posted;
    bool waits; // until that is known here
    notify_changed *changed;
    notify_rotated *rotated;
    void *arg;
    // ---- what it comes to ----
    struct lane *lane;                  // NULL: it is made
    struct lane *fresh;                 // by this one
    struct receiver_settings *settings; // the new ones
    struct buf stored;
    bool unchanged; // it has these settings: nothing is stored
    struct record_receiver row;
    int64_t ladder_id;
    int64_t made_id;
    int64_t made_version;
    int64_t made_ms;
};

// NULL without memory.
struct change *change_new(struct notify *notify, enum change_kind kind, struct str name);
void change_free(struct change *change);
void change_wipe(struct buf *buf);
// It is answered later, and frees itself then.
void change_enqueue(struct change *change);

// What another node made of a receiver, unless it is known. Takes a reference.
void change_follow(struct notify *notify, const struct record_receiver *row,
                   struct receiver_settings *settings, int64_t ladder_id);

#endif

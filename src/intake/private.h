// SPDX-License-Identifier: Apache-2.0
// What the files of the room share.
#ifndef INTAKE_PRIVATE_H
#define INTAKE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <tidings/consumer.h>

#include "base/list.h"
#include "base/map.h"
#include "intake/intake.h"
#include "net/net.h"

enum {
    EVENT_MAX = 256,     // bytes of the last event's text
    PATIENCE_MS = 2000,  // a message may wait so long for its receivers to have room
    AGAIN_MS = 200,      // before what the notifier could not take now is given to it again
    STOP_MS = 10000,     // for what is under way when a consumer ends
    RECEIVERS_MAX = 256, // named by a binding
    NAMES_TOTAL = 64 * 1024,
};

enum txno_from { TXNO_KEY, TXNO_ID, TXNO_PROPERTY, TXNO_JSON };

// ---- settings.c: what a binding's document says; immutable and counted ----
struct settings {
    _Atomic unsigned refs;
    struct str topic; // these point into `room`, NUL behind each
    struct str group;
    struct str tags;
    struct str name_servers; // "" = the embedded MQ
    struct str source;
    struct str type; // "" = tag, or else topic
    struct str content_type;
    enum txno_from txno_from;
    struct str txno_name; // of TXNO_PROPERTY and TXNO_JSON
    struct str *receivers;
    size_t receiver_count;
    tidings_config *config; // of the library
    struct buf room;
};
struct settings_source {
    struct str name; // of the binding
    struct str document;
    const char *name_servers;
    const char *client_settings; // lines "name=value" that stand below the document's own
    const struct seal *seal;     // opens sealed secrets; may be NULL
};
tidings_status settings_parse(const struct settings_source *source, struct settings **ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);

// ---- secrets.c ----
bool settings_is_secret(const char *name); // of a client's setting
tidings_status settings_open(const struct settings_source *source, struct str sealed,
                             struct buf *out, struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the document with the secrets in it sealed. E_STATE when there are such and no seal.
tidings_status settings_seal(struct str name, struct str document, const struct seal *seal,
                             struct buf *out, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- listen.c: one consumer ----
struct ear {
    struct list node; // in intake->ending
    struct intake *intake;
    struct settings *settings;
    tidings_consumer *consumer;
    _Atomic bool listening;
    _Atomic uint64_t accepted;
    _Atomic uint64_t refused;
    pthread_mutex_t lock;
    char error[EVENT_MAX]; // under lock
    char name[RECORD_NAME_MAX + 1];
};
// Makes the consumer and starts it. NULL when that cannot be; *err says why.
struct ear *ear_start(struct intake *intake, struct str name, struct settings *settings,
                      struct tidings_error *err);
// Waits for what is under way, up to STOP_MS; then the rest comes again to whoever listens next.
// Not on the loop's thread.
void ear_stop(struct ear *ear);
// What went wrong last is shown; false when it is the same as before. Any thread.
bool ear_say(struct ear *ear, const char *text);

// ---- carry.c: one message on its way into the notifier ----
struct carried {
    struct notify_submission submission;
    struct list node; // in intake->waiting
    struct ear *ear;
    struct settings *settings;
    tidings_deferral *deferral;
    struct buf room;
};
tidings_answer carry(struct ear *ear, const tidings_message *message, tidings_delivery *delivery);
// On the loop: what had to wait is tried again, or (stopping) goes back to the MQ.
void carry_again(void *intake);
void carry_timer(void *intake);

// ---- binding.c ----
struct binding {
    int64_t version;
    struct buf document;
    struct ear *ear; // NULL: could not be started, see `error`
    char name[RECORD_NAME_MAX + 1];
    char error[EVENT_MAX];
};

struct mail { // from the store thread to the loop
    struct list node;
    void (*take)(struct mail *mail);
};

struct follow; // follow.c: what other servers on the same record change

struct intake {
    struct intake_options options;
    char *name_servers;
    char *client_settings;
    struct map bindings; // struct binding, by name; the loop's
    struct net_timer *again;
    struct follow *follow;
    uint64_t changes; // made here: what was read before one of them is not believed
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list mails;   // under lock
    struct list waiting; // struct carried, under lock
    bool again_asked;    // under lock: the loop will start the timer
    struct list ending;  // struct ear, under lock
    bool finish;         // under lock: the ender ends when `ending` is empty
    _Atomic bool stopping;
    pthread_t ender;
    char shown_error[EVENT_MAX]; // of the last view
};
void intake_mail(struct intake *intake, struct mail *mail);
// Hands an ear to the thread that waits for its end. NULL allowed.
void intake_end_ear(struct intake *intake, struct ear *ear);
// In memory, on the loop: makes it, or gives it its new document and listens by that.
void binding_apply(struct intake *intake, const struct record_binding *row);
void binding_free(struct binding *binding);
// In memory, on the loop.
void binding_drop(struct intake *intake, struct str name);

// ---- follow.c ----
struct loaded { // a binding as it is stored
    struct list node;
    int64_t version;
    struct buf document;
    char name[RECORD_NAME_MAX + 1];
};
struct load {
    struct list rows; // struct loaded
    int64_t mark;     // of what was read
};
void load_init(struct load *load);
// All bindings; within a task.
tidings_status load_read(struct load *load, struct record *record,
                         struct tidings_error *err) TIDINGS_NODISCARD;
void load_free(struct load *load);
// Those in memory become these.
void load_apply(struct intake *intake, const struct load *load);
tidings_status intake_follow_new(struct intake *intake) TIDINGS_NODISCARD;
void intake_follow_begin(struct intake *intake,
                         int64_t mark); // where nobody else writes: does nothing
void intake_follow_free(struct intake *intake);

#endif

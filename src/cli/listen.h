// SPDX-License-Identifier: Apache-2.0
// Private to `tidings listen`: what it knows, and the steps of one delivery.
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include <pthread.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "cli/cli.h"
#include "http/http.h"
#include "sign/webhook.h"

enum {
    LISTEN_IDS_MAX = 100000, // remembered; beyond it the one that was made first is forgotten
    LISTEN_BODY_MAX = 16 * 1024 * 1024,
    LISTEN_BODIES_MAX = 256 * 1024 * 1024, // all that are held at a time
    LISTEN_LATE_MAX = 1024,                // answers that come later
    LISTEN_CONNECTIONS_MAX = 2048,
    LISTEN_HANG_MS = 600000, // a hang ends after it: no receiver is waited for longer
    LISTEN_RIGHT_SIZE = 1024,
};

struct listen_entry { // of one webhook-id
    struct list node; // in `order`
    char id[SIGN_ID_MAX + 1];
    int64_t deliveries;
    bool taken;
};

enum listen_answer { LISTEN_TAKEN, LISTEN_AGAIN, LISTEN_FAILED, LISTEN_HUNG, LISTEN_REFUSED };

struct listener {
    const struct cli *cli;
    int64_t fail;
    int64_t hang;
    int64_t status;
    int64_t delay_ms;
    int64_t count;
    int64_t tolerance_s;
    const char *reply;
    bool soap;
    bool quiet;
    enum sign_scheme scheme;
    const char *header;        // hmac_hex
    const char *second_header; // or NULL
    const char *prefix;
    struct sign_secret *keys[SIGN_KEYS_MAX];
    size_t key_count;

    pthread_mutex_t lock; // over all that follows, and over standard output
    struct map ids;
    struct list order;
    struct heap late; // struct listen_late
    int64_t counts[LISTEN_REFUSED + 1];
    bool stopping; // no answer comes later any more
    int wake;      // eventfd: `late` or `counts` have changed
};

struct listen_late { // an answer that comes later
    struct heap_node node;
    struct http_exchange *exchange;
};

// One delivery, as far as it is known.
struct listen_delivery {
    const struct http_request *request;
    const char *id; // "" without
    const char *attempt;
    const char *type;
    const char *verdict; // "good", "bad", "unsigned", "not compared"
    char why[244];       // of a bad signature, or of a refusal; the sender is told
    // What a bad signature would have to be, "" when that cannot be told. Printed only: whoever
    // is told could sign.
    char right[LISTEN_RIGHT_SIZE];
    enum listen_answer answer;
    int status;
    int64_t number; // of deliveries of this id
};

// ---- listen_answer.c ----
void listen_handle(void *listener, const struct http_request *request,
                   struct http_response *response);
// A header of ours, or else the one of a CloudEvent (binary mode); NULL when there is neither.
const char *listen_header(const struct http_request *request, const char *ours, const char *event);
// Answers what is due, at the end everything; microseconds until the next, -1 when there is none.
int64_t listen_answer_due(struct listener *listener, bool all);

// ---- listen_judge.c ----
// Reads what signatures are compared with; false: it has said what is wrong.
bool listen_judge_options(struct listener *listener);
void listen_judge_deinit(struct listener *listener);
// Compares the signature. False when it is wanted and bad.
bool listen_judge(const struct listener *listener, struct listen_delivery *delivery);

// ---- listen_reply.c ----
// The body of an answer: the text, or an envelope around it.
void listen_reply(const struct listener *listener, const struct listen_delivery *delivery,
                  struct http_response *response);

// ---- listen_ids.c ----
// The entry of an id, made when it is new; NULL when out of memory. Under the lock.
struct listen_entry *listen_entry(struct listener *listener, const char *id);
void listen_forget(struct listener *listener); // all

// ---- listen_print.c ---- under the lock
void listen_print(const struct listener *listener, const struct listen_delivery *delivery);
void listen_print_sum(const struct listener *listener);

#endif

// SPDX-License-Identifier: Apache-2.0
// Several nodes on one record: each looks once a second what the others changed (receivers), and
// what is due that it did not accept itself, so that all share the work and one that died is
// replaced. Where nobody else can write nothing of this happens.
#include <stdlib.h>

#include "notify/change.h"

enum {
    PAGE = 64,    // changed receivers of one look
    SHELVES = 256 // receivers with something waiting, of one look; the next one goes on there
};

struct followed {
    struct list node;
    struct record_receiver row;
    struct receiver_settings *settings; // NULL: they cannot be read, see err
    int64_t ladder_id;
    struct tidings_error err;
    char name[RECORD_NAME_MAX + 1];
};

struct follow {
    struct op op;
    bool busy;
    bool asked; // by a change that others were quicker with
    // ---- changed receivers ----
    int64_t seq; // all changes up to it are known
    int64_t seen;
    struct list rows;
    size_t count;
    bool failed; // no memory
    // ---- what is due ----
    int64_t after;
    struct {
        int64_t receiver_id;
        int64_t due_ms;
    } shelves[SHELVES];
    size_t shelf_count;
    bool late; // leases ended that nobody renewed
    // ---- on the store thread ----
    struct op shelving;
    bool shelves_now;
    int64_t now_ms;
};

static void free_rows(struct follow *follow)
{
    for (struct list *node = list_pop(&follow->rows); node != NULL;
         node = list_pop(&follow->rows)) {
        struct followed *followed = LIST_ENTRY(node, struct followed, node);
        receiver_settings_unref(followed->settings);
        free(followed);
    }
    follow->count = 0;
}

// ---- beside the store thread ----
static void note_row(void *arg, const struct record_receiver *row)
{
    struct follow *follow = arg;
    const struct notify *notify = follow->op.notify;
    struct followed *followed = calloc(1, sizeof *followed);
    if (followed == NULL || !str_copy(followed->name, sizeof followed->name, row->name)) {
        free(followed);
        follow->failed = true;
        return;
    }
    followed->row = *row;
    followed->row.document = (struct str){ NULL, 0 };
    followed->row.name = str_of(followed->name);
    if (receiver_settings_parse(row->name, row->document, notify->options.seal,
                                clock_wall_ms(notify->clock), &followed->settings,
                                &followed->err) != TIDINGS_OK) {
        followed->settings = NULL;
    }
    follow->seen = row->seq;
    follow->count++;
    list_add_tail(&follow->rows, &followed->node);
}

// Whoever changed a receiver put its ladder beside it.
static tidings_status find_ladders(struct follow *follow, struct record *record,
                                   struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    list_for_each (node, &follow->rows) {
        struct followed *followed = LIST_ENTRY(node, struct followed, node);
        if (followed->settings != NULL && status == TIDINGS_OK) {
            status =
                record_ladder_put(record, str_of(receiver_limits(followed->settings)->ladder_text),
                                  &followed->ladder_id, err);
        }
    }
    return status;
}

static tidings_status look_at_receivers(struct follow *follow, struct record *record,
                                        struct tidings_error *err)
{
    int64_t mark = 0;
    follow->seen = follow->seq;
    follow->failed = false;
    tidings_status status = record_mark_get(record, RECORD_MARK_RECEIVERS, &mark, err);
    if (status != TIDINGS_OK || mark == follow->seq) {
        return status;
    }
    status = record_receiver_since(record, follow->seq, PAGE, note_row, follow, err);
    if (status == TIDINGS_OK && follow->failed) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for what others changed");
    }
    if (follow->count < PAGE) {
        follow->seen = mark; // also when the last changes were refused
    }
    return status == TIDINGS_OK ? find_ladders(follow, record, err) : status;
}

static tidings_status look_at_shelves(struct follow *follow, struct record *record,
                                      struct tidings_error *err)
{
    int64_t id = 0;
    int64_t due_ms = 0;
    int64_t lease_ms = 0;
    tidings_status status = TIDINGS_OK;
    follow->shelf_count = 0;
    while (follow->shelf_count < SHELVES && status == TIDINGS_OK) {
        status = record_next_receiver(record, follow->after, &id, &due_ms, err);
        follow->after = id;
        if (status != TIDINGS_OK || id == 0) {
            break; // from the beginning, the next time
        }
        follow->shelves[follow->shelf_count].receiver_id = id;
        follow->shelves[follow->shelf_count++].due_ms = due_ms;
    }
    if (status == TIDINGS_OK) {
        status = record_first_lease(record, &lease_ms, err);
    }
    follow->late = status == TIDINGS_OK && lease_ms <= clock_wall_ms(follow->op.notify->clock);
    return status;
}

static tidings_status run_follow(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct follow *follow = BASE_CONTAINER_OF(task, struct follow, op.task);
    free_rows(follow); // of a batch that was not kept
    tidings_status status = look_at_receivers(follow, record, err);
    return status == TIDINGS_OK ? look_at_shelves(follow, record, err) : status;
}

// ---- on the store thread ----
static tidings_status run_shelve(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    const struct follow *follow = BASE_CONTAINER_OF(task, struct follow, shelving.task);
    return record_shelve(record, follow->now_ms, err);
}

static void take_shelve(struct op *op)
{
    BASE_CONTAINER_OF(op, struct follow, shelving)->shelves_now = false; // the next look finds them
}

// ---- on the loop ----
static void adopt_rows(struct follow *follow)
{
    struct notify *notify = follow->op.notify;
    list_for_each (node, &follow->rows) {
        struct followed *followed = LIST_ENTRY(node, struct followed, node);
        if (followed->settings == NULL) {
            log_line(notify->options.log, LOG_ERROR, "notify",
                     "msg=\"a receiver that another server changed cannot be read\" receiver=%s "
                     "error=\"%s\"",
                     followed->name, followed->err.text);
        } else {
            change_follow(notify, &followed->row, followed->settings, followed->ladder_id);
        }
    }
    follow->seq = follow->seen;
}

static void wake_lanes(struct follow *follow)
{
    struct notify *notify = follow->op.notify;
    for (size_t i = 0; i < follow->shelf_count; i++) {
        struct lane *lane = lane_of(notify, follow->shelves[i].receiver_id);
        if (lane != NULL) {
            lane_is_due(lane, follow->shelves[i].due_ms);
            lane_pump(lane);
        }
    }
    if (follow->late && !follow->shelves_now) {
        follow->now_ms = clock_wall_ms(notify->clock);
        op_init(&follow->shelving, notify, run_shelve, take_shelve);
        follow->shelves_now = op_post(&follow->shelving) == TIDINGS_OK;
    }
}

static void take_follow(struct op *op)
{
    struct follow *follow = BASE_CONTAINER_OF(op, struct follow, op);
    struct notify *notify = op->notify;
    bool more = follow->count == PAGE || follow->asked;
    follow->busy = false;
    if (!atomic_load(&notify->stopping) && op->status == TIDINGS_OK) {
        adopt_rows(follow);
        wake_lanes(follow);
    }
    free_rows(follow);
    follow->asked = false;
    if (more && op->status == TIDINGS_OK) {
        follow_look(notify);
    }
    if (!follow->busy) {
        changes_again(notify);
    }
}

bool follow_now(struct notify *notify)
{
    struct follow *follow = notify->follow;
    if (!notify->shared) {
        return false;
    }
    follow->asked = follow->busy; // that one may have looked before
    follow_look(notify);
    return follow->busy;
}

void follow_look(struct notify *notify)
{
    struct follow *follow = notify->follow;
    if (!notify->shared || follow->busy || atomic_load(&notify->stopping)) {
        return;
    }
    op_init(&follow->op, notify, run_follow, take_follow);
    follow->busy = op_post_to(&follow->op, notify->reader) == TIDINGS_OK;
}

// ---- start ----
tidings_status follow_start(struct notify *notify)
{
    struct follow *follow = calloc(1, sizeof *follow);
    if (follow == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    follow->op.notify = notify;
    list_init(&follow->rows);
    notify->follow = follow;
    return TIDINGS_OK;
}

tidings_status follow_begin(struct notify *notify, struct record *record, struct tidings_error *err)
{
    notify->shared = record_is_shared(record);
    return record_mark_get(record, RECORD_MARK_RECEIVERS, &notify->follow->seq, err);
}

void follow_free(struct notify *notify)
{
    if (notify->follow != NULL) {
        free_rows(notify->follow);
        free(notify->follow);
    }
}

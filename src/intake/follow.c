// SPDX-License-Identifier: Apache-2.0
// Bindings as they are stored: read at the start, and again when another server on the same record
// has changed one.
#include <stdlib.h>

#include "intake/private.h"

enum { LOOK_MS = 1000 };

// ---- reading ----
struct reading {
    struct load *load;
    tidings_status status;
};

static void read_one(void *arg, const struct record_binding *binding)
{
    struct reading *reading = arg;
    struct loaded *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL) {
        reading->status = TIDINGS_E_NO_MEMORY;
        return;
    }
    loaded->version = binding->version;
    buf_init(&loaded->document, INTAKE_DOCUMENT_MAX);
    list_add_tail(&reading->load->rows, &loaded->node);
    if (!str_copy(loaded->name, sizeof loaded->name, binding->name) ||
        buf_add_str(&loaded->document, binding->document) != TIDINGS_OK) {
        reading->status = TIDINGS_E_NO_MEMORY;
    }
}

void load_init(struct load *load)
{
    list_init(&load->rows);
    load->mark = 0;
}

void load_free(struct load *load)
{
    for (struct list *node = list_pop(&load->rows); node != NULL; node = list_pop(&load->rows)) {
        struct loaded *loaded = LIST_ENTRY(node, struct loaded, node);
        buf_deinit(&loaded->document);
        free(loaded);
    }
}

tidings_status load_read(struct load *load, struct record *record, struct tidings_error *err)
{
    struct reading reading = { load, TIDINGS_OK };
    load_free(load); // of a batch that was not kept
    tidings_status status = record_mark_get(record, RECORD_MARK_BINDINGS, &load->mark, err);
    if (status == TIDINGS_OK) {
        status = record_binding_list(record, STR(""), INTAKE_BINDINGS_MAX, read_one, &reading, err);
    }
    return status == TIDINGS_OK ? reading.status : status;
}

// ---- applying ----
static const struct loaded *find(const struct load *load, const char *name)
{
    list_for_each (node, &load->rows) {
        const struct loaded *loaded = LIST_ENTRY(node, struct loaded, node);
        if (strcmp(loaded->name, name) == 0) {
            return loaded;
        }
    }
    return NULL;
}

static void drop_others(struct intake *intake, const struct load *load)
{
    struct binding *gone;
    do { // one at a time: the map changes under the cursor
        size_t cursor = 0;
        struct str key;
        void *value;
        gone = NULL;
        while (gone == NULL && map_next(&intake->bindings, &cursor, &key, &value)) {
            struct binding *binding = value;
            gone = find(load, binding->name) == NULL ? binding : NULL;
        }
        if (gone != NULL) {
            char name[RECORD_NAME_MAX + 1];
            memcpy(name, gone->name, sizeof name);
            binding_drop(intake, str_of(name));
        }
    } while (gone != NULL);
}

void load_apply(struct intake *intake, const struct load *load)
{
    drop_others(intake, load);
    list_for_each (node, &load->rows) {
        struct loaded *loaded = LIST_ENTRY(node, struct loaded, node);
        const struct binding *binding = map_get(&intake->bindings, str_of(loaded->name));
        const struct record_binding row = { .version = loaded->version,
                                            .name = str_of(loaded->name),
                                            .document = buf_str(&loaded->document) };
        if (binding == NULL || binding->version != row.version ||
            !str_eq(buf_str(&binding->document), row.document)) {
            binding_apply(intake, &row);
        }
    }
}

// ---- following ----
struct follow {
    struct keeper_task task;
    struct mail mail;
    struct intake *intake;
    struct net_timer *timer;
    int64_t mark;     // what is known
    uint64_t changes; // made here when it was asked
    bool changed;
    struct load load;
    tidings_status status;
};

static tidings_status run_follow(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct follow *follow = BASE_CONTAINER_OF(task, struct follow, task);
    int64_t mark = 0;
    tidings_status status = record_mark_get(record, RECORD_MARK_BINDINGS, &mark, err);
    follow->changed = mark != follow->mark;
    return status == TIDINGS_OK && follow->changed ? load_read(&follow->load, record, err) : status;
}

static void follow_done(struct keeper_task *task, tidings_status status,
                        const struct tidings_error *err)
{
    struct follow *follow = BASE_CONTAINER_OF(task, struct follow, task);
    (void)err; // it is looked again
    follow->status = status;
    intake_mail(follow->intake, &follow->mail);
}

static void take_follow(struct mail *mail)
{
    struct follow *follow = BASE_CONTAINER_OF(mail, struct follow, mail);
    struct intake *intake = follow->intake;
    bool good = follow->status == TIDINGS_OK && follow->changed &&
                follow->changes == intake->changes; // else it may be older than what was done here
    if (atomic_load(&intake->stopping)) {
        good = false;
    } else {
        net_timer_start(follow->timer, LOOK_MS);
    }
    if (good) {
        load_apply(intake, &follow->load);
        follow->mark = follow->load.mark;
    }
    load_free(&follow->load);
}

static void fired(void *arg)
{
    struct follow *follow = arg;
    struct intake *intake = follow->intake;
    if (atomic_load(&intake->stopping)) {
        return;
    }
    follow->changes = intake->changes;
    follow->task = (struct keeper_task){ .run = run_follow, .done = follow_done };
    if (keeper_post(notify_reader(intake->options.notify), &follow->task) != TIDINGS_OK) {
        net_timer_start(follow->timer, LOOK_MS);
    }
}

tidings_status intake_follow_new(struct intake *intake)
{
    struct follow *follow = calloc(1, sizeof *follow);
    if (follow == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    follow->intake = intake;
    follow->mail.take = take_follow;
    load_init(&follow->load);
    intake->follow = follow;
    return net_timer_new(intake->options.loop, fired, follow, &follow->timer);
}

void intake_follow_begin(struct intake *intake, int64_t mark)
{
    intake->follow->mark = mark;
    if (notify_is_shared(intake->options.notify)) {
        net_timer_start(intake->follow->timer, LOOK_MS);
    }
}

void intake_follow_free(struct intake *intake)
{
    if (intake->follow != NULL) {
        load_free(&intake->follow->load);
        net_timer_free(intake->follow->timer);
        free(intake->follow);
    }
}

// SPDX-License-Identifier: Apache-2.0
// A message becomes a notification, and is answered when that is durable. What can never become one
// goes to the dead letters of the binding's group, where it is seen; what cannot now, waits here
// and is tried again, so that an outage of the database costs no rung of the MQ's ladder.
#include <jansson.h>
#include <stdlib.h>

#include "base/num.h"
#include "intake/private.h"
#include "wire/tree.h"

static void answer(struct carried *carried, tidings_answer with)
{
    atomic_fetch_add_explicit(with == TIDINGS_ACK ? &carried->ear->accepted
                                                  : &carried->ear->refused,
                              1, memory_order_relaxed);
    tidings_deferral_answer(carried->deferral, with, -1);
    settings_unref(carried->settings);
    buf_deinit(&carried->room);
    free(carried);
}

static void refuse(struct carried *carried, tidings_answer with, const char *why)
{
    ear_say(carried->ear, why);
    log_line(carried->ear->intake->options.log, LOG_WARN, "intake",
             "msg=\"a message did not become a notification\" binding=%s tx_no=\"%.*s\" then=%s "
             "reason=\"%s\"",
             carried->ear->name, STR_ARG(carried->submission.tx_no),
             with == TIDINGS_DEAD ? "dead letters" : "again later", why);
    answer(carried, with);
}

// ---- what the notifier says, on its loop ----
static void wait_for_room(struct carried *carried)
{
    struct intake *intake = carried->ear->intake;
    pthread_mutex_lock(&intake->lock);
    list_add_tail(&intake->waiting, &carried->node);
    bool ask = !intake->again_asked;
    intake->again_asked = true;
    pthread_mutex_unlock(&intake->lock);
    if (ask && net_loop_post(intake->options.loop, carry_again, intake) != TIDINGS_OK) {
        pthread_mutex_lock(&intake->lock);
        intake->again_asked = false; // whoever comes next asks
        pthread_mutex_unlock(&intake->lock);
    }
}

static bool is_for_now(tidings_status status)
{
    return tidings_status_is_retriable(status) && status != TIDINGS_E_CLOSED;
}

static void accepted(struct notify_submission *submission, tidings_status status,
                     const struct notify_accepted *accepted, size_t count,
                     const struct tidings_error *err)
{
    struct carried *carried = submission->arg;
    bool conflict = false;
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        conflict = conflict || accepted[i].record.answer == RECORD_CONFLICT;
    }
    if (conflict) {
        refuse(carried, TIDINGS_DEAD, "the same source, type and tx_no came with another body");
    } else if (status == TIDINGS_OK) {
        answer(carried, TIDINGS_ACK);
    } else if (is_for_now(status) && !atomic_load(&carried->ear->intake->stopping)) {
        wait_for_room(carried);
    } else {
        bool never = status == TIDINGS_E_INVALID || status == TIDINGS_E_TOO_LARGE;
        refuse(carried, never ? TIDINGS_DEAD : TIDINGS_LATER, error_text(err, status));
    }
}

static void submit(struct carried *carried)
{
    struct intake *intake = carried->ear->intake;
    struct tidings_error err = { 0 };
    tidings_status status = notify_accept(intake->options.notify, &carried->submission, &err);
    if (status != TIDINGS_OK) {
        accepted(&carried->submission, status, NULL, 0, &err);
    }
}

static void fire_again(struct intake *intake)
{
    struct list taken;
    list_init(&taken);
    pthread_mutex_lock(&intake->lock);
    list_append(&taken, &intake->waiting);
    intake->again_asked = false;
    pthread_mutex_unlock(&intake->lock);
    for (struct list *node = list_pop(&taken); node != NULL; node = list_pop(&taken)) {
        struct carried *carried = LIST_ENTRY(node, struct carried, node);
        if (atomic_load(&intake->stopping)) {
            answer(carried, TIDINGS_LATER);
        } else {
            submit(carried);
        }
    }
}

void carry_again(void *arg)
{
    struct intake *intake = arg;
    if (atomic_load(&intake->stopping)) {
        fire_again(intake);
    } else {
        net_timer_start(intake->again, AGAIN_MS);
    }
}

void carry_timer(void *arg)
{
    fire_again(arg);
}

// ---- what a message says ----
static tidings_status keep(struct carried *carried, const void *bytes, size_t len, struct str *ret)
{
    size_t at = carried->room.len;
    tidings_status status = buf_add(&carried->room, bytes, len);
    *ret = str_make(carried->room.ptr + at, len); // the room was made large enough: it stays
    return status;
}

static tidings_status keep_name(struct carried *carried, const char *what, struct str text,
                                struct str *ret, struct tidings_error *err)
{
    if (text.len == 0 || text.len > RECORD_NAME_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "its %s has %zu bytes, 1 to %d are wanted", what,
                         text.len, RECORD_NAME_MAX);
    }
    return keep(carried, text.ptr, text.len, ret);
}

static tidings_status txno_of_json(struct carried *carried, struct str body,
                                   struct tidings_error *err)
{
    json_t *root = NULL;
    char number[24];
    struct str pointer = carried->settings->txno_name;
    tidings_status status = wire_tree_parse(body, &root, err);
    const json_t *value = status == TIDINGS_OK ? wire_tree_at(root, pointer) : NULL;
    struct str text = { 0 };
    if (json_is_string(value)) {
        text = str_make(json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        text = str_make(number, num_format_i64(number, json_integer_value(value)));
    }
    if (text.len == 0) {
        status = error_set(err, TIDINGS_E_INVALID, "its body has no text or number at %.*s",
                           STR_ARG(pointer));
    } else {
        status = keep_name(carried, "tx_no", text, &carried->submission.tx_no, err);
    }
    json_decref(root);
    return status;
}

static tidings_status find_txno(struct carried *carried, const tidings_message *message,
                                struct str body, struct tidings_error *err)
{
    const char *keys = tidings_message_keys(message);
    const struct settings *settings = carried->settings;
    struct str *tx_no = &carried->submission.tx_no;
    const char *value;
    switch (settings->txno_from) {
    case TXNO_JSON: return txno_of_json(carried, body, err);
    case TXNO_PROPERTY:
        value = tidings_message_property(message, settings->txno_name.ptr);
        return value != NULL ? keep_name(carried, "tx_no", str_of(value), tx_no, err)
                             : error_set(err, TIDINGS_E_INVALID, "it has no property %s",
                                         settings->txno_name.ptr);
    case TXNO_KEY:
        if (keys[0] != '\0') {
            return keep_name(carried, "tx_no", str_make(keys, strcspn(keys, " ")), tx_no, err);
        }
        break;
    case TXNO_ID: break;
    }
    return keep_name(carried, "id", str_of(tidings_message_id(message)), tx_no, err);
}

static const char *const passed[] = { "traceparent", "tracestate" };

// Bytes that its header lines take at most.
static size_t headers_size(const tidings_message *message)
{
    size_t size = 0;
    for (size_t i = 0; i < BASE_COUNT(passed); i++) {
        const char *value = tidings_message_property(message, passed[i]);
        size += value != NULL ? strlen(passed[i]) + strlen(value) + 4 : 0;
    }
    return size < RECORD_HEADERS_MAX ? size : RECORD_HEADERS_MAX;
}

static tidings_status keep_headers(struct carried *carried, const tidings_message *message)
{
    struct buf lines;
    tidings_status status = TIDINGS_OK;
    buf_init(&lines, RECORD_HEADERS_MAX);
    for (size_t i = 0; i < BASE_COUNT(passed) && status != TIDINGS_E_NO_MEMORY; i++) {
        const char *value = tidings_message_property(message, passed[i]);
        if (value != NULL) { // one that is no header's is left out
            status = receiver_headers_add(&lines, str_of(passed[i]), str_of(value), NULL);
        }
    }
    status = status == TIDINGS_E_NO_MEMORY
                 ? status
                 : keep(carried, lines.ptr, lines.len, &carried->submission.headers);
    buf_deinit(&lines);
    return status;
}

static tidings_status fill(struct carried *carried, const tidings_message *message,
                           struct tidings_error *err)
{
    struct notify_submission *submission = &carried->submission;
    const struct settings *settings = carried->settings;
    size_t len;
    const void *body = tidings_message_body(message, &len);
    const char *tag = tidings_message_tag(message);
    const char *type = settings->type.len > 0 ? settings->type.ptr
                       : tag[0] != '\0'       ? tag
                                              : settings->topic.ptr;
    *submission = (struct notify_submission){ .source = settings->source,
                                              .content_type = settings->content_type,
                                              .receivers = settings->receivers,
                                              .receiver_count = settings->receiver_count,
                                              .ladder = STR(""),
                                              .patience_ms = PATIENCE_MS,
                                              .done = accepted,
                                              .arg = carried };
    if (len > carried->ear->intake->options.payload_max) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "its body has %zu bytes, at most %zu are taken",
                         len, carried->ear->intake->options.payload_max);
    }
    // All at once: what was kept must not move when more is.
    size_t room = len + headers_size(message) + 2 * RECORD_NAME_MAX;
    buf_init(&carried->room, room);
    tidings_status status = buf_reserve(&carried->room, room, NULL);
    if (status == TIDINGS_OK) {
        status = keep(carried, body, len, &submission->payload);
    }
    if (status == TIDINGS_OK) {
        status = keep_name(carried, "type", str_of(type), &submission->type, err);
    }
    if (status == TIDINGS_OK) {
        status = keep_headers(carried, message);
    }
    return status == TIDINGS_OK ? find_txno(carried, message, submission->payload, err) : status;
}

tidings_answer carry(struct ear *ear, const tidings_message *message, tidings_delivery *delivery)
{
    struct tidings_error err = { 0 };
    struct carried *carried =
        atomic_load(&ear->intake->stopping) ? NULL : calloc(1, sizeof *carried);
    if (carried == NULL) {
        return TIDINGS_LATER;
    }
    carried->ear = ear;
    carried->settings = settings_ref(ear->settings);
    carried->deferral = tidings_delivery_defer(delivery);
    tidings_status status = fill(carried, message, &err);
    if (status == TIDINGS_OK) {
        submit(carried);
    } else {
        bool never = status == TIDINGS_E_INVALID || status == TIDINGS_E_TOO_LARGE;
        refuse(carried, never ? TIDINGS_DEAD : TIDINGS_LATER, error_text(&err, status));
    }
    return TIDINGS_ACK; // it is answered by its deferral
}

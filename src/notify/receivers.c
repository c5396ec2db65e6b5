// SPDX-License-Identifier: Apache-2.0
// What is asked about receivers: changes, and test notifications.
#include <stdlib.h>

#include "notify/change.h"

static tidings_status no_memory(struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a change of a receiver");
}

static tidings_status check_room(const struct notify *notify, struct tidings_error *err)
{
    if (atomic_load(&notify->stopping)) {
        return error_set(err, TIDINGS_E_CLOSED, "the notifier stops");
    }
    return notify->change_count < CHANGES_MAX
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_FULL, "%d changes of receivers wait: try again",
                           CHANGES_MAX);
}

static tidings_status find(const struct notify *notify, struct str name, struct lane **ret,
                           struct tidings_error *err)
{
    *ret = lane_find(notify, name);
    if (*ret == NULL || (*ret)->state == NOTIFY_RETIRED) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "receiver \"%.*s\" is not known", STR_ARG(name));
    }
    return TIDINGS_OK;
}

// ---- put ----
// What is wrong in itself is told at once.
static tidings_status check_document(struct change *change, struct tidings_error *err)
{
    struct notify *notify = change->op.notify;
    struct str document = buf_str(&change->document);
    int64_t now_ms = clock_wall_ms(notify->clock);
    if (change->how != NOTIFY_MERGE) {
        return receiver_settings_parse(str_of(change->name), document, notify->options.seal, now_ms,
                                       &change->settings, err);
    }
    struct receiver_settings *merged = NULL;
    struct lane *lane = lane_find(notify, str_of(change->name));
    tidings_status status =
        lane != NULL ? receiver_settings_merge(lane->settings, document, now_ms, &merged, err)
                     : TIDINGS_OK;
    receiver_settings_unref(merged);
    return status;
}

static tidings_status copy_document(struct change *change, struct str document,
                                    struct tidings_error *err)
{
    tidings_status status = buf_add_str(&change->document, document);
    return status == TIDINGS_E_TOO_LARGE
               ? error_set(err, status, "a receiver's settings have at most %d bytes",
                           RECEIVER_DOCUMENT_MAX)
           : status != TIDINGS_OK ? no_memory(err)
                                  : status;
}

tidings_status notify_receiver_put(struct notify *notify, struct str name, struct str document,
                                   enum notify_put how, int64_t version, notify_changed *done,
                                   void *arg, struct tidings_error *err)
{
    tidings_status status = receiver_name_check(name, err);
    if (status == TIDINGS_OK) {
        status = check_room(notify, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct change *change = change_new(notify, CHANGE_PUT, name);
    if (change == NULL) {
        return no_memory(err);
    }
    change->how = how;
    change->version = version;
    change->changed = done;
    change->arg = arg;
    status = copy_document(change, document, err);
    if (status == TIDINGS_OK) {
        status = check_document(change, err);
    }
    if (status != TIDINGS_OK) {
        change_free(change);
        return status;
    }
    change_enqueue(change);
    return TIDINGS_OK;
}

tidings_status notify_receiver_set_state(struct notify *notify, struct str name,
                                         enum notify_receiver_state state, notify_changed *done,
                                         void *arg, struct tidings_error *err)
{
    struct lane *lane;
    tidings_status status = find(notify, name, &lane, err);
    if (status == TIDINGS_OK) {
        status = check_room(notify, err);
    }
    if (status == TIDINGS_OK && state != NOTIFY_ACTIVE && state != NOTIFY_PAUSED &&
        state != NOTIFY_RETIRED) {
        status = error_set(err, TIDINGS_E_INVALID, "a receiver can be active, paused or retired");
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct change *change = change_new(notify, CHANGE_STATE, name);
    if (change == NULL) {
        return no_memory(err);
    }
    change->state = state;
    change->changed = done;
    change->arg = arg;
    change_enqueue(change);
    return TIDINGS_OK;
}

tidings_status notify_receiver_rotate(struct notify *notify, struct str name, struct str secret,
                                      int64_t overlap_ms, int64_t active_ms, notify_rotated *done,
                                      void *arg, struct tidings_error *err)
{
    struct lane *lane;
    tidings_status status = find(notify, name, &lane, err);
    if (status == TIDINGS_OK) {
        status = check_room(notify, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct change *change = change_new(notify, CHANGE_ROTATE, name);
    if (change == NULL) {
        return no_memory(err);
    }
    change->overlap_ms = overlap_ms;
    change->active_ms = active_ms;
    change->rotated = done;
    change->arg = arg;
    if (buf_add_str(&change->secret, secret) != TIDINGS_OK) {
        change_free(change);
        return error_set(err, TIDINGS_E_TOO_LARGE, "a secret has at most %d bytes", SIGN_PEM_MAX);
    }
    change_enqueue(change);
    return TIDINGS_OK;
}

// ---- test ----
struct testing {
    struct notify *notify;
    struct receiver_request request;
    notify_test_done *done;
    void *arg;
};

// It takes its place among the attempts.
static void free_testing(struct testing *testing)
{
    testing->notify->tests--;
    testing->notify->flying--;
    receiver_request_deinit(&testing->request);
    free(testing);
}

static void test_replied(void *arg, const struct http_result *result)
{
    struct testing *testing = arg;
    char why[RECORD_ERROR_MAX] = "";
    bool taken = result->failure == HTTP_FINE &&
                 receiver_is_taken(testing->request.settings, result->status, result->reply,
                                   result->truncated, why, sizeof why);
    const struct notify_tested tested = {
        .taken = taken,
        .why = taken                          ? ""
               : result->failure == HTTP_FINE ? why
                                              : result->error,
        .result = result,
    };
    struct notify *notify = testing->notify;
    testing->done(testing->arg, TIDINGS_OK, &tested, NULL);
    free_testing(testing);
    dispatch_run(notify);
}

static tidings_status send_test(struct testing *testing, struct lane *lane, struct str payload,
                                struct str content_type, struct tidings_error *err)
{
    struct notify *notify = testing->notify;
    char id[RECORD_ID_SIZE];
    record_id_format((int64_t)(rnd_next(&notify->rnd) >> 1), id);
    const struct receiver_message message = { .id = id,
                                              .attempt = 1,
                                              .source = STR("tidings"),
                                              .type = STR("tidings.test"),
                                              .tx_no = str_of(id),
                                              .content_type = content_type,
                                              .payload = payload };
    tidings_status status = receiver_request_build(
        lane->settings, &message, clock_wall_ms(notify->clock), &testing->request, err);
    return status == TIDINGS_OK ? http_client_send(notify->client, &testing->request.outgoing,
                                                   test_replied, testing, NULL, err)
                                : status;
}

tidings_status notify_receiver_test(struct notify *notify, struct str name, struct str payload,
                                    struct str content_type, notify_test_done *done, void *arg,
                                    struct tidings_error *err)
{
    struct lane *lane;
    tidings_status status = find(notify, name, &lane, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (notify->tests >= TESTS_MAX || notify->flying >= notify->options.connections_max) {
        return error_set(err, TIDINGS_E_FULL, "too much is under way for a test: try again");
    }
    struct testing *testing = calloc(1, sizeof *testing);
    if (testing == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a test");
    }
    *testing = (struct testing){ .notify = notify, .done = done, .arg = arg };
    notify->tests++;
    notify->flying++;
    status = send_test(testing, lane, payload, content_type, err);
    if (status != TIDINGS_OK) {
        free_testing(testing);
    }
    return status;
}

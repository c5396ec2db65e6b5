// SPDX-License-Identifier: Apache-2.0
#include "record/private.h"

// ---- what is given ----
tidings_status record_check_text(struct str text, const char *what, bool may_be_empty,
                                 struct tidings_error *err)
{
    if (text.len > RECORD_NAME_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%s: %zu bytes, at most %d", what, text.len,
                         RECORD_NAME_MAX);
    }
    if (text.len == 0 && !may_be_empty) {
        return error_set(err, TIDINGS_E_INVALID, "%s: must not be empty", what);
    }
    if (!str_is_utf8(text) || str_find(text, '\0', 0) != SIZE_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "%s: must be UTF-8 without zero bytes", what);
    }
    return TIDINGS_OK;
}

static tidings_status check(const struct record_submission *given, struct tidings_error *err)
{
    tidings_status status = record_check_text(given->source, "source", false, err);
    if (status == TIDINGS_OK) {
        status = record_check_text(given->type, "type", false, err);
    }
    if (status == TIDINGS_OK) {
        status = record_check_text(given->tx_no, "tx_no", false, err);
    }
    if (status == TIDINGS_OK) {
        status = record_check_text(given->content_type, "content type", true, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (given->headers.len > RECORD_HEADERS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "headers: %zu bytes, at most %d",
                         given->headers.len, RECORD_HEADERS_MAX);
    }
    if (given->payload.len > RECORD_PAYLOAD_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "payload: %zu bytes, at most %d",
                         given->payload.len, RECORD_PAYLOAD_MAX);
    }
    if (given->target_count == 0 || given->target_count > RECORD_TARGETS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "%zu receivers: 1 to %d can be notified at once",
                         given->target_count, RECORD_TARGETS_MAX);
    }
    return TIDINGS_OK;
}

// ---- what is there ----
static tidings_status answer_existing(struct record *record, int64_t id,
                                      const unsigned char hash[RECORD_HASH_SIZE],
                                      struct record_accepted *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_KEY_OF, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct str stored = db_column_blob(stmt, 4);
    if (stored.len != RECORD_HASH_SIZE) {
        status = error_set(err, TIDINGS_E_CORRUPT, "record: a hash of %zu bytes", stored.len);
    } else {
        memcpy(ret->hash, stored.ptr, RECORD_HASH_SIZE);
        ret->id = id;
        ret->epoch = 0;
        ret->answer =
            memcmp(stored.ptr, hash, RECORD_HASH_SIZE) == 0 ? RECORD_SAME : RECORD_CONFLICT;
    }
    db_reset(stmt);
    return status;
}

// ---- what is new ----
static tidings_status add(struct record *record, const struct record_submission *given,
                          const struct record_target *target, int64_t id, int64_t payload_id,
                          struct str hash, struct tidings_error *err)
{
    static const char empty[1];
    struct str payload = payload_id != id             ? (struct str){ 0 } // a sibling holds it
                         : given->payload.ptr != NULL ? given->payload
                                                      : str_make(empty, 0);
    struct str headers = given->headers.ptr != NULL ? given->headers : str_make(empty, 0);
    struct str content_type =
        given->content_type.ptr != NULL ? given->content_type : str_make(empty, 0);
    tidings_status status = record_run(record, NULL, err, STMT_NOTIFICATION_ADD, "iiittttbbb", id,
                                       target->receiver_id, payload_id, given->source, given->type,
                                       given->tx_no, content_type, headers, hash, payload);
    if (status != TIDINGS_OK) {
        return status;
    }
    bool leased = target->lease_until_ms != 0;
    return record_run(record, NULL, err, STMT_PENDING_ADD, "iiiiiiiiiii", id, target->receiver_id,
                      leased ? (int64_t)0 : target->receiver_id, target->ladder_id,
                      (int64_t)(leased ? RECORD_DELIVERING : RECORD_WAITING),
                      leased ? target->lease_until_ms : target->due_ms, (int64_t)leased,
                      record->lessee, (int64_t)0, (int64_t)0, (int64_t)0);
}

tidings_status record_accept(struct record *record, const struct record_submission *submission,
                             struct record_accepted *ret_accepted, struct tidings_error *err)
{
    unsigned char hash[RECORD_HASH_SIZE];
    int64_t payload_id = 0;
    tidings_status status = check(submission, err);
    if (status == TIDINGS_OK) {
        status = record_hash(record, submission->payload, hash, err);
    }
    int64_t id = status == TIDINGS_OK ? record_id_new(record, submission->target_count) : 0;
    for (size_t i = 0; i < submission->target_count && status == TIDINGS_OK; i++, id++) {
        const struct record_target *target = &submission->targets[i];
        const struct record_key key = { target->receiver_id, submission->source, submission->type,
                                        submission->tx_no };
        int64_t found = 0;
        status = record_key_take(record, &key, id, &found, err);
        if (status == TIDINGS_OK && found != id) {
            status = answer_existing(record, found, hash, &ret_accepted[i], err);
            continue;
        }
        if (status == TIDINGS_OK) {
            payload_id = payload_id == 0 ? id : payload_id;
            status =
                add(record, submission, target, id, payload_id, str_make(hash, sizeof hash), err);
        }
        ret_accepted[i] =
            (struct record_accepted){ RECORD_NEW, id, { 0 }, target->lease_until_ms != 0 };
        memcpy(ret_accepted[i].hash, hash, sizeof hash);
    }
    return status;
}

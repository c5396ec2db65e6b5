// SPDX-License-Identifier: Apache-2.0
// Half messages that are not yet decided, of Tidings brokers; asking again works on RocketMQ too.
#include <arpa/inet.h>
#include <stdio.h>

#include "client/admin.h"

static tidings_status add_transactions(struct tidings_admin *admin, const char *broker,
                                       const char *address, bool parked_only, int max, json_t *rows,
                                       struct tidings_error *err)
{
    struct wire_list_transactions request = { .parked_only = parked_only, .max_count = max };
    struct wire_header header;
    struct answer answer;
    json_t *root = NULL;
    json_t *row;
    size_t index;
    request_init(&header, WIRE_TIDINGS_LIST_TRANSACTIONS);
    tidings_status status = admin_fill(admin, list_transactions, &header, &request);
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 },
                           "list of transactions (Tidings brokers only)", &answer, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = admin_parse(answer.body, &root, err);
    answer_deinit(&answer);
    json_array_foreach(json_object_get(root, "transactions"), index, row)
    {
        json_t *own = json_pack(
            "{s:O?,s:O?,s:O?,s:O?,s:O?,s:O?,s:O?,s:O?,s:s}", "id", json_object_get(row, "msgId"),
            "topic", json_object_get(row, "topic"), "producerGroup",
            json_object_get(row, "producerGroup"), "uniqueId", json_object_get(row, "uniqKey"),
            "storeMs", json_object_get(row, "storeTimestamp"), "checks",
            json_object_get(row, "checks"), "nextCheckMs", json_object_get(row, "nextCheck"),
            "parked", json_object_get(row, "parked"), "broker", broker);
        if (json_array_append_new(rows, own) != 0) {
            status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the list of transactions");
        }
    }
    json_decref(root);
    return status;
}

static int oldest_first(const json_t *one, const json_t *other)
{
    json_int_t at = json_integer_value(json_object_get(one, "storeMs"));
    json_int_t other_at = json_integer_value(json_object_get(other, "storeMs"));
    return (at > other_at) - (at < other_at);
}

tidings_status tidings_admin_transactions(tidings_admin *admin, bool parked_only, int max,
                                          char **ret_json, struct tidings_error *err)
{
    struct admin_brokers brokers;
    *ret_json = NULL;
    if (max < 1) {
        return error_set(err, TIDINGS_E_INVALID, "a list needs a maximum of 1 or more");
    }
    tidings_status status = admin_brokers(admin, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status = add_transactions(admin, brokers.items[i].name, brokers.items[i].address,
                                  parked_only, max, rows, err);
    }
    admin_brokers_free(&brokers);
    if (status != TIDINGS_OK) {
        json_decref(rows);
        return status;
    }
    return admin_text(admin_sorted(rows, oldest_first, (size_t)max), ret_json, err);
}

tidings_status tidings_admin_transaction_resume(tidings_admin *admin, const char *id,
                                                struct tidings_error *err)
{
    struct wire_resume request = { .message_id = str_of(id) };
    struct wire_header header;
    struct answer answer;
    char address[80];
    tidings_status status = admin_id_address(id, NULL, address, sizeof address, err);
    request_init(&header, WIRE_RESUME_CHECK_HALF_MESSAGE);
    if (status == TIDINGS_OK) {
        status = admin_fill(admin, resume, &header, &request);
    }
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "resuming",
                           &answer, err);
    }
    if (status == TIDINGS_OK) {
        answer_deinit(&answer);
    }
    return status;
}

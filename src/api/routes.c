// SPDX-License-Identifier: Apache-2.0
// The operations of docs/openapi.yaml: one row each.
#include "api/private.h"

enum {
    OPERATOR = API_OPERATOR,
    SUBMIT = API_OPERATOR | API_INITIATOR,
    READ = API_OPERATOR | API_INITIATOR | API_RECEIVER,
    OPEN = READ | API_ANYBODY,
    DOCUMENT = RECEIVER_DOCUMENT_MAX,
    SMALL = 16 * 1024,
    JSON = API_BODY_JSON,
    JSON_OR_NONE = API_BODY_JSON | API_BODY_MAY_BE_EMPTY,
    MERGE = API_BODY_JSON | API_BODY_MERGE,
    ANY = API_BODY_ANY | API_BODY_MAY_BE_EMPTY,
};

#define PAGED  "limit cursor"
#define LISTED "receiver state reason source type txNo acceptedFrom acceptedTo " PAGED
#define LADDER "ladder start limit"

// clang-format off
const struct api_route api_routes[API_ROUTES] = {
    { "POST",   "/v1/notifications",                 "submit",            SUBMIT,   ANY,          SIZE_MAX, NULL,   api_handle_submit },
    { "GET",    "/v1/notifications",                 "listNotifications", READ,     0,            0,        LISTED, api_handle_list },
    { "GET",    "/v1/notifications/{id}",            "getNotification",   READ,     0,            0,        NULL,   api_handle_get },
    { "GET",    "/v1/notifications/{id}/payload",    "getPayload",        READ,     0,            0,        NULL,   api_handle_payload },
    { "GET",    "/v1/notifications/{id}/attempts",   "listAttempts",      READ,     0,            0,        PAGED,  api_handle_attempts },
    { "POST",   "/v1/notifications/{id}/redeliver",  "redeliver",         OPERATOR, JSON_OR_NONE, SMALL,    NULL,   api_handle_redeliver },
    { "POST",   "/v1/notifications/{id}/cancel",     "cancel",            OPERATOR, 0,            0,        NULL,   api_handle_cancel },
    { "POST",   "/v1/redeliveries",                  "startRedelivery",   OPERATOR, JSON,         SMALL,    NULL,   api_handle_job_start },
    { "GET",    "/v1/redeliveries",                  "listRedeliveries",  OPERATOR, 0,            0,        PAGED,  api_handle_job_list },
    { "GET",    "/v1/redeliveries/{job}",            "getRedelivery",     OPERATOR, 0,            0,        NULL,   api_handle_job_get },
    { "POST",   "/v1/redeliveries/{job}/cancel",     "cancelRedelivery",  OPERATOR, 0,            0,        NULL,   api_handle_job_cancel },
    { "GET",    "/v1/receivers",                     "listReceivers",     OPERATOR, 0,            0,        PAGED,  api_handle_receiver_list },
    { "POST",   "/v1/receivers",                     "createReceiver",    OPERATOR, JSON,         DOCUMENT, NULL,   api_handle_receiver_create },
    { "GET",    "/v1/receivers/{name}",              "getReceiver",       OPERATOR, 0,            0,        NULL,   api_handle_receiver_get },
    { "PUT",    "/v1/receivers/{name}",              "putReceiver",       OPERATOR, JSON,         DOCUMENT, NULL,   api_handle_receiver_put },
    { "PATCH",  "/v1/receivers/{name}",              "patchReceiver",     OPERATOR, MERGE,        DOCUMENT, NULL,   api_handle_receiver_patch },
    { "DELETE", "/v1/receivers/{name}",              "retireReceiver",    OPERATOR, 0,            0,        NULL,   api_handle_receiver_retire },
    { "POST",   "/v1/receivers/{name}/pause",        "pauseReceiver",     OPERATOR, 0,            0,        NULL,   api_handle_receiver_pause },
    { "POST",   "/v1/receivers/{name}/resume",       "resumeReceiver",    OPERATOR, 0,            0,        NULL,   api_handle_receiver_resume },
    { "POST",   "/v1/receivers/{name}/secrets",      "rotateSecret",      OPERATOR, JSON_OR_NONE, SMALL,    NULL,   api_handle_receiver_secret },
    { "POST",   "/v1/receivers/{name}/test",         "testReceiver",      OPERATOR, ANY,          SIZE_MAX, NULL,   api_handle_receiver_test },
    { "GET",    "/v1/bindings",                      "listBindings",      OPERATOR, 0,            0,        NULL,   api_handle_binding_list },
    { "GET",    "/v1/bindings/{name}",               "getBinding",        OPERATOR, 0,            0,        NULL,   api_handle_binding_get },
    { "PUT",    "/v1/bindings/{name}",               "putBinding",        OPERATOR, JSON,         INTAKE_DOCUMENT_MAX, NULL,   api_handle_binding_put },
    { "DELETE", "/v1/bindings/{name}",               "deleteBinding",     OPERATOR, 0,            0,        NULL,   api_handle_binding_delete },
    { "GET",    "/v1/ladders",                       "listLadders",       READ,     0,            0,        NULL,   api_handle_ladders },
    { "GET",    "/v1/ladders/preview",               "previewLadder",     READ,     0,            0,        LADDER, api_handle_preview },
    { "GET",    "/v1/whoami",                        "whoami",            READ,     0,            0,        NULL,   api_handle_whoami },
    { "GET",    "/openapi.yaml",                     "openapi",           OPEN,     0,            0,        NULL,   api_handle_openapi },
};
// clang-format on

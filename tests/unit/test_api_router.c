// SPDX-License-Identifier: Apache-2.0
// The table of operations: methods, paths, parameters, content types; and every row against the
// contract, docs/openapi.yaml.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "api/openapi.h"
#include "api/private.h"

static enum api_found find(const char *method, const char *path, const char **ret_operation,
                           struct str *ret_param, char allow[API_ALLOW_SIZE])
{
    size_t index = 0;
    enum api_found found =
        api_router_find(api_routes, API_ROUTES, method, str_of(path), &index, ret_param, allow);
    *ret_operation = found == API_FOUND ? api_routes[index].operation : "";
    return found;
}

static void test_found(void **state)
{
    static const char *const rows[][4] = {
        { "POST", "/v1/notifications", "submit", "" },
        { "GET", "/v1/notifications", "listNotifications", "" },
        { "HEAD", "/v1/notifications", "listNotifications", "" },
        { "GET", "/v1/notifications/ntf_1", "getNotification", "ntf_1" },
        { "GET", "/v1/notifications/ntf_1/payload", "getPayload", "ntf_1" },
        { "POST", "/v1/redeliveries/12/cancel", "cancelRedelivery", "12" },
        { "PATCH", "/v1/receivers/a.b-c_d", "patchReceiver", "a.b-c_d" },
        { "GET", "/v1/ladders/preview", "previewLadder", "" },
        { "GET", "/openapi.yaml", "openapi", "" },
    };
    char allow[API_ALLOW_SIZE];
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        const char *operation;
        struct str param;
        assert_int_equal(find(rows[i][0], rows[i][1], &operation, &param, allow), API_FOUND);
        assert_string_equal(operation, rows[i][2]);
        assert_true(str_eq_c(param, rows[i][3]));
    }
}

static void test_not_found(void **state)
{
    static const char *const paths[] = { "/v1/",
                                         "/v1/notifications/",
                                         "/v1/notification",
                                         "/v1/notifications/a/b",
                                         "/v1/notifications/a/payload/",
                                         "/v1//notifications",
                                         "/v1/receivers//pause",
                                         "/v1/ladders/other",
                                         "/v2/notifications",
                                         "" };
    char allow[API_ALLOW_SIZE];
    const char *operation;
    struct str param;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(paths); i++) {
        assert_int_equal(find("GET", paths[i], &operation, &param, allow), API_NO_PATH);
    }
}

static void test_methods(void **state)
{
    char allow[API_ALLOW_SIZE];
    const char *operation;
    struct str param;
    (void)state;
    assert_int_equal(find("POST", "/v1/receivers/a", &operation, &param, allow), API_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, PUT, PATCH, DELETE");
    assert_int_equal(find("HEAD", "/v1/receivers/a/pause", &operation, &param, allow),
                     API_NO_METHOD);
    assert_string_equal(allow, "POST");
    assert_int_equal(find("get", "/v1/whoami", &operation, &param, allow), API_NO_METHOD);
}

static void test_content_types(void **state)
{
    (void)state;
    assert_int_equal(api_router_body("application/json"), API_BODY_JSON);
    assert_int_equal(api_router_body("Application/JSON ; charset=utf-8"), API_BODY_JSON);
    assert_int_equal(api_router_body("application/merge-patch+json"), API_BODY_MERGE);
    assert_int_equal(api_router_body("application/cloudevents+json"), API_BODY_EVENT);
    assert_int_equal(api_router_body("application/cloudevents-batch+json"), API_BODY_EVENTS);
    assert_int_equal(api_router_body("application/jsonx"), 0);
    assert_int_equal(api_router_body("text/plain; application/json"), 0);
    assert_int_equal(api_router_body(""), 0);
    assert_int_equal(api_router_body(NULL), 0);
}

// Nobody without a role reaches anything but the contract; every operation is in it, once.
static void test_contract(void **state)
{
    struct str contract = str_make(api_openapi, api_openapi_size);
    (void)state;
    for (size_t i = 0; i < API_ROUTES; i++) {
        char line[128];
        bool is_contract = strcmp(api_routes[i].operation, "openapi") == 0;
        assert_true((api_routes[i].roles & API_OPERATOR) != 0);
        assert_int_equal((api_routes[i].roles & API_ANYBODY) != 0, is_contract);
        (void)snprintf(line, sizeof line, "operationId: %s\n", api_routes[i].operation);
        assert_true(str_find_str(contract, str_of(line)) != SIZE_MAX);
        (void)snprintf(line, sizeof line, "\n  %s:\n", api_routes[i].pattern);
        assert_true(str_find_str(contract, str_of(line)) != SIZE_MAX);
    }
    size_t operations = 0;
    for (size_t at = 0; at + 12 < contract.len; at++) {
        operations += memcmp(contract.ptr + at, "operationId:", 12) == 0;
    }
    assert_int_equal(operations, API_ROUTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),    cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_methods),  cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

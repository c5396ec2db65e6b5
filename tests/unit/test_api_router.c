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

// What the contract says about one operation: up to the next one.
static struct str operation_of(struct str contract, const char *operation)
{
    char line[128];
    (void)snprintf(line, sizeof line, "operationId: %s\n", operation);
    size_t from = str_find_str(contract, str_of(line));
    assert_true(from != SIZE_MAX);
    struct str rest = str_make(contract.ptr + from + 1, contract.len - from - 1);
    size_t next = str_find_str(rest, STR("operationId:"));
    size_t end = str_find_str(rest, STR("\ncomponents:"));
    return str_make(rest.ptr, next < end ? next : end);
}

// Whether a parameter that operations share is one of the query.
static bool is_of_query(struct str contract, struct str name)
{
    char line[128];
    (void)snprintf(line, sizeof line, "\n    %.*s: { name: %.*s, in: query,", STR_ARG(name),
                   STR_ARG(name));
    return str_find_str(contract, str_of(line)) != SIZE_MAX;
}

// The contract's parameters of a query, each with a space behind it.
static void list_parameters(struct str contract, struct str operation, char *out, size_t size)
{
    static const char shared[] = "$ref: \"#/components/parameters/";
    static const char own[] = "{ name: ";
    out[0] = '\0';
    for (size_t at = 0; at < operation.len; at++) {
        struct str rest = str_make(operation.ptr + at, operation.len - at);
        struct str name = { NULL, 0 };
        if (str_starts(rest, str_of(shared))) {
            rest = str_make(rest.ptr + sizeof shared - 1, rest.len - sizeof shared + 1);
            name = str_make(rest.ptr, str_find(rest, '"', 0));
            name = is_of_query(contract, name) ? name : (struct str){ NULL, 0 };
        } else if (str_starts(rest, str_of(own))) {
            rest = str_make(rest.ptr + sizeof own - 1, rest.len - sizeof own + 1);
            name = str_make(rest.ptr, str_find(rest, ',', 0));
            rest = str_make(rest.ptr + name.len, rest.len - name.len);
            name = str_starts(rest, STR(", in: query")) ? name : (struct str){ NULL, 0 };
        }
        if (name.ptr != NULL) {
            size_t len = strlen(out);
            assert_true(len + name.len + 2 < size);
            (void)snprintf(out + len, size - len, "%.*s ", STR_ARG(name));
        }
    }
}

// The parameters of each row are those of the contract, in its order.
static void test_contract_of_queries(void **state)
{
    struct str contract = str_make(api_openapi, api_openapi_size);
    (void)state;
    for (size_t i = 0; i < API_ROUTES; i++) {
        char said[512];
        char known[512];
        const char *query = api_routes[i].query;
        (void)snprintf(known, sizeof known, "%s%s", query != NULL ? query : "",
                       query != NULL ? " " : "");
        list_parameters(contract, operation_of(contract, api_routes[i].operation), said,
                        sizeof said);
        assert_string_equal(said, known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),    cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_methods),  cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_contract), cmocka_unit_test(test_contract_of_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include <stdio.h>
#include <strings.h>

// Piece by piece; an empty piece fits no parameter.
static bool path_fits(struct str pattern, struct str path, struct str *ret_param)
{
    struct str want;
    struct str have;
    *ret_param = (struct str){ "", 0 };
    while (str_split(&pattern, '/', &want)) {
        if (!str_split(&path, '/', &have)) {
            return false;
        }
        if (want.len > 0 && want.ptr[0] == '{') {
            if (have.len == 0) {
                return false;
            }
            *ret_param = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return path.ptr == NULL;
}

static bool method_fits(const struct api_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void add_allowed(char allow[API_ALLOW_SIZE], const char *method)
{
    size_t len = strlen(allow);
    (void)snprintf(allow + len, API_ALLOW_SIZE - len, "%s%s%s", len > 0 ? ", " : "", method,
                   strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

enum api_found api_router_find(const struct api_route *routes, size_t count, const char *method,
                               struct str path, size_t *ret_index, struct str *ret_param,
                               char ret_allow[API_ALLOW_SIZE])
{
    enum api_found found = API_NO_PATH;
    ret_allow[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        struct str param;
        if (!path_fits(str_of(routes[i].pattern), path, &param)) {
            continue;
        }
        if (method_fits(&routes[i], method)) {
            *ret_index = i;
            *ret_param = param;
            return API_FOUND;
        }
        found = API_NO_METHOD;
        add_allowed(ret_allow, routes[i].method);
    }
    return found;
}

enum api_body api_router_body(const char *content_type)
{
    static const struct {
        struct str name;
        enum api_body kind;
    } kinds[] = {
        { { "application/json", 16 }, API_BODY_JSON },
        { { "application/merge-patch+json", 28 }, API_BODY_MERGE },
        { { "application/cloudevents+json", 28 }, API_BODY_EVENT },
        { { "application/cloudevents-batch+json", 34 }, API_BODY_EVENTS },
    };
    struct str rest = str_of(content_type);
    struct str name;
    if (content_type == NULL || !str_split(&rest, ';', &name)) {
        return (enum api_body)0;
    }
    name = str_trim(name);
    for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
        if (name.len == kinds[i].name.len &&
            strncasecmp(name.ptr, kinds[i].name.ptr, name.len) == 0) {
            return kinds[i].kind;
        }
    }
    return (enum api_body)0;
}

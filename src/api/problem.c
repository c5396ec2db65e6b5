// SPDX-License-Identifier: Apache-2.0
#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/out.h"
#include "http/http.h"

struct problem {
    const char *type;
    int status;
    const char *title;
};

static const struct problem problems[API_PROBLEMS] = {
#define X(name, type, status, title)                                                               \
    [API_PROBLEM_##name] = { "urn:tidings:problem:" type, status, title },
    API_PROBLEM_MAP(X)
#undef X
};

// Statuses that are not here are the server's own failures.
static const struct {
    tidings_status status;
    enum api_problem kind;
} kinds[] = {
    { TIDINGS_E_INVALID, API_PROBLEM_INVALID },
    { TIDINGS_E_PROTOCOL, API_PROBLEM_INVALID },
    { TIDINGS_E_UNSUPPORTED, API_PROBLEM_INVALID },
    { TIDINGS_E_OFFSET, API_PROBLEM_INVALID },
    { TIDINGS_E_TOO_LARGE, API_PROBLEM_TOO_LARGE },
    { TIDINGS_E_NOT_FOUND, API_PROBLEM_NOT_FOUND },
    { TIDINGS_E_EXISTS, API_PROBLEM_EXISTS },
    { TIDINGS_E_DUPLICATE, API_PROBLEM_EXISTS },
    { TIDINGS_E_STATE, API_PROBLEM_STATE },
    // Not the asker's rights: they are checked before. The server has no key for secrets, or
    // another.
    { TIDINGS_E_PERMISSION, API_PROBLEM_STATE },
    { TIDINGS_E_NO_MEMORY, API_PROBLEM_UNAVAILABLE },
    { TIDINGS_E_FULL, API_PROBLEM_UNAVAILABLE },
    { TIDINGS_E_AGAIN, API_PROBLEM_UNAVAILABLE },
    { TIDINGS_E_TIMEOUT, API_PROBLEM_UNAVAILABLE },
    { TIDINGS_E_CLOSED, API_PROBLEM_UNAVAILABLE },
    { TIDINGS_E_LOST, API_PROBLEM_UNAVAILABLE },
    { TIDINGS_E_DISK_FULL, API_PROBLEM_DISK },
};

int api_problem_http(enum api_problem kind)
{
    return problems[kind].status;
}

enum api_problem api_problem_of(tidings_status status)
{
    for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
        if (kinds[i].status == status) {
            return kinds[i].kind;
        }
    }
    return API_PROBLEM_INTERNAL;
}

enum api_problem api_problem_of_http(int status)
{
    for (unsigned kind = 0; kind < API_PROBLEMS; kind++) {
        if (problems[kind].status == status) {
            return (enum api_problem)kind;
        }
    }
    return status < 500 ? API_PROBLEM_INVALID : API_PROBLEM_INTERNAL;
}

bool api_refuse_with(struct api_refusal *refusal, enum api_problem kind, const char *field,
                     const char *format, ...)
{
    va_list args;
    refusal->kind = kind;
    refusal->field = field;
    refusal->err.status = TIDINGS_E_INVALID;
    va_start(args, format);
    (void)vsnprintf(refusal->err.text, sizeof refusal->err.text, format, args);
    va_end(args);
    return false;
}

bool api_refuse_status(struct api_refusal *refusal, const char *field, tidings_status status,
                       const struct tidings_error *err)
{
    return api_refuse_with(refusal, api_problem_of(status), field, "%s", error_text(err, status));
}

void api_problem_members(struct api_out *out, enum api_problem kind, const char *field,
                         const char *detail)
{
    api_out_member_c(out, "type", problems[kind].type);
    api_out_member_c(out, "title", problems[kind].title);
    api_out_member_number(out, "status", problems[kind].status);
    api_out_member_if(out, "detail", str_of(detail));
    api_out_member_if(out, "field", str_of(field));
}

void api_problem_begin(struct http_response *response, struct api_out *ret_out,
                       enum api_problem kind, const char *field, const char *detail)
{
    response->status = problems[kind].status;
    response->content_type = "application/problem+json";
    response->field_count = 0;
    if (kind == API_PROBLEM_UNAVAILABLE || kind == API_PROBLEM_RATE) {
        http_response_field(response, "Retry-After", "%d", 1);
    }
    buf_clear(&response->body);
    *ret_out = api_out_begin(&response->body);
    api_out_open(ret_out, '{');
    api_problem_members(ret_out, kind, field, detail);
}

void api_problem_end(struct http_response *response, struct api_out *out)
{
    api_out_close(out, '}');
    if (out->status != TIDINGS_OK) {
        buf_clear(&response->body); // no memory even for this: the status must do
    }
}

void api_problem_answer(struct http_response *response, enum api_problem kind, const char *field,
                        const char *detail)
{
    struct api_out out;
    api_problem_begin(response, &out, kind, field, detail);
    api_problem_end(response, &out);
}
